"""Put a student's work back into the instructor's notebook: theirs is what stands in their cells, and nothing else.

nbgrader overwrites the cells that a submission still has. Here the instructor's notebook is the frame: cells that were
edited, deleted, duplicated or moved are where they were, and what was found is told. Cells that students added stay
where they put them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_START: Final = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was put right: which cell, and what was found."""

    cell: str
    what: str


def restore(
    source: Mapping[str, Any], released: Sequence[Mapping[str, Any]], submitted: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], tuple[Note, ...]]:
    """Rebuild a submission's cells on the instructor's notebook.

    Parameters
    ----------
    source : mapping
        The instructor's notebook, hidden tests and all.
    released : sequence of mapping
        What students got of it, the newest first: a test that was corrected since does not make an editor of anybody.
    submitted : mapping
        What came back.

    Returns
    -------
    cells : list of dict
        The instructor's cells in their order, with the student's work in those that are theirs, and the student's own.
    notes : tuple of Note
        What was edited, deleted, duplicated or moved.
    """
    known = {key for cell in source["cells"] if (key := cell_key(cell))}
    found = _by_key(submitted["cells"], known)
    given: dict[str, list[Any]] = {}
    for version in released:
        for cell in version["cells"]:
            given.setdefault(cell_key(cell), []).append(cell)
    own = _own_cells(submitted["cells"], known)
    cells: list[dict[str, Any]] = list(own.pop(_START, []))
    for cell in source["cells"]:
        key = cell_key(cell)
        theirs = found.get(key, [])
        cells.append(_with_work(cell, theirs[0] if theirs else given.get(key, [None])[0], bool(theirs)))
        cells.extend(own.pop(key, []))
    for rest in own.values():
        cells.extend(rest)
    return cells, tuple(_notes(source, given, submitted, found))


def cell_key(cell: Mapping[str, Any]) -> str:
    """Give the name by which a cell is known again: nbgrader's, or that of the file format."""
    grading = cell.get("metadata", {}).get("nbgrader")
    if isinstance(grading, Mapping) and isinstance(grading.get("grade_id"), str):
        return str(grading["grade_id"])
    return str(cell.get("id", ""))


def is_instructors(cell: Mapping[str, Any]) -> bool:
    """Whether students may not write into the cell."""
    grading = cell.get("metadata", {}).get("nbgrader")
    return isinstance(grading, Mapping) and bool(grading.get("locked")) and not grading.get("solution")


def _with_work(cell: Mapping[str, Any], theirs: Mapping[str, Any] | None, is_there: bool) -> dict[str, Any]:
    made = copy.deepcopy(dict(cell))
    made["source"] = text_of(cell)
    if is_instructors(cell) or theirs is None:
        return made
    grading = cell["metadata"].get("nbgrader")
    if grading is None and not is_there:
        return made
    made["source"] = text_of(theirs)
    return made


def _by_key(cells: list[Mapping[str, Any]], known: set[str]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for cell in cells:
        if (key := cell_key(cell)) in known:
            found.setdefault(key, []).append(cell)
    return found


def _own_cells(cells: list[Mapping[str, Any]], known: set[str]) -> dict[str, list[dict[str, Any]]]:
    """Find the cells that students added, by the instructor's cell that they stand behind."""
    own: dict[str, list[dict[str, Any]]] = {}
    last = _START
    for cell in cells:
        if (key := cell_key(cell)) in known:
            last = key
            continue
        if cell.get("cell_type") not in ("code", "markdown", "raw"):
            continue
        added = copy.deepcopy(dict(cell))
        added["source"] = text_of(cell)
        added["metadata"] = {}  # what it may say of grading is not theirs to say
        own.setdefault(last, []).append(added)
    return own


def _notes(
    source: Mapping[str, Any],
    given: Mapping[str, Sequence[Mapping[str, Any]]],
    submitted: Mapping[str, Any],
    found: Mapping[str, list[Mapping[str, Any]]],
) -> Iterator[Note]:
    order = [cell_key(cell) for cell in submitted["cells"]]
    graded = [cell for cell in source["cells"] if isinstance(cell.get("metadata", {}).get("nbgrader"), Mapping)]
    for cell in graded:
        key = cell_key(cell)
        theirs = found.get(key, [])
        if not theirs:
            yield Note(key, "was deleted; it is back")
            continue
        if len(theirs) > 1:
            yield Note(key, f"came {len(theirs)} times; the first counts")
        if key not in given:
            continue
        if is_instructors(cell) and text_of(theirs[0]).strip() not in {text_of(each).strip() for each in given[key]}:
            yield Note(key, "was edited; it is as it was")
        if _marks(theirs[0]) not in {_marks(each) for each in given[key]}:
            yield Note(key, "had other marks for grading; they are as they were")
    kept = [key for key in dict.fromkeys(order) if key in {cell_key(cell) for cell in graded}]
    expected = [cell_key(cell) for cell in graded if cell_key(cell) in kept]
    if moved := next((key for key, other in zip(kept, expected, strict=False) if key != other), None):
        yield Note(moved, "was moved; all cells are in their order again")


def _marks(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    grading = cell.get("metadata", {}).get("nbgrader")
    if not isinstance(grading, Mapping):
        return ()
    return tuple(grading.get(name) for name in ("grade", "solution", "locked", "points", "task"))


def text_of(cell: Mapping[str, Any]) -> str:
    """Give a cell's source as text, whichever of the two forms of the file format it has."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))
