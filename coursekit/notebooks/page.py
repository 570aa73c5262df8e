"""What came of a run as one HTML page that needs nothing else: no script, and all of notebooks is text."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from coursekit.config import format_memory, format_time
from coursekit.errors import CoursekitError
from coursekit.notebooks.executed import cell_outputs
from coursekit.notebooks.outcome import DRIFTED, HOW_IT_READS, Conditions, Outcome
from coursekit.notebooks.summary import shorten_traceback

_SHOWN_LINES: Final = 60
_SHOWN_CHARACTERS: Final = 12_000


def report_page(outcomes: Sequence[Outcome], conditions: Conditions, out: Path) -> str:
    """Lay out a run as HTML; links are relative to ``out``."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("coursekit.notebooks"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"memory": format_memory, "duration": format_time}
    return environment.get_template("report.html").render(
        conditions=conditions,
        cores=os.cpu_count(),
        python=platform.python_version(),
        notebooks=[_view(outcome, out) for outcome in outcomes],
    )


def relative_to(path: Path, out: Path) -> str:
    """Give a path as seen from the folder of the results, where it lies in it."""
    resolved, base = path.resolve(), out.resolve()
    return resolved.relative_to(base).as_posix() if resolved.is_relative_to(base) else str(resolved)


def _view(outcome: Outcome, out: Path) -> dict[str, Any]:
    """Give what the page shows of a notebook."""
    failure = outcome.failure
    said = cell_outputs(outcome.output).get(failure.cell, "") if failure else ""
    return {
        "outcome": outcome,
        "title": _title(outcome),
        "state": _state(outcome),
        "verdict": HOW_IT_READS[outcome.status],
        "executed": _link(outcome.output, out),
        "log": _link(outcome.log, out),
        "time_bar": _bar(outcome.seconds, outcome.planned_seconds),
        "memory_bar": _bar(outcome.memory, outcome.planned_memory),
        "said": _end_of(said),
        "error": shorten_traceback(failure.traceback) if failure else "",
    }


def _title(outcome: Outcome) -> str:
    try:
        return outcome.notebook.contract().title
    except CoursekitError:
        return ""


def _state(outcome: Outcome) -> str:
    if outcome.has_passed:
        return "passed"
    return "drifted" if outcome.status in DRIFTED else "interrupted" if outcome.status == "interrupted" else "failed"


def _bar(taken: float, planned: float) -> float:
    """Give how long a bar is whose whole length is twice the plan, in percent."""
    return round(min(100.0, 50 * taken / planned), 1) if planned else 0.0


def _link(path: Path, out: Path) -> str:
    return quote(relative_to(path, out)) if path.exists() else ""


def _end_of(text: str) -> str:
    lines = text.rstrip().splitlines()
    return "\n".join(lines[-_SHOWN_LINES:])[-_SHOWN_CHARACTERS:]
