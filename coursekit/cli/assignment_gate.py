"""``coursekit assignment gate``: whether assignments are fair, as on a desk so in CI."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from coursekit.cli.choice import short_path
from coursekit.cli.output import Json, print_table
from coursekit.cli.progress import progress_bar
from coursekit.errors import SettingsError

if TYPE_CHECKING:
    from coursekit.config import Course
    from coursekit.grading import Verdict
    from coursekit.grading.gate_report import GateRun


def gate(
    name: Annotated[str | None, typer.Argument(help="The assignment.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All assignments of the course, as CI does.")] = False,
    students: Annotated[
        int, typer.Option("--students", help="So many more hand in right answers, each to inputs of their own.", min=0)
    ] = 0,
    jobs: Annotated[int | None, typer.Option("--jobs", help="Sandboxes at once.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Find out whether an assignment is fair: each answer gets its points, each test does its work, nothing leaks.

    What was found is left as a page to look at, build/gates/report.html, and as Markdown, build/gates/summary.md.
    """
    from coursekit.config import find_course
    from coursekit.grading import assignments_in
    from coursekit.grading.fairness import as_table, require_all_fair
    from coursekit.grading.gate_report import GateRun, write_gate_report

    if bool(name) == every:
        raise SettingsError("say which assignment, or --all.", fix="coursekit assignment gate --all")
    course = find_course()
    names = (name,) if name else tuple(found.name for found in assignments_in(course))
    run = GateRun(started=datetime.now(UTC), wanted=names)
    for each in names:
        run = _with_verdict(run, each, course, students, jobs, quiet=as_json)
        # After each, so that a call which is stopped leaves what it knows.
        page = write_gate_report(run, course.build / "gates")
    if as_json:
        tables = [as_table(verdict) for verdict in run.verdicts]
        typer.echo(json.dumps(tables if every else tables[0], indent=2))
    elif run.verdicts:
        typer.echo(f"{run.fair} of {len(names)} fair; see {short_path(page)}")
    require_all_fair(run.verdicts)


def _with_verdict(run: GateRun, name: str, course: Course, students: int, jobs: int | None, *, quiet: bool) -> GateRun:
    """Ask the gate about one assignment, and add what it says."""
    from coursekit.grading import default_settings
    from coursekit.grading import gate as ask_gate
    from coursekit.sandbox import choose_box

    began = time.monotonic()
    with progress_bar(f"gate of {name}:", shown=not quiet) as progress:
        verdict = ask_gate(default_settings(course), name, students=students, jobs=jobs, progress=progress)
    if not quiet:
        _show_verdict(verdict)
    return dataclasses.replace(
        run,
        verdicts=(*run.verdicts, verdict),
        seconds={**run.seconds, name: time.monotonic() - began},
        sandbox=run.sandbox or (choose_box().kind if verdict.answers else ""),
    )


def _show_verdict(verdict: Verdict) -> None:
    """Print what was checked, and what each answer got."""
    found = Counter(problem.check for problem in verdict.problems)
    print_table(
        [
            {"check": check, "of": what, "found": f"{found[check]} unfair" if found[check] else "✓"}
            for check, what in verdict.checked.items()
        ],
        title=f"{verdict.assignment}: {'fair' if verdict.is_fair else 'not fair'}",
    )
    if verdict.answers:
        print_table(
            [
                {
                    "answer": each.answer,
                    "must get": each.declared,
                    "gets": each.score,
                    "seconds": round(each.seconds, 1),
                }
                for each in verdict.answers
            ]
        )
