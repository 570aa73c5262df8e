"""Run one request in a sandbox, and take from what comes back no more than may come back."""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import selectors
import subprocess
import time
import uuid
from typing import Any, Final

from coursekit.errors import SandboxError
from coursekit.sandbox.boxes import Box
from coursekit.sandbox.channel import sign_line
from coursekit.sandbox.request import CellResult, Outcome, Request, read_cell

_START_S: Final = 180.0
_OVERHEAD_BYTES: Final = 4 * 1024 * 1024
_CHUNK: Final = 1 << 18


def run_request(box: Box, request: Request) -> Outcome:
    """Run a notebook's cells in a sandbox of its own, which is gone afterwards.

    Parameters
    ----------
    box : Box
        The kind of sandbox.
    request : Request
        What to run.

    Returns
    -------
    Outcome
        Has a result for each cell, whatever the submission did; ``trouble`` says why some were not run.

    Raises
    ------
    SandboxError
        If the sandbox itself could not be started: that is no fault of the submission's.
    """
    name = f"sandbox-{uuid.uuid4().hex[:12]}"
    begin = time.monotonic()
    try:
        lines, trouble = _converse(box, name, request)
    finally:
        box.remove(name)
    return _read(lines, request, trouble, time.monotonic() - begin)


def _converse(box: Box, name: str, request: Request) -> tuple[list[dict[str, Any]], str | None]:
    key = secrets.token_hex(32).encode()
    process = subprocess.Popen(
        box.command(name, request.limits, request.student),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=box.prepare(),
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended at once; what it said is read below
            process.stdin.write(key + b"\n" + request.as_json().encode() + b"\n")
            process.stdin.flush()
        return _listen(process, request, key)
    finally:
        process.kill()
        process.communicate()


def _listen(process: subprocess.Popen[bytes], request: Request, key: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """Read what the supervisor tells, until its end, its time or the space for it is over."""
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + request.limits.total_s + _START_S
    left = 2 * request.limits.output + _OVERHEAD_BYTES
    buffer, said, number = bytearray(), bytearray(), 0
    lines: list[dict[str, Any]] = []
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            if (wait := deadline - time.monotonic()) <= 0:
                return lines, "the sandbox was not done in time"
            for ready, _ in selector.select(wait):
                data = ready.fileobj.read1(_CHUNK)  # type: ignore[union-attr]
                if not data:
                    selector.unregister(ready.fileobj)
                elif ready.fileobj is process.stderr:
                    said = (said + data)[-4000:]
                else:
                    left -= len(data)
                    if left < 0:
                        return lines, "the sandbox said more than it may"
                    buffer += data
                    while (end := buffer.find(b"\n")) >= 0:
                        line = _read_line(bytes(buffer[:end]), number, key)
                        del buffer[: end + 1]
                        if line is None:
                            lines.append({"tampered": "something was written where only the grader writes"})
                            continue
                        number += 1
                        lines.append(line)
                        if line.get("end"):
                            return lines, None
    code = process.wait()
    if not lines:
        text = said.decode(errors="replace").strip()
        raise SandboxError(
            f"the sandbox ended with exit code {code} before it began: {text[-400:]}", fix="mend what it names"
        )
    return lines, "the sandbox ended before its notebook did: out of memory, or killed from inside"


def _read_line(raw: bytes, number: int, key: bytes) -> dict[str, Any] | None:
    """Read what the supervisor told; None if somebody else wrote it."""
    signature, _, text = raw.decode(errors="replace").partition(" ")
    if not hmac.compare_digest(signature.encode(), sign_line(key, number, text).encode()):
        return None
    found: dict[str, Any] = json.loads(text)
    return found


def _read(lines: list[dict[str, Any]], request: Request, trouble: str | None, seconds: float) -> Outcome:
    cells = {cell.id: CellResult(status="skipped") for cell in request.cells}
    tampered: list[str] = []
    for line in lines:
        if "tampered" in line:
            tampered.append(str(line["tampered"])[:400])
        elif "trouble" in line:
            trouble = str(line["trouble"])[:800]
        elif line.get("cell") in cells:
            cells[line["cell"]] = read_cell(line)
    if trouble is None and any(cell.status in ("died", "skipped") for cell in cells.values()):
        trouble = "the notebook did not run to its end"
    return Outcome(cells=cells, tampered=tuple(dict.fromkeys(tampered)), trouble=trouble, seconds=seconds)
