"""The first process of a sandbox: it starts the executor, hands it one cell at a time, and tells what became of each.

It reads a request (`coursekit.sandbox.request`) on its standard input and writes lines of JSON to its standard output.
It runs none of the student's code and believes none of what their process says unless it is signed. Before and after
each test it has that process run canaries: checks of random content whose outcome is known. A submission that has
bent what tests stand on makes a canary sing.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from coursekit.sandbox.canaries import choose_canaries, make_canaries
from coursekit.sandbox.channel import sign_line
from coursekit.sandbox.jobs import find_imports, prepare_job
from coursekit.sandbox.student_process import StudentProcess, StudentProcessError

_NOT_DUMPABLE: Final = (4, 0)


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
    except StudentProcessError as error:
        tell({"trouble": str(error)})
    tell({"end": True})


def _make_teller(key: bytes) -> Callable[[dict[str, Any]], None]:
    """Make a function that says something to whoever asked, numbered and signed: others may write there too."""
    numbers = itertools.count()

    def tell(facts: dict[str, Any]) -> None:
        text = json.dumps(facts)
        print(sign_line(key, next(numbers), text), text, flush=True)

    return tell


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
    executor = StudentProcess(folder, request, output_max=limits["output"])
    deadline = time.monotonic() + limits["total_s"]
    modules = sorted(find_imports([cell["source"] for cell in request["cells"] if cell["kind"] != "student"]))
    try:
        executor.start({"asked": request["asked"], "imports": modules})
        executor.canaries = choose_canaries(modules)
        for cell in request["cells"]:
            yield from _run_cell(executor, cell, request, deadline)
    finally:
        executor.kill()


def _run_cell(
    executor: StudentProcess, cell: dict[str, Any], request: dict[str, Any], deadline: float
) -> Iterator[dict[str, Any]]:
    seconds = min(request["limits"]["cell_s"], deadline - time.monotonic())
    if executor.is_dead or seconds <= 0:
        yield {"cell": cell["id"], "status": "skipped"}
        return
    job = prepare_job(cell)
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


def _sing(executor: StudentProcess, seconds: float) -> Iterator[dict[str, Any]]:
    """Have canaries run; yield what is wrong if one does not end as it must."""
    for text, expected in make_canaries(executor.canaries):
        if executor.is_dead:
            return
        cell = {"kind": "test", "source": text, "hidden": []}
        found = executor.run(prepare_job(cell, forget=True), seconds)
        if executor.is_dead or found["status"] in ("timeout", "died"):
            return
        if found["replaced"]:
            yield {"tampered": f"{found['replaced']} was replaced"}
        if (found["status"], found["score"]) != expected:
            yield {"tampered": "a check that must fail did not"}
            return


if __name__ == "__main__":
    main()
