"""Submissions whose answers are alike: a reason to look, and nothing that is held against anybody by itself.

An answer is read as Python's tokens, with every name that its author chose replaced by one sign, and without
comments and layout; so renaming, reformatting and commenting change nothing. Runs of six tokens (*shingles*) are
compared as sets, as in A. Z. Broder, "On the resemblance and containment of documents", 1997. What the released
notebook holds does not count, nor what most of a class of ten or more has written.
"""

from __future__ import annotations

import builtins
import io
import itertools
import keyword
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_SIZE: Final = 6
_LEAST: Final = 20
_CLASS: Final = 10
_SOURCE_MAX: Final = 100_000
_KEPT: Final = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)
_LAYOUT: Final = frozenset({
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER, tokenize.INDENT,
    tokenize.DEDENT,
})  # fmt: skip
_MAGIC: Final = re.compile(r"^\s*[%!].*$", re.MULTILINE)
_ROUGH: Final = re.compile(r"\w+|[^\w\s]")

Shingles = frozenset[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two submissions that are alike.

    Parameters
    ----------
    first, second : str
        The students, in alphabetical order.
    share : float
        Shingles that both have, of those that either has, 0 to 1.
    cells : tuple of str
        Cells that are alike, the most alike first.
    """

    first: str
    second: str
    share: float
    cells: tuple[str, ...]


def tokens(source: str) -> tuple[str, ...]:
    """Read Python as tokens, without layout and comments, names that the author chose replaced by ``N``.

    Attributes (``x.split``), builtins, keywords, numbers and operators stay; each text is ``S``. What is not Python is
    split at its words.
    """
    source = _MAGIC.sub("", source[:_SOURCE_MAX])
    try:
        return tuple(_python_tokens(source))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        words = _ROUGH.findall(re.sub(r"#.*", "", source))
        return tuple("N" if word.isidentifier() and word not in _KEPT else word for word in words)


def _python_tokens(source: str) -> Iterator[str]:
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _LAYOUT:
            continue
        if token.type == tokenize.STRING:
            yield "S"
        elif token.type == tokenize.NAME and token.string not in _KEPT and before != ".":
            yield "N"
        else:
            yield token.string
        before = token.string


def shingles(source: str) -> Shingles:
    """Give all runs of six tokens of an answer; a shorter one is a run by itself."""
    found = tokens(source)
    if len(found) < _SIZE:
        return frozenset({found} if found else ())
    return frozenset(found[start : start + _SIZE] for start in range(len(found) - _SIZE + 1))


def resemblance(first: frozenset[object], second: frozenset[object]) -> float:
    """Give Jaccard's index: what both have, of what either has; 0 if neither has anything."""
    either = len(first | second)
    return len(first & second) / either if either else 0.0


def similar_pairs(
    answers: Mapping[str, Mapping[str, str]], released: Mapping[str, str], *, least: float = 0.6
) -> tuple[Pair, ...]:
    """Find submissions that are alike.

    Parameters
    ----------
    answers : mapping of str to mapping of str to str
        Source of the solution cells, by student and cell.
    released : mapping of str to str
        Source of the same cells as students got them.
    least : float
        Pairs below this resemblance are left out, 0 to 1.

    Returns
    -------
    tuple of Pair
        The most alike first. Students who wrote fewer than 20 different runs are in none, for short answers are alike
        by nature.
    """
    given = {cell: shingles(source) for cell, source in released.items()}
    anywhere = frozenset().union(*given.values())
    found = {
        student: {cell: shingles(source) - anywhere for cell, source in cells.items() if cell in given}
        for student, cells in answers.items()
    }
    usual = _usual(found)
    own = {
        student: frozenset((cell, run) for cell, runs in cells.items() for run in runs if (cell, run) not in usual)
        for student, cells in found.items()
    }
    judged = sorted(student for student, runs in own.items() if len(runs) >= _LEAST)
    pairs = [
        Pair(first=one, second=other, share=share, cells=_alike(found[one], found[other], least))
        for one, other in itertools.combinations(judged, 2)
        if (share := resemblance(own[one], own[other])) >= least
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.share, pair.first, pair.second)))


def _usual(found: Mapping[str, Mapping[str, Shingles]]) -> frozenset[tuple[str, tuple[str, ...]]]:
    if len(found) < _CLASS:
        return frozenset()
    counts = Counter((cell, run) for cells in found.values() for cell, runs in cells.items() for run in runs)
    return frozenset(each for each, count in counts.items() if count > len(found) / 2)


def _alike(first: Mapping[str, Shingles], second: Mapping[str, Shingles], least: float) -> tuple[str, ...]:
    shares = {cell: resemblance(first[cell], second[cell]) for cell in first.keys() & second.keys()}
    return tuple(sorted((cell for cell in shares if shares[cell] >= least), key=lambda cell: (-shares[cell], cell)))
