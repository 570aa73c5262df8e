"""What the supervisor sends to the executor: cells, prepared so that the student's process has the least to decide."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from coursekit.syntax import parse


def prepare_job(cell: dict[str, Any], *, forget: bool = False) -> dict[str, Any]:
    """Prepare a cell for the executor: an instructor's comes in two parts, the statements and the value at its end."""
    if cell["kind"] == "student":
        return {"kind": "student", "source": cell["source"]}
    body, last, protected = _split(_translate(cell["source"]))
    return {
        "kind": cell["kind"],
        "body": body,
        "last": last,
        "hidden": cell["hidden"],
        "protected": protected,
        "forget": forget,
    }


def _translate(source: str) -> str:
    """Turn magics into Python, as IPython does."""
    if not any(line.lstrip().startswith(("%", "!")) for line in source.splitlines()):
        return source
    from IPython.core import inputtransformer2

    untyped: Any = inputtransformer2
    return str(untyped.TransformerManager().transform_cell(source))


def _split(source: str) -> tuple[str, str, list[str]]:
    try:
        tree = parse(source)
    except SyntaxError:
        return source, "", []
    protected = [name for statement in tree.body for name in _bound_for_good(statement)]
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return source, "", protected
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    return ast.unparse(tree), ast.unparse(last.value), protected


def _bound_for_good(statement: ast.stmt) -> Iterator[str]:
    """Give the names that a statement imports or defines."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name


def find_imports(sources: list[str]) -> set[str]:
    """Give the modules that code imports, or reaches as an attribute (``np.testing``); some names are none."""
    nodes = [node for source in sources for node in _parse(source)]
    aliases: dict[str, str] = {}
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            aliases |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            aliases |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            if first in aliases and all(part.isidentifier() for part in rest.split(".")):
                found.add(f"{aliases[first]}.{rest}")
    return found


def _parse(source: str) -> list[ast.AST]:
    try:
        return list(ast.walk(parse(_translate(source))))
    except SyntaxError:
        return []
