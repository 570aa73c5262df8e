"""What a rehearsal gives: the bots' grades beside what they deserve, and the times of each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coursekit.errors import RehearsalError
from coursekit.grading import Grade

_STEPS: Final = (
    "log in",
    "start server",
    "start cluster",
    "Spark job",
    "fetch",
    "answer",
    "submit",
    "autograde",
    "read feedback",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BotResult:
    """What one bot got.

    Parameters
    ----------
    student : str
        Its name.
    answers : str
        ``"full"``, ``"half"``, ``"none"`` or ``"hostile"``.
    deserved : float
        Automatic points that these answers are worth.
    grade : Grade or None
        What the gradebook says; None if nothing was graded.
    feedback : tuple of float or None
        Points, and how many there are, that the bot read on its feedback page.
    trouble : str
        What went wrong on the way; empty if nothing did.
    """

    student: str
    answers: str
    deserved: float
    grade: Grade | None
    feedback: tuple[float, float] | None
    trouble: str

    @property
    def is_as_deserved(self) -> bool:
        """Whether the gradebook has exactly the points it should, and the student could read them."""
        grade, read = self.grade, self.feedback
        if grade is None or read is None or self.trouble:
            return False
        return grade.auto_score == self.deserved and read == (grade.score, grade.max_score)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTime:
    """How long a step took the bots; times in s."""

    step: str
    count: int
    median_s: float
    p95_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """The outcome of a rehearsal: one result a bot, and the times of each step."""

    assignment: str
    results: tuple[BotResult, ...]
    times: tuple[StepTime, ...]

    def require_deserved(self) -> None:
        """Say which bots did not get what they deserve.

        Raises
        ------
        RehearsalError
            If there is one.
        """
        wrong = [result for result in self.results if not result.is_as_deserved]
        if wrong:
            lines = "".join(f"\n  {result.student}: {_complaint(result)}" for result in wrong)
            raise RehearsalError(
                f"{len(wrong)} of {len(self.results)} bots did not get what they deserve:{lines}",
                fix="read build/hub/hub.log and the logs in build/course",
            )


def summarise(seconds: list[dict[str, float]]) -> tuple[StepTime, ...]:
    """Give the median and the 95th percentile of each step, in the order of a class.

    Parameters
    ----------
    seconds : list of dict of str to float
        For each bot or submission, the steps that it took and how long each was, s.
    """
    import numpy as np

    summary = []
    for step in _STEPS:
        taken = [each[step] for each in seconds if step in each]
        if not taken:
            continue
        median, p95 = np.percentile(taken, [50, 95])
        summary.append(StepTime(step=step, count=len(taken), median_s=float(median), p95_s=float(p95)))
    return tuple(summary)


def _complaint(result: BotResult) -> str:
    if result.trouble:
        return result.trouble
    if result.grade is None:
        return "has no grade"
    if result.grade.auto_score != result.deserved:
        return f"{result.answers} answers are worth {result.deserved:g}, the gradebook has {result.grade.auto_score:g}"
    return f"the gradebook has {result.grade.score:g}, the feedback page shows {result.feedback}"
