"""``coursekit rehearse``: a class of bot students on the running Hub."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coursekit.cli.hub import Engine
from coursekit.cli.output import Json, show
from coursekit.config import find_course

if TYPE_CHECKING:
    from coursekit.grading import Grade
    from coursekit.hub.results import BotResult, Rehearsal


def rehearse(
    students: Annotated[int, typer.Option(min=1, help="Number of bot students.")] = 3,
    assignment: Annotated[str, typer.Option(help="The assignment that they do.")] = "a1",
    workers: Annotated[int, typer.Option(min=0, help="Of the Spark cluster that each bot starts; 0: none.")] = 1,
    engine: Engine = None,
    as_json: Json = False,
) -> None:
    """Play a class on the running Hub, from the login to the feedback.

    Bots log in, run a job on their own cluster, fetch, answer and submit; they are graded, and read their feedback.

    The bots answer fully, by half, wrongly, and with a trick that the grader must see, in turn. The command fails if a
    bot's grade is not what it deserves.
    """
    from coursekit.cli.steps import watching
    from coursekit.hub.rehearse import rehearse as play
    from coursekit.hub.server import running_hub
    from coursekit.hub.settings import read_settings

    settings = read_settings(find_course(), engine=engine)
    hub = running_hub(settings)
    with watching(quiet=as_json) as watch:
        rehearsal = play(settings, hub, students=students, assignment=assignment, workers=workers, watch=watch)
    show_rehearsal(rehearsal, as_json=as_json)
    rehearsal.require_deserved()


def show_rehearsal(rehearsal: Rehearsal, *, as_json: bool) -> None:
    """Print the gradebook and the times of each step."""
    if as_json:
        typer.echo(json.dumps(_as_json(rehearsal), indent=2, default=str))
        return
    gradebook = [_gradebook_row(result) for result in rehearsal.results]
    show(gradebook, as_json=False, title=f"Gradebook of {rehearsal.assignment}")
    times = [
        {
            "step": step.step,
            "students": step.count,
            "median, s": f"{step.median_s:.2f}",
            "95th percentile, s": f"{step.p95_s:.2f}",
        }
        for step in rehearsal.times
    ]
    show(times, as_json=False, title="How long each step took a student")


def _as_json(rehearsal: Rehearsal) -> dict[str, Any]:
    results = [{**asdict(result), "is_as_deserved": result.is_as_deserved} for result in rehearsal.results]
    return {**asdict(rehearsal), "results": results}


def _gradebook_row(result: BotResult) -> dict[str, str]:
    grade = result.grade
    return {
        "student": result.student,
        "answers": result.answers,
        "due": f"{result.deserved:g}",
        "automatic": f"{grade.auto_score:g} / {grade.auto_max:g}" if grade else "none",
        "by hand": _by_hand(grade),
        "feedback": f"{result.feedback[0]:g} / {result.feedback[1]:g}" if result.feedback else "none",
        "right": "yes" if result.is_as_deserved else "NO",
    }


def _by_hand(grade: Grade | None) -> str:
    if grade is None or not grade.manual_max:
        return ""
    return "not yet" if grade.needs_manual else f"{grade.manual_score:g} / {grade.manual_max:g}"
