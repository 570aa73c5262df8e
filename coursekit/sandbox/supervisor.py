"""The first process of a sandbox: it starts the executor, hands it one cell at a time, and tells what became of each.

It reads a request (`coursekit.sandbox.request`) on its standard input and writes lines of JSON to its standard output.
It runs none of the student's code and believes none of what their process says unless it is signed. Before and after
each test it has that process run canaries: checks of random content whose outcome is known. A submission that has
bent what tests stand on makes a canary sing.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import ctypes
import itertools
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from coursekit.sandbox.channel import KEY_BYTES, ForgedMessageError, make_opener, make_sender, sign_line, take_message

_NOT_DUMPABLE: Final = (4, 0)
_START_S: Final = 120.0
_AFTER_INTERRUPT_S: Final = 5.0
_CHUNK: Final = 1 << 16
_LOOK_S: Final = 0.25
_LIBRARY_CANARIES: Final = {
    "numpy.testing": "import numpy.testing as {n}\n{n}.assert_allclose([{a}.0, {b}.0], [{a}.0, {b}.5])",
    "pandas.testing": "import pandas as {n}\n{n}.testing.assert_series_equal({n}.Series([{a}]), {n}.Series([{b}]))",
    "unittest": "import unittest as {n}\n{n}.TestCase().assertEqual({a}, {b})",
}


def main() -> None:
    """Serve one request."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(*_NOT_DUMPABLE, 0, 0, 0)
    with os.fdopen(os.dup(0), "rb", buffering=1 << 20) as requests:
        tell = _make_teller(requests.readline().strip())
        request = json.loads(requests.readline())
    folder = Path(os.environ["COURSEKIT_SANDBOX_FOLDER"]) / request["student"] / request["assignment"]
    _write_files(folder, request["files"])
    try:
        for facts in _run(request, folder):
            tell(facts)
    except _StartError as error:
        tell({"trouble": str(error)})
    tell({"end": True})


def _make_teller(key: bytes) -> Callable[[dict[str, Any]], None]:
    """Make a function that says something to whoever asked, numbered and signed: others may write there too."""
    numbers = itertools.count()

    def tell(facts: dict[str, Any]) -> None:
        text = json.dumps(facts)
        print(sign_line(key, next(numbers), text), text, flush=True)

    return tell


class _StartError(Exception):
    """The executor did not start."""


def _write_files(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(content))


def _run(request: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    limits = request["limits"]
    executor = _Executor(folder, request, output_max=limits["output"])
    deadline = time.monotonic() + limits["total_s"]
    modules = sorted(_imports([cell["source"] for cell in request["cells"] if cell["kind"] != "student"]))
    try:
        executor.start({"asked": request["asked"], "imports": modules})
        executor.canaries = [text for module, text in _LIBRARY_CANARIES.items() if module in modules]
        for cell in request["cells"]:
            yield from _run_cell(executor, cell, request, deadline)
    finally:
        executor.kill()


def _run_cell(
    executor: _Executor, cell: dict[str, Any], request: dict[str, Any], deadline: float
) -> Iterator[dict[str, Any]]:
    seconds = min(request["limits"]["cell_s"], deadline - time.monotonic())
    if executor.is_dead or seconds <= 0:
        yield {"cell": cell["id"], "status": "skipped"}
        return
    job = _job(cell)
    if cell["kind"] == "test":
        yield from _sing(executor, seconds)
    begin = time.monotonic()
    found = executor.run(job, seconds)
    if found["replaced"] and cell["kind"] != "instructor":
        yield {"tampered": f"{found['replaced']} was replaced"}
    if cell["kind"] == "test":
        yield from _sing(executor, seconds)
    del found["replaced"]
    yield {"cell": cell["id"], **found, "seconds": time.monotonic() - begin}
    if executor.forged:
        yield {"tampered": executor.forged}
        executor.forged = ""


def _job(cell: dict[str, Any], *, forget: bool = False) -> dict[str, Any]:
    """Prepare a cell for the executor: an instructor's comes in two parts, the statements and the value at its end."""
    if cell["kind"] == "student":
        return {"kind": "student", "source": cell["source"]}
    body, last, protected = _split(_translate(cell["source"]))
    return {
        "kind": cell["kind"],
        "body": body,
        "last": last,
        "hidden": cell["hidden"],
        "protected": protected,
        "forget": forget,
    }


def _translate(source: str) -> str:
    """Turn magics into Python, as IPython does."""
    if not any(line.lstrip().startswith(("%", "!")) for line in source.splitlines()):
        return source
    from IPython.core import inputtransformer2

    untyped: Any = inputtransformer2
    return str(untyped.TransformerManager().transform_cell(source))


def _split(source: str) -> tuple[str, str, list[str]]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source, "", []
    protected = [name for statement in tree.body for name in _bound_for_good(statement)]
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return source, "", protected
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    return ast.unparse(tree), ast.unparse(last.value), protected


def _bound_for_good(statement: ast.stmt) -> Iterator[str]:
    """Give the names that a statement imports or defines."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name


def _imports(sources: list[str]) -> set[str]:
    """Give the modules that code imports, or reaches as an attribute (``np.testing``); some names are none."""
    nodes = [node for source in sources for node in _parse(source)]
    aliases: dict[str, str] = {}
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            aliases |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            aliases |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            if first in aliases and all(part.isidentifier() for part in rest.split(".")):
                found.add(f"{aliases[first]}.{rest}")
    return found


def _parse(source: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(_translate(source))))
    except SyntaxError:
        return []


def _sing(executor: _Executor, seconds: float) -> Iterator[dict[str, Any]]:
    """Have canaries run; yield what is wrong if one does not end as it must."""
    for text, expected in _canaries(executor.canaries):
        if executor.is_dead:
            return
        cell = {"kind": "test", "source": text, "hidden": []}
        found = executor.run(_job(cell, forget=True), seconds)
        if executor.is_dead or found["status"] in ("timeout", "died"):
            return
        if found["replaced"]:
            yield {"tampered": f"{found['replaced']} was replaced"}
        if (found["status"], found["score"]) != expected:
            yield {"tampered": "a check that must fail did not"}
            return


def _canaries(of_libraries: list[str]) -> Iterator[tuple[str, tuple[str, float | None]]]:
    a = secrets.randbelow(10**6) + 2
    b, name = a + 1 + secrets.randbelow(10**6), f"n{secrets.token_hex(6)}"
    yield f"{name} = {a}\nassert {name} == {b}, {name}", ("error", None)
    passed, failed = (secrets.randbelow(97) + 1) / 8, (secrets.randbelow(97) + 1) / 8
    yield (
        (
            f"from coursekit.grading import Checks as {name}_c\n{name} = {name}_c()\n"
            f"with {name}.part({failed}, '{name}'):\n    assert {a} == {b}\n"
            f"with {name}.part({passed}, '{name}'):\n    assert {b} - {a} == {b - a}\n{name}.score()"
        ),
        ("ok", passed),
    )
    for text in of_libraries:
        yield text.format(n=name, a=a, b=b), ("error", None)


class _Executor:
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
            raise _StartError(f"the process that runs the cells did not start: {said or 'it said nothing'}")

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


def _error(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}


_LATE: Final = _error("CellTimeoutError", "the cell was not done in time")
_DIED: Final = _error("DeadKernelError", "the process that runs the notebook ended in this cell")


if __name__ == "__main__":
    main()
