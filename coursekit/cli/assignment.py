"""``coursekit assignment``: gate, release, collect, autograde, penalties, overview, feedback, export."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coursekit.cli.assignment_gate import gate
from coursekit.cli.output import Json, show
from coursekit.cli.progress import progress_bar

if TYPE_CHECKING:
    from coursekit.grading import GradingSettings

app = typer.Typer(
    no_args_is_help=True,
    help="Assignments, from release to feedback, on nbgrader's formats, exchange and gradebook.",
    epilog="Example:  coursekit assignment list",
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="The assignment, as `coursekit assignment list` names it.")]
Force = Annotated[bool, typer.Option("--force", help="Do it again, over what was done before.")]

Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Sandboxes at once; as many as cores and memory allow by default.")
]

_GRADE_LABELS = {
    "auto_score": "by tests",
    "auto_max": "of",
    "manual_score": "by a person",
    "manual_max": "of ",
    "penalty": "late",
    "score": "total",
    "max_score": "of  ",
    "needs_manual": "to be graded",
}


@app.command("list", epilog="Example:  coursekit assignment list --json")
def list_assignments(as_json: Json = False) -> None:
    """List the course's assignments and how far each has come."""
    from coursekit.config import find_course
    from coursekit.grading import assignments_in

    labels = {"auto_points": "by tests", "manual_points": "by a person"}
    show(_rows(assignments_in(find_course()), labels, as_json), as_json=as_json, empty="no assignment in this course")


@app.command(epilog="Example:  coursekit assignment status a1")
def status(
    name: Annotated[str | None, typer.Argument(help="Only this assignment.")] = None, as_json: Json = False
) -> None:
    """Show the gradebook: every student, every released assignment; of one, its questions and failures too."""
    from coursekit.grading import grades

    if name is not None:
        _show_assignment(name, as_json=as_json)
        return
    _update_penalties()
    empty = "the gradebook is empty: release an assignment and collect submissions first"
    show(_rows(grades(_settings()), _GRADE_LABELS, as_json), as_json=as_json, empty=empty)


