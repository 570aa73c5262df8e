"""Find what is off with a notebook that is to be committed.

Linting its code is ruff's; what `coursekit.notebooks.tidy` can mend is marked as such.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coursekit.errors import NotebookError, SettingsError
from coursekit.notebooks.catalog import Kind, Notebook
from coursekit.notebooks.contract import KEY, Contract
from coursekit.notebooks.document import (
    Document,
    format_document,
    load_nbformat,
    read_contract,
    read_document,
    tagged_cells,
)
from coursekit.notebooks.ids import is_readable
from coursekit.notebooks.links import broken_links
from coursekit.notebooks.tidy import FORMAT_MINOR, language_of, tidy_cell_metadata, tidy_document, tidy_metadata
from coursekit.syntax import parse

_TIDY: Final = "run `coursekit notebook tidy`"
_WHERE_METADATA: Final = "in JupyterLab: Property Inspector, Advanced Tools, Notebook Metadata"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is off.

    Parameters
    ----------
    path : Path
        The notebook.
    cell : str or None
        The cell's id, or ``#`` and its number from 1 when the id does not say which; None for the whole notebook.
    message : str
        What is off.
    fix : str
        What to do.
    is_mendable : bool
        Whether `tidy` does it.
    """

    path: Path
    cell: str | None
    message: str
    fix: str
    is_mendable: bool


@dataclass(frozen=True, slots=True)
class _Finding:
    cell: str | None
    message: str
    fix: str = _TIDY


def check_notebook(notebook: Notebook) -> tuple[Fault, ...]:
    """Find what is off with a notebook's file; a file that is no notebook at all is one fault."""
    try:
        document = read_document(notebook.path)
    except NotebookError as error:
        finding = _Finding(None, error.message, error.fix)
        return (_fault(notebook.path, finding),)
    found = [*check_document(document, kind=notebook.kind), *_find_broken_links(document, notebook.path)]
    if not any(finding.fix == _TIDY for finding in found):
        tidied = format_document(tidy_document(document, kind=notebook.kind))
        if tidied.encode() != notebook.path.read_bytes():
            found.append(_Finding(None, "the file is not written as JupyterLab writes it"))
    return tuple(_fault(notebook.path, finding) for finding in found)


def check_document(document: Document, *, kind: Kind) -> Iterator[_Finding]:
    """Find what is off with a notebook, file format aside."""
    yield from _find_leftovers(document)
    yield from _find_unreadable_ids(document)
    yield from _find_metadata(document, kind)
    yield from _find_invalid(document, kind)
    yield from _find_contract(document, kind)


def _find_leftovers(document: Document) -> Iterator[_Finding]:
    for index, cell in enumerate(document.cells):
        if cell.cell_type != "code":
            continue
        outputs = cell.get("outputs")
        if outputs:
            yield _Finding(_label(index, cell), f"has outputs ({len(outputs)})")
        if cell.get("execution_count") is not None:
            yield _Finding(_label(index, cell), f"has an execution count ({cell.execution_count})")
        if outputs is None or "execution_count" not in cell:
            yield _Finding(_label(index, cell), "lacks the keys outputs or execution_count")


def _find_unreadable_ids(document: Document) -> Iterator[_Finding]:
    seen: set[str] = set()
    for index, cell in enumerate(document.cells):
        cell_id = cell.get("id")
        if cell_id is None:
            yield _Finding(_label(index, cell), "has no id")
        elif not is_readable(cell_id):
            yield _Finding(f"#{index + 1}", f"its id {cell_id!r} says nothing about it")
        elif cell_id in seen:
            yield _Finding(f"#{index + 1}", f"its id {cell_id!r} is an earlier cell's")
        else:
            seen.add(cell_id)


def _find_metadata(document: Document, kind: Kind) -> Iterator[_Finding]:
    metadata = document.metadata
    if document.get("nbformat_minor", 0) < FORMAT_MINOR:
        yield _Finding(None, f"is of notebook format 4.{document.get('nbformat_minor')}, not 4.{FORMAT_MINOR}")
    kept = tidy_metadata(metadata)
    changed = sorted(key for key in {*metadata, *kept} if metadata.get(key) != kept.get(key))
    if changed:
        yield _Finding(None, f"its metadata has more, or other, than it should: {', '.join(changed)}")
    if language_of(metadata) != "python":
        language = language_of(metadata)
        yield _Finding(None, f"is in {language!r}, but the course runs Python", "choose the kernel Python 3 and save")
    for index, cell in enumerate(document.cells):
        surplus = sorted(cell.metadata.keys() - tidy_cell_metadata(cell.metadata, kind=kind).keys())
        if surplus:
            yield _Finding(_label(index, cell), f"has metadata that nobody needs: {', '.join(surplus)}")


