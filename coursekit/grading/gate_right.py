"""Whether hidden tests ask for an answer or for the reference's way to it: each has to accept one written differently.

That answers in ``right/`` get all points is for `gate_scores` to see; here, that they are different where it counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from coursekit.grading.answers import Answer, is_solution, points, reference_cells
from coursekit.grading.fairness import Problem
from coursekit.grading.gate_leaks import split_regions
from coursekit.grading.restore import cell_key, is_instructors, text_of
from coursekit.grading.similarity import Shingles, resemblance, shingles
from coursekit.syntax import parse

CHECK: Final = "right"
_ALIKE_FROM: Final = 0.6  # from where on submissions of two students are shown as alike


def alike_problems(source: Mapping[str, Any], answers: Mapping[str, Answer]) -> Iterator[Problem]:
    """Say which hidden tests only answers pass that are written as the reference solution is.

    Parameters
    ----------
    source : mapping
        The instructor's notebook.
    answers : mapping of str to Answer
        All of them; where none is in ``right/``, nothing is asked.
    """
    right = [answer for answer in answers.values() if answer.is_right]
    if not right:
        return
    reference = reference_cells(source)
    for test, solutions in questions_of(source):
        if not any(_differs(answer, reference, solutions) for answer in right):
            reason = f"all answers in right/ solve {', '.join(solutions)} as the reference does: is that the only way?"
            yield Problem(CHECK, test, reason, "add an answer to right/ that is written differently there")


def questions_of(source: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give each test that hides something, and the code cells that students fill in between the test before and it."""
    solutions: list[str] = []
    for cell in source["cells"]:
        if cell["cell_type"] != "code":
            continue
        if is_solution(cell):
            solutions.append(cell_key(cell))
        elif is_instructors(cell) and points(cell):
            if solutions and split_regions(text_of(cell))[1]:
                yield cell_key(cell), tuple(solutions)
            solutions = []


def _differs(answer: Answer, reference: Mapping[str, str], solutions: Iterable[str]) -> bool:
    """Whether one of the cells is written differently: names, comments, texts and layout do not count."""
    return any(
        resemblance(_runs(answer.cells.get(name, reference[name])), _runs(reference[name])) < _ALIKE_FROM
        for name in solutions
    )


def _runs(source: str) -> Shingles:
    """Give a source's runs of tokens, without docstrings and annotations, which do not make another way of it."""
    try:
        tree = _Bare().visit(parse(source))
    except SyntaxError:
        return shingles(source)  # magics
    return shingles(ast.unparse(tree))


class _Bare(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node
