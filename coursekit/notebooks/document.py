"""Notebook files: read without changing anything, written as JupyterLab writes them."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from coursekit.errors import NotebookError, NotebookNotFoundError
from coursekit.notebooks.contract import KEY, Contract, parse_contract

# A notebook as nbformat has it: a dictionary whose keys can be read as attributes.
Document = Any
SLOW_GRAMMAR: Final = "rfc3987_syntax"


@contextlib.contextmanager
def without_modules(*names: str) -> Iterator[None]:
    """Let imports inside the block find these modules missing, unless they have been imported before."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is how Python marks one as missing
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def load_nbformat() -> Any:
    """Import nbformat, without the grammar that jsonschema compiles to check IRIs: 3 of its 3.5 s, and no use here."""
    with without_modules(SLOW_GRAMMAR):
        import nbformat
        import nbformat.validator
    return nbformat


def read_document(path: Path) -> Document:
    """Read a notebook of format 4, adding and mending nothing.

    Raises
    ------
    NotebookNotFoundError
        If there is no such file.
    NotebookError
        If the file is not a notebook of format 4.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotebookNotFoundError(f"there is no file {path}.", fix="check the path") from None
    except UnicodeDecodeError as error:
        raise _not_a_notebook(path, f"it is not UTF-8 text ({error.reason} at byte {error.start})") from None
    return parse_document(text, path=path)


def parse_document(text: str, *, path: Path) -> Document:
    """Read a notebook from its text; ``path`` is for the message only."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise _not_a_notebook(path, f"line {error.lineno} is not JSON: {error.msg}") from None
    if not _has_a_notebooks_shape(content):
        raise _not_a_notebook(path, "it has no list of cells with a type each")
    if content.get("nbformat") != 4:
        raise NotebookError(
            f"{path} is of notebook format {content.get('nbformat')!r}, not 4.",
            fix="open and save it in JupyterLab, or run `jupyter nbconvert --to notebook --inplace` on it",
        )
    try:
        return load_nbformat().v4.to_notebook(content)
    except (AttributeError, TypeError):  # nbformat takes the outputs' and attachments' types for granted
        raise _not_a_notebook(path, "its outputs or attachments are of the wrong type") from None


def format_document(document: Document) -> str:
    """Give the text of a notebook file as nbformat and JupyterLab write it: indent 1, sorted keys, no ASCII escapes."""
    text: str = load_nbformat().v4.writes(document)
    return text if text.endswith("\n") else text + "\n"


def write_document(document: Document, path: Path) -> None:
    """Write a notebook in one step: a reader sees the old file or the new one, never half of it."""
    mode = path.stat().st_mode if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 (a descriptor)
            file.write(format_document(document))
        os.chmod(name, mode)  # noqa: PTH101
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108
        raise


def read_contract(document: Document) -> Contract | None:
    """Give a notebook's contract, None when it has none; SettingsError when it is not valid."""
    value = document.metadata.get(KEY)
    return None if value is None else parse_contract(value)


def heading_of(source: str) -> str | None:
    """Give the first heading of a Markdown text; what looks like one inside a code block is none."""
    fenced = False
    for line in source.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and line.startswith("#") and line.lstrip("#").startswith(" "):
            return line.strip("# ").strip() or None
    return None


def title_of(document: Document) -> str | None:
    """Give the first heading of a notebook."""
    headings = (heading_of(cell.source) for cell in document.cells if cell.cell_type == "markdown")
    return next((heading for heading in headings if heading), None)


def tagged_cells(document: Document, tag: str) -> Iterator[tuple[int, Document]]:
    """Give the cells with a tag, each with its position."""
    return ((index, cell) for index, cell in enumerate(document.cells) if tag in tags_of(cell))


def tags_of(cell: Document) -> tuple[str, ...]:
    """Give the tags of a cell; what is no list of tags is none."""
    tags = cell.metadata.get("tags")
    return tuple(tags) if isinstance(tags, list) else ()


def _has_a_notebooks_shape(content: object) -> bool:
    if not isinstance(content, Mapping) or not isinstance(content.get("metadata"), Mapping):
        return False
    if content.get("nbformat") != 4:
        return True
    cells = content.get("cells")
    return isinstance(content.get("nbformat_minor"), int) and isinstance(cells, list) and all(map(_is_a_cell, cells))


def _is_a_cell(cell: object) -> bool:
    if not isinstance(cell, Mapping) or not isinstance(cell.get("metadata"), Mapping):
        return False
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return isinstance(cell.get("cell_type"), str) and all(isinstance(line, str) for line in lines)


def _not_a_notebook(path: Path, reason: str) -> NotebookError:
    return NotebookError(f"{path} is not a notebook: {reason}.", fix="restore the file from version control")
