"""A gradebook of a small class, written through nbgrader's own interface: no kernel runs, so tests take no time."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from coursekit.grading import GradingSettings
from coursekit.grading.book import open_gradebook

QUESTIONS = {"toy-double": 4.0, "toy-sort": 6.0}
"""Points of the two code questions; a third, toy-why, has 2 points by a person."""

STUB = "# Your code here.\nraise NotImplementedError()"


@dataclass(frozen=True)
class Class:
    """Where a small course is, and how to add to it."""

    settings: GradingSettings

    @property
    def root(self) -> Path:
        return self.settings.assignments.parent

    def course_file(self, text: str) -> None:
        self.settings.course_file.parent.mkdir(parents=True, exist_ok=True)
        self.settings.course_file.write_text('title = "Toy"\n' + text)

    def enrol(self, student: str, **details: str) -> None:
        with open_gradebook(self.settings) as book:
            book.update_or_create_student(student, **details)

    def submit(
        self,
        student: str,
        submitted: str,
        *,
        scores: Mapping[str, float],
        why: float | None = None,
        answers: Mapping[str, str] | None = None,
    ) -> None:
        """Enter a submission as nbgrader's autograder would; a ``why`` of None has yet to be graded by a person."""
        with open_gradebook(self.settings) as book:
            book.update_or_create_student(student)
            book.update_or_create_submission("toy", student, timestamp=datetime.fromisoformat(submitted))
            notebook = book.find_submission_notebook("toy", "toy", student)
            for grade in notebook.grades:
                if grade.name == "toy-why":
                    grade.manual_score, grade.needs_manual_grade = why, why is None
                else:
                    grade.auto_score, grade.needs_manual_grade = scores[grade.name.removesuffix("-test")], False
            book.db.commit()
        if answers is not None:
            self.write_submission(student, answers)

    def write_submission(self, student: str, answers: Mapping[str, str]) -> Path:
        path = self.settings.course_dir / "submitted" / student / "toy" / "toy.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook(answers)))
        return path

    def write_report(self, student: str, content: object) -> Path:
        path = self.settings.course_dir / "reports" / "toy" / f"{student}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return path


def small_class(folder: Path) -> Class:
    """Make a course with the assignment toy, released, and nobody in it."""
    settings = GradingSettings(
        course_dir=folder / "course", exchange=folder / "exchange", assignments=folder / "assignments"
    )
    for path in (settings.assignments / "toy" / "toy.ipynb", settings.course_dir / "release" / "toy" / "toy.ipynb"):
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook({})))
    settings.course_dir.joinpath("gradebook.db").write_bytes(_empty_gradebook())
    return Class(settings)


@functools.cache
def _empty_gradebook() -> bytes:
    """Make the database once: nbgrader starts a program, alembic, for each new one."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings = GradingSettings(course_dir=place, exchange=place, assignments=place)
        _enter_assignment(settings)
        return (place / "gradebook.db").read_bytes()


def _enter_assignment(settings: GradingSettings) -> None:
    with open_gradebook(settings) as book:
        book.add_assignment("toy")
        book.add_notebook("toy", "toy")
        for name, points in QUESTIONS.items():
            book.add_solution_cell(name, "toy", "toy")
            book.add_grade_cell(f"{name}-test", "toy", "toy", max_score=points, cell_type="code")
        book.add_grade_cell("toy-why", "toy", "toy", max_score=2, cell_type="markdown")
        book.add_solution_cell("toy-why", "toy", "toy")


def notebook(answers: Mapping[str, str]) -> dict[str, Any]:
    """Give the toy notebook with some cells answered."""
    cells = [_cell("markdown", "toy-text", "# Toy", locked=True)]
    for name, points in QUESTIONS.items():
        cells.append(_cell("code", name, answers.get(name, STUB), solution=True))
        cells.append(_cell("code", f"{name}-test", "assert True", grade=True, locked=True, points=points))
    cells.append(_cell("markdown", "toy-why", answers.get("toy-why", ""), grade=True, solution=True, points=2))
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _cell(kind: str, name: str, source: str, **marks: object) -> dict[str, Any]:
    flags = {"grade": False, "solution": False, "locked": False, "task": False, **marks}
    grading = {"schema_version": 3, "grade_id": name, "cell_type": kind, **flags}
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"id": name, "cell_type": kind, "metadata": {"nbgrader": grading}, "source": source, **extra}
