"""From a notebook that is to be graded to a sandbox, and from what comes back to its cells.

Results are kept by what they depend on: the request (cells, hidden tests and all, files, limits) and the digest of what
ran it. So a submission that was run is not run again, whoever asks: `coursekit`, nbgrader's command or formgrader.
"""

from __future__ import annotations

import ast
import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coursekit.config import GiB
from coursekit.grading.answers import points
from coursekit.grading.restore import is_instructors, text_of
from coursekit.grading.submission import EXCHANGES_OWN, plain_files, read_plain
from coursekit.notebooks.contract import KEY, Contract, parse_contract
from coursekit.sandbox import (
    Box,
    Cell,
    CellResult,
    Limits,
    Outcome,
    Request,
    choose_box,
    read_limits,
    read_outcome,
    run_request,
)
from coursekit.syntax import parse

REPORT: Final = {"coursekit": "report"}
BEGIN_HIDDEN: Final = "### BEGIN HIDDEN TESTS"
END_HIDDEN: Final = "### END HIDDEN TESTS"
MINUTES_FACTOR: Final = 5  # a busy machine is slower than the contract says; nobody should pay for that with points


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultStore:
    """What sandboxes have found out, a file for each request.

    Parameters
    ----------
    folder : Path
        ``results/`` of the course directory.
    box : Box
        The kind of sandbox for what is not there yet.
    """

    folder: Path
    box: Box

    def path(self, request: Request) -> Path:
        """Where a request's outcome is, or will be."""
        return self.folder / f"{request.digest(self.box.digest())}.json"

    def find(self, request: Request) -> Outcome | None:
        """Give the outcome if it is there."""
        try:
            return read_outcome(self.path(request).read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError):
            return None

    def run(self, request: Request) -> Outcome:
        """Give the outcome; runs the request if nobody has."""
        found = self.find(request)
        if found is None:
            found = run_request(self.box, request)
            self._keep(request, found)
        return found

    def _keep(self, request: Request, outcome: Outcome) -> None:
        """Write it whole or not at all: a grader may be killed at any moment."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(outcome.as_json())
        Path(name).replace(self.path(request))


def open_store(course_dir: Path) -> ResultStore:
    """Open the results of a course directory, with the strongest sandbox that this machine has."""
    return ResultStore(folder=course_dir / "results", box=choose_box())


def make_request(
    notebook: Mapping[str, Any], source: Mapping[str, Any], *, student: str, assignment: str, files: Mapping[str, bytes]
) -> Request:
    """Make the request that runs a restored notebook.

    Parameters
    ----------
    notebook : mapping
        The student's work on the instructor's notebook (`coursekit.grading.restore`).
    source : mapping
        The instructor's notebook; its contract has the limits.
    student, assignment : str
        Names.
    files : mapping of str to bytes
        What lies beside the notebook.
    """
    return Request(
        student=student,
        assignment=assignment,
        cells=tuple(_cell(name, cell) for name, cell in code_cells(notebook["cells"])),
        asked=tuple(sorted({name for cell in source["cells"] if _is_answer(cell) for name in _bound(text_of(cell))})),
        files=dict(files),
        limits=limits_of(source),
    )


def limits_of(source: Mapping[str, Any]) -> Limits:
    """Read what an assignment's notebook may use from its contract."""
    raw = source.get("metadata", {}).get(KEY)
    contract = parse_contract(raw) if raw is not None else Contract(title="untitled")
    workers = max(1, contract.workers)
    has_spark = contract.runtime != "python"
    minutes = max(contract.minutes.values())
    defaults = Limits(
        memory=(contract.memory * workers if has_spark else 0) + 2 * GiB,
        cores=2 if has_spark else 1,
        processes=1024 if has_spark else 256,
        total_s=max(300.0, 60.0 * minutes * MINUTES_FACTOR),
        cell_s=240.0,
    )
    return read_limits(contract.limits, defaults)


