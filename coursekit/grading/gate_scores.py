"""What the release gate reads out of sandboxes: does each answer get what it deserves, does each test do its work."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from coursekit.grading.answers import Answer
from coursekit.grading.chameleon import NAME as CHAMELEON
from coursekit.grading.fairness import Problem, Test
from coursekit.grading.gate_leaks import split_regions
from coursekit.sandbox import Cell, CellResult, Outcome, Request
from coursekit.syntax import parse

SCORES: Final = "answers"
TESTS: Final = "tests"
TIME: Final = "time"
_SHOWN: Final = " (as students see it)"
_VALUE: Final = " (its value)"
_SKIPPED: Final = CellResult(status="skipped")
_PART: Final = re.compile(r"(?P<mark>passed|FAILED)  (?P<points>\S+) points?: (?P<what>.*)")
_EPSILON: Final = 1e-9


def score_of(outcome: Outcome, test: Test) -> float:
    """Give the points that a test gave, as autograding counts them."""
    result = outcome.cells.get(test.cell, _SKIPPED)
    if outcome.tampered or result.status != "ok":
        return 0.0
    return test.points if result.score is None else min(max(result.score, 0.0), test.points)


def total(outcome: Outcome, tests: Iterable[Test]) -> float:
    """Give the automatic points of an answer."""
    return sum(score_of(outcome, test) for test in tests)


def seconds_of(outcome: Outcome) -> float:
    """Give how long the cells took, without the start of their sandbox."""
    return sum(cell.seconds for cell in outcome.cells.values())


def with_values(request: Request) -> Request:
    """Add to a request a cell behind each test that tells the type of the test's last value.

    A value that is no number gives all points, and one that is not finite ends the sandbox: the reference solution is
    where that has to be noticed.
    """
    cells: list[Cell] = []
    for cell in request.cells:
        bound = _bind_last(cell.source) if cell.kind == "test" else None
        if bound is None:
            cells.append(cell)
            continue
        cells.append(dataclasses.replace(cell, source=bound))
        cells.append(Cell(id=f"{cell.id}{_VALUE}", kind="instructor", source=_ASK))
    return dataclasses.replace(request, cells=tuple(cells))


_ASK: Final = "f'{type(_value).__name__} {_value!r:.60}'"


def _bind_last(source: str) -> str | None:
    try:
        tree = parse(source)
    except SyntaxError:
        return None
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return None
    value = ast.unparse(tree.body.pop())
    finite = "None if isinstance(_value, float) and _value - _value != 0 else _value"
    return f"{ast.unparse(tree)}\n_value = ({value})\n{finite}"


def with_shown(request: Request, tests: Iterable[Test]) -> Request:
    """Add to a request, before each test without parts that has a hidden region, what students see of it.

    Only so is it known which of the two an answer fails.
    """
    shown = {test.cell: split_regions(test.source) for test in tests if not _has_parts(test)}
    cells: list[Cell] = []
    for cell in request.cells:
        if shown.get(cell.id, ("", []))[1]:
            cells.append(Cell(id=f"{cell.id}{_SHOWN}", kind="test", source=shown[cell.id][0]))
        cells.append(cell)
    return dataclasses.replace(request, cells=tuple(cells))


def _has_parts(test: Test) -> bool:
    return ".part(" in test.source


def parts_of(report: str) -> Iterator[tuple[str, float, bool, str]]:
    """Read a report of `Checks`: what was checked, its points, whether it passed, and why not."""
    lines = report.splitlines()
    for number, line in enumerate(lines):
        if found := _PART.fullmatch(line):
            why = lines[number + 1].strip() if lines[number + 1 :] and not _PART.fullmatch(lines[number + 1]) else ""
            yield found["what"], float(found["points"]), found["mark"] == "passed", why


def reference_problems(outcome: Outcome, tests: Iterable[Test]) -> Iterator[Problem]:
    """Say where the reference solution does not get all points, or more than there are."""
    names = {test.cell for test in tests}
    for what in outcome.tampered:
        fix = "use something else: whoever does the same is flagged, with no points"
        yield Problem(SCORES, "notebook", f"the reference solution is taken for tampering: {what}", fix)
    for name, result in outcome.cells.items():
        if result.status != "ok" and name not in names and not name.endswith(_VALUE):
            reason = f"it ends with {result.status} under the reference solution: {_error(result)}"
            yield Problem(SCORES, name, reason, "mend the cell, or the solution that it needs")
            return
    for test in tests:
        yield from _reference_test(test, outcome.cells.get(test.cell, _SKIPPED), _value(outcome, test))


def _reference_test(test: Test, result: CellResult, value: tuple[str, str]) -> Iterator[Problem]:
    kind, text = value
    parts = list(parts_of(result.report))
    worth = sum(points for _, points, _, _ in parts)
    failed = [f"{what!r}: {why or 'failed'}" for what, _, passed, why in parts if not passed]
    if result.status != "ok":
        reason = f"it fails under the reference solution: {_error(result)}"
        yield Problem(SCORES, test.cell, reason, "mend the test or the solution")
    elif kind not in ("", "NoneType", "int", "float", "Score"):
        reason = f"its last value is {text}, a {kind}: that is no number of points, so that everybody would get all"
        yield Problem(SCORES, test.cell, reason, "make float(...) of it, or end the cell with checks.score()")
    elif text in ("nan", "inf", "-inf"):
        reason = f"the reference solution gets {text} points, which is not a number of points"
        yield Problem(SCORES, test.cell, reason, "mend how the test computes its points")
    elif parts and abs(worth - test.points) > _EPSILON:
        reason = f"its parts add up to {worth:g} points, and the cell has {test.points:g}"
        yield Problem(SCORES, test.cell, reason, f"give the cell {worth:g} points, or change its parts")
    elif result.score is not None and result.score > test.points + _EPSILON:
        reason = f"the reference solution gets {result.score:g} points, and the cell has {test.points:g}"
        yield Problem(SCORES, test.cell, reason, f"give the cell {result.score:g} points, or let the test give fewer")
    elif result.score is not None and result.score < test.points - _EPSILON:
        why = f": {'; '.join(failed)}" if failed else ""
        reason = f"the reference solution gets {result.score:g} of {test.points:g} points{why}"
        yield Problem(SCORES, test.cell, reason, "mend the test or the solution")


def _value(outcome: Outcome, test: Test) -> tuple[str, str]:
    """Read what :func:`with_values` found out: the type's name, and the value as text."""
    for output in outcome.cells.get(f"{test.cell}{_VALUE}", _SKIPPED).outputs:
        if output["output_type"] == "execute_result":
            kind, _, text = ast.literal_eval(output["data"]["text/plain"]).partition(" ")
            return kind, text
    return "", ""


