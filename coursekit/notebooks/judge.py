"""Compare what a notebook took with what its contract says, and tell a failed cell's kind by its error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from coursekit import errors
from coursekit.config import format_memory
from coursekit.notebooks.contract import Contract, Size
from coursekit.notebooks.outcome import CellFailure, Outcome, Status

TOLERANCE: Final = 1.5
_CORES: Final = 2  # a contract's minutes are those of two idle cores
_NO_DATA: Final = {
    FileNotFoundError.__name__,
    errors.DatasetError.__name__,
    *(kind.__name__ for kind in errors.DatasetError.__subclasses__()),
}
_NO_DATA_TEXT: Final = "PATH_NOT_FOUND"  # Spark's condition for a file that is not there
_NO_MEMORY: Final = {"MemoryError", "ResourceExhaustedError"}  # Python's and TensorFlow's
_NO_MEMORY_TEXT: Final = "java.lang.OutOfMemoryError"


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """How much a notebook may take before its contract is wrong.

    Parameters
    ----------
    seconds : float
        Wall clock, s; 0 when time is not compared.
    memory : int
        Bytes; 0 when memory is not compared.
    """

    seconds: float = 0.0
    memory: int = 0


def allow(contract: Contract, size: Size, *, tolerance: float, at_once: int, cores: int, on_gpu: bool) -> Allowance:
    """Give what a notebook may take.

    Time is what varies from machine to machine: ``tolerance`` times the contract's minutes, and as much more as its
    share of the cores is less than two. Memory does not vary and is a hard limit in the Hub, so there is no tolerance;
    in the image for GPUs it is not compared, for CUDA's libraries come on top and the profile is another one.

    Parameters
    ----------
    contract : Contract
        What it says.
    size : {"small", "class", "full"}
        Which parameters it gets.
    tolerance : float
        How many times its minutes it may take on two idle cores; 0 compares nothing.
    at_once : int
        How many notebooks run at once.
    cores : int
        The machine's.
    on_gpu : bool
        Whether it runs in the image for GPUs.
    """
    if not tolerance:
        return Allowance()
    share = max(1.0, _CORES * at_once / cores)
    seconds = 60 * contract.minutes_at(size) * tolerance * share
    return Allowance(seconds=seconds, memory=0 if on_gpu or size != "small" else contract.notebook_memory)


def judge(outcome: Outcome, allowance: Allowance, cell_seconds: Mapping[str, float]) -> Outcome:
    """Give the outcome, as drifted when a notebook ran to its end and took more than it may.

    Its time is that of its cells: how long containers and kernels take to start is not in its hand.
    """
    if not outcome.has_passed:
        return outcome
    seconds = sum(cell_seconds.values()) or outcome.seconds
    is_slow = 0 < allowance.seconds < seconds
    is_large = 0 < allowance.memory < outcome.memory
    parts = []
    if is_slow:
        longest = sorted(cell_seconds, key=lambda cell: -cell_seconds[cell])[:3]
        where = ", ".join(f"{cell} {cell_seconds[cell]:.1f} s" for cell in longest)
        parts.append(
            f"its cells took {seconds:.1f} s, and its contract says {outcome.planned_seconds:.0f} s "
            f"(more than {allowance.seconds:.0f} s fail here)" + (f"; its longest cells: {where}" if where else "")
        )
    if is_large:
        parts.append(
            f"it held {format_memory(outcome.memory)}, and its contract says {format_memory(allowance.memory)} "
            "(notebook_memory)"
        )
    if not parts:
        return outcome
    return replace(outcome, status="slow" if is_slow else "large", message="; ".join(parts))


def kind_of(failure: CellFailure) -> Status:
    """Tell whether a cell failed for want of data or memory, or otherwise."""
    if failure.ename in _NO_MEMORY or _NO_MEMORY_TEXT in failure.evalue:
        return "memory"
    if failure.ename in _NO_DATA or _NO_DATA_TEXT in failure.evalue:
        return "no_data"
    return "failed"
