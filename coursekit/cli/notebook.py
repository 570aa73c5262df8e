"""``coursekit notebook``: list, check, tidy and run the course's notebooks."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coursekit.cli.output import Json, show
from coursekit.config import Course, find_course
from coursekit.errors import CellFailedError, CourseNotFoundError, NotebookNotCleanError, SettingsError

if TYPE_CHECKING:
    from coursekit.notebooks.catalog import Notebook
    from coursekit.notebooks.outcome import Outcome
    from coursekit.notebooks.run import RunSettings

app = typer.Typer(
    no_args_is_help=True,
    help="Lessons and assignments: list them, keep them clean, execute them.",
    epilog="Example:  coursekit notebook run --all",
    rich_markup_mode=None,
)

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME|PATH]...",
        help="A lesson's number, slug or file name, an assignment, the path of a notebook, or a folder of notebooks.",
        show_default=False,
    ),
]


@app.command("list", epilog="Example:  coursekit notebook list --json")
def list_(as_json: Json = False) -> None:
    """List lessons and assignments with what they need; minutes are those of a small run on two cores."""
    from coursekit.notebooks.catalog import list_notebooks

    rows = [_row(notebook, full=as_json) for notebook in list_notebooks(find_course())]
    show(rows, as_json=as_json, empty="The course has no notebooks yet.")


@app.command(epilog="Example:  coursekit notebook check 01 assignments/a1/a1.ipynb")
def check(names: Names = None, as_json: Json = False) -> None:
    """Tell what keeps notebooks from being committed: outputs, random cell ids, surplus metadata, no contract."""
    from coursekit.notebooks.check import check_notebook

    notebooks = _chosen(names)
    faults = [fault for notebook in notebooks for fault in check_notebook(notebook)]
    if as_json:
        keys = ("cell", "message", "fix", "is_mendable")
        rows = [{"path": str(fault.path), **{key: getattr(fault, key) for key in keys}} for fault in faults]
        show(rows, as_json=True)
    else:
        for path, number in Counter(fault.path for fault in faults).items():
            typer.secho(f"{_short(path)}: {_count(number, 'fault')}", bold=True)
            for fault in faults:
                if fault.path == path:
                    where = f"cell {fault.cell}: " if fault.cell else ""
                    typer.echo(f"  {where}{fault.message}" + (" (tidy mends it)" if fault.is_mendable else ""))
                    if not fault.is_mendable:
                        typer.echo(f"    Fix: {fault.fix}")
    if faults:
        bad, by_hand = len({fault.path for fault in faults}), sum(not fault.is_mendable for fault in faults)
        steps = ["run `coursekit notebook tidy`"] * (by_hand < len(faults)) + [f"mend {by_hand} by hand"] * (
            by_hand > 0
        )
        raise NotebookNotCleanError(
            f"{_count(len(faults), 'fault')} in {bad} of {_count(len(notebooks), 'notebook')}.",
            fix=", then ".join(steps),
        )
    if not as_json:
        typer.echo(f"{_count(len(notebooks), 'notebook')} checked, nothing is off.")


@app.command(epilog="Example:  coursekit notebook tidy 01")
def tidy(names: Names = None) -> None:
    """Strip outputs and surplus metadata, give cells readable ids; code and text stay as they are."""
    from coursekit.notebooks.check import check_notebook
    from coursekit.notebooks.tidy import tidy_notebook

    notebooks = _chosen(names)
    for notebook in notebooks:
        if tidy_notebook(notebook):
            typer.echo(f"tidied {_short(notebook.path)}")
    left = [fault for notebook in notebooks for fault in check_notebook(notebook)]
    if left:
        typer.echo(f"{_count(len(left), 'fault')} left for a person: `coursekit notebook check` tells more.")


@app.command(epilog="Example:  coursekit notebook run 01 a1 --jobs 2")
def run(
    names: Names = None,
    all_: Annotated[bool, typer.Option("--all", help="Every lesson and assignment.")] = False,
    jobs: Annotated[int | None, typer.Option(help="How many at once.  [default: half the cores, 4 at most]")] = None,
    size: Annotated[str, typer.Option(help="Which of the contract's sizes: small or full.")] = "small",
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
            help="With --engine docker, which image runs notebooks of the runtime tensorflow: cpu, or gpu, which "
            "works without a GPU too."
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
) -> None:
    """Execute notebooks in parallel, the longest first; leave them executed, with a summary and a JUnit file."""
    from coursekit.notebooks.report import Conditions, write_reports
    from coursekit.notebooks.run import RunSettings

    if bool(names) == all_:
        raise SettingsError(
            "no notebook was named." if not names else "--all was given together with names.",
            fix="name notebooks, as in `coursekit notebook run 01`, or give --all",
        )
    course = _course()
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
    )
    started, began = datetime.now(UTC), time.monotonic()
    outcomes = _run_watched(_chosen(names), settings)
    conditions = Conditions(started=started, seconds=time.monotonic() - began, jobs=settings.jobs, size=settings.size)
    write_reports(outcomes, conditions, folder)
    _print_outcomes(outcomes, folder)
    _raise_unless_passed(outcomes, folder)


@app.command(epilog="Example:  coursekit notebook site --hub https://hub.example.org")
def site(
    hub: Annotated[str | None, typer.Option(help="The class's Hub, in which lessons open.")] = None,
    repository: Annotated[
        str | None, typer.Option(help="The course's repository, which nbgitpuller fetches lessons from in the Hub.")
    ] = None,
    branch: Annotated[str, typer.Option(help="The repository's branch.")] = "main",
    executed: Annotated[
        Path | None, typer.Option(help="Where `run` left its results.  [default: build/notebooks]", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make.  [default: build/site/source]", show_default=False)
    ] = None,
) -> None:
    """Make the source of the web site from documents and executed lessons; `make site` makes pages of it."""
    from coursekit.notebooks.site import SiteSettings, prepare_site

    course = find_course()
    folder = executed or course.build / "notebooks"
    settings = SiteSettings(executed=folder, hub=hub, repository=repository, branch=branch)
    source = out or course.build / "site" / "source"
    lessons = prepare_site(course, settings, source)
    shown = sum(lesson.state == "executed" for lesson in lessons)
    typer.echo(f"{_count(len(lessons), 'lesson')} in {_short(source)}, {shown} with results")
    for lesson in lessons:
        if lesson.state != "executed":
            why = "changed since it was executed" if lesson.state == "changed" else "not executed"
            typer.echo(f"  {lesson.notebook.name}: {why}; `coursekit notebook run {lesson.notebook.number:02}` does it")


def _run_watched(notebooks: Sequence[Notebook], settings: RunSettings) -> tuple[Outcome, ...]:
    """Execute with a bar for all, and below it a line for each notebook that runs: its cell and its seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    from coursekit.notebooks.run import Progress as Moved
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
    how = f"unchanged since it passed at {outcome.kept}" if outcome.kept else HOW_IT_READS[outcome.status]
    return f"{mark} {escape(outcome.notebook.name)}  {outcome.seconds:.1f} s  {how}{escape(at)}{on}"


