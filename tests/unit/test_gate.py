"""The pure parts of the release gate, and `plain`, on which fair tests stand."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coursekit.errors import UnfairAssignmentError
from coursekit.grading import Problem, Verdict, plain
from coursekit.grading.answers import Answer, read_answer
from coursekit.grading.chameleon import chameleon
from coursekit.grading.fairness import Test as GradedTest
from coursekit.grading.fairness import as_table, require_all_fair
from coursekit.grading.gate_draws import draw_problems, draws
from coursekit.grading.gate_leaks import leak_problems, secrets_of, split_regions
from coursekit.grading.gate_right import alike_problems, questions_of
from coursekit.grading.gate_scores import declared_problems, parts_of, score_of, with_shown, with_values
from coursekit.sandbox import Cell, CellResult, Outcome, Request


class Liar:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Color(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 0.5, "a", b"a", [1, [2]], (1, "a"), {"a": [1]}, {1, 2}, frozenset({(1, 2)}), float("inf")],
    ids=repr,
)
def test_plain_copies_what_is_plain(value: object) -> None:
    assert plain(value) == value
    assert type(plain(value)) is type(value)


def test_plain_copies_deeply_and_makes_numbers_of_numpys() -> None:
    value = [[1]]
    copy = plain(value)
    value[0].append(2)
    assert copy == [[1]]
    found = plain({"mean": np.float32(0.5), "all": np.arange(3), "flag": np.bool_(True), "text": np.str_("a")})
    assert found == {"mean": 0.5, "all": [0, 1, 2], "flag": True, "text": "a"}
    assert type(found["mean"]) is float
    assert type(found["text"]) is str


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Liar(), "Liar"),
        ([1, (2, {"a": Liar()})], "Liar"),
        ({Color.RED: 1}, "Color"),
        (type("float", (float,), {"__eq__": lambda self, other: True, "__hash__": None})(1), "float"),
        (type("int64", (), {"__module__": "numpy", "tolist": lambda self: 4})(), "int64"),
        (type("own", (np.ndarray,), {"tolist": lambda self: 4})(3), "own"),
        (np.array([Liar()]), "Liar"),
        (np.longdouble(1), "longdouble"),
        (range(3), "range"),
        (iter([1]), "list_iterator"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_plain_names_the_type_of_what_is_not_plain(value: object, name: str) -> None:
    with pytest.raises(AssertionError, match=f"of type {name};"):
        plain(value)


def code(name: str, source: str, **marks: Any) -> dict[str, Any]:
    return {
        "id": name,
        "cell_type": "code",
        "source": source,
        "metadata": {"nbgrader": {"grade_id": name, **marks}},
    }


SOLUTION = (
    "import math\ndef area(r: float) -> float:\n    ### BEGIN SOLUTION\n    return math.pi * r**2\n    ### END SOLUTION"
)


def test_regions_are_told_from_what_students_see() -> None:
    shown, regions = split_regions(SOLUTION)
    assert shown == "import math\ndef area(r: float) -> float:"
    assert regions == [("SOLUTION", "    return math.pi * r**2")]


def test_a_short_solution_leaks_as_a_whole_and_common_lines_do_not() -> None:
    secrets = secrets_of({"cells": [code("area", SOLUTION, solution=True)]})
    released = {"cells": [code("other", "return  math.pi*r ** 2")], "metadata": {}}
    [problem] = leak_problems(secrets, released, {})
    assert (problem.cell, problem.check) == ("other", "leaks")
    assert not list(leak_problems(secrets, {"cells": [code("other", "import math\nr**2")], "metadata": {}}, {}))


def test_a_hidden_test_may_do_what_a_visible_one_of_its_cell_does() -> None:
    line = "assert area(1) == pytest.approx(3.14159)"
    tests = f"{line}\n### BEGIN HIDDEN TESTS\n{line}\n### END HIDDEN TESTS"
    secrets = secrets_of({"cells": [code("test", tests, grade=True)]})
    shown = {"cells": [code("test", line)], "metadata": {}}
    assert not list(leak_problems(secrets, shown, {}))


def test_a_solution_without_a_region_is_secret_as_a_whole() -> None:
    cell = {**code("why", "Because the area of a circle grows so.", solution=True), "cell_type": "markdown"}
    [secret] = secrets_of({"cells": [cell]})
    assert secret.lines == ("Becausetheareaofacirclegrowsso.",)


def test_the_chameleon_is_equal_to_everything_and_no_plain_value() -> None:
    answer = chameleon({"cells": [code("area", SOLUTION + "\nTEN: int = 10\nclass Disc: ...", solution=True)]})
    space: dict[str, Any] = {}
    exec(answer.cells["area"], space)
    area, ten, disc = space["area"], space["TEN"], space["Disc"]
    assert area(3) == 28.27
    assert abs(area(3) - 28) < 1e-9
    assert isinstance(area(3), float)
    assert isinstance(ten, int)
    assert disc(2).center.x == 17
    assert not list(area(3))
    with pytest.raises(AssertionError):
        plain(area(3))


def test_the_chameleon_leaves_cells_that_bind_nothing() -> None:
    assert chameleon({"cells": [code("close", "cluster.close()", solution=True)]}).cells == {}


def test_a_report_is_read_part_by_part() -> None:
    report = "passed  1 point: two\nFAILED  2.5 points: three\n        that is not so\nFAILED  1 point: four"
    assert list(parts_of(report)) == [
        ("two", 1, True, ""),
        ("three", 2.5, False, "that is not so"),
        ("four", 1, False, ""),
    ]


@pytest.mark.parametrize(
    ("result", "score"),
    [
        (CellResult(status="ok"), 4),
        (CellResult(status="ok", score=2.5), 2.5),
        (CellResult(status="ok", score=9), 4),
        (CellResult(status="ok", score=-1), 0),
        (CellResult(status="error"), 0),
        (CellResult(status="timeout", score=4), 0),
    ],
)
def test_scores_are_counted_as_autograding_does(result: CellResult, score: float) -> None:
    test = GradedTest("t", 4, "")
    assert score_of(Outcome(cells={"t": result}), test) == score
    assert score_of(Outcome(cells={"t": result}, tampered=("so",)), test) == 0


def test_requests_get_cells_that_ask_more() -> None:
    source = "assert area(1)\n### BEGIN HIDDEN TESTS\nassert area(2)\n### END HIDDEN TESTS\n2 * 2"
    request = Request(student="gate", assignment="toy", cells=(Cell(id="t", kind="test", source=source),))
    [test, value] = with_values(request).cells
    space: dict[str, Any] = {"area": lambda r: r}
    exec(test.source, space)
    assert eval(value.source, space) == "int 4"
    [shown, whole] = with_shown(request, [GradedTest("t", 4, source)]).cells
    assert shown.source == "assert area(1)\n2 * 2"
    assert whole.source == source


HIDING = "assert area(1) == 3\n### BEGIN HIDDEN TESTS\nassert area(2) == 12\n### END HIDDEN TESTS"
QUESTIONS = {
    "cells": [
        code("area", SOLUTION, solution=True),
        code("area-more", "PI = 3", solution=True),
        code("area-test", HIDING, grade=True, locked=True, points=2),
        code("open", "TEN = 10", solution=True),
        code("open-test", "assert TEN == 10", grade=True, locked=True, points=1),
        code("again-test", HIDING, grade=True, locked=True, points=2),
    ]
}
RENAMED = "import math\ndef area(radius):  # of a circle\n    return math.pi * radius ** 2"
IN_PIECES = (
    "def area(r):\n    rings = range(1000)\n    return sum(2 * math.pi * r * (k + 0.5) / 1e3 * r / 1e3 for k in rings)"
)


def right(name: str, **cells: str) -> Answer:
    return Answer(name=name, score=5, why="-", cells=cells, is_right=True)


def test_a_question_is_a_test_that_hides_something_and_the_solutions_since_the_test_before() -> None:
    assert list(questions_of(QUESTIONS)) == [("area-test", ("area", "area-more"))]


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        ([], []),
        ([Answer(name="wrong", score=0, why="-", cells={"area": RENAMED})], []),
        ([right("copy")], ["area-test"]),
        ([right("renamed", area=RENAMED)], ["area-test"]),
        ([right("renamed", area=RENAMED), right("pieces", area=IN_PIECES)], []),
    ],
    ids=["none is asked for", "a wrong one asks for none", "the same", "renamed", "another way"],
)
def test_a_hidden_test_needs_a_right_answer_that_is_written_differently(
    answers: list[Answer], refused: list[str]
) -> None:
    found = list(alike_problems(QUESTIONS, {answer.name: answer for answer in answers}))
    assert [problem.cell for problem in found] == refused
    assert all("area, area-more" in problem.reason for problem in found)


def test_a_right_answer_that_loses_a_point_is_told_with_its_place() -> None:
    tests = (GradedTest("t", 5, ""),)
    outcome = Outcome(cells={"t": CellResult(status="ok", score=4)})
    [problem] = declared_problems(right("pieces"), outcome, tests)
    assert problem.reason == "right/pieces.py must get 5 points and gets 4 (t 4 of 5)"
    assert "ask for more than the text does" in problem.fix
    assert not list(declared_problems(right("pieces"), Outcome(cells={"t": CellResult(status="ok")}), tests))


ASSIGNMENTS = sorted(path.parent for path in (Path(__file__).parents[2] / "assignments").glob("*/*.ipynb"))


@pytest.mark.parametrize("folder", ASSIGNMENTS, ids=lambda folder: folder.name)
def test_every_hidden_test_of_the_course_has_a_right_answer_of_another_kind(folder: Path) -> None:
    answers = {path.stem: read_answer(path) for path in sorted((folder / "right").glob("*.py"))}
    assert answers
    source = json.loads((folder / f"{folder.name}.ipynb").read_text())
    for cell in source["cells"]:
        cell["source"] = "".join(cell["source"])
    assert not list(alike_problems(source, answers))


def test_trouble_with_students_inputs_is_told_once_with_those_whom_it_met() -> None:
    answer = Answer(name="other", score=1, why="", cells={}, is_right=True)
    drawn = draws([answer], 8)
    tests = (GradedTest("t", 1, "assert x"),)
    good, bad = (Outcome(cells={"t": CellResult(status=status)}) for status in ("ok", "error"))
    outcomes = {draw.name: good if draw.student == "student-03" else bad for draw in drawn}
    [problem] = draw_problems(drawn, outcomes, tests)
    assert problem.cell == "t"
    named = "student-00, student-01, student-02, student-04, student-05 and 2 more"
    assert problem.reason.startswith(f"with the inputs of {named}: ")
    assert not list(draw_problems(drawn, dict.fromkeys(outcomes, good), tests))


def test_right_answers_are_handed_in_in_turn() -> None:
    answers = [Answer(name=name, score=1, why="", cells={}) for name in ("reference", "other")]
    assert [draw.name for draw in draws(answers, 3)] == [
        "reference of student-00", "other of student-01", "reference of student-02"
    ]  # fmt: skip


def test_a_verdict_refuses_with_cell_reason_and_action() -> None:
    fair = Verdict(assignment="a", checked={"form": "3 cells"})
    unfair = Verdict(assignment="b", checked={}, problems=(Problem("form", "b-test", "it has no points", "give it 2"),))
    fair.require_fair()
    with pytest.raises(UnfairAssignmentError) as raised:
        require_all_fair([fair, unfair])
    assert "'b' is not fair, for one reason:\n  b-test: it has no points\n    -> give it 2" in str(raised.value)
    assert "coursekit assignment gate b" in raised.value.fix
    assert as_table(unfair)["problems"] == [
        {"check": "form", "cell": "b-test", "reason": "it has no points", "fix": "give it 2"}
    ]
