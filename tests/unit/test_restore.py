"""A submission is put back on the instructor's notebook, whatever was done to it."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coursekit.grading.restore import cell_key, is_instructors, restore


def graded(name: str, source: str, **marks: Any) -> dict[str, Any]:
    flags = {"grade_id": name, "grade": False, "solution": False, "locked": False, "task": False, **marks}
    return {"cell_type": "code", "id": name, "source": source, "metadata": {"nbgrader": flags}}


def plain(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "code", "id": name, "source": source, "metadata": {}}


SOURCE = {
    "cells": [
        graded("setup", "import math", locked=True),
        plain("parameters", "rows = 3"),
        graded("answer", "solution", solution=True),
        graded("test", "assert answer\nhidden", grade=True, locked=True, points=2),
        graded("second", "solution", solution=True),
        graded("second-test", "assert second\nhidden", grade=True, locked=True, points=1),
    ]
}
RELEASED = json.loads(json.dumps(SOURCE).replace("\\nhidden", "").replace('solution"', 'stub"'))
for each in RELEASED["cells"]:
    if "stub" in each["metadata"].get("nbgrader", {}):
        each["metadata"]["nbgrader"]["solution"] = each["metadata"]["nbgrader"].pop("stub")


def submitted() -> dict[str, Any]:
    notebook = copy.deepcopy(RELEASED)
    for cell in notebook["cells"]:
        if cell["id"] in ("answer", "second"):
            cell["source"] = f"work on {cell['id']}"
    return dict(notebook)


def sources(cells: list[dict[str, Any]]) -> dict[str, str]:
    return {cell_key(cell): cell["source"] for cell in cells}


def test_work_stands_in_its_cells_and_hidden_tests_are_back() -> None:
    cells, notes = restore(SOURCE, [RELEASED], submitted())
    assert notes == ()
    assert sources(cells)["answer"] == "work on answer"
    assert sources(cells)["test"] == "assert answer\nhidden"


def test_own_cells_stay_where_they_were_and_say_nothing_of_grading() -> None:
    notebook = submitted()
    own = graded("mine", "helper = 1", grade=True, locked=True, points=100)
    notebook["cells"].insert(3, own)
    cells, _ = restore(SOURCE, [RELEASED], notebook)
    place = [cell["source"] for cell in cells].index("helper = 1")
    assert cell_key(cells[place - 1]) == "answer"
    assert cells[place]["metadata"] == {}


def test_parameters_that_were_deleted_are_back_and_those_that_were_changed_stay() -> None:
    notebook = submitted()
    notebook["cells"][1]["source"] = "rows = 9"
    assert sources(restore(SOURCE, [RELEASED], notebook)[0])["parameters"] == "rows = 9"
    del notebook["cells"][1]
    assert sources(restore(SOURCE, [RELEASED], notebook)[0])["parameters"] == "rows = 3"


def test_each_kind_of_edit_is_told() -> None:
    notebook = submitted()
    cells = notebook["cells"]
    cells[3]["source"] = "pass"
    cells[5]["metadata"]["nbgrader"]["points"] = 50
    cells.append(copy.deepcopy(cells[2]))
    del cells[0]
    _, notes = restore(SOURCE, [RELEASED], notebook)
    told = {note.cell: note.what.split()[0] + " " + note.what.split()[1] for note in notes}
    assert told == {"setup": "was deleted;", "answer": "came 2", "test": "was edited;", "second-test": "had other"}


def test_who_has_an_earlier_version_of_a_test_has_edited_nothing() -> None:
    newer = json.loads(json.dumps(RELEASED).replace("assert second", "assert second is not None"))
    assert restore(SOURCE, [newer, RELEASED], submitted())[1] == ()
    assert [note.cell for note in restore(SOURCE, [newer], submitted())[1]] == ["second-test"]


@st.composite
def mangled(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a submission whose cells were edited, deleted, doubled and moved at will."""
    own = [plain("mine", "x"), graded("unknown", "y", grade=True, locked=True)]
    cells = [*copy.deepcopy(submitted()["cells"]), *own]
    picked = draw(st.lists(st.sampled_from(range(len(cells))), max_size=12))
    made = [copy.deepcopy(cells[number]) for number in picked]
    for cell in made:
        if draw(st.booleans()):
            cell["source"] = draw(st.sampled_from(["", "pass", "4.0"]))
        if draw(st.booleans()):
            cell["metadata"] = draw(st.sampled_from([{}, {"nbgrader": 3}, {"nbgrader": {"grade_id": "test"}}]))
    return {"cells": made}


@given(mangled())
def test_whatever_is_handed_in_the_instructors_cells_are_all_there_once_and_in_order(notebook: dict[str, Any]) -> None:
    cells, _ = restore(SOURCE, [RELEASED], notebook)
    mine = [(cell_key(cell), cell["source"], cell["metadata"]) for cell in cells if is_instructors(cell)]
    assert mine == [
        (cell_key(cell), cell["source"], cell["metadata"]) for cell in SOURCE["cells"] if is_instructors(cell)
    ]
    names = [cell_key(cell) for cell in cells if cell["metadata"].get("nbgrader")]
    assert names == ["setup", "answer", "test", "second", "second-test"]
