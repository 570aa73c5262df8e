"""Cell ids that a reader of a diff understands: taken from what the cell says, and kept once given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from coursekit.notebooks.document import Document, heading_of, tags_of

_READABLE: Final = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_RANDOM: Final = re.compile(r"(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,}")
_LONGEST: Final = 64  # nbformat's own limit
_LONGEST_GIVEN: Final = 40
_WHEN_SILENT: Final = {"markdown": "text", "code": "code", "raw": "raw"}


def is_readable(cell_id: object) -> bool:
    """Whether an id is made of words: lower case, hyphens, and no part that looks drawn at random.

    Jupyter draws 8 or more hexadecimal digits, or a UUID; a part of that kind with both letters and digits in it, or
    an id without any letter, is not readable.
    """
    return (
        isinstance(cell_id, str)
        and len(cell_id) <= _LONGEST
        and _READABLE.fullmatch(cell_id) is not None
        and not any(_RANDOM.fullmatch(part) for part in cell_id.split("-"))
    )


def readable_ids(cells: Iterable[Document]) -> list[str]:
    """Give each cell an id: its own when that is readable and no earlier cell has it, else one from its content."""
    cells = list(cells)
    taken: set[str] = set()
    kept: list[str | None] = []
    for cell in cells:
        own = cell.get("id")
        keep = own if is_readable(own) and own not in taken else None
        kept.append(keep)
        if keep is not None:
            taken.add(keep)
    given = []
    for cell, keep in zip(cells, kept, strict=True):
        cell_id = keep or _numbered(_propose(cell), taken)
        taken.add(cell_id)
        given.append(cell_id)
    return given


def _numbered(base: str, taken: set[str]) -> str:
    number, cell_id = 1, base
    while cell_id in taken:
        number += 1
        cell_id = f"{base}-{number}"
    return cell_id


def _propose(cell: Document) -> str:
    """Nbgrader's name of the cell, ``parameters``, the first heading, or the first line that says something."""
    nbgrader = cell.metadata.get("nbgrader")
    if isinstance(nbgrader, dict) and nbgrader.get("grade_id"):
        candidates = [str(nbgrader["grade_id"])]
    elif "parameters" in tags_of(cell):
        candidates = ["parameters"]
    elif cell.cell_type == "code":
        candidates = [line for line in cell.source.splitlines() if not line.lstrip().startswith(("###", "%%"))]
    else:
        candidates = [heading_of(cell.source) or "", *cell.source.splitlines()]
    slugs = (_slug(text) for text in candidates)
    return next((slug for slug in slugs if is_readable(slug)), _WHEN_SILENT.get(cell.cell_type, "cell"))


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    if len(slug) > _LONGEST_GIVEN:
        slug = slug[: _LONGEST_GIVEN + 1].rpartition("-")[0] or slug[:_LONGEST_GIVEN]
    return slug
