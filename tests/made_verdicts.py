"""Verdicts of the release gate that nobody had to run anything for: a fair one, an unfair one, and one that leaks."""

from __future__ import annotations

from datetime import UTC, datetime

from coursekit.grading import Problem, Verdict
from coursekit.grading.fairness import Scored
from coursekit.grading.gate_report import MEANING, GateRun

STARTED = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
ALL_CHECKS = {name: f"what {name} looked at" for name in MEANING}
EVERYWHERE = (
    Scored(answer="reference", declared=17, score=17, seconds=12.34, why="the reference solution"),
    Scored(answer="untouched", declared=1, score=1, seconds=0.4, why="as students get it"),
    Scored(answer="chameleon", declared=1, score=0, seconds=0.5, why="objects that are equal to everything"),
)


def wrong(name: str, declared: float, score: float, why: str = "numbers only, no text") -> Scored:
    return Scored(answer=name, declared=declared, score=score, seconds=3.21, folder="wrong", why=why)


def right(score: float) -> Scored:
    return Scored(answer="other-ways", declared=17, score=score, seconds=9, folder="right", why="written otherwise")


FAIR = Verdict(assignment="a1", checked=ALL_CHECKS, answers=(*EVERYWHERE, wrong("half", 10, 10), right(17)))
UNFAIR = Verdict(
    assignment="a2",
    checked={name: what for name, what in ALL_CHECKS.items() if name not in ("right", "draws")},
    answers=(*EVERYWHERE, wrong("generous", 12, 14.5), wrong("half", 10, 10), wrong("shy", 3, 2)),
    problems=(
        Problem(
            "answers",
            "a2-plan-test, a2-join-test",
            "wrong/generous.py must get 12 points and gets 14.5 (a2-plan-test 6.5 of 9, a2-join-test 8 of 8)",
            "mend the tests, or declare '# score: 14.5' if that is what it deserves",
        ),
        Problem(
            "tests", "a2-join-test", "no answer in wrong/ fails the check 'rows are kept'", "add an answer to wrong/"
        ),
    ),
)
LEAKING = Verdict(
    assignment="a3",
    checked={"form": "contract, ids and points of 31 cells", "leaks": "80 lines, not in 3 files"},
    problems=(Problem("leaks", "data/<b>.csv", "students read <script>alert(1)</script> | *it*", "take it out"),),
)


def run(*verdicts: Verdict, wanted: tuple[str, ...] = (), sandbox: str = "bubblewrap") -> GateRun:
    names = tuple(verdict.assignment for verdict in verdicts)
    seconds = dict.fromkeys(names, 80.4)
    return GateRun(started=STARTED, wanted=wanted or names, verdicts=verdicts, seconds=seconds, sandbox=sandbox)
