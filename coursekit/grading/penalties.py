"""Deadlines and late penalties of the whole gradebook, as ``hub/course.toml`` and the course page have them now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from coursekit.errors import GradingError, SettingsError
from coursekit.grading.book import open_gradebook
from coursekit.grading.catalog import find_assignment
from coursekit.grading.deadlines import Deadline, naive_utc, read_deadlines
from coursekit.grading.extensions import all_deadlines, read_extensions
from coursekit.grading.settings import GradingSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Lateness:
    """How late one submission is, and what that costs.

    Parameters
    ----------
    student, assignment : str
        Names.
    due : datetime or None
        The student's own deadline, UTC.
    submitted : datetime or None
        When, UTC.
    seconds_late : float
        After ``due``, s; 0 for in time.
    score, penalty : float
        Points before the penalty, and points that are taken from them.
    changed : bool
        Whether the penalty was another one before.
    """

    student: str
    assignment: str
    due: datetime | None
    submitted: datetime | None
    seconds_late: float
    score: float
    penalty: float
    changed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Stranger:
    """Somebody who has an extension and is not in the gradebook: ``given`` says where, in words for a message."""

    student: str
    assignment: str
    given: str


def course_deadlines(settings: GradingSettings) -> dict[str, Deadline]:
    """Read the deadlines of the course's assignments.

    Raises
    ------
    SettingsError
        If ``hub/course.toml`` is wrong, or names an assignment that the course does not have.
    """
    deadlines = all_deadlines(settings.course_file, settings.extensions_file)
    known = {path.parent.name for path in settings.assignments.glob("*/*.ipynb") if path.stem == path.parent.name}
    for name in deadlines.keys() - known:
        raise SettingsError(
            f"{settings.course_file} has a deadline for {name!r}, but the course has no such assignment.",
            fix=f"use one of {', '.join(sorted(known))}" if known else f"remove [assignments.{name}]",
        )
    return deadlines


def update_penalties(settings: GradingSettings, name: str | None = None) -> tuple[Lateness, ...]:
    """Bring due dates, extensions and late penalties in the gradebook up to date with ``hub/course.toml``.

    nbgrader computes a penalty when it autogrades. This does the same for all submissions, with the scores that they
    have now: after manual grading, or when a deadline, an extension or the rule has changed. An assignment that the
    file does not mention keeps the due date that it has in the gradebook, and lateness costs nothing.

    Parameters
    ----------
    settings : GradingSettings
        Course, folders.
    name : str, optional
        Only this assignment.

    Returns
    -------
    tuple of Lateness
        Every submission, by assignment, then student.

    Raises
    ------
    SettingsError
        If ``hub/course.toml`` is wrong.
    GradingError
        If the assignment is not in the gradebook, or another program holds the gradebook for too long.
    """
    from sqlalchemy.exc import OperationalError

    deadlines = course_deadlines(settings)
    found: list[Lateness] = []
    try:
        with open_gradebook(settings) as book:
            assignments = [each for each in book.assignments if name in (None, each.name)]
            if name is not None and not assignments:
                find_assignment(settings, name)
                raise GradingError(
                    f"the assignment {name!r} is not in the gradebook.", fix=f"coursekit assignment release {name}"
                )
            for assignment in sorted(assignments, key=lambda each: str(each.name)):
                deadline = deadlines.get(assignment.name)
                if deadline and assignment.duedate != naive_utc(deadline.due):
                    assignment.duedate = naive_utc(deadline.due)
                for submission in sorted(assignment.submissions, key=lambda each: str(each.student_id)):
                    found.append(_update(submission, deadline))
            book.db.commit()
    except OperationalError as error:
        raise GradingError(
            f"the gradebook of {settings.course_dir} could not be written: {error.orig}.",
            fix="wait until the grading that is under way has ended, then try again",
        ) from error
    return tuple(found)


def set_due_date(submission: Any, deadline: Deadline) -> None:
    """Write a deadline into nbgrader's records of one submission and of its assignment; the caller commits."""
    due = naive_utc(deadline.due)
    if submission.assignment.duedate != due:
        submission.assignment.duedate = due
    extension = naive_utc(deadline.due_for(submission.student_id)) - due
    if (submission.extension or None) != (extension or None):
        submission.extension = extension or None


def _update(submission: Any, deadline: Deadline | None) -> Lateness:
    if deadline:
        set_due_date(submission, deadline)
    late = float(submission.total_seconds_late) if submission.assignment.duedate else 0.0
    share = deadline.penalty_share(late) if deadline else 0.0
    score, changed = 0.0, False
    for notebook in submission.notebooks:
        penalty = notebook.score * share or None
        if (notebook.late_submission_penalty or None) != penalty:
            notebook.late_submission_penalty = penalty
            changed = True
        score += notebook.score
    return Lateness(
        student=submission.student_id,
        assignment=submission.assignment.name,
        due=_aware(submission.duedate) if submission.assignment.duedate else None,
        submitted=_aware(submission.timestamp),
        seconds_late=late,
        score=score,
        penalty=score * share,
        changed=changed,
    )


def strangers(settings: GradingSettings) -> tuple[Stranger, ...]:
    """Find extensions of students that the gradebook does not know, misspelt ones most likely.

    Returns
    -------
    tuple of Stranger
        By assignment, then student; one whom both places name comes twice.
    """
    with open_gradebook(settings) as book:
        students = {student.id for student in book.students}
    in_file = {name: deadline.extensions for name, deadline in read_deadlines(settings.course_file).items()}
    places: dict[str, Mapping[str, Mapping[str, datetime]]] = {
        "in hub/course.toml": in_file,
        "on the course page": read_extensions(settings.extensions_file),
    }
    found = [
        Stranger(student=student, assignment=name, given=place)
        for place, extensions in places.items()
        for name in extensions
        for student in extensions[name].keys() - students
    ]
    return tuple(sorted(found, key=lambda each: (each.assignment, each.student, each.given)))


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
