"""Make a notebook fit to be committed: no outputs, readable ids, little metadata, one way to write the file.

The sources of the cells are never touched. Tidying twice is the same as tidying once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from coursekit.notebooks.catalog import Kind, Notebook
from coursekit.notebooks.contract import KEY
from coursekit.notebooks.document import Document, format_document, read_document, write_document
from coursekit.notebooks.ids import readable_ids

KERNELSPEC: Final[Mapping[str, str]] = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
LANGUAGE_INFO: Final[Mapping[str, str]] = {"name": "python"}
FORMAT_MINOR: Final = 5

_NOTEBOOK_KEYS: Final = ("kernelspec", "language_info", KEY)
# What a cell may say: its tags (hidden, skipped, an expected error), our own key, a raw cell's format.
_CELL_KEYS: Final = ("tags", KEY, "format", "raw_mimetype")


def tidy_notebook(notebook: Notebook) -> bool:
    """Tidy a notebook's file; tell whether that changed it.

    Raises
    ------
    NotebookError
        If the file is not a notebook of format 4.
    """
    tidied = tidy_document(read_document(notebook.path), kind=notebook.kind)
    if format_document(tidied).encode() == notebook.path.read_bytes():
        return False
    write_document(tidied, notebook.path)
    return True


def tidy_document(document: Document, *, kind: Kind) -> Document:
    """Give a tidied copy of a notebook.

    Parameters
    ----------
    document : Document
        A notebook of format 4, valid or not.
    kind : {"lesson", "assignment", "file"}
        Assignments keep what nbgrader has noted on their cells.
    """
    tidied = copy.deepcopy(document)
    tidied.nbformat_minor = max(tidied.get("nbformat_minor", 0), FORMAT_MINOR)
    tidied.metadata = type(tidied)(tidy_metadata(tidied.metadata))
    for cell, cell_id in zip(tidied.cells, readable_ids(tidied.cells), strict=True):
        cell["id"] = cell_id
        cell.metadata = type(tidied)(tidy_cell_metadata(cell.metadata, kind=kind))
        if cell.cell_type == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    return tidied


def tidy_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the contract, the kernel's name and the language; a notebook in another language keeps both as they are."""
    kept = {key: metadata[key] for key in _NOTEBOOK_KEYS if key in metadata}
    if language_of(metadata) == "python":
        kept["kernelspec"] = dict(KERNELSPEC)
        if "language_info" in kept:
            kept["language_info"] = dict(LANGUAGE_INFO)
    return kept


def tidy_cell_metadata(metadata: Mapping[str, Any], *, kind: Kind) -> dict[str, Any]:
    """Keep the tags, ours and, on assignments, nbgrader's."""
    keys = (*_CELL_KEYS, "nbgrader") if kind == "assignment" else _CELL_KEYS
    return {key: metadata[key] for key in keys if key in metadata and metadata[key] not in ([], {}, None)}


def language_of(metadata: Mapping[str, Any]) -> str:
    """Give the language of a notebook; Python when it does not say."""
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        entry = metadata.get(key)
        if isinstance(entry, Mapping) and isinstance(entry.get(name), str):
            return str(entry[name]).lower()
    return "python"
