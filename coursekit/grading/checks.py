"""What test cells of an assignment use: checks with points and messages, and inputs drawn from a seed.

::

    checks = Checks()
    with checks.part(2, "a small heap still gets 384 MiB beside it"):
        assert cluster_spec(1, "1g").memory == 1408 * MiB
    checks.score()

Compare :func:`plain` values: what a student's function gives may be an object of a class of theirs, which says of
itself that it is equal to everything.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_MAX_MESSAGE = 400
# Read once, before a student's code can change the environment.
_AUTOGRADING = os.environ.get("NBGRADER_EXECUTION") == "autograde"
_STUDENT = os.environ.get("COURSEKIT_STUDENT", "")
_IN_SANDBOX = bool(_STUDENT)
_SINGLE: Final = (type(None), bool, int, float, str, bytes)
_MANY: Final = (list, tuple, set, frozenset)
# Asked of `type` itself, for a class may answer what it likes when it is asked.
_flags_of: Final = type.__dict__["__flags__"].__get__
_module_of: Final = type.__dict__["__module__"].__get__
_name_of: Final = type.__dict__["__name__"].__get__
_HEAP_TYPE: Final = 1 << 9  # CPython's flag of classes that were made by Python code; numpy's own were not


@dataclass(frozen=True, slots=True)
class _Part:
    points: float
    what: str
    trouble: str | None


class Score(float):
    """The points of a test cell, and in words how they came about."""

    report = ""


@dataclass(slots=True)
class Checks:
    """The checks of one test cell: each gives its points by itself, and says in words what was wrong."""

    _parts: list[_Part] = field(default_factory=list)

    @contextmanager
    def part(self, points: float, what: str) -> Iterator[None]:
        """Run one check; whatever it raises costs these points and no others.

        Parameters
        ----------
        points : float
            What the check is worth.
        what : str
            What is checked, in words for the student.
        """
        trouble = None
        try:
            yield
        except Exception as error:
            trouble = _in_words(error)
        self._parts.append(_Part(points, what, trouble))

    def score(self) -> Score | None:
        """Print what passed and what did not; the last line of a test cell.

        Returns
        -------
        Score or None
            The points while autograding: nbgrader takes the last expression's value as the cell's score. None in the
            student's own notebook, where a number would mislead, for the hidden checks are missing there.

        Raises
        ------
        AssertionError
            In the student's own notebook, if a check failed: the cell and nbgrader's *Validate* show it.
        """
        failed = [part for part in self._parts if part.trouble is not None]
        if is_autograding():
            score = Score(sum(part.points for part in self._parts if part.trouble is None))
            score.report = "\n".join(map(_line, self._parts))
            if not _IN_SANDBOX:  # which takes the report from the score, and believes nothing that is printed
                print(score.report)
            return score
        if failed:
            raise AssertionError("\n" + "\n".join(map(_line, self._parts)))
        print(*map(_line, self._parts), sep="\n")
        print("These checks pass. The grader runs more of them, with other inputs.")
        return None


def _line(part: _Part) -> str:
    mark = "passed" if part.trouble is None else "FAILED"
    points = f"{part.points:g} point" + ("" if part.points == 1 else "s")
    return f"{mark}  {points}: {part.what}" + (f"\n        {part.trouble}" if part.trouble else "")


def _in_words(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "not answered yet"
    text = str(error).strip().split("\nJVM stacktrace:")[0]
    text = text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + " ..."
    if isinstance(error, AssertionError):
        return text or "that is not so"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_autograding() -> bool:
    """Whether this kernel was started by nbgrader's autograder."""
    return _AUTOGRADING or os.environ.get("NBGRADER_EXECUTION") == "autograde"


def student() -> str:
    """Whose notebook this is.

    The sandbox tells; in plain nbgrader the working directory (``autograded/<student>/<assignment>``); else the Hub's
    user or, on a laptop, the machine's.
    """
    if _STUDENT:
        return _STUDENT
    if is_autograding():
        return Path.cwd().parent.name
    from coursekit.config import owner

    return os.environ.get("JUPYTERHUB_USER") or owner()


def seed(*names: str, who: str | None = None) -> int:
    """Draw a seed for one student and one question; the same names give the same seed, on every machine.

    Parameters
    ----------
    *names : str
        The assignment, the question, and whatever else tells inputs apart.
    who : str, optional
        The student; :func:`student` when not given.

    Returns
    -------
    int
        Between 0 and 2**32 - 1: the first four bytes of the SHA-256 of ``who|name|...``.
    """
    text = "|".join((who if who is not None else student(), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def plain(value: Any) -> Any:
    """Copy a value deeply, made of nothing but Python's own types; what a test compares should have come through here.

    Parameters
    ----------
    value : object
        None, a bool, int, float, str or bytes; a list, tuple, dict, set or frozenset of such; one of numpy's own
        scalars or arrays, which becomes a number or a list.

    Returns
    -------
    object
        Equal to the value, and of those types exactly: no subclass that could have an opinion of its own on ``==``.

    Raises
    ------
    AssertionError
        If anything of another type is in it; the message names the type.
    """
    kind = type(value)
    if kind in _SINGLE:
        return value
    if kind in _MANY:
        return kind(plain(each) for each in value)
    if kind is dict:
        return {plain(key): plain(each) for key, each in value.items()}
    if not _flags_of(kind) & _HEAP_TYPE and _module_of(kind) == "numpy" and hasattr(kind, "tolist"):
        simple = value.tolist()
        if type(simple) in (*_SINGLE, list):
            return plain(simple)
    raise AssertionError(
        f"there is a value of type {_name_of(kind)}; give numbers, text, lists, tuples, dicts or sets, and nothing else"
    )
