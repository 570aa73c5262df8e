"""A progress bar for what takes long, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Advance = Callable[[int], None]

PATIENCE_S: Final = 1.0


@contextmanager
def progress_bar(title: str, total: int, *, in_bytes: bool = False) -> Iterator[Advance]:
    """Show how far a task is, from its second second on; gives the function to call with each amount done.

    Nothing is shown where standard error is no terminal: in a notebook it would count as an error of the cell.
    """
    if not sys.stderr.isatty():
        yield lambda amount: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    amount_done = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount_done, TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(title, total=total)
    begin = time.monotonic()

    def advance(amount: int) -> None:
        if not bar.live.is_started and time.monotonic() - begin > PATIENCE_S:
            bar.start()
        bar.advance(task, amount)

    try:
        yield advance
    finally:
        bar.stop()
