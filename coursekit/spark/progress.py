"""Show Spark's jobs in the output of the cell that started them, while they run and, in one line, afterwards.

One thread per kernel does it. It sleeps while no cell runs, and asks nothing of Spark before a cell has run for a
quarter of a second. It publishes with a copy of the cell's own context, so that what it shows lands in that cell; the
kernel waits for it only to replace the bars by the last line, which has to be sent before the cell has ended.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from coursekit.spark.progress_html import final_html, live_html
from coursekit.spark.progress_state import Progress, as_text
from coursekit.spark.progress_store import CellJobs

_LOOK_S: Final = 0.25  # until something is shown
_UPDATE_S: Final = 0.5  # afterwards
_SHOWN_FROM_S: Final = 0.5
_LAST_LINE_S: Final = 3.0
_FAILURES: Final = 5

_watch: CellWatch | None = None


def show_progress(*, executors: Callable[[], int | None] | None = None) -> None:
    """Show jobs in the cells of this kernel from now on; does nothing outside a notebook's kernel.

    ``COURSEKIT_PROGRESS=0`` in the environment switches it off; in a notebook ``%env COURSEKIT_PROGRESS=0`` does.

    Parameters
    ----------
    executors : callable, optional
        Gives how many executors there should be, so that missing ones can be told of.
    """
    global _watch
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return
    with contextlib.suppress(Exception):
        if _watch is None or _watch.shell is not shell:
            _watch = CellWatch(shell)
            _watch.start()
        if executors is not None:
            _watch.wanted = executors


def settle_progress() -> None:
    """Read the last state of the running cell's jobs, for their session is about to be stopped."""
    cell = _watch.cell if _watch is not None else None
    if cell is not None and cell.is_shown:
        with cell.reading, contextlib.suppress(Exception):
            cell.jobs.settle()


@dataclass(kw_only=True, slots=True, eq=False)
class _Cell:
    """A cell that runs."""

    info: Any
    message: str
    publisher: Any
    context: contextvars.Context
    jobs: CellJobs
    display_id: str = field(default_factory=lambda: f"coursekit-{uuid.uuid4().hex}")
    lock: threading.Lock = field(default_factory=threading.Lock)
    reading: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    is_shown: bool = False


class CellWatch:
    """Follows the cells of one kernel, one after the other."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.wanted: Callable[[], int | None] = lambda: None
        self.cell: _Cell | None = None
        self._waiting: list[_Cell] = []
        self._changed = threading.Condition()

    def start(self) -> None:
        """Begin with the cell that runs now, if one does."""
        threading.Thread(target=self._run, name="coursekit-progress", daemon=True).start()
        self.shell.events.register("pre_run_cell", self._begin)
        self.shell.events.register("post_run_cell", self._end)
        if self._message():
            self._begin(None)

    def _message(self) -> str:
        """Give the id of the request that the kernel works on; empty when it works on none."""
        return str((self.shell.get_parent() or {}).get("header", {}).get("msg_id", ""))

    def _begin(self, info: Any) -> None:
        with contextlib.suppress(Exception):
            message = self._message()
            if self.cell is not None and self.cell.message == message:
                return  # code of the cell that runs cells of its own, as %%capture does
            if self.cell is not None:
                self._finish(self.cell)
            if os.environ.get("COURSEKIT_PROGRESS", "1").lower() in ("0", "off", "false", "no"):
                return
            # Spark counts in milliseconds: no job of this cell may seem older than the cell.
            since_s = int(time.time() * 1000) / 1000
            cell = _Cell(
                info=info,
                message=message,
                publisher=self.shell.display_pub,
                context=contextvars.copy_context(),
                jobs=CellJobs(since_s=since_s, wanted=lambda: self.wanted()),
            )
            self.cell = cell
            with self._changed:
                self._waiting.append(cell)
                self._changed.notify()

    def _end(self, result: Any) -> None:
        with contextlib.suppress(Exception):
            cell = self.cell
            if cell is not None and (cell.info is None or cell.info is getattr(result, "info", None)):
                self._finish(cell)

    def _finish(self, cell: _Cell) -> None:
        self.cell = None
        with cell.lock:
            cell.ended.set()
        if cell.is_shown:
            cell.finished.wait(_LAST_LINE_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                cell = self._waiting.pop(0)
            with contextlib.suppress(Exception):
                cell.context.run(self._follow, cell)
            cell.finished.set()

    def _follow(self, cell: _Cell) -> None:
        """Show a cell's jobs until it ends."""
        failures = 0
        while not cell.ended.wait(_UPDATE_S if cell.is_shown else _LOOK_S):
            try:
                with cell.reading:
                    progress = cell.jobs.read()
                self._show(cell, progress)
                failures = 0
            except Exception:  # the session may be stopping just now; a cell's progress is never worth an error
                failures += 1
                if failures > _FAILURES:
                    break
        cell.ended.wait()
        if cell.is_shown:
            with cell.reading, contextlib.suppress(Exception):
                cell.jobs.settle()
            progress = cell.jobs.latest
            self._publish(cell, final_html(progress), as_text(progress), update=True)

    def _show(self, cell: _Cell, progress: Progress) -> None:
        if not cell.is_shown and (not progress.running or progress.busy_s < _SHOWN_FROM_S):
            return
        with cell.lock:
            # Captured output (%%capture) is the user's, and not the place for hundreds of updates.
            if cell.ended.is_set() or self.shell.display_pub is not cell.publisher:
                return
            self._publish(cell, live_html(progress), as_text(progress), update=cell.is_shown)
            cell.is_shown = True

    def _publish(self, cell: _Cell, html: str, text: str, *, update: bool) -> None:
        cell.publisher.publish(
            {"text/html": html, "text/plain": text}, transient={"display_id": cell.display_id}, update=update
        )