def code_cells(cells: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Give each code cell that has code, and its name in results: nbgrader's, or its place."""
    for place, cell in enumerate(cells):
        if cell["cell_type"] == "code" and text_of(cell).strip():
            grading = cell["metadata"].get("nbgrader")
            yield (grading["grade_id"] if grading else f"cell-{place}"), cell


def files_beside(submitted: Path, source: Path) -> dict[str, bytes]:
    """Read what lies beside a submitted notebook: the student's files, and the instructor's over them."""
    found: dict[str, bytes] = {}
    for folder in (submitted, source):
        files, _ = plain_files(folder) if folder.is_dir() else ({}, ())
        for name, path in files.items():
            if not name.endswith(".ipynb") and name not in EXCHANGES_OWN:
                found[name] = read_plain(path)
    return found


def _cell(name: str, cell: Mapping[str, Any]) -> Cell:
    source = text_of(cell)
    if not is_instructors(cell):
        return Cell(id=name, kind="student", source=source)
    return Cell(id=name, kind="test" if points(cell) else "instructor", source=source, hidden=hidden_names(source))


def _is_answer(cell: Mapping[str, Any]) -> bool:
    return cell["cell_type"] == "code" and bool(cell.get("metadata", {}).get("nbgrader", {}).get("solution"))


def hidden_names(source: str) -> tuple[str, ...]:
    """Give the names that a cell binds in its hidden regions only."""
    shown: list[str] = []
    hidden: list[str] = []
    inside = False
    for line in source.splitlines():
        if BEGIN_HIDDEN in line:
            inside = True
        elif END_HIDDEN in line:
            inside = False
        else:
            (hidden if inside else shown).append(line)
    return tuple(sorted(_bound("\n".join(hidden)) - _bound("\n".join(shown))))


def _bound(source: str) -> set[str]:
    """Give the names that code binds at its top level, in loops and ``with`` too."""
    with contextlib.suppress(SyntaxError):
        return set(_names(parse(source).body))
    return set()


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
            continue
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield node.name


def write_outputs(cells: Iterable[Any], outcome: Outcome) -> None:
    """Write what a sandbox found out into a notebook's cells, so that nbgrader reads the scores there.

    A test's score is the signed verdict and nothing that it printed; what it wrote to stderr costs nothing.
    """
    for name, cell in code_cells(cells):
        result = outcome.cells.get(name, CellResult(status="skipped"))
        outputs = [dict(output) for output in result.outputs]
        is_test = is_instructors(cell) and bool(points(cell))
        cell["outputs"] = _test_outputs(result, outputs, points(cell), outcome) if is_test else outputs
        cell["execution_count"] = None


def _test_outputs(
    result: CellResult, outputs: list[dict[str, Any]], most: float, outcome: Outcome
) -> list[dict[str, Any]]:
    """Give a test's outputs: what nbgrader takes for a verdict is there once, and it is ours."""
    errors = [output for output in outputs if output["output_type"] == "error"][-1:]
    shown = [_harmless(output) for output in outputs if output["output_type"] != "error"]
    report = [{"output_type": "display_data", "data": {"text/plain": result.report}, "metadata": dict(REPORT)}]
    shown = [*(report if result.report else []), *shown]
    if outcome.tampered:
        return [*shown, _error("Flagged", "this submission worked on its own grading; a person looks at it")]
    if result.status == "ok":
        if result.score is None:
            return shown
        score = min(max(result.score, 0.0), most)
        value = {"output_type": "execute_result", "data": {"text/plain": repr(score)}, "metadata": {}}
        return [*shown, {**value, "execution_count": None}]
    if result.status == "skipped":
        return [*shown, _error("NotRun", f"not run: {outcome.trouble or 'the notebook ended before'}")]
    return [*shown, *(errors or [_error("Failed", "the test failed")])]


def _harmless(output: dict[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {**output, "name": "stdout"}
    if output["output_type"] == "execute_result":
        return {"output_type": "display_data", "data": output["data"], "metadata": {}}
    return output


def _error(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}
