from __future__ import annotations

import pickle
import re
from collections.abc import Iterator

import pytest

from coursekit import errors
from coursekit.errors import CoursekitError


def all_errors(root: type[CoursekitError] = CoursekitError) -> Iterator[type[CoursekitError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from all_errors(kind)


def test_every_error_has_an_exit_code_of_its_own():
    codes = [kind.exit_code for kind in all_errors()]
    assert len(set(codes)) == len(codes)
    assert all(2 < code < 126 for code in codes), "0, 1, 2 and the shell's own codes are taken"


def test_the_tree_in_the_docstring_is_the_tree_of_the_code():
    drawn = dict(re.findall(r"(\w+Error) +(\d+)", errors.__doc__ or ""))
    assert drawn == {kind.__name__: str(kind.exit_code) for kind in all_errors()}


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_an_error_shows_its_fix_and_crosses_a_process_boundary(kind):
    error = pickle.loads(pickle.dumps(kind("workers = -1 cannot be.", fix="use 1")))
    assert type(error) is kind
    assert str(error) == "workers = -1 cannot be.\n  Fix: use 1"
