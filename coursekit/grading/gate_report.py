"""What the release gate has found, written down for people: a page, and Markdown for a pipeline's own page.

The page needs nothing else: no script, no address, and all that comes out of assignments is text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from coursekit.config import format_time
from coursekit.grading import chameleon, gate_draws, gate_form, gate_leaks, gate_right, gate_scores
from coursekit.grading.fairness import Scored, Verdict
from coursekit.notebooks.summary import plain

MEANING: Final = {
    gate_form.CHECK: "The notebook has a contract and each grade id once; each test is locked, gives points and tests.",
    gate_leaks.CHECK: "No line of a solution or of hidden tests stands in what students get.",
    gate_scores.SCORES: (
        "The reference solution and each answer in right/ get all points, the untouched notebook none unless some are "
        "declared, and each answer in wrong/ exactly what it declares."
    ),
    gate_scores.TESTS: "Each part of a test is failed by an answer in wrong/, or nothing shows that it can fail.",
    gate_right.CHECK: "Each hidden test is passed by a right answer that is written differently from the reference.",
    chameleon.NAME: "Objects that are equal to everything get no more points than the untouched notebook.",
    gate_draws.CHECK: "Right answers get all points whatever inputs are drawn for a student.",
    gate_scores.TIME: "The reference solution is done in the contract's time, and no answer has to be stopped.",
}
"""Each check, in the order in which a report has them, and what holds where it finds nothing."""

_EPSILON: Final = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class GateRun:
    """One call of the gate, finished or not.

    Parameters
    ----------
    started : datetime
        When it began.
    wanted : tuple of str
        The assignments it was called for, in order.
    verdicts : tuple of Verdict
        Those that are known.
    seconds : mapping of str to float
        How long the gate took, s, by assignment.
    sandbox : str
        The kind of sandbox that answers ran in; empty if none had to run.
    """

    started: datetime
    wanted: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    sandbox: str = ""

    @property
    def fair(self) -> int:
        """How many assignments are fair."""
        return sum(verdict.is_fair for verdict in self.verdicts)

    @property
    def missing(self) -> tuple[str, ...]:
        """Assignments of which no verdict is known."""
        known = {verdict.assignment for verdict in self.verdicts}
        return tuple(name for name in self.wanted if name not in known)


def write_gate_report(run: GateRun, out: Path) -> Path:
    """Write ``report.html`` and ``summary.md``, and give the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "summary.md").write_text(gate_summary(run), encoding="utf-8")
    page = out / "report.html"
    page.write_text(gate_page(run), encoding="utf-8")
    return page


def gate_page(run: GateRun) -> str:
    """Lay out a call of the gate as HTML."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("coursekit.grading"), jinja2.PackageLoader("coursekit.notebooks")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": format_time, "points": _points}
    views = [_view(verdict, run) for verdict in run.verdicts]
    return environment.get_template("gates.html").render(run=run, assignments=views)


def gate_summary(run: GateRun) -> str:
    """Give a Markdown page: a table of all assignments, and what is unfair in which cell."""
    lines = [
        "# Assignments",
        "",
        f"{run.fair} of {len(run.wanted)} fair; looked at in {format_time(sum(run.seconds.values()))}, "
        f"{f'sandbox `{run.sandbox}`, ' if run.sandbox else ''}{run.started:%Y-%m-%d %H:%M %Z}.",
        "",
        "| assignment | verdict | answers | differing | time |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for verdict in run.verdicts:
        told = "fair" if verdict.is_fair else f"**not fair** ({_count(len(verdict.problems), 'reason')})"
        odd = sum(map(bool, map(difference, verdict.answers)))
        took = format_time(run.seconds[verdict.assignment])
        lines.append(f"| {plain(verdict.assignment)} | {told} | {len(verdict.answers)} | {odd} | {took} |")
    lines += [f"| {plain(name)} | **not known**: the gate was stopped | | | |" for name in run.missing]
    for verdict in run.verdicts:
        if not verdict.is_fair:
            lines += ["", f"## {plain(verdict.assignment)}", "", *_problem_lines(verdict)]
    return "\n".join(lines) + "\n"


def _problem_lines(verdict: Verdict) -> Iterator[str]:
    for each in verdict.problems:
        yield f"- **{plain(each.cell)}** ({each.check}): {plain(each.reason)}  "
        yield f"  Fix: {plain(each.fix)}"


def difference(each: Scored) -> str:
    """Say how many points an answer gets too many or too few; nothing if it gets what it must."""
    more = each.score - each.declared
    if abs(more) <= _EPSILON or (each.answer == chameleon.NAME and more < 0):
        return ""
    return f"{_points(abs(more))} too {'many' if more > 0 else 'few'}"


def _view(verdict: Verdict, run: GateRun) -> dict[str, Any]:
    """Give what the page shows of an assignment."""
    most = next((each.declared for each in verdict.answers if each.answer == "reference"), None)
    return {
        "verdict": verdict,
        "seconds": run.seconds[verdict.assignment],
        "most": most,
        "checks": list(_checks(verdict)),
        "answers": [{"scored": each, "difference": difference(each)} for each in verdict.answers],
    }


def _checks(verdict: Verdict) -> Iterator[dict[str, str]]:
    """Give every check with its meaning, also those that were not made."""
    found = Counter(problem.check for problem in verdict.problems)
    for name, meaning in MEANING.items():
        if found[name]:
            state, told = "failed", f"✗ {found[name]} unfair"
        elif name in verdict.checked:
            state, told = "passed", "✓ holds"
        elif name == gate_right.CHECK and verdict.answers:
            state, told = "", "nothing in right/"
        elif name == gate_draws.CHECK and verdict.answers:
            state, told = "", "only with --students"
        else:
            state, told = "", "not made"
        looked_at = verdict.checked.get(name, "")
        yield {"name": name, "meaning": meaning, "looked_at": looked_at, "state": state, "told": told}


def _points(value: float) -> str:
    return f"{round(value, 2):g}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
