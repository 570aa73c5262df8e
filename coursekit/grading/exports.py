"""The gradebook as CSV: as Canvas or Moodle imports it, or as nbgrader writes it.

Scores are nbgrader's totals, after corrections and late penalties. Names are data: a spreadsheet must not take one for
a formula, and Canvas and Moodle must not take a comma for the end of a cell.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from coursekit.errors import GradingError
from coursekit.grading.book import Grade, grades, open_gradebook
from coursekit.grading.penalties import update_penalties
from coursekit.grading.settings import GradingSettings

Row = list[str]

# https://cwe.mitre.org/data/definitions/1236.html; full-width forms count, since spreadsheets normalise them.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER: Final = re.compile(r"-(\d+(\.\d+)?)?", re.ASCII)  # a lone "-" is Moodle's sign for no grade


class Format(StrEnum):
    """Who reads the file."""

    plain = "plain"
    canvas = "canvas"
    moodle = "moodle"


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A student as the gradebook has them; what nobody entered is empty."""

    id: str
    first_name: str
    last_name: str
    email: str

    @property
    def sortable_name(self) -> str:
        """Last name first, as Canvas writes it; the id for somebody without a name."""
        return ", ".join(part for part in (self.last_name, self.first_name) if part) or self.id


def export_grades(settings: GradingSettings, path: Path, *, layout: Format = Format.plain) -> Path:
    """Write all grades, with late penalties as they are now.

    Parameters
    ----------
    settings : GradingSettings
        Which gradebook.
    path : Path
        The file; it is replaced.
    layout : Format
        Who reads it: see :func:`canvas_rows`, :func:`moodle_rows`, :func:`plain_rows`.

    Raises
    ------
    GradingError
        If the file cannot be written.
    """
    update_penalties(settings)
    rows = _LAYOUTS[layout](people(settings), grades(settings))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([harmless(cell) for cell in row] for row in rows)
    except OSError as error:
        raise GradingError(f"{path} cannot be written: {error.strerror}.", fix="choose another file") from error
    return path


def canvas_rows(students: Iterable[Person], found: Iterable[Grade]) -> list[Row]:
    """Lay out grades as *Grades > Import* of Canvas reads them: a row for each student, a column for each assignment.

    Canvas finds a student by ``ID`` (its own, empty here), else by ``SIS Login ID``, where the name in the gradebook
    goes: it should be the one with which they log in to Canvas. It knows an assignment by its column's title, and
    offers to make one that it does not find, worth what the row *Points Possible* says. Who submitted nothing has an
    empty cell.

    References
    ----------
    The importer, https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb (``header?``,
    ``update_column_count``, ``process_pp``, ``process_student``); a guide to the columns for people,
    https://teaching.resources.osu.edu/toolsets/carmencanvas/guides/calculating-final-grades/import-csv-file-carmen-grades.
    """
    found = tuple(found)
    points = {grade.assignment: grade.max_score for grade in found}
    scores = _by_student(found)
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *points]
    possible = ["    Points Possible", "", "", "", "", *(_number(each) for each in points.values())]
    rows = [
        [each.sortable_name, "", "", each.id, "", *(scores.get((each.id, name), "") for name in points)]
        for each in students
    ]
    return [head, possible, *rows]


def moodle_rows(students: Iterable[Person], found: Iterable[Grade]) -> list[Row]:
    """Lay out grades as *Grades > Import > CSV file* of Moodle reads them, in the columns of its own export.

    Moodle asks which column tells who a student is, and to which grade item each other column belongs: map *Username*
    or *Email address*, and each assignment's column to its item or to a new one. ``-`` is Moodle's sign for no grade.

    References
    ----------
    https://docs.moodle.org/311/en/Grade_import.
    """
    found = tuple(found)
    points = {grade.assignment: grade.max_score for grade in found}
    scores = _by_student(found)
    head = ["First name", "Last name", "Username", "Email address", *(f"Assignment: {name} (Real)" for name in points)]
    rows = [
        [each.first_name, each.last_name, each.id, each.email, *(scores.get((each.id, name), "-") for name in points)]
        for each in students
    ]
    return [head, *rows]


def plain_rows(students: Iterable[Person], found: Iterable[Grade]) -> list[Row]:
    """Lay out grades in columns much like those of ``nbgrader export``: a row for each student and assignment."""
    head = ["assignment", "timestamp", "student_id", "last_name", "first_name", "email"]
    head += ["raw_score", "late_submission_penalty", "score", "max_score"]
    by_id = {each.id: each for each in students}
    rows = []
    for grade in found:
        person = by_id[grade.student]
        row = [grade.assignment, str(grade.submitted or ""), person.id, person.last_name, person.first_name]
        numbers = (grade.score + grade.penalty, grade.penalty, grade.score, grade.max_score)
        rows.append([*row, person.email, *map(_number, numbers)])
    return [head, *rows]


def harmless(cell: str) -> str:
    """Defuse what a spreadsheet would take for a formula with an apostrophe in front; numbers stay numbers."""
    begins = cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA)
    return f"'{cell}" if begins and not _NUMBER.fullmatch(cell) else cell


def people(settings: GradingSettings) -> tuple[Person, ...]:
    """Read the gradebook's students, by their id."""
    with open_gradebook(settings) as book:
        return tuple(_person(each) for each in sorted(book.students, key=lambda each: str(each.id)))


def _person(student: Any) -> Person:
    return Person(
        id=student.id,
        first_name=student.first_name or "",
        last_name=student.last_name or "",
        email=student.email or "",
    )


def _by_student(found: Iterable[Grade]) -> dict[tuple[str, str], str]:
    return {(each.student, each.assignment): _number(each.score) for each in found if each.submitted is not None}


def _number(value: float) -> str:
    return f"{round(value, 4):g}" if abs(value) < 1e5 else repr(round(value, 4))


_LAYOUTS: Final[dict[Format, Callable[[Iterable[Person], Iterable[Grade]], list[Row]]]] = {
    Format.plain: plain_rows,
    Format.canvas: canvas_rows,
    Format.moodle: moodle_rows,
}
