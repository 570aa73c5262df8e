"""Which grades that a person gave hold when a submission is graded again: those of answers that did not change.

nbgrader lists every grade of a person for another look whenever a submission is autograded. Beside the gradebook is
kept what each grade was saved for, and those whose answer, points and score by tests are what they were are taken off
the list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from coursekit.grading.submission import plain_files, read_plain

_MOMENT = "timestamp.txt"


def answers_path(course_dir: Path, assignment: str, notebook: str, student: str) -> Path:
    """Where is kept what the grades of one notebook were saved for."""
    return course_dir / "answers" / assignment / notebook / f"{student}.json"


def fingerprints(
    cells: Iterable[Mapping[str, Any]], scores: Mapping[str, float | None], submission: str
) -> dict[str, str]:
    """Name what each graded cell's grade stands on.

    An answer in words is graded by what stands in its cell. What a person gives for a program, or in the place of a
    test's score, may depend on all that was submitted, and on that score.

    Parameters
    ----------
    cells : iterable of mapping
        The autograded notebook's cells.
    scores : mapping of str to float or None
        Points by tests, by graded cell.
    submission : str
        The digest of everything that was submitted.

    Returns
    -------
    dict of str to str
        A digest for each graded cell.
    """
    found = {}
    for cell in cells:
        marks = cell["metadata"].get("nbgrader", {})
        name = marks.get("grade_id")
        if name in scores:
            in_words = cell["cell_type"] == "markdown" and marks.get("solution") and not marks.get("task")
            stands_on = [cell["source"]] if in_words else [submission, scores[name]]
            found[name] = hashlib.sha256(json.dumps([marks.get("points"), *stands_on]).encode()).hexdigest()
    return found


def submission_digest(folder: Path) -> str:
    """Name what was submitted, but not when."""
    found = hashlib.sha256()
    for name, path in sorted(plain_files(folder)[0].items()):
        if name != _MOMENT:
            found.update(f"{name}\0{hashlib.sha256(read_plain(path)).hexdigest()}\n".encode())
    return found.hexdigest()


def read_answers(path: Path) -> dict[str, str]:
    """Read what the grades were saved for; empty where nothing was kept."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def keep_answers(path: Path, answers: Mapping[str, str]) -> None:
    """Keep what the grades were saved for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(answers, indent=1), encoding="utf-8")
