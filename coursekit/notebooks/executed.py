"""What an executed notebook tells: how long its cells took, and what they printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from coursekit.errors import NotebookError
from coursekit.notebooks.document import Document, read_document

_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def cell_seconds(path: Path) -> dict[str, float]:
    """Give the wall clock of each cell that papermill has run, s, by the cell's id; empty without such a file."""
    durations = {cell.get("id", ""): _duration(cell) for cell in _cells(path)}
    return {cell: float(duration) for cell, duration in durations.items() if isinstance(duration, (int, float))}


def cell_sources(path: Path) -> dict[str, str]:
    """Give the text of each cell, by the cell's id; empty without such a file."""
    return {cell.get("id", ""): str(cell.source) for cell in _cells(path)}


def cell_outputs(path: Path) -> dict[str, str]:
    """Give what each code cell printed and displayed as text, without colours, by the cell's id.

    Errors are left out: a traceback is told apart from what a cell said before it.
    """
    code = (cell for cell in _cells(path) if cell.cell_type == "code")
    return {cell.get("id", ""): _COLOURS.sub("", "".join(map(_text, cell.outputs))) for cell in code}


def _cells(path: Path) -> list[Document]:
    try:
        return list(read_document(path).cells)
    except NotebookError:
        return []


def _duration(cell: Document) -> Any:
    papermill = cell.metadata.get("papermill")
    return papermill.get("duration") if isinstance(papermill, dict) else None


def _text(output: Document) -> str:
    if output.output_type == "stream":
        return str(output.get("text", ""))
    text = output.get("data", {}).get("text/plain", "")
    return f"{text}\n" if text else ""
