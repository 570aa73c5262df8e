"""What goes into a sandbox and what comes out: plain JSON, read with suspicion on the way back.

What comes out was made beside a student's code, so nothing of it is believed but its shape: outputs are data to show,
and only a verdict that the sandbox's supervisor has vouched for is a score.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from coursekit.sandbox.limits import Limits

Kind = Literal["student", "instructor", "test"]
Status = Literal["ok", "error", "timeout", "died", "skipped"]

STATUSES: Final = ("ok", "error", "timeout", "died", "skipped")
_TEXT_MAX: Final = 2000
_REPORT_MAX: Final = 20_000
_OUTPUTS: Final = ("stream", "display_data", "execute_result", "error")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A code cell to run.

    Parameters
    ----------
    id : str
        Its name in the results.
    kind : {"student", "instructor", "test"}
        Whose code it is. A test's value is a score.
    source : str
        The code.
    hidden : tuple of str
        Names that it binds in hidden regions only: no student's code sees them.
    """

    id: str
    kind: Kind
    source: str
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A notebook to run.

    Parameters
    ----------
    student, assignment : str
        Names: the working folder is ``<student>/<assignment>``.
    cells : tuple of Cell
        In order.
    asked : tuple of str
        Names that students are asked to bind, so that tests take theirs whatever else is called so.
    files : mapping of str to bytes
        What lies in the working folder.
    limits : Limits
        What it may use.
    """

    student: str
    assignment: str
    cells: tuple[Cell, ...]
    asked: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def as_json(self) -> str:
        """Write it in one line."""
        table = {
            "student": self.student,
            "assignment": self.assignment,
            "cells": [asdict(cell) for cell in self.cells],
            "asked": self.asked,
            "files": {path: base64.b64encode(content).decode() for path, content in sorted(self.files.items())},
            "limits": asdict(self.limits),
        }
        return json.dumps(table, sort_keys=True)

    def digest(self, runtime: str) -> str:
        """Name what the outcome depends on: this request, and what runs it (an image's digest, say)."""
        return hashlib.sha256(f"{runtime}\n{self.as_json()}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class CellResult:
    """What became of one cell.

    Parameters
    ----------
    status : {"ok", "error", "timeout", "died", "skipped"}
        ``died`` is said of the cell in which the process ended, ``skipped`` of those after it.
    score : float or None
        What a test gave; None where its last value was no number.
    report : str
        What the test itself says of how the score came about.
    outputs : tuple of dict
        As in a notebook (nbformat 4).
    seconds : float
        Wall clock.
    """

    status: Status
    score: float | None = None
    report: str = ""
    outputs: tuple[dict[str, Any], ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a notebook.

    Parameters
    ----------
    cells : mapping of str to CellResult
        By cell.
    tampered : tuple of str
        Signs that the submission worked on its own grading, in words for the grader.
    trouble : str or None
        Why the notebook did not run to its end, if it did not.
    seconds : float
        From the sandbox's start to its end.
    """

    cells: Mapping[str, CellResult]
    tampered: tuple[str, ...] = ()
    trouble: str | None = None
    seconds: float = 0.0

    def as_json(self) -> str:
        """Write it for a later run."""
        return json.dumps(asdict(self))


def read_outcome(text: str) -> Outcome:
    """Read what :meth:`Outcome.as_json` wrote."""
    table = json.loads(text)
    cells = {str(name): read_cell(cell) for name, cell in table["cells"].items()}
    return Outcome(
        cells=cells,
        tampered=tuple(map(str, table["tampered"])),
        trouble=table["trouble"],
        seconds=float(table["seconds"]),
    )


def read_cell(table: Mapping[str, Any]) -> CellResult:
    """Read one cell's result.

    Raises
    ------
    ValueError
        If it is none.
    """
    status, score = table.get("status"), table.get("score")
    if status not in STATUSES:
        raise ValueError(f"{status!r} is no status")
    if score is not None and not (isinstance(score, (int, float)) and math.isfinite(score)):
        raise ValueError(f"{score!r} is no score")
    outputs = tuple(output for raw in table.get("outputs", ()) if (output := _read_output(raw)) is not None)
    return CellResult(
        status=status,
        score=None if score is None else float(score),
        report=str(table.get("report", ""))[:_REPORT_MAX],
        outputs=outputs,
        seconds=float(table.get("seconds", 0.0)),
    )


def _read_output(raw: object) -> dict[str, Any] | None:
    """Take from an output what a notebook can hold; None if it is none."""
    if not isinstance(raw, dict) or raw.get("output_type") not in _OUTPUTS:
        return None
    kind = raw["output_type"]
    if kind == "stream":
        name = "stderr" if raw.get("name") == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": str(raw.get("text", ""))}
    if kind == "error":
        trace = raw.get("traceback", ())
        lines = [str(line) for line in trace] if isinstance(trace, (list, tuple)) else []
        return {
            "output_type": kind,
            "ename": str(raw.get("ename", "Error"))[:_TEXT_MAX],
            "evalue": str(raw.get("evalue", ""))[:_TEXT_MAX],
            "traceback": lines,
        }
    data = raw.get("data")
    if not isinstance(data, dict):
        return None
    output = {"output_type": kind, "data": {str(key): _plain(value) for key, value in data.items()}, "metadata": {}}
    if kind == "execute_result":
        output["execution_count"] = None
    return output


def _plain(value: object) -> object:
    """Keep what JSON holds; the rest becomes text."""
    return value if isinstance(value, (str, dict, list)) else str(value)
