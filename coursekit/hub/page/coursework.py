"""Where the assignments stand, read from the exchange and the course's folders; nothing is written.

For a student only what is theirs; for instructors counts, and who fails most tests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from coursekit.errors import SettingsError
from coursekit.grading import Deadline, GradingSettings
from coursekit.grading.reports import Report, read_reports
from coursekit.grading.settings import check_name
from coursekit.hub.page.feedback import FeedbackPage, released_feedback

# nbgrader's name of a submission: student+assignment+time+random.
_NAME: Final = re.compile(r"([^+]*)\+([^+]+)\+(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,6}) UTC(?:\+.*)?", re.ASCII)
_FAILING: Final = ("failed", "timeout", "died", "skipped")
_FEWEST_FAILING: Final = 2

Stage = Literal["open", "submitted", "graded", "feedback"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One assignment as a student sees it.

    Parameters
    ----------
    assignment : str
        Its name.
    due : datetime or None
        The student's own deadline.
    is_extended : bool
        Whether that is later than everybody's.
    submitted : datetime or None
        When they last submitted.
    stage : str
        How far it is.
    feedback : tuple of FeedbackPage
        What was released to them.
    """

    assignment: str
    due: datetime | None
    is_extended: bool
    submitted: datetime | None
    stage: Stage
    feedback: tuple[FeedbackPage, ...]

    @property
    def points(self) -> tuple[float, float] | None:
        """Points, and of how many, if the released feedback tells them for every notebook."""
        scores = [(page.score, page.most) for page in self.feedback]
        known = [(score, most) for score, most in scores if score is not None and most is not None]
        if not known or len(known) < len(scores):
            return None
        return sum(score for score, _ in known), sum(most for _, most in known)

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether the deadline has passed without a submission."""
        return self.due is not None and self.submitted is None and now > self.due


@dataclass(frozen=True, kw_only=True, slots=True)
class Struggle:
    """A student who fails at least half of an assignment's tests."""

    student: str
    assignment: str
    failing: int
    tests: int
    worst: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassWork:
    """One assignment as instructors see it; numbers of students."""

    assignment: str
    due: datetime | None
    extended: int
    submitted: int
    graded: int
    flagged: int
    struggles: tuple[Struggle, ...]


def released_assignments(settings: GradingSettings) -> tuple[str, ...]:
    """Name what students can fetch."""
    return tuple(sorted(path.name for path in settings.outbound.glob("*") if path.is_dir()))


def work_of(settings: GradingSettings, deadlines: Mapping[str, Deadline], student: str) -> tuple[Work, ...]:
    """Tell how far a student's assignments are, the next to be due first."""
    mine: dict[str, datetime] = {}
    for _, assignment, moment in _submissions(settings, student):
        mine[assignment] = max(moment, mine.get(assignment, moment))
    found = [
        _work(settings, deadlines.get(name), name, student, mine.get(name)) for name in released_assignments(settings)
    ]
    far = datetime.max.replace(tzinfo=UTC)
    return tuple(sorted(found, key=lambda work: (work.due or far, work.assignment)))


def work_of_class(settings: GradingSettings, deadlines: Mapping[str, Deadline]) -> tuple[ClassWork, ...]:
    """Count submissions, and what became of them, by assignment."""
    submitted: dict[str, set[str]] = {}
    for student, assignment, _ in _submissions(settings):
        submitted.setdefault(assignment, set()).add(student)
    return tuple(
        _class_work(settings, deadlines.get(name), name, submitted.get(name, set()))
        for name in released_assignments(settings)
    )


def known_students(settings: GradingSettings) -> frozenset[str]:
    """Name everybody who has handed in anything."""
    return frozenset(student for student, *_ in _submissions(settings)) | _folders(settings.course_dir / "submitted")


def _work(
    settings: GradingSettings,
    deadline: Deadline | None,
    assignment: str,
    student: str,
    submitted: datetime | None,
) -> Work:
    due = deadline.due_for(student) if deadline else None
    feedback = released_feedback(settings, assignment, student)
    graded = _is_graded(settings, assignment, student)
    stage: Stage = "feedback" if feedback else "graded" if graded else "submitted" if submitted else "open"
    return Work(
        assignment=assignment,
        due=due,
        is_extended=bool(deadline and due and due > deadline.due),
        submitted=submitted,
        stage=stage,
        feedback=feedback,
    )


def _class_work(settings: GradingSettings, deadline: Deadline | None, name: str, inbound: set[str]) -> ClassWork:
    reports = read_reports(settings.course_dir, name)
    collected = {path.parent.name for path in (settings.course_dir / "submitted").glob(f"*/{name}")}
    return ClassWork(
        assignment=name,
        due=deadline.due if deadline else None,
        extended=sum(deadline.due_for(who) > deadline.due for who in deadline.extensions) if deadline else 0,
        submitted=len(inbound | collected),
        graded=len({path.parent.name for path in (settings.course_dir / "autograded").glob(f"*/{name}")}),
        flagged=sum(bool(report.flags) for report in reports.values()),
        struggles=tuple(found for who, report in reports.items() if (found := struggle(who, name, report))),
    )


def struggle(student: str, assignment: str, report: Report) -> Struggle | None:
    """Tell whether somebody fails at least half of the tests, and how they end most often; pure."""
    failing = [status for status in report.statuses.values() if status in _FAILING]
    if len(failing) < _FEWEST_FAILING or 2 * len(failing) < len(report.statuses):
        return None
    worst = max(_FAILING, key=failing.count)
    return Struggle(
        student=student, assignment=assignment, failing=len(failing), tests=len(report.statuses), worst=worst
    )


def _is_graded(settings: GradingSettings, assignment: str, student: str) -> bool:
    try:
        check_name("student", student)
    except SettingsError:
        return False
    return (settings.course_dir / "autograded" / student / assignment).is_dir()


def _submissions(settings: GradingSettings, student: str | None = None) -> Iterator[tuple[str, str, datetime]]:
    """Give who submitted what and when, in the common folder of the exchange and in students' own.

    In a folder of somebody's own it is theirs, whatever its name says; only the time is taken from there.
    """
    for name in _folders(settings.inbound):
        if "+" in name:
            if student in (None, name.partition("+")[0]):
                yield from _read(name, None)
        elif student in (None, name):
            for own in _folders(settings.inbound / name):
                yield from _read(own, name)


def _read(name: str, owner: str | None) -> Iterator[tuple[str, str, datetime]]:
    match = _NAME.fullmatch(name)
    if match is None:
        return
    try:
        moment = datetime.strptime(match[3], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return
    yield owner or match[1], match[2], moment


def _folders(folder: Path) -> frozenset[str]:
    """Name the folders in a folder; a link to one is none. There may be thousands, and pages ask often."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return frozenset()
