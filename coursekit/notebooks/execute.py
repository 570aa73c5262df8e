"""Execute one notebook through papermill, in this process: ``python -m coursekit.notebooks.execute``.

The job comes as JSON on standard input. Events go as lines of JSON to standard output, which nothing else can write
to; what papermill, the kernel and its children print goes to standard error. The last event says how it ended.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from coursekit.config import format_memory
from coursekit.notebooks.device import FILE, take_note
from coursekit.notebooks.document import SLOW_GRAMMAR, read_document, tags_of, without_modules, write_document
from coursekit.notebooks.judge import kind_of
from coursekit.notebooks.memory import MemoryWatch
from coursekit.notebooks.outcome import CellFailure, Status
from coursekit.notebooks.processes import adopt_orphans, die_with_parent, end_descendants

_EXPECTED = "raises-exception"
KERNEL_START_S = 120
_PATIENCE_S = 8.0  # a guarded node of a cluster ends its own children within 5 s


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One notebook to execute.

    Parameters
    ----------
    source, output, directory : str
        The notebook, where the executed one goes, and the working directory of its kernel.
    parameters : dict
        What to set after the cell tagged ``parameters``.
    timeout_s : float
        When to interrupt the kernel, s after the first cell began.
    parent : int
        The process to end with.
    memory_limit : int
        How much it may hold before it is ended, bytes; 0 for no limit.
    """

    source: str
    output: str
    directory: str
    parameters: dict[str, Any]
    timeout_s: float
    parent: int
    memory_limit: int = 0


class Execution:
    """One job under way."""

    def __init__(self, job: Job, events: IO[str]) -> None:
        self._job = job
        self._events = events
        self._deadline = math.inf  # the first cell sets it: the start of the kernel has a limit of its own
        self._current: tuple[int, Any] | None = None
        self._error: dict[str, Any] | None = None
        self._device_file = Path(job.output).with_suffix(".device")
        self._ids = [cell.get("id") for cell in read_document(Path(job.source)).cells]
        self._watch = MemoryWatch(job.memory_limit, self._end_for_memory)

    def run(self) -> None:
        """Execute, and say how it ended: a cell's error, a dead kernel or a timeout is a result, not an exception."""
        with without_modules(SLOW_GRAMMAR, "pyarrow"):  # pyarrow: papermill's HDFS
            from nbclient.exceptions import DeadKernelError
            from papermill.exceptions import PapermillExecutionError

        from coursekit.notebooks.kernel import OwnKernelManager

        try:
            with self._watch:
                self._execute()
        except PapermillExecutionError as error:
            self._end_on_error(error)
        except DeadKernelError:
            self._end("died", OwnKernelManager.how_it_ended(), self._where())
        except RuntimeError as error:  # nbclient, when the kernel does not start
            self._end("died", str(error), self._where())
        else:
            self._end("passed")

    def _end_for_memory(self) -> None:
        """End everything that the notebook started; papermill then finds its kernel dead, or a cell's error."""
        end_descendants(patience_s=0)

    def _too_much(self) -> str:
        held, limit = format_memory(self._watch.peak), format_memory(self._job.memory_limit)
        return f"it held {held}, more than the {limit} at which a notebook is ended (twice its notebook_memory)"

    def _execute(self) -> None:
        import papermill

        from coursekit.notebooks.kernel import OwnKernelManager

        job = self._job
        os.environ[FILE] = str(self._device_file)
        papermill.execute_notebook(
            _escape(job.source),
            _escape(job.output),
            parameters=job.parameters,
            kernel_name="python3",
            language="python",
            kernel_manager_class=OwnKernelManager,
            cwd=job.directory,
            progress_bar=False,
            log_output=True,
            start_timeout=KERNEL_START_S,
            timeout_func=lambda cell: max(1, math.ceil(self._deadline - time.monotonic())),
            interrupt_on_timeout=True,
            on_cell_start=self._tell_cell,
            on_cell_error=self._note_error,
        )

    def _tell_cell(self, cell: Any, cell_index: int) -> None:
        if self._deadline == math.inf:
            self._deadline = time.monotonic() + self._job.timeout_s
        if cell.cell_type == "code":
            self._current = (cell_index, cell)
        self._tell({"event": "cell", "cell": cell.id, "index": self._index(cell, cell_index), "cells": len(self._ids)})

    def _index(self, cell: Any, cell_index: int) -> int:
        """The cell's position in the source: papermill has put one with the parameters in."""
        return self._ids.index(cell.id) if cell.id in self._ids else cell_index

    def _note_error(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        if _EXPECTED not in tags_of(cell):
            self._error = execute_reply["content"]

    def _end_on_error(self, error: Any) -> None:
        """Say at which cell it stopped.

        Papermill goes by the cells' outputs, after the last cell that ran: it also complains of errors that were
        expected. The kernel's reply has the error also when the cell showed something else instead of a traceback.
        """
        from papermill.exceptions import strip_color

        output = Path(self._job.output)
        document = _without_markers(output)
        cell = document.cells[error.cell_index]
        if self._error is None and _EXPECTED in tags_of(cell):
            write_document(document, output)
            return self._end("passed")
        if self._error is not None and self._current is not None:
            cell = self._current[1]
        reply = self._error or {"ename": error.ename, "evalue": error.evalue, "traceback": error.traceback}
        failure = CellFailure(
            cell=cell.id,
            index=self._index(cell, error.cell_index),
            source=cell.source,
            ename=reply["ename"],
            evalue=strip_color(reply["evalue"]),
            traceback=strip_color("\n".join(reply["traceback"])),
        )
        if failure.ename == "KeyboardInterrupt" and time.monotonic() >= self._deadline:
            return self._end("timeout", f"it was interrupted after {self._job.timeout_s:.0f} s", failure)
        return self._end(kind_of(failure), f"{failure.ename}: {failure.evalue}".strip(": "), failure)

    def _where(self) -> CellFailure | None:
        """The code cell that was started last."""
        if self._current is None:
            return None
        index, cell = self._current
        return CellFailure(cell=cell.id, index=self._index(cell, index), source=cell.source)

    def _end(self, status: Status, message: str = "", failure: CellFailure | None = None) -> None:
        if self._watch.is_exceeded:
            status, message = "memory", self._too_much()
        end = {"status": status, "message": message, "failure": asdict(failure) if failure else None}
        self._tell({"event": "end", **end, "device": take_note(self._device_file)})

    def _tell(self, event: dict[str, Any]) -> None:
        self._events.write(json.dumps(event | {"memory": self._watch.peak}) + "\n")
        self._events.flush()


def main() -> None:
    """Read the job, execute it, and leave nothing behind."""
    # A copy that children do not inherit takes the pipe over; whatever else writes to standard output goes to the log.
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = Job(**json.load(sys.stdin))
    die_with_parent(job.parent)
    adopt_orphans()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        Execution(job, events).run()
    finally:
        end_descendants(patience_s=_PATIENCE_S)
        events.close()


def _without_markers(output: Path) -> Any:
    """Read an executed notebook without the two cells by which papermill points at an error."""
    from papermill.execute import remove_error_markers

    return remove_error_markers(read_document(output))


def _escape(path: str) -> str:
    """Papermill takes paths for format strings."""
    return path.replace("{", "{{").replace("}", "}}")


if __name__ == "__main__":
    main()
