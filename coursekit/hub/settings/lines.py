"""Where in a TOML file a key stands: ``tomllib`` does not tell, and an error without a line is hard to follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

Keys = tuple[str, ...]

_PART: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED: Final = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER: Final = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(rf"\s*({_DOTTED})\s*=")
_MULTILINE: Final = re.compile(r'"""|\'\'\'')


def line_of(text: str, keys: Keys) -> int | None:
    """Find the line of a key, or else of the innermost table around it that has one.

    Parameters
    ----------
    text : str
        A valid TOML file.
    keys : tuple of str
        The way to the key from the top: ``("profiles", "gpu", "memory")``.

    Returns
    -------
    int or None
        From 1; None where not even the outermost part of it stands in the file.
    """
    found: dict[Keys, int] = {}
    for number, path in _paths(text):
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], number)
    return next((found[keys[:length]] for length in range(len(keys), 0, -1) if keys[:length] in found), None)


def _paths(text: str) -> Iterator[tuple[int, Keys]]:
    """Give each key and each header of a table with its line."""
    table: Keys = ()
    quotes = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not quotes:
            if header := _HEADER.fullmatch(line):
                table = _split(header[1])
                yield number, table
            elif key := _KEY.match(line):
                yield number, table + _split(key[1])
        for mark in _MULTILINE.findall(line):
            if not quotes:
                quotes = mark
            elif quotes == mark:
                quotes = ""


def _split(dotted: str) -> Keys:
    return tuple(part.strip("\"'") for part in re.findall(_PART, dotted))
