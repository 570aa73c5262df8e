"""Feedback that was released to a student: the very files that nbgrader put into the exchange for them.

Grades are read from these pages and from nowhere else. What was graded since, or is being graded again, students see
nothing of until it is released too.
"""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coursekit.errors import SettingsError
from coursekit.grading import GradingSettings
from coursekit.grading.settings import check_name

# The first heading of nbgrader's page (formgrader/templates/feedback/index.html.j2); late penalties are taken off.
_SCORE: Final = re.compile(r"<h4>[^<]*\(Score: (-?\d+(?:\.\d+)?) / (\d+(?:\.\d+)?)\)</h4>")
_HEAD: Final = 2_000_000  # nbgrader's style sheets come first


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackPage:
    """One notebook's page, and the points that it tells; None where it tells none."""

    notebook: str
    path: Path
    score: float | None = None
    most: float | None = None


def released_feedback(settings: GradingSettings, assignment: str, student: str) -> tuple[FeedbackPage, ...]:
    """List the pages of one student for one assignment that have been released, by notebook.

    Parameters
    ----------
    settings : GradingSettings
        Course and exchange.
    assignment, student : str
        Of what and whose; names that cannot be folders have no pages.
    """
    try:
        check_name("assignment", assignment)
        check_name("student", student)
    except SettingsError:
        return ()
    made = settings.course_dir / "feedback" / student / assignment
    try:
        secret = (made / "submission_secret.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    pages = (_find(settings, student, page.stem, secret) for page in sorted(made.glob("*.html")))
    return tuple(page for page in pages if page is not None)


def _find(settings: GradingSettings, student: str, notebook: str, secret: str) -> FeedbackPage | None:
    """Find a page by the name that nbgrader gives it (``nbgrader.utils.notebook_hash``), which nobody can guess."""
    name = hashlib.md5(f"{secret}{notebook}".encode(), usedforsecurity=False).hexdigest()
    common = settings.exchange / settings.course_id / "feedback"
    for folder in (common / student, common):  # where students have folders of their own, it is there
        path = folder / f"{name}.html"
        if path.is_file() and not path.is_symlink():
            score, most = _score(path)
            return FeedbackPage(notebook=notebook, path=path, score=score, most=most)
    return None


def _score(path: Path) -> tuple[float | None, float | None]:
    try:
        now = path.stat()
    except OSError:
        return None, None
    return _read_score(path, now.st_mtime_ns, now.st_size)


@functools.lru_cache(maxsize=4096)
def _read_score(path: Path, *_version: int) -> tuple[float | None, float | None]:
    """Read a page once for each version of it: students' browsers ask every few seconds."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            match = _SCORE.search(file.read(_HEAD))
    except OSError:
        return None, None
    return (float(match[1]), float(match[2])) if match else (None, None)