def untouched_problems(outcome: Outcome, tests: tuple[Test, ...], declared: float) -> Iterator[Problem]:
    """Say where the notebook as students get it earns points, or does not earn those declared."""
    got = total(outcome, tests)
    if abs(got - declared) <= _EPSILON:
        return
    giving = [test for test in tests if score_of(outcome, test) > 0] if got > declared else list(tests[:1])
    for test in giving:
        score = score_of(outcome, test)
        reason = (
            f"the untouched notebook gets {score:g} of {test.points:g} points here; declared are {declared:g} in all"
        )
        fix = f"test what only an answer can give, or declare '# score: {got:g}' in wrong/untouched.py"
        yield Problem(SCORES, test.cell, reason, fix)


def declared_problems(answer: Answer, outcome: Outcome, tests: tuple[Test, ...]) -> Iterator[Problem]:
    """Say that an answer does not get its declared score, and which cells gave what."""
    got = total(outcome, tests)
    if abs(got - answer.score) <= _EPSILON:
        return
    scores = {test.cell: score_of(outcome, test) for test in tests}
    listed = ", ".join(f"{test.cell} {scores[test.cell]:g} of {test.points:g}" for test in tests)
    suspect = [
        test.cell
        for test in tests
        if (scores[test.cell] > 0 if got > answer.score else scores[test.cell] < test.points)
    ]
    why = f"; it is flagged: {outcome.tampered[0]}" if outcome.tampered else ""
    reason = f"{answer.place} must get {answer.score:g} points and gets {got:g} ({listed}{why})"
    fix = f"mend the tests, or declare '# score: {got:g}' if that is what it deserves"
    if answer.is_right:
        fix = "mend the tests, which ask for more than the text does, or the answer if it is not right after all"
    yield Problem(SCORES, ", ".join(suspect) or "notebook", reason, fix)


