"""The gradebook: nbgrader's own database, read and written through nbgrader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from coursekit.grading.settings import GradingSettings, check_name, put_scripts_on_path


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """What one student has for one assignment.

    Parameters
    ----------
    student, assignment : str
        Names.
    auto_score, auto_max : float
        Points that the tests gave, of how many. A grader's correction of a test's score shows in ``score`` only.
    manual_score, manual_max : float
        Points that a person gave, of how many.
    penalty : float
        Points that being late costs.
    score, max_score : float
        nbgrader's total after corrections and late penalty, of how many.
    needs_manual : bool
        Whether a person has yet to grade something.
    submitted : datetime or None
        When, UTC; None if nothing was submitted.
    """

    student: str
    assignment: str
    auto_score: float
    auto_max: float
    manual_score: float
    manual_max: float
    penalty: float = 0.0
    score: float
    max_score: float
    needs_manual: bool
    submitted: datetime | None


def open_gradebook(settings: GradingSettings) -> Any:
    """Open nbgrader's gradebook; to be used in a ``with`` statement."""
    from nbgrader.api import Gradebook

    put_scripts_on_path()
    settings.course_dir.mkdir(parents=True, exist_ok=True)
    return Gradebook(settings.db_url, settings.course_id)


def enter_refused(settings: GradingSettings, name: str, student: str) -> None:
    """Enter a submission that could not be read: no points, and a person has to look."""
    with open_gradebook(settings) as book:
        book.update_or_create_student(student)
        submission = book.update_or_create_submission(name, student, timestamp=datetime.now(UTC).replace(tzinfo=None))
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.auto_score, grade.needs_manual_grade = 0.0, True
        book.db.commit()


def add_students(settings: GradingSettings, names: Iterable[str], *, emails: Mapping[str, str] | None = None) -> None:
    """Enter students in the gradebook; those already there stay, with what is known of them.

    Parameters
    ----------
    settings : GradingSettings
        Which gradebook.
    names : iterable of str
        The students.
    emails : mapping of str to str, optional
        Their addresses, which take the place of earlier ones; of who has none here, the earlier one stays.
    """
    wanted = tuple(names)
    for name in wanted:
        check_name("student", name)
    with open_gradebook(settings) as book:
        for name in wanted:
            email = (emails or {}).get(name)
            book.update_or_create_student(name, **({"email": email} if email else {}))


def grades(settings: GradingSettings, name: str | None = None, *, student: str | None = None) -> tuple[Grade, ...]:
    """Read the gradebook.

    Parameters
    ----------
    settings : GradingSettings
        Which gradebook.
    name : str, optional
        Only this assignment.
    student : str, optional
        Only this student.

    Returns
    -------
    tuple of Grade
        Every student of the gradebook for every released assignment, by assignment, then student. Who submitted
        nothing has 0 points and ``submitted`` None.
    """
    with open_gradebook(settings) as book:
        return tuple(
            _grade(book, assignment, who.id)
            for assignment in sorted(book.assignments, key=lambda each: str(each.name))
            if name in (None, assignment.name)
            for who in sorted(book.students, key=lambda each: str(each.id))
            if student in (None, who.id)
        )


def _grade(book: Any, assignment: Any, student: str) -> Grade:
    from nbgrader.api import MissingEntry

    # A cell that is both graded and filled in by the student is graded by a person.
    by_person = {(notebook.name, cell.name) for notebook in assignment.notebooks for cell in notebook.solution_cells}
    cells = [
        (cell.max_score, (notebook.name, cell.name) in by_person or not hasattr(cell, "cell_type"))
        for notebook in assignment.notebooks
        for cell in (*notebook.grade_cells, *notebook.task_cells)
    ]
    try:
        submission = book.find_submission(assignment.name, student)
    except MissingEntry:
        submission, parts = None, []
    else:
        parts = [
            (grade, (notebook.name, grade.name) in by_person)
            for notebook in submission.notebooks
            for grade in notebook.grades
        ]
    penalty = (submission.late_submission_penalty or 0.0) if submission else 0.0
    return Grade(
        student=student,
        assignment=assignment.name,
        auto_score=sum(part.auto_score or 0.0 for part, manual in parts if not manual),
        auto_max=sum(points for points, manual in cells if not manual),
        manual_score=sum(part.score or 0.0 for part, manual in parts if manual),
        manual_max=sum(points for points, manual in cells if manual),
        penalty=penalty,
        score=max(0.0, submission.score - penalty) if submission else 0.0,
        max_score=assignment.max_score,
        needs_manual=any(part.needs_manual_grade for part, _ in parts),
        submitted=submission.timestamp.replace(tzinfo=UTC) if submission and submission.timestamp else None,
    )
