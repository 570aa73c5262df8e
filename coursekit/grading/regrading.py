"""Grading again after a test was corrected: only what the correction touches runs, and every change is shown."""

from __future__ import annotations

from dataclasses import dataclass

from coursekit.grading.autograding import Progress, autograde, submissions
from coursekit.grading.book import grades
from coursekit.grading.flow import generate_students_version
from coursekit.grading.settings import GradingSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a student had for an assignment by tests, and has now."""

    student: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        """Points gained; negative if lost."""
        return self.after - self.before


def regrade(
    settings: GradingSettings, name: str, *, jobs: int | None = None, progress: Progress | None = None
) -> tuple[Change, ...]:
    """Take the checkout's corrected tests and grade what was collected again; nothing is published.

    Results of submissions are kept by their cells, the tests and the sandbox's image, so a submission that none of
    these has changed for is not run. Students keep the version that they have: nothing goes to the exchange.

    Parameters
    ----------
    settings : GradingSettings
        Course, folders.
    name : str
        The assignment.
    jobs : int, optional
        Sandboxes at once.
    progress : callable, optional
        As for :func:`autograde`.

    Returns
    -------
    tuple of Change
        One for each submission, by student.
    """
    before = _scores(settings, name)
    generate_students_version(settings, name)
    autograde(settings, name, jobs=jobs, progress=progress)
    after = _scores(settings, name)
    students = sorted(submissions(settings, name))
    return tuple(
        Change(student=student, before=before.get(student, 0.0), after=after.get(student, 0.0)) for student in students
    )


def _scores(settings: GradingSettings, name: str) -> dict[str, float]:
    return {grade.student: grade.auto_score for grade in grades(settings, name)}
