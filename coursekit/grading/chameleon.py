"""An answer that knows nothing and is equal to everything: what passes for it passes for whoever writes ``__eq__``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, Final

from coursekit.grading.answers import Answer, is_solution
from coursekit.grading.restore import cell_key, text_of
from coursekit.syntax import parse

NAME: Final = "chameleon"
_BASES: Final = ("int", "float", "str", "bytes", "list", "tuple", "dict", "set", "frozenset")
_CLASS: Final = """
class _Chameleon({base}):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return 0

    def __bool__(self):
        return True

    def __call__(self, *args, **kwargs):
        return self

    def __getattr__(self, name):
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, key):
        return self

    def __contains__(self, key):
        return True

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 1

    def __float__(self):
        return 0.0

    def __int__(self):
        return 0

    __index__ = __int__

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return False


for _name in "lt le gt ge".split():
    setattr(_Chameleon, f"__{{_name}}__", lambda self, other: True)
for _name in "add sub mul truediv floordiv mod pow and or xor".split():
    for _side in ("", "r"):
        setattr(_Chameleon, f"__{{_side}}{{_name}}__", lambda self, *others: self)
for _name in "neg pos abs round".split():
    setattr(_Chameleon, f"__{{_name}}__", lambda self, *others: self)
"""


def chameleon(notebook: Mapping[str, Any]) -> Answer:
    """Make the chameleon's answer to an assignment.

    Each function, class and variable that the reference solution binds is one of its objects, of a class derived from
    the built-in type that the solution's annotation promises. Cells that bind nothing are left as students get them.

    Parameters
    ----------
    notebook : mapping
        The instructor's notebook.

    Returns
    -------
    Answer
        Its declared score is 0; what counts is what the untouched notebook gets.
    """
    cells = {cell_key(cell): text for cell in notebook["cells"] if (text := _disguise(cell))}
    return Answer(name=NAME, score=0, why="objects that are equal to everything", cells=cells)


def _disguise(cell: Mapping[str, Any]) -> str:
    """Write a solution cell anew; empty when it has nothing to replace."""
    if cell["cell_type"] != "code" or not is_solution(cell):
        return ""
    try:
        tree = parse(text_of(cell))
    except SyntaxError:
        return ""
    bound = dict(pair for statement in tree.body for pair in _bound(statement))
    if not bound:
        return ""
    imports = [ast.unparse(each) for each in tree.body if isinstance(each, (ast.Import, ast.ImportFrom))]
    objects = [f"{_CLASS.format(base=base)}\n{name} = _Chameleon()" for name, base in bound.items()]
    return "\n".join((*imports, *objects)).strip()


def _bound(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """Give the names that a statement binds, and the type that each promises."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield statement.name, _base(statement.returns)
    elif isinstance(statement, ast.ClassDef):
        yield statement.name, "object"
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id, _base(statement.annotation)
    elif isinstance(statement, ast.Assign):
        for node in (node for target in statement.targets for node in ast.walk(target)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id, "object"


def _base(annotation: ast.expr | None) -> str:
    """Give the built-in type that an annotation names: list for ``list[int]``."""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return annotation.id if isinstance(annotation, ast.Name) and annotation.id in _BASES else "object"
