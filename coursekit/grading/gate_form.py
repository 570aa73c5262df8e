"""What the release gate sees without running anything: the contract, grade ids, and which cells give points."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from coursekit.errors import SettingsError
from coursekit.grading.answers import is_solution, points
from coursekit.grading.catalog import read_notebook
from coursekit.grading.fairness import Problem, Test
from coursekit.grading.restore import cell_key, is_instructors, text_of
from coursekit.grading.sandboxed import BEGIN_HIDDEN
from coursekit.notebooks.contract import KEY, parse_contract
from coursekit.syntax import parse

CHECK: Final = "form"


def form_problems(folder: Path, notebook: Mapping[str, Any]) -> Iterator[Problem]:
    """Find what is unfair in the notebook's form.

    Parameters
    ----------
    folder : Path
        ``assignments/<name>``.
    notebook : mapping
        Its notebook, as the instructor has it.
    """
    yield from _contract(notebook)
    yield from _ids(notebook)
    marked = [cell for cell in notebook["cells"] if _marks(cell)]
    if odd := [problem for cell in marked for problem in _points(cell)]:
        yield from odd
        return
    for cell in marked:
        if cell["cell_type"] == "code" and not is_solution(cell):
            yield from _code(cell)
    if not any(points(cell) for cell in notebook["cells"]):
        yield _problem("notebook", "no cell gives points", "give points to a cell, in JupyterLab's Create Assignment")
    yield from _other_notebooks(folder)


def tests_of(notebook: Mapping[str, Any]) -> tuple[Test, ...]:
    """List the cells that give automatic points, in order."""
    return tuple(Test(cell_key(cell), points(cell), text_of(cell)) for cell in notebook["cells"] if _is_test(cell))


def _is_test(cell: Mapping[str, Any]) -> bool:
    return cell["cell_type"] == "code" and is_instructors(cell) and points(cell) > 0


def _marks(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    found = cell.get("metadata", {}).get("nbgrader")
    return found if isinstance(found, Mapping) else {}


def _problem(cell: str, reason: str, fix: str) -> Problem:
    return Problem(CHECK, cell, reason, fix)


def _contract(notebook: Mapping[str, Any]) -> Iterator[Problem]:
    if KEY not in notebook["metadata"]:
        fix = f'add "{KEY}": {{"title": "...", "minutes": 2}} to the notebook\'s metadata'
        yield _problem("notebook", "it has no contract, so nobody knows what it may use", fix)
        return
    try:
        parse_contract(notebook["metadata"][KEY])
    except SettingsError as error:
        yield _problem("notebook", f"its contract cannot be: {error.message}", error.fix)


def _ids(notebook: Mapping[str, Any]) -> Iterator[Problem]:
    found = Counter(cell_key(cell) for cell in notebook["cells"] if _marks(cell))
    for name, count in found.items():
        if count > 1:
            yield _problem(name, f"{count} cells have this grade id, and only one of them would count", "rename one")


def _points(cell: Mapping[str, Any]) -> Iterator[Problem]:
    name, marks = cell_key(cell), _marks(cell)
    if not (marks.get("grade") or marks.get("task")):
        return
    value = marks.get("points")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or (value or 0) < 0:
        yield _problem(name, f"its points are {value!r}, which is no number of points", "give it points, such as 2")
    elif value == 0:
        yield _problem(name, "it is graded and gives no points", "give it points, or take the mark for grading off it")
    if marks.get("grade") and not marks.get("solution") and not marks.get("locked"):
        yield _problem(name, "it is a test, and students can edit it", "mark it as Autograder tests, which locks it")


def _code(cell: Mapping[str, Any]) -> Iterator[Problem]:
    """Look into an instructor's cell: a test has to be able to fail, and what can fail has to be a test."""
    name, source, is_graded = cell_key(cell), text_of(cell), bool(_marks(cell).get("grade"))
    if BEGIN_HIDDEN in source and not is_graded:
        yield _problem(name, "it has hidden tests and gives no points", "mark it as Autograder tests, with points")
        return
    try:
        tree = parse(source)
    except SyntaxError:
        return  # magics; the sandbox finds out
    nodes = list(ast.walk(tree))
    makes_parts = any(isinstance(node, ast.Attribute) and node.attr == "part" for node in nodes)
    if not is_graded:
        if makes_parts or any(isinstance(statement, ast.Assert) for statement in tree.body):
            yield _problem(name, "it tests something and gives no points", "mark it as Autograder tests, with points")
        return
    if not any(isinstance(node, (ast.Assert, ast.Raise, ast.Call)) for node in nodes):
        yield _problem(name, "it gives points and tests nothing", "write a test into it, or take its points away")
    elif makes_parts and not (tree.body and isinstance(tree.body[-1], ast.Expr)):
        fix = "make checks.score() its last line"
        yield _problem(name, "it does not end with its score, so that whoever fails its parts gets all points", fix)


def _other_notebooks(folder: Path) -> Iterator[Problem]:
    for path in sorted(folder.glob("*.ipynb")):
        if path.stem == folder.name:
            continue
        if any(points(cell) for cell in read_notebook(path)["cells"]):
            fix = f"move them to {folder.name}.ipynb"
            yield _problem(path.name, "it has graded cells, for which no answer can stand in wrong/", fix)