@app.command(epilog="Example:  coursekit assignment overview a1 --open")
def overview(
    name: Name,
    to: Annotated[Path | None, typer.Option("--to", help="The file. [default: build/overview/<name>.html]")] = None,
    show_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Make a page of one assignment: scores, difficulty, failures, time, similar submissions, flags."""
    import webbrowser

    from coursekit.config import find_course
    from coursekit.grading.overview import look_at
    from coursekit.grading.page import write_page

    view = look_at(_settings(), name)
    if as_json:
        typer.echo(json.dumps(asdict(view), indent=2, default=str))
        return
    path = write_page(view, to or find_course().build / "overview" / f"{name}.html")
    typer.echo(f"The overview of {name} is {path}. It holds names and grades.")
    if show_it and not webbrowser.open(path.resolve().as_uri()):
        typer.echo("No browser could be opened here: open the file yourself.", err=True)


app.command(epilog="Example:  coursekit assignment gate a1")(gate)


@app.command(epilog="Example:  coursekit assignment release a1")
def release(name: Name, force: Force = False) -> None:
    """Make the students' version and put it into the exchange, if the gate finds the assignment fair."""
    from coursekit.grading import release

    with progress_bar("gate:", shown=True) as progress:
        released = release(_settings(), name, force=force, progress=progress)
    _update_penalties()
    typer.echo(
        f"{name} is released: {', '.join(released.files)}; {released.auto_points:g} points by tests, "
        f"{released.manual_points:g} by a person."
    )


@app.command(epilog="Example:  coursekit assignment collect a1 --json")
def collect(name: Name, as_json: Json = False) -> None:
    """Collect each student's latest submission from the exchange."""
    from coursekit.grading import collect

    collected = collect(_settings(), name)
    show(_rows(collected, {"path": None}, as_json), as_json=as_json, empty=f"nobody has submitted {name} yet")


@app.command(epilog="Example:  coursekit assignment autograde a1 --student ada")
def autograde(
    name: Name,
    student: Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")] = None,
    force: Force = False,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Autograde what has been collected, in sandboxes: what is new or has new tests, or with --force all."""
    from coursekit.grading import autograde

    _update_penalties()
    _warn_of_weakness()
    with progress_bar("autograding", shown=not as_json) as progress:
        graded = autograde(_settings(), name, students=student, force=force, jobs=jobs, progress=progress)
    labels = {**_GRADE_LABELS, "log": None, "trouble": None}
    show(_rows(graded, labels, as_json), as_json=as_json, empty=f"no submission of {name} has been collected")


@app.command(epilog="Example:  coursekit assignment regrade a1")
def regrade(name: Name, jobs: Jobs = None, as_json: Json = False) -> None:
    """Grade again with corrected tests, and show old and new scores; nothing is published before you say so."""
    from coursekit.grading import regrade

    _warn_of_weakness()
    with progress_bar("grading again", shown=not as_json) as progress:
        changes = regrade(_settings(), name, jobs=jobs, progress=progress)
    rows = [{**asdict(change), "difference": change.difference} for change in changes]
    show(rows, as_json=as_json, empty=f"no submission of {name} has been collected")
    if not as_json:
        changed = sum(change.difference != 0 for change in changes)
        typer.echo(f"{changed} of {len(changes)} scores changed. Publish them: coursekit assignment feedback {name}")


@app.command(epilog="Example:  coursekit assignment penalties a1")
def penalties(name: Name, as_json: Json = False) -> None:
    """Compute late penalties again, from deadlines, extensions and scores of now; status and export do so too."""
    from coursekit.grading import update_penalties

    rows = _rows(update_penalties(_settings(), name), {"seconds_late": "late by, s", "assignment": None}, as_json)
    _warn_of_strangers(name)
    show(rows, as_json=as_json, empty=f"no submission of {name} is in the gradebook")


@app.command(epilog="Example:  coursekit assignment feedback a1")
def feedback(name: Name, as_json: Json = False) -> None:
    """Make the feedback pages and let the students fetch them."""
    from coursekit.grading import grades, publish_feedback

    settings = _settings()
    if left := sum(grade.needs_manual for grade in grades(settings, name)):
        typer.echo(f"Warning: {left} still to be graded by a person; what nobody has graded counts as 0.", err=True)
    show(_rows(publish_feedback(settings, name), {}, as_json), as_json=as_json)


@app.command(epilog="Example:  coursekit assignment export grades.csv --for canvas")
def export(
    path: Annotated[Path, typer.Argument(help="The CSV file to write.")] = Path("grades.csv"),
    layout: Annotated[str, typer.Option("--for", help="Who reads it: plain, canvas or moodle.")] = "plain",
) -> None:
    """Write all grades as CSV, after late penalties, in nbgrader's columns or as Canvas or Moodle imports them."""
    from coursekit.errors import SettingsError
    from coursekit.grading import Format, export_grades

    if layout not in list(Format):
        raise SettingsError(f"nobody reads grades as {layout!r}.", fix=f"use --for {' or '.join(Format)}")
    typer.echo(f"The grades are in {export_grades(_settings(), path, layout=Format(layout))}.")


def _show_assignment(name: str, *, as_json: bool) -> None:
    from coursekit.grading.overview import look_at

    view = look_at(_settings(), name)
    if as_json:
        found = asdict(view)
        shown = {"students": found["grades"], "questions": found["questions"], "failures": found["failures"]}
        typer.echo(json.dumps(shown, indent=2, default=str))
        return
    show(_rows(view.grades, _GRADE_LABELS, as_json), as_json=as_json)
    questions = [{**asdict(each), "mean_share": _percent(each.mean_share)} for each in view.questions]
    labels = {"full": "all points", "pending": "to be graded", "mean_share": "mean"}
    show([{labels.get(key, key): value for key, value in row.items()} for row in questions], as_json=as_json, empty="")
    if view.failures:
        typer.echo("Tests without full points: " + ", ".join(f"{n} {kind}" for kind, n in view.failures.items()) + ".")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _settings() -> GradingSettings:
    from coursekit.config import find_course
    from coursekit.grading import default_settings

    return default_settings(find_course())


def _warn_of_weakness() -> None:
    """Say so where strangers' code would not be kept apart."""
    from coursekit.sandbox import choose_box

    box = choose_box()
    if box.weakness:
        typer.secho(f"Warning: sandbox {box.kind}: {box.weakness}.", fg="yellow", err=True)


def _update_penalties() -> None:
    from coursekit.grading import update_penalties

    update_penalties(_settings())


def _warn_of_strangers(name: str) -> None:
    from coursekit.grading.penalties import strangers

    for each in strangers(_settings()):
        if each.assignment == name:
            typer.echo(
                f"Warning: {each.student!r}, for whom an extension was given {each.given}, is not in the gradebook.",
                err=True,
            )


def _rows(things: Iterable[Any], labels: Mapping[str, str | None], as_json: bool) -> list[dict[str, Any]]:
    """Make rows of dataclasses: field names for machines, labels for people, without the fields labelled None."""
    rows = [asdict(thing) for thing in things]
    if as_json:
        return rows
    return [
        {str(labels.get(key, key)): _text(value) for key, value in row.items() if labels.get(key, key) is not None}
        for row in rows
    ]


def _text(value: Any) -> Any:
    if isinstance(value, tuple):
        return "\n".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return round(value, 2) if isinstance(value, float) else value