def test_problems(tests: Iterable[Test], reference: Outcome, wrong: Iterable[Outcome]) -> Iterator[Problem]:
    """Say which tests no wrong answer fails: they may as well not be there.

    Parameters
    ----------
    tests : iterable of Test
        All of them.
    reference : Outcome
        Names the parts of tests that use `Checks`.
    wrong : iterable of Outcome
        Of the answers in ``wrong/`` that fill in something.
    """
    found = list(wrong)
    for test in tests:
        parts = [what for what, _, _, _ in parts_of(reference.cells.get(test.cell, _SKIPPED).report)]
        if parts:
            failed = {what for outcome in found for what in _failed_parts(outcome, test)}
            missing = [f"the check {what!r}" for what in parts if what not in failed]
        else:
            missing = [] if any(_fails(outcome, test) for outcome in found) else [_whole(test)]
        for what in missing:
            fix = "add an answer to wrong/ that is wrong just there"
            yield Problem(TESTS, test.cell, f"no answer in wrong/ fails {what}", fix)


def _whole(test: Test) -> str:
    return "its hidden tests and passes the others" if split_regions(test.source)[1] else "this test"


def _failed_parts(outcome: Outcome, test: Test) -> Iterator[str]:
    result = outcome.cells.get(test.cell, _SKIPPED)
    for what, _, passed, why in parts_of(result.report):
        if not passed and why != "not answered yet":
            yield what


def _fails(outcome: Outcome, test: Test) -> bool:
    result = outcome.cells.get(test.cell, _SKIPPED)
    failed = result.status == "error" or (result.score is not None and result.score < test.points - _EPSILON)
    shown = outcome.cells.get(f"{test.cell}{_SHOWN}")
    return failed and (shown is None or shown.status == "ok")


def chameleon_problems(outcome: Outcome, untouched: Outcome, tests: Iterable[Test]) -> Iterator[Problem]:
    """Say which tests pass for objects that are equal to everything."""
    for test in tests:
        if score_of(outcome, test) <= score_of(untouched, test) + _EPSILON:
            continue
        result = outcome.cells[test.cell]
        passed = [repr(what) for what, _, is_passed, _ in parts_of(result.report) if is_passed]
        what = f"the check {', '.join(passed)}" if passed else "this test"
        reason = f"{what} passes for an object that is equal to everything"
        fix = "compare plain(value), from coursekit.grading: it refuses all but Python's own types"
        yield Problem(CHAMELEON, test.cell, reason, fix)


def time_problems(reference: Outcome, minutes: float, factor: float) -> Iterator[Problem]:
    """Say that the reference solution takes longer than the contract allows, and name its longest cell."""
    took, allowed = seconds_of(reference), 60 * minutes * factor
    if took <= allowed:
        return
    name, longest = max(reference.cells.items(), key=lambda item: item[1].seconds)
    reason = (
        f"the reference solution takes {took:.3g} s, of which this cell {longest.seconds:.3g} s; the contract's "
        f"{minutes:g} minutes allow {allowed:.3g} s ({factor:g} times as much, for a busy machine)"
    )
    yield Problem(TIME, name, reason, f'write "minutes": {max(took / 60, 0.1):.1f} into the contract, or do less')


def limit_problems(outcomes: Mapping[str, Outcome]) -> Iterator[Problem]:
    """Say which answers a sandbox stopped: their scores would depend on the machine."""
    for name, outcome in outcomes.items():
        if outcome.trouble:
            cell = next(
                (cell for cell, result in outcome.cells.items() if result.status in ("timeout", "died")), "notebook"
            )
            reason = f"the answer {name!r} was stopped: {outcome.trouble}"
            yield Problem(TIME, cell, reason, 'raise the limit in the contract\'s "limits", or let it need less')


def _error(result: CellResult) -> str:
    errors = [output for output in result.outputs if output["output_type"] == "error"]
    return f"{errors[-1]['ename']}: {errors[-1]['evalue']}"[:300] if errors else result.status
