"""Whether an assignment is fair to each student: inputs are drawn by the student's name, and luck has no points.

A test that refuses one right answer in twenty looks fair as long as a single student's inputs are tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from coursekit.grading.answers import Answer
from coursekit.grading.fairness import Problem, Test
from coursekit.grading.gate_scores import declared_problems, reference_problems
from coursekit.sandbox import Outcome

CHECK: Final = "draws"
_MANY: Final = 5  # students that a problem names


@dataclass(frozen=True, slots=True)
class Draw:
    """A student who hands in a right answer to inputs of their own."""

    student: str
    answer: Answer

    @property
    def name(self) -> str:
        """What the gate calls it."""
        return f"{self.answer.name} of {self.student}"


def draws(right: Iterable[Answer], students: int) -> list[Draw]:
    """Let students hand in the right answers in turn.

    Parameters
    ----------
    right : iterable of Answer
        The reference solution, and those in ``right/``.
    students : int
        How many; their names, and so their inputs, are the same each time.
    """
    answers = list(right)
    return [Draw(f"student-{number:02}", answers[number % len(answers)]) for number in range(students)]


def draw_problems(drawn: Iterable[Draw], outcomes: Mapping[str, Outcome], tests: tuple[Test, ...]) -> Iterator[Problem]:
    """Say where a right answer lost points to a student's inputs; each trouble once, with those whom it met."""
    met: dict[tuple[str, str], list[str]] = {}
    for draw in drawn:
        outcome = outcomes[draw.name]
        if draw.answer.is_right:
            found = declared_problems(draw.answer, outcome, tests)
        else:
            found = reference_problems(outcome, tests)
        for problem in found:
            met.setdefault((problem.cell, problem.reason), []).append(draw.student)
    for (cell, reason), students in met.items():
        named = ", ".join(students[:_MANY]) + (f" and {len(students) - _MANY} more" if students[_MANY:] else "")
        fix = "draw inputs that no right answer can fail on, or let the test allow for what is drawn"
        yield Problem(CHECK, cell, f"with the inputs of {named}: {reason}", fix)
