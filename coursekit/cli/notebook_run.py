"""``coursekit notebook run``: execute notebooks, as on a desk so in CI."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coursekit.cli.choice import Names, chosen_notebooks, current_course, short_path
from coursekit.errors import CellFailedError, NotebookDriftError, SettingsError

if TYPE_CHECKING:
    from coursekit.notebooks.catalog import Notebook
    from coursekit.notebooks.outcome import Outcome
    from coursekit.notebooks.settings import RunSettings


def run(
    names: Names = None,
    all_: Annotated[bool, typer.Option("--all", help="Every lesson and assignment.")] = False,
    jobs: Annotated[int | None, typer.Option(help="How many at once.  [default: half the cores, 4 at most]")] = None,
    size: Annotated[str, typer.Option(help="small, for tests; class, as people run it; or full.")] = "small",
    engine: Annotated[
        str | None,
        typer.Option(
            help="What runs the clusters: process; or docker, swarm: containers, the notebook's own too.  "
            "[default: COURSEKIT_ENGINE, in a process]"
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--runtime",
            "--device",
            help="With --engine docker, which image runs notebooks that use TensorFlow: cpu, or gpu, which works "
            "without a GPU too.",
        ),
    ] = "cpu",
    out: Annotated[
        Path | None, typer.Option(help="Where results go.  [default: build/notebooks]", show_default=False)
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="Seconds that each may take.  [default: 5 times its minutes, at least 180 s]"),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Also those of which nothing has changed since they passed.")
    ] = False,
    tolerance: Annotated[
        float,
        typer.Option(
            help="How many times its contract's minutes each may take on two idle cores; 0 compares neither time nor "
            "memory with the contract."
        ),
    ] = 1.5,
) -> None:
    """Execute notebooks in parallel, the longest first; leave them executed, with a report, a summary and JUnit."""
    from coursekit.notebooks.outcome import Conditions
    from coursekit.notebooks.report import write_reports
    from coursekit.notebooks.settings import RunSettings

    if bool(names) == all_:
        raise SettingsError(
            "no notebook was named." if not names else "--all was given together with names.",
            fix="name notebooks, as in `coursekit notebook run 01`, or give --all",
        )
    course = current_course()
    folder = out or (course.build if course else Path("build")) / "notebooks"
    settings = RunSettings(
        out=folder,
        root=course.root if course else None,
        jobs=max(1, min(4, (os.cpu_count() or 1) // 2)) if jobs is None else jobs,
        size=size,  # type: ignore[arg-type]  # checked by RunSettings
        engine=engine,
        device=device,  # type: ignore[arg-type]  # checked by RunSettings
        timeout_s=timeout,
        fresh=fresh,
        tolerance=tolerance,
    )
    started, began = datetime.now(UTC), time.monotonic()
    outcomes = _run_watched(chosen_notebooks(names), settings)
    conditions = Conditions(started=started, seconds=time.monotonic() - began, jobs=settings.jobs, size=settings.size)
    write_reports(outcomes, conditions, folder)
    _print_outcomes(outcomes, folder)
    _raise_unless_passed(outcomes, folder)


def _run_watched(notebooks: Sequence[Notebook], settings: RunSettings) -> tuple[Outcome, ...]:
    """Execute with a bar for all, and below it a line for each notebook that runs: its cell and its seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    from coursekit.notebooks.attempt import Progress as Moved
    from coursekit.notebooks.run import run_notebooks

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, TextColumn("[dim]{task.fields[cell]}"), console=Console(stderr=True), transient=True)
    lines: dict[Path, TaskID] = {}

    with bar:
        overall = bar.add_task("notebooks", total=len(notebooks), cell="")

        def watch(moved: Moved) -> None:
            path = moved.notebook.path
            if moved.outcome is not None:
                bar.remove_task(lines.pop(path))
                bar.advance(overall)
                bar.print(_one_line(moved.outcome), highlight=False)
            elif path not in lines:
                lines[path] = bar.add_task(f"  {moved.notebook.name}", total=None, cell="starting")
            else:
                bar.update(lines[path], total=moved.cells, completed=moved.done, cell=moved.cell)

        return run_notebooks(notebooks, settings, watch=watch)


def _one_line(outcome: Outcome) -> str:
    from rich.markup import escape

    from coursekit.notebooks.outcome import HOW_IT_READS

    mark = "[green]✓[/]" if outcome.has_passed else "[red]✗[/]"
    at = f" in cell {outcome.failure.cell}" if outcome.failure else ""
    on = f"  [dim]{escape(outcome.device)}[/]" if outcome.device else ""
    how = f"unchanged since {outcome.kept[:16]}" if outcome.kept else HOW_IT_READS[outcome.status]
    return f"{mark} {escape(outcome.notebook.name)}  {outcome.seconds:.1f} s  {how}{escape(at)}{on}"


def _print_outcomes(outcomes: Sequence[Outcome], folder: Path) -> None:
    from coursekit.notebooks.summary import describe_failure

    for outcome in outcomes:
        if not outcome.has_passed and outcome.status != "interrupted":
            typer.secho(f"\n{outcome.notebook.name}", bold=True)
            typer.echo(describe_failure(outcome))
            if outcome.output.exists():
                typer.echo(f"\n  executed: {short_path(outcome.output)}")
            typer.echo(f"  log:      {short_path(outcome.log)}")
    passed = sum(outcome.has_passed for outcome in outcomes)
    typer.echo(f"\n{passed} of {len(outcomes)} passed; see {short_path(folder / 'report.html')}")


def _raise_unless_passed(outcomes: Sequence[Outcome], folder: Path) -> None:
    from coursekit.notebooks.outcome import DRIFTED

    if any(outcome.status == "interrupted" for outcome in outcomes):
        raise typer.Exit(130)
    drifted = [outcome for outcome in outcomes if outcome.status in DRIFTED]
    bad = [outcome for outcome in outcomes if not outcome.has_passed and outcome not in drifted]
    if drifted and not bad:
        raise NotebookDriftError(
            f"{len(drifted)} of {len(outcomes)} notebooks take more than their contracts say: "
            f"{', '.join(outcome.notebook.name for outcome in drifted)}.",
            fix="make them smaller, or raise minutes or notebook_memory in their contracts; on a busy machine run them "
            "again with --jobs 1",
        )
    if bad:
        names = ", ".join(f"{outcome.notebook.name}{_at(outcome)}" for outcome in bad)
        first = bad[0].output if bad[0].output.exists() else bad[0].log
        raise CellFailedError(
            f"{len(bad)} of {len(outcomes)} notebooks did not run to their end: {names}.",
            fix=f"open {short_path(first)}, mend that cell, run it again",
        )


def _at(outcome: Outcome) -> str:
    from coursekit.notebooks.outcome import HOW_IT_READS

    return f" (cell {outcome.failure.cell!r}, {HOW_IT_READS[outcome.status]})" if outcome.failure else ""
