"""What an instructor wants to know about a graded assignment, computed from gradebook, submissions and reports."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coursekit.errors import CoursekitError, GradingError
from coursekit.grading.answers import is_solution
from coursekit.grading.autograding import submissions
from coursekit.grading.book import Grade, grades, open_gradebook
from coursekit.grading.catalog import find_assignment, read_notebook
from coursekit.grading.penalties import update_penalties
from coursekit.grading.reports import Flag, Report, read_reports
from coursekit.grading.settings import GradingSettings
from coursekit.grading.similarity import Pair, similar_pairs
from coursekit.grading.submission import read_submitted


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """The points of one student for one cell; ``score`` is None where a person has yet to give them."""

    student: str
    cell: str
    score: float | None
    most: float
    by_tests: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """How difficult one graded cell was.

    Parameters
    ----------
    cell : str
        The graded cell.
    points : float
        What it is worth.
    full, some, none, pending : int
        Submissions with all points, with a part of them, with none, and those that a person has yet to grade.
    mean_share : float or None
        Mean share of the points, 0 to 1; None if nobody has been graded.
    """

    cell: str
    points: float
    full: int
    some: int
    none: int
    pending: int
    mean_share: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """A graded assignment at a glance.

    Parameters
    ----------
    assignment : str
        Its name.
    made : datetime
        When this was computed, UTC.
    grades : tuple of Grade
        All students of the gradebook.
    questions : tuple of Question
        In the order of the notebook.
    failures : dict of str to int
        Tests without full points, by how they ended, the most frequent first.
    seconds : dict of str to float
        How long the submissions ran, s, by student.
    pairs : tuple of Pair
        Submissions that are alike.
    flags : dict of str to tuple of Flag
        What a person should look at, by student; only who has any.
    """

    assignment: str
    made: datetime
    grades: tuple[Grade, ...]
    questions: tuple[Question, ...]
    failures: dict[str, int]
    seconds: dict[str, float]
    pairs: tuple[Pair, ...]
    flags: dict[str, tuple[Flag, ...]]

    @property
    def submitted(self) -> tuple[Grade, ...]:
        """Grades of those who submitted something."""
        return tuple(each for each in self.grades if each.submitted is not None)

    @property
    def max_score(self) -> float:
        """What the assignment is worth."""
        return max((each.max_score for each in self.grades), default=0.0)


def look_at(settings: GradingSettings, name: str) -> Overview:
    """Compute an overview of one assignment, with late penalties as they are now.

    Raises
    ------
    AssignmentNotFoundError, GradingError
        If the course has no such assignment, or nobody has released it.
    """
    update_penalties(settings, name)
    marks = read_marks(settings, name)
    reports = read_reports(settings.course_dir, name)
    people = grades(settings, name)
    if not people:
        find_assignment(settings, name)
        raise GradingError(f"the gradebook has no students for {name!r}.", fix=f"coursekit assignment collect {name}")
    known = {each.student for each in people}
    return Overview(
        assignment=name,
        made=datetime.now(UTC),
        grades=people,
        questions=difficulty(marks),
        failures=failures(marks, reports),
        seconds={who: each.seconds for who, each in reports.items() if who in known and each.seconds is not None},
        pairs=similar_pairs(*read_answers(settings, name)),
        flags={who: each.flags for who, each in reports.items() if who in known and each.flags},
    )


def difficulty(marks: Iterable[Mark]) -> tuple[Question, ...]:
    """Count for each graded cell who got how much of it, in the order in which the cells first come."""
    by_cell: dict[str, list[Mark]] = {}
    for mark in marks:
        by_cell.setdefault(mark.cell, []).append(mark)
    return tuple(_question(cell, found) for cell, found in by_cell.items() if found[0].most > 0)


def _question(cell: str, marks: list[Mark]) -> Question:
    shares = [mark.score / mark.most for mark in marks if mark.score is not None and mark.most]
    full, none = sum(share >= 1 for share in shares), sum(share <= 0 for share in shares)
    return Question(
        cell=cell,
        points=marks[0].most,
        full=full,
        some=len(shares) - full - none,
        none=none,
        pending=len(marks) - len(shares),
        mean_share=statistics.fmean(shares) if shares else None,
    )


def failures(marks: Iterable[Mark], reports: Mapping[str, Report]) -> dict[str, int]:
    """Count tests without full points by how they ended: as the report says, else as the points show."""
    counts: Counter[str] = Counter()
    for mark in marks:
        if mark.by_tests and mark.score is not None and mark.score < mark.most:
            report = reports.get(mark.student, Report())
            shown = "partial" if mark.score > 0 else "failed"
            status = report.statuses.get(mark.cell, shown)
            counts[shown if status == "passed" else status] += 1
    return dict(counts.most_common())


def read_marks(settings: GradingSettings, name: str) -> tuple[Mark, ...]:
    """Read the points of every graded cell of every submission from the gradebook."""
    order = {cell: place for place, cell in enumerate(_graded_cells(settings, name))}
    with open_gradebook(settings) as book:
        found = [
            _mark(submission.student_id, grade)
            for submission in book.assignment_submissions(name)
            for notebook in submission.notebooks
            for grade in notebook.grades
        ]
    return tuple(sorted(found, key=lambda mark: (order.get(mark.cell, len(order)), mark.cell, mark.student)))


def _mark(student: str, grade: Any) -> Mark:
    return Mark(
        student=student,
        cell=grade.name,
        score=None if grade.needs_manual_grade else float(grade.score or 0.0),
        most=float(grade.max_score or 0.0),
        by_tests=grade.cell_type == "code",
    )


def read_answers(settings: GradingSettings, name: str) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Read the solution cells of all submissions, by student and cell, and the same cells as they were released."""
    released = {
        cell: source
        for path in _released(settings, name)
        for cell, source in _solutions(read_notebook(path)["cells"]).items()
    }
    names = [path.name for path in _released(settings, name)]
    answers: dict[str, dict[str, str]] = {}
    for student, folder in submissions(settings, name).items():
        cells: dict[str, str] = {}
        for file in names:
            try:
                cells |= _solutions(read_submitted(folder / file)["cells"])
            except CoursekitError:
                continue  # autograding says what is wrong with it
        answers[student] = {cell: source for cell, source in cells.items() if cell in released}
    return answers, released


def _released(settings: GradingSettings, name: str) -> list[Path]:
    return sorted((settings.course_dir / "release" / name).glob("*.ipynb"))


def _graded_cells(settings: GradingSettings, name: str) -> list[str]:
    cells = [cell for path in _released(settings, name) for cell in read_notebook(path)["cells"]]
    return [cell_id for cell in cells if (cell_id := _grade_id(cell))]


def _solutions(cells: Iterable[Any]) -> dict[str, str]:
    found = {}
    for cell in cells:
        cell_id = _grade_id(cell)
        if cell_id and cell.get("cell_type") == "code" and is_solution(cell):
            source = cell.get("source", "")
            found[cell_id] = source if isinstance(source, str) else "".join(map(str, source))
    return found


def _grade_id(cell: Any) -> str:
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return str(grading.get("grade_id", "")) if isinstance(grading, dict) else ""
