"""Checks of random content whose outcome is known: one of them sings when a submission bent what tests stand on."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Final

_OF_LIBRARIES: Final = {
    "numpy.testing": "import numpy.testing as {n}\n{n}.assert_allclose([{a}.0, {b}.0], [{a}.0, {b}.5])",
    "pandas.testing": "import pandas as {n}\n{n}.testing.assert_series_equal({n}.Series([{a}]), {n}.Series([{b}]))",
    "unittest": "import unittest as {n}\n{n}.TestCase().assertEqual({a}, {b})",
}


def choose_canaries(modules: list[str]) -> list[str]:
    """Give the patterns of canaries for the libraries that an assignment's tests import."""
    return [text for module, text in _OF_LIBRARIES.items() if module in modules]


def make_canaries(of_libraries: list[str]) -> Iterator[tuple[str, tuple[str, float | None]]]:
    """Yield checks, and the status and score that each must end with, in random numbers under random names.

    Parameters
    ----------
    of_libraries : list of str
        Patterns of `choose_canaries`.
    """
    a = secrets.randbelow(10**6) + 2
    b, name = a + 1 + secrets.randbelow(10**6), f"n{secrets.token_hex(6)}"
    yield f"{name} = {a}\nassert {name} == {b}, {name}", ("error", None)
    passed, failed = (secrets.randbelow(97) + 1) / 8, (secrets.randbelow(97) + 1) / 8
    yield (
        (
            f"from coursekit.grading import Checks as {name}_c\n{name} = {name}_c()\n"
            f"with {name}.part({failed}, '{name}'):\n    assert {a} == {b}\n"
            f"with {name}.part({passed}, '{name}'):\n    assert {b} - {a} == {b - a}\n{name}.score()"
        ),
        ("ok", passed),
    )
    for text in of_libraries:
        yield text.format(n=name, a=a, b=b), ("error", None)
