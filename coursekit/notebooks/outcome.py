"""What came of executing a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from coursekit.notebooks.catalog import Notebook

Status = Literal[
    "passed", "failed", "no_data", "timeout", "memory", "died", "slow", "large", "unavailable", "interrupted"
]

HOW_IT_READS: Final[dict[Status, str]] = {
    "passed": "passed",
    "failed": "a cell failed",
    "no_data": "data are missing",
    "timeout": "out of time",
    "memory": "out of memory",
    "died": "the kernel died",
    "slow": "slower than its contract",
    "large": "larger than its contract",
    "unavailable": "it could not be started",
    "interrupted": "interrupted",
}
# It ran to its end all the same.
DRIFTED: Final[frozenset[Status]] = frozenset({"slow", "large"})
# The notebook is at fault, by what it computes or by what its contract says; all else is an error of the run.
FAILURES: Final[frozenset[Status]] = frozenset({"failed", "no_data", *DRIFTED})


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
    status : str
        How it ended, a key of `HOW_IT_READS`.
    seconds : float
        Wall clock, from the start of its process to the end of everything that it had started, s.
    minutes : float
        What its contract says.
    memory : int
        The most that it held at once, nodes of clusters aside, bytes; 0 when nobody knows.
    planned_memory : int
        What its contract says, bytes.
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
    tries : int
        How often it was started; more than once only when something else than the notebook was at fault.
    """

    notebook: Notebook
    status: Status
    seconds: float
    minutes: float
    output: Path
    log: Path
    memory: int = 0
    planned_memory: int = 0
    message: str = ""
    failure: CellFailure | None = None
    device: str = ""
    kept: str = ""
    tries: int = 1

    @property
    def has_passed(self) -> bool:
        """Whether every cell ran, within what the contract says."""
        return self.status == "passed"

    @property
    def planned_seconds(self) -> float:
        """What its contract says, s."""
        return 60 * self.minutes


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Under which conditions notebooks were executed.

    Parameters
    ----------
    started : datetime
        With its time zone.
    seconds : float
        Wall clock of the whole run, s.
    jobs : int
        How many ran at once.
    size : str
        Which parameters they got.
    """

    started: datetime
    seconds: float
    jobs: int
    size: str
