"""The student's process, as the supervisor sees it: started, given one job at a time, watched, interrupted, ended."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from coursekit.sandbox.channel import KEY_BYTES, ForgedMessageError, make_opener, make_sender, take_message

_START_S: Final = 120.0
_AFTER_INTERRUPT_S: Final = 5.0
_CHUNK: Final = 1 << 16
_LOOK_S: Final = 0.25
_CUT: Final = "\n... cut: the notebook printed more than it may\n"
_BOOT: Final = (
    "import os, sys\n"
    "a, b = map(int, sys.argv[1:3])\n"
    "a, b = os.dup(a), os.dup(b)\n"
    "os.dup2(a, 3, False); os.dup2(b, 4, False)\n"
    "os.closerange(5, 256)\n"
    "sys.argv = ['notebook']\n"
    "sys.path.append('')\n"  # modules that were submitted too, after all others
    "from coursekit.sandbox.executor import main\n"
    "main()\n"
)


class StudentProcessError(Exception):
    """It did not start."""


def _error(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}


_LATE: Final = _error("CellTimeoutError", "the cell was not done in time")
_DIED: Final = _error("DeadKernelError", "the process that runs the notebook ended in this cell")


class StudentProcess:
    """The student's process, as seen from here."""

    def __init__(self, folder: Path, request: dict[str, Any], *, output_max: int) -> None:
        self._folder = folder
        self._student = request["student"]
        self._left = output_max
        self._memory_max = int(os.environ.get("COURSEKIT_SANDBOX_MEMORY", "0"))  # where the kernel does not see to it
        self._buffer, self._count = bytearray(), 0
        self._process: subprocess.Popen[bytes] | None = None
        self.is_dead = False
        self.forged = ""
        self.canaries: list[str] = []

    def start(self, plan: dict[str, Any]) -> None:
        """Start it and wait until it is ready."""
        key = secrets.token_bytes(KEY_BYTES)
        ours_in, theirs_in = os.pipe()[::-1]
        theirs_out, ours_out = os.pipe()[::-1]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, str(theirs_in), str(theirs_out)],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(theirs_in, theirs_out),
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = ours_in, ours_out
        self._opener = make_opener(key, b"out")
        self._selector = selectors.DefaultSelector()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._streams = {self._process.stdout.fileno(): "stdout", self._process.stderr.fileno(): "stderr"}
        self._selector.register(0, selectors.EVENT_READ)  # it ends when who asked is gone
        for fd in (self._out, *self._streams):
            os.set_blocking(fd, False)
            self._selector.register(fd, selectors.EVENT_READ)
        os.write(self._in, key)
        self._send = make_sender(self._in, key, b"in")
        self._send(json.dumps(plan).encode())
        texts: list[dict[str, Any]] = []
        if self._wait(_START_S, texts) != b"ready":
            said = "".join(text["text"] for text in texts)[-400:]
            raise StudentProcessError(f"the process that runs the cells did not start: {said or 'it said nothing'}")

    def run(self, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Have a cell run; ends the process when it is not done in time and does not let itself be interrupted."""
        texts: list[dict[str, Any]] = []
        late = False
        try:
            self._send(json.dumps(job).encode())
            message = self._wait(seconds, texts)
            if message is None and not self.is_dead:
                late = True
                self._signal(signal.SIGINT)
                message = self._wait(_AFTER_INTERRUPT_S, texts)
                if message is None:
                    self.kill()
        except BrokenPipeError:
            message = None
            self.kill()
        if message is None:
            status = "timeout" if late else "died"
            error = _LATE if late else _DIED
            return {"status": status, "score": None, "replaced": "", "outputs": [*texts, error]}
        status, score, replaced, report, outputs = message.decode().split("\n", 4)
        shown = self._cut(json.loads(outputs))
        if late:
            return {"status": "timeout", "score": None, "replaced": replaced, "outputs": [*texts, *shown, _LATE]}
        return {
            "status": status,
            "score": json.loads(score),
            "replaced": replaced,
            "report": bytes.fromhex(report).decode(),
            "outputs": [*texts, *shown],
        }

    def _wait(self, seconds: float, texts: list[dict[str, Any]]) -> bytes | None:
        """Read until the next message is there; None when it does not come."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            _reap(self._process)
            if self._memory_max and _memory_used() > self._memory_max:
                texts.append({"output_type": "stream", "name": "stderr", "text": "\nout of memory: ended\n"})
                self.kill()
                return None
            for key, _ in self._selector.select(min(left, _LOOK_S)):
                if key.fd == 0:
                    self.kill()
                    os._exit(3)
                if key.fd in self._streams:
                    self._read_text(key.fd, texts)
                    continue
                try:
                    data = os.read(key.fd, _CHUNK)
                except BlockingIOError:
                    continue
                if not data:
                    self._read_rest(texts)
                    self.kill()
                    return None
                self._buffer += data
                try:
                    message = take_message(self._buffer, self._count, self._opener)
                except ForgedMessageError:
                    self.forged = "a result was written that is not the grader's"
                    self.kill()
                    return None
                if message is not None:
                    self._count += 1
                    self._read_rest(texts)
                    return message
            if self._process is not None and self._process.poll() is not None and not self._selector.select(0):
                self._read_rest(texts)
                self.kill()
                return None

    def _read_rest(self, texts: list[dict[str, Any]]) -> None:
        for fd in self._streams:
            for _ in range(64):  # what is in the pipe; more would be a process that never stops writing
                if not self._read_text(fd, texts):
                    break

    def _read_text(self, fd: int, texts: list[dict[str, Any]]) -> bool:
        try:
            data = os.read(fd, _CHUNK)
        except (BlockingIOError, OSError):
            return False
        if not data:
            with contextlib.suppress(KeyError):
                self._selector.unregister(fd)
            return False
        kept = data[: max(0, self._left)]
        self._left -= len(kept)
        text = kept.decode(errors="replace")
        if len(kept) < len(data) and self._left <= 0 and not (texts and texts[-1].get("text", "").endswith(_CUT)):
            text += _CUT
        if text and texts and texts[-1]["name"] == self._streams[fd]:
            texts[-1]["text"] += text
        elif text:
            texts.append({"output_type": "stream", "name": self._streams[fd], "text": text})
        return True

    def _cut(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = []
        for output in outputs:
            size = len(json.dumps(output))
            if size > self._left and output.get("output_type") != "error":
                kept.append({"output_type": "stream", "name": "stdout", "text": _CUT})
                break
            self._left -= size
            kept.append(output)
        return kept

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it and everything that it started."""
        self.is_dead = True
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        if os.getpid() == 1:
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)
        else:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)


def _reap(known: subprocess.Popen[bytes] | None) -> None:
    """Let go of orphans: in a container they are this process's children."""
    if os.getpid() != 1:
        return
    with contextlib.suppress(ChildProcessError):
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None or (known is not None and found.si_pid == known.pid):
                return
            os.waitpid(found.si_pid, os.WNOHANG)


def _memory_used() -> int:
    """Add up the memory of all processes of this sandbox, bytes; pages that are shared count once for each."""
    import psutil

    total = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total
