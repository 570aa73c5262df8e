"""Answers to an assignment as Python files that a person can review, and how they get into a notebook.

An answer is ``assignments/<name>/wrong/<slug>.py``::

    # score: 10
    # why: the first two questions are right, the others are not attempted
    # %% a1-spec-solution
    def cluster_spec(n, mem): ...

    # %% [markdown] a1-boundary-answer
    # A task skips the first, cut line of its range ...

With ``# others: reference`` the cells that are not named take the reference solution; else they stay as students get
them. What else stands before the first ``# %%`` is not part of the answer.

An answer in ``right/`` is as right as the reference and written differently. It must get all points, so it need not say
its score.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from coursekit.errors import GradingError

Notebook = TypeVar("Notebook", bound=dict[str, Any])

WRONG: Final = "wrong"
RIGHT: Final = "right"
_HEADER: Final = re.compile(r"^# (?P<key>score|why|others):\s*(?P<value>.+)$")
_CELL: Final = re.compile(r"^# %%\s*(?P<kind>\[markdown\])?\s*(?P<id>[A-Za-z0-9_-]+)\s*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer to an assignment.

    Parameters
    ----------
    name : str
        The file's name without its ending, or ``"reference"``.
    score : float
        Automatic points it must get.
    why : str
        What is right and wrong in it.
    cells : mapping of str to str
        New source of the student's cells, by cell id.
    is_right : bool
        Whether it is one of those in ``right/``, which must get all points.
    """

    name: str
    score: float
    why: str
    cells: Mapping[str, str]
    is_right: bool = False

    @property
    def place(self) -> str:
        """Where it stands in the assignment's folder."""
        return f"{RIGHT if self.is_right else WRONG}/{self.name}.py"


def read_answer(path: Path) -> Answer:
    """Read an answer from its Python file.

    Raises
    ------
    GradingError
        If the file has no ``# score:`` and is not in ``right/``, if it is there and names another score than all
        points, or if a cell comes twice.
    """
    folder = path.parent.parent
    header: dict[str, str] = {}
    cells: dict[str, list[str]] = {}
    markdown: set[str] = set()
    current: str | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if cell := _CELL.match(line):
            current = cell["id"]
            if current in cells:
                raise GradingError(f"{path} has the cell {current} twice.", fix="keep one of them")
            cells[current] = []
            if cell["kind"]:
                markdown.add(current)
        elif current is not None:
            cells[current].append(line)
        elif field := _HEADER.match(line):
            header[field["key"]] = field["value"].strip()
    is_right = path.parent.name == RIGHT
    score = _score_of_right(path, header) if is_right else _declared_score(path, header)
    sources = {
        name: "\n".join(re.sub(r"^# ?", "", line) if name in markdown else line for line in lines).strip()
        for name, lines in cells.items()
    }
    if header.get("others") == "reference":
        sources = {**reference_answer(folder / f"{folder.name}.ipynb").cells, **sources}
    return Answer(name=path.stem, score=score, why=header.get("why", ""), cells=sources, is_right=is_right)


def _declared_score(path: Path, header: Mapping[str, str]) -> float:
    try:
        return float(header["score"])
    except (KeyError, ValueError):
        raise GradingError(
            f"{path} does not say which score it must get.", fix="begin the file with a line like '# score: 10'"
        ) from None


def _score_of_right(path: Path, header: Mapping[str, str]) -> float:
    folder = path.parent.parent
    full = reference_answer(folder / f"{folder.name}.ipynb").score
    if "score" in header and _declared_score(path, header) != full:
        raise GradingError(
            f"{path} says that it gets {header['score']} points, and a right answer gets all {full:g}.",
            fix=f"take that line out, or move the file to {WRONG}/",
        )
    return full


def reference_answer(source: Path) -> Answer:
    """Take the reference solution out of an assignment's source notebook.

    Parameters
    ----------
    source : Path
        ``assignments/<name>/<name>.ipynb``, in nbgrader's source format.

    Returns
    -------
    Answer
        Every cell that students fill in, and the automatic points there are.
    """
    notebook = json.loads(source.read_text(encoding="utf-8"))
    automatic = sum(points(cell) for cell in notebook["cells"] if not is_solution(cell))
    cells = reference_cells(notebook)
    return Answer(name="reference", score=automatic, why="the reference solution", cells=cells)


def reference_cells(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Give the source of every cell that students fill in, by cell id, as the instructor's notebook solves it."""
    return {_cell_id(cell): _source(cell) for cell in notebook["cells"] if is_solution(cell)}


def fill(notebook: Notebook, answer: Answer) -> Notebook:
    """Write an answer into a student's notebook.

    Parameters
    ----------
    notebook : dict
        The notebook as JSON or as ``nbformat`` reads it; it is left as it is.
    answer : Answer
        What to write.

    Returns
    -------
    dict
        A filled copy, of the same type.

    Raises
    ------
    GradingError
        If the answer has a cell that the notebook does not let students fill in.
    """
    filled = copy.deepcopy(notebook)
    open_cells = {_cell_id(cell): cell for cell in filled["cells"] if is_solution(cell)}
    if unknown := sorted(answer.cells.keys() - open_cells.keys()):
        raise GradingError(
            f"the answer {answer.name!r} fills in {', '.join(unknown)}, which students cannot.",
            fix=f"use one of {', '.join(sorted(open_cells))}",
        )
    for name, source in answer.cells.items():
        open_cells[name]["source"] = source
    return filled


def is_solution(cell: Mapping[str, Any]) -> bool:
    """Whether students write into the cell."""
    return bool(cell["metadata"].get("nbgrader", {}).get("solution"))


def points(cell: Mapping[str, Any]) -> float:
    """What the cell is worth; 0 if nothing is graded there."""
    grading = cell["metadata"].get("nbgrader", {})
    return float(grading.get("points", 0)) if grading.get("grade") or grading.get("task") else 0.0


def _cell_id(cell: Mapping[str, Any]) -> str:
    return str(cell["metadata"]["nbgrader"]["grade_id"])


def _source(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)
