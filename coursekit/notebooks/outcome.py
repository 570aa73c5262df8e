"""What came of executing a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from coursekit.notebooks.catalog import Notebook

Status = Literal["passed", "failed", "timeout", "died", "interrupted"]

HOW_IT_READS: Final[dict[Status, str]] = {
    "passed": "passed",
    "failed": "a cell failed",
    "timeout": "out of time",
    "died": "the kernel died",
    "interrupted": "interrupted",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CellFailure:
    """The cell at which a notebook stopped.

    Parameters
    ----------
    cell : str
        Its id.
    index : int
        Its position in the notebook, from 0.
    source : str
        Its code.
    ename, evalue : str
        The exception's class and text; empty when no exception was raised (the kernel died).
    traceback : str
        Without colours; empty when there is none.
    """

    cell: str
    index: int
    source: str
    ename: str = ""
    evalue: str = ""
    traceback: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of one notebook.

    Parameters
    ----------
    notebook : Notebook
        Which.
    status : {"passed", "failed", "timeout", "died", "interrupted"}
        How it ended.
    seconds : float
        Wall clock, from the start of its process to the end of everything that it had started, s.
    minutes : float
        What its contract says.
    output : Path
        The executed notebook, as far as it came.
    log : Path
        What its cells, its kernel and everything below printed.
    message : str
        One sentence when it did not pass.
    failure : CellFailure or None
        Where it stopped, when that is known.
    device : str
        Which device its frameworks computed on (``"tensorflow on the CPU (2 cores)"``); empty when it used none, or
        nobody knows.
    kept : str
        When it was executed, ISO 8601, if that was in an earlier run and nothing has changed since; empty otherwise.
    """

    notebook: Notebook
    status: Status
    seconds: float
    minutes: float
    output: Path
    log: Path
    message: str = ""
    failure: CellFailure | None = None
    device: str = ""
    kept: str = ""

    @property
    def has_passed(self) -> bool:
        """Whether every cell ran."""
        return self.status == "passed"
