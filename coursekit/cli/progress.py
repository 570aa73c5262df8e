"""A bar for what runs in sandboxes, one submission or answer after the other."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coursekit.grading import Progress


@contextmanager
def progress_bar(what: str, *, shown: bool) -> Iterator[Progress]:
    """Show how many of the sandboxes' runs are done, on standard error, for as long as the block lasts."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield functools.partial(_advance, bar, task, what)


def _advance(bar: Any, task: Any, what: str, done: int, total: int, student: str) -> None:
    bar.update(task, completed=done, total=total, description=f"{what} {student}")
