"""Python source as a tree, from any thread."""

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()


def parse(source: str) -> ast.Module:
    """Parse Python source, as `ast.parse` does, one thread after the other.

    Python counts how deep a tree is in one place for all threads (seen with 3.11.7), so that two that parse at
    once may end each other with ``SystemError: AST constructor recursion depth mismatch``:
    https://github.com/python/cpython/issues/106905.

    Raises
    ------
    SyntaxError
        The source is no Python.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source)
