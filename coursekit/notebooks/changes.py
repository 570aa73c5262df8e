"""What a change altered in notebooks, cell by cell, for whoever reviews it.

A notebook's file is JSON, and its diff in lines shows quotes and metadata. nbdime finds which cell became which; what
is shown of each is the diff of its text. Outputs are none here: committed notebooks have none.
"""

from __future__ import annotations

import difflib
import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from coursekit.errors import MissingPackageError, NotebookError
from coursekit.notebooks.contract import KEY
from coursekit.notebooks.document import SLOW_GRAMMAR, Document, parse_document, read_document, without_modules
from coursekit.notebooks.summary import fenced, plain

_MOST_LINES: Final = 120

How = Literal["added", "removed", "changed", "moved"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellChange:
    """What became of one cell.

    Parameters
    ----------
    cell : str
        Its id, where it has one.
    kind : str
        ``code``, ``markdown`` or ``raw``.
    how : {"added", "removed", "changed", "moved"}
        What happened.
    before, after : str
        Its text; empty where it was not there.
    notes : tuple of str
        What changed besides its text.
    """

    cell: str
    kind: str
    how: How
    before: str = ""
    after: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NotebookChange:
    """What became of one notebook.

    Parameters
    ----------
    path : str
        Where it is in the checkout; where it was, if it is gone.
    how : {"added", "removed", "changed", "moved"}
        What happened.
    cells : tuple of CellChange
        In the notebook's order.
    contract : str
        The diff of its contract, in lines; empty when that is the same.
    """

    path: str
    how: How
    cells: tuple[CellChange, ...] = ()
    contract: str = ""


@dataclass(slots=True)
class _Walk:
    """Goes along nbdime's list of what happened to the cells."""

    before: Sequence[Document]
    after: Sequence[Document]
    offset: int = 0  # of a position before to the same cell's after
    found: list[tuple[float, CellChange]] = field(default_factory=list)

    def step(self, operation: Any) -> None:
        key = operation["key"]
        if operation["op"] == "addrange":
            for number, cell in enumerate(operation["valuelist"]):
                self._note(key + self.offset + number, cell, "added", after=cell["source"])
            self.offset += len(operation["valuelist"])
        elif operation["op"] == "removerange":
            for cell in self.before[key : key + operation["length"]]:
                self._note(key + self.offset - 0.5, cell, "removed", before=cell["source"])
            self.offset -= operation["length"]
        else:
            old, new = self.before[key], self.after[key + self.offset]
            notes = tuple(sorted(each["key"] for each in operation["diff"] if each["key"] not in ("source", "outputs")))
            self._note(key + self.offset, new, "changed", before=old["source"], after=new["source"], notes=notes)

    def _note(self, place: float, cell: Any, how: How, **texts: Any) -> None:
        self.found.append((place, CellChange(cell=cell.get("id", ""), kind=cell["cell_type"], how=how, **texts)))


def compare(before: Document, after: Document) -> tuple[CellChange, ...]:
    """Tell which cells a notebook lost, got, and which changed, in its order; a cell that only moved is said to."""
    try:
        with without_modules(SLOW_GRAMMAR):
            from nbdime.diffing.notebooks import diff_notebooks
    except ImportError:
        raise MissingPackageError("nbdime is not installed.", fix="pip install 'coursekit[review]'") from None

    walk = _Walk(before.cells, after.cells)
    for part in diff_notebooks(before, after):
        if part["key"] == "cells":
            for operation in part["diff"]:
                walk.step(operation)
    return tuple(_with_moves([change for _, change in sorted(walk.found, key=lambda each: each[0])]))


def changes_since(base: str, root: Path, only: Iterable[Path] | None = None) -> tuple[NotebookChange, ...]:
    """Compare the notebooks of a checkout with those at the commit where it left a branch.

    Parameters
    ----------
    base : str
        The branch, or any name of a commit.
    root : Path
        The checkout.
    only : iterable of Path or None
        These notebooks alone; None for all.

    Raises
    ------
    NotebookError
        If git does not know the commit, or the folder is no checkout.
    """
    start = _git(root, "merge-base", base, "HEAD").strip()
    listed = _git(root, "diff", "--name-status", "-z", "--no-renames", start, "--", "*.ipynb").split("\0")
    wanted = None if only is None else {path.resolve() for path in only}
    pairs = zip(listed[::2], listed[1::2], strict=False)
    return tuple(
        _change(root, start, status, path)
        for status, path in pairs
        if wanted is None or (root / path).resolve() in wanted
    )


def changes_page(changes: Sequence[NotebookChange], base: str) -> str:
    """Give a Markdown page of what changed."""
    lines = ["# Changed notebooks", ""]
    if not changes:
        lines += [f"No notebook differs from `{base}`."]
    for change in changes:
        counts = {
            how: sum(cell.how == how for cell in change.cells) for how in ("changed", "added", "removed", "moved")
        }
        told = ", ".join(f"{number} {how}" for how, number in counts.items() if number)
        lines += ["", f"## {plain(change.path)}", "", f"{change.how.capitalize()}; cells: {told or 'all as before'}."]
        if change.contract:
            lines += ["", "The contract:", "", *fenced(change.contract, "diff")]
        for cell in change.cells:
            lines += _section(cell)
    return "\n".join(lines) + "\n"


def _change(root: Path, start: str, status: str, path: str) -> NotebookChange:
    empty = parse_document('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', path=Path(path))
    before = empty if status == "A" else parse_document(_git(root, "show", f"{start}:{path}"), path=Path(path))
    after = empty if status == "D" else read_document(root / path)
    contracts = (json.dumps(each.metadata.get(KEY, {}), indent=1, sort_keys=True) for each in (before, after))
    how: dict[str, How] = {"A": "added", "D": "removed"}
    return NotebookChange(
        path=path, how=how.get(status, "changed"), cells=compare(before, after), contract=_difference(*contracts)
    )


def _with_moves(changes: Sequence[CellChange]) -> Iterator[CellChange]:
    """Give the same, with a cell that went away here and came back there once, as moved."""
    gone = {change.cell: change.before for change in changes if change.how == "removed" and change.cell}
    came = {change.cell for change in changes if change.how == "added"}
    for change in changes:
        if change.how == "added" and change.cell in gone:
            yield replace(change, how="moved", before=gone[change.cell])
        elif change.how != "removed" or change.cell not in came:
            yield change


def _section(change: CellChange) -> list[str]:
    notes = f", also its {' and '.join(plain(note) for note in change.notes)}" if change.notes else ""
    lines = ["", f"**{change.how}** {change.kind} cell {plain(change.cell)}{notes}"]
    difference = _difference(change.before, change.after)
    return [*lines, "", *fenced(difference, "diff")] if difference else lines


def _difference(before: str, after: str) -> str:
    """Give the diff in lines of two texts, with three lines around each change; a long one is cut off."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""))[2:]
    left = len(lines) - _MOST_LINES
    return "\n".join([*lines[:_MOST_LINES], f"... and {left} lines more"] if left > 0 else lines)


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NotebookError("git is not installed.", fix="install git, which knows what changed") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["git failed"]
        raise NotebookError(
            f"git {' '.join(words[:2])}: {said[0]}.", fix="name a commit that is here, after `git fetch` perhaps"
        )
    return done.stdout