def _print_outcomes(outcomes: Sequence[Outcome], folder: Path) -> None:
    from coursekit.notebooks.report import describe_failure

    for outcome in outcomes:
        if not outcome.has_passed and outcome.status != "interrupted":
            typer.secho(f"\n{outcome.notebook.name}", bold=True)
            typer.echo(describe_failure(outcome))
            if outcome.output.exists():
                typer.echo(f"\n  executed: {_short(outcome.output)}")
            typer.echo(f"  log:      {_short(outcome.log)}")
    passed = sum(outcome.has_passed for outcome in outcomes)
    typer.echo(f"\n{passed} of {len(outcomes)} passed; see {_short(folder / 'summary.md')}")


def _raise_unless_passed(outcomes: Sequence[Outcome], folder: Path) -> None:
    if any(outcome.status == "interrupted" for outcome in outcomes):
        raise typer.Exit(130)
    bad = [outcome for outcome in outcomes if not outcome.has_passed]
    if bad:
        names = ", ".join(f"{outcome.notebook.name}{_at(outcome)}" for outcome in bad)
        raise CellFailedError(
            f"{len(bad)} of {len(outcomes)} notebooks did not run to their end: {names}.",
            fix=f"open {_short(bad[0].output if bad[0].output.exists() else bad[0].log)}, mend that cell, run it again",
        )


def _at(outcome: Outcome) -> str:
    from coursekit.notebooks.outcome import HOW_IT_READS

    return f" (cell {outcome.failure.cell!r}, {HOW_IT_READS[outcome.status]})" if outcome.failure else ""


def _chosen(names: Sequence[str] | None) -> tuple[Notebook, ...]:
    """The notebooks named, or all of the course."""
    from coursekit.notebooks.catalog import find_notebooks, list_notebooks

    return find_notebooks(names, _course()) if names else list_notebooks(find_course())


def _course() -> Course | None:
    """The course that this is run in; a notebook may also be given by its path outside of one."""
    try:
        return find_course()
    except CourseNotFoundError:
        return None


def _row(notebook: Notebook, *, full: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": notebook.kind, "name": notebook.name}
    try:
        contract = notebook.contract()
    except SettingsError as error:
        return {**row, "title": f"({error.message})", "runtime": "", "workers": "", "minutes": ""}
    row |= {
        "title": contract.title,
        "runtime": contract.runtime,
        "workers": contract.workers,
        "minutes": contract.minutes_at("small"),
    }
    if full:
        row |= {
            "path": str(notebook.path),
            "cores": contract.cores,
            "memory": contract.memory,
            "gpus": contract.gpus,
            "sizes": {size: dict(parameters) for size, parameters in contract.sizes.items()},
        }
    return row


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _short(path: Path) -> Path:
    """Relative to the working directory when it lies below it."""
    resolved = path.resolve()
    return resolved.relative_to(Path.cwd()) if resolved.is_relative_to(Path.cwd()) else path
