"""How a command shows the steps of something long: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

Watch = Callable[[str, int, int], None]


@contextmanager
def watching(*, quiet: bool = False) -> Iterator[Watch]:
    """Give a function to call with the step, how many are done, and how many there are.

    Everything goes to stderr, so that ``--json`` on stdout stays clean.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if quiet:
        yield lambda step, done, total: None
    elif console.is_terminal:
        with _bars(console) as watch:
            yield watch
    else:
        yield _line_writer()


@contextmanager
def _bars(console: object) -> Iterator[Watch]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:  # type: ignore[arg-type]
        tasks = {}

        def watch(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=total)
            progress.update(tasks[step], completed=done, total=total)

        yield watch


def _line_writer() -> Watch:
    begun: dict[str, float] = {}

    def watch(step: str, done: int, total: int) -> None:
        begin = begun.setdefault(step, time.monotonic())
        if done == total:
            of = f" {done} of {total}" if total > 1 else ""
            typer.echo(f"{step}:{of} done, {time.monotonic() - begin:.1f} s", err=True)

    return watch
