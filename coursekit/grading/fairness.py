"""What the release gate says of an assignment: what was checked, what each answer got, and what is unfair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coursekit.errors import UnfairAssignmentError


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that makes an assignment unfair.

    Parameters
    ----------
    check : str
        Which of the gate's checks found it.
    cell : str
        The cell, by its grade id; or the file, or ``notebook``.
    reason : str
        What is wrong.
    fix : str
        One action to take.
    """

    check: str
    cell: str
    reason: str
    fix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """What one answer must get and what it got.

    Parameters
    ----------
    answer : str
        Its name.
    declared, score : float
        Points it must get, and got.
    seconds : float
        How long its cells took, s.
    folder : {"", "wrong", "right"}
        Where it stands in the assignment's folder; every assignment has those that stand nowhere.
    why : str
        What is right and wrong in it, as it says itself.
    """

    answer: str
    declared: float
    score: float
    seconds: float
    folder: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """A cell that gives points by itself."""

    cell: str
    points: float
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The gate's verdict on one assignment.

    Parameters
    ----------
    assignment : str
        Its name.
    checked : mapping of str to str
        Each check that was made, and what it looked at. Later checks are not made when earlier ones fail.
    answers : tuple of Scored
        The reference solution, the untouched notebook, the chameleon, all of ``wrong/`` and of ``right/``.
    problems : tuple of Problem
        Empty when the assignment is fair.
    """

    assignment: str
    checked: Mapping[str, str]
    answers: tuple[Scored, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_fair(self) -> bool:
        """Whether it may be released."""
        return not self.problems

    def require_fair(self) -> None:
        """Refuse an assignment that is not fair.

        Raises
        ------
        UnfairAssignmentError
            With each cell, reason and action.
        """
        require_all_fair((self,))


def require_all_fair(verdicts: Iterable[Verdict]) -> None:
    """Refuse assignments of which one is not fair.

    Raises
    ------
    UnfairAssignmentError
        With each cell, reason and action.
    """
    unfair = [verdict for verdict in verdicts if not verdict.is_fair]
    if unfair:
        raise UnfairAssignmentError(
            "\n".join(map(_in_words, unfair)),
            fix=f"mend what is named, then coursekit assignment gate {unfair[0].assignment}",
        )


def _in_words(verdict: Verdict) -> str:
    lines = "".join(f"\n  {each.cell}: {each.reason}\n    -> {each.fix}" for each in verdict.problems)
    count = "one reason" if len(verdict.problems) == 1 else f"{len(verdict.problems)} reasons"
    return f"the assignment {verdict.assignment!r} is not fair, for {count}:{lines}"


def as_table(verdict: Verdict) -> dict[str, Any]:
    """Give a verdict as JSON holds it."""
    return {
        "assignment": verdict.assignment,
        "fair": verdict.is_fair,
        "checked": dict(verdict.checked),
        "answers": [
            {"answer": each.answer, "declared": each.declared, "score": each.score, "seconds": round(each.seconds, 2)}
            for each in verdict.answers
        ],
        "problems": [
            {"check": each.check, "cell": each.cell, "reason": each.reason, "fix": each.fix}
            for each in verdict.problems
        ],
    }