def _find_invalid(document: Document, kind: Kind) -> Iterator[_Finding]:
    """What nbformat's schema refuses even when all that can be mended is."""
    if document.get("nbformat_minor", 0) > FORMAT_MINOR:
        minor = document.nbformat_minor
        yield _Finding(None, f"is of notebook format 4.{minor}", f"save it as format 4.{FORMAT_MINOR}")
        return
    tidied = tidy_document(document, kind=kind)
    for error in load_nbformat().validator.iter_validate(tidied):
        place = list(error.relative_path)
        cell = _label(place[1], tidied.cells[place[1]]) if place[:1] == ["cells"] and len(place) > 1 else None
        where = ".".join(map(str, place)) or "the notebook"
        yield _Finding(cell, f"is not valid at {where}: {error.message}", "correct that in a text editor")


def _find_broken_links(document: Document, path: Path) -> Iterator[_Finding]:
    for index, reason in broken_links(document, path):
        yield _Finding(_label(index, document.cells[index]), reason, "mend the link, or take it out")


def _find_contract(document: Document, kind: Kind) -> Iterator[_Finding]:
    try:
        contract = read_contract(document)
    except SettingsError as error:
        yield _Finding(None, f"its contract is not valid: {error.message}", f"{error.fix} ({_WHERE_METADATA})")
        return
    if contract is None and kind == "lesson":
        fix = f'add "{KEY}": {{"title": "...", "runtime": "spark", "minutes": 2}} ({_WHERE_METADATA})'
        yield _Finding(None, "has no contract", fix)
    yield from _find_parameters(document, kind, contract)


def _find_parameters(document: Document, kind: Kind, contract: Contract | None) -> Iterator[_Finding]:
    cells = list(tagged_cells(document, "parameters"))
    sizes = {} if contract is None else contract.sizes
    if not cells and (kind == "lesson" or any(sizes.values())):
        fix = "tag the cell that sets the size of the work, even if it sets nothing, with `parameters`"
        yield _Finding(None, "has no cell tagged `parameters`", fix)
    for index, cell in cells[1:]:
        yield _Finding(_label(index, cell), "is a second cell tagged `parameters`", "take that tag off")
    for index, cell in cells[:1]:
        label = _label(index, cell)
        yield from (_Finding(label, message, fix) for message, fix in _find_unparsable(cell.source))
        try:
            names = _assigned_names(cell.source)
        except SyntaxError as error:
            yield _Finding(label, f"line {error.lineno} is not plain Python", "write assignments only, no magic")
            continue
        for size, parameters in sizes.items():
            for name in parameters.keys() - names:
                fix = f"set {name} in that cell, or take it out of the contract's sizes"
                yield _Finding(label, f"does not set {name!r}, which the size {size!r} gives", fix)


def _find_unparsable(source: str) -> Iterator[tuple[str, str]]:
    """Lines that papermill 2.7 cannot read: it counts the ``=`` of a line, those in comments and strings too."""
    for number, line in enumerate(source.splitlines(), start=1):
        code = line.strip()
        if not code.startswith("#") and (code.count("=") > 1 or "=" in code.partition("#")[2]):
            message = f"line {number} has an `=` besides that of an assignment, which papermill cannot read: {code}"
            yield message, "move the comment to a line of its own, or say it without `=`"


def _assigned_names(source: str) -> set[str]:
    names = set()
    for statement in parse(source).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def _label(index: int, cell: Document) -> str:
    cell_id = cell.get("id")
    return str(cell_id) if is_readable(cell_id) else f"#{index + 1}"


def _fault(path: Path, finding: _Finding) -> Fault:
    return Fault(
        path=path,
        cell=finding.cell,
        message=finding.message,
        fix=finding.fix,
        is_mendable=finding.fix == _TIDY,
    )
