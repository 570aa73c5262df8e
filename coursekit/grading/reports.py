"""The reports that the grader leaves beside the gradebook (``verdicts.py``), read back as data that may be missing."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STATUSES = ("passed", "partial", "failed", "timeout", "died", "skipped")


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that a person should look at: its kind in a word, and what it is."""

    kind: str
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What the grader found out about one submission.

    Parameters
    ----------
    seconds : float or None
        How long it ran, s.
    flags : tuple of Flag
        What a person should look at.
    statuses : dict of str to str
        How each test cell ended, one of ``STATUSES``, by cell.
    """

    seconds: float | None = None
    flags: tuple[Flag, ...] = ()
    statuses: dict[str, str] = field(default_factory=dict)


def read_reports(course_dir: Path, assignment: str) -> dict[str, Report]:
    """Read all reports of an assignment, by student; what is missing or not as it should be is left out."""
    found = {}
    for path in sorted((course_dir / "reports" / assignment).glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            found[path.stem] = _report(content)
    return found


def _report(content: dict[str, Any]) -> Report:
    flags, cells = content.get("flags"), content.get("cells")
    return Report(
        seconds=_seconds(content.get("seconds")),
        flags=tuple(
            Flag(str(each.get("kind", "flag")), str(each.get("what", "")))
            for each in (flags if isinstance(flags, list) else ())
            if isinstance(each, dict)
        ),
        statuses={
            name: str(cell["status"])
            for name, cell in (cells if isinstance(cells, dict) else {}).items()
            if isinstance(cell, dict) and cell.get("status") in STATUSES
        },
    )


def _seconds(value: object) -> float | None:
    timed = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    return float(value) if timed and isinstance(value, int | float) else None
