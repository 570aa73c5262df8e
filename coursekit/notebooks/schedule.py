"""Which notebook runs when: the longest first, and no more at once than cores and memory are for.

Longest first leaves the short ones for the end, where they fill what is left. Were all times known, and cores all
that is needed, no run would take more than 4/3 of the shortest that is possible.

References
----------
R. L. Graham, "Bounds on multiprocessing timing anomalies", SIAM Journal on Applied Mathematics 17 (1969).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from coursekit.config import MiB
from coursekit.notebooks.contract import Contract
from coursekit.notebooks.outcome import DRIFTED, Outcome

_FILE: Final = "times.json"
_MASTER: Final = 512 * MiB


def read_times(out: Path, kind: str) -> dict[str, float]:
    """Give how long each notebook took when it last ran to its end, s; empty without a record.

    Parameters
    ----------
    out : Path
        Where results go.
    kind : str
        What they were run as, such as ``"small, cpu"``: times of other sizes tell nothing.
    """
    try:
        record = json.loads((out / _FILE).read_text(encoding="utf-8"))
        return {name: float(row["seconds"]) for name, row in record[kind].items()}
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return {}


def write_times(outcomes: Iterable[Outcome], out: Path, kind: str) -> None:
    """Add what notebooks took, time and memory, to the record, in one step; those that did not end are left out."""
    path = out / _FILE
    try:
        record: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        record = {}
    rows = record.get(kind)
    ran = [outcome for outcome in outcomes if not outcome.kept and (outcome.has_passed or outcome.status in DRIFTED)]
    new = {outcome.notebook.name: {"seconds": outcome.seconds, "memory": outcome.memory} for outcome in ran}
    record[kind] = dict(sorted({**(rows if isinstance(rows, Mapping) else {}), **new}.items()))
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def memory_needed(contract: Contract) -> int:
    """Give what a notebook may hold together with the cluster that it starts, bytes."""
    cluster = contract.workers * contract.memory + _MASTER if contract.workers else 0
    return contract.notebook_memory + cluster


class Turns:
    """Lets notebooks begin while there is room; one that is larger than the machine runs alone.

    Parameters
    ----------
    jobs : int
        How many at once.
    memory : int
        How much all that run may need together, bytes.
    """

    def __init__(self, jobs: int, memory: int) -> None:
        self._jobs = jobs
        self._memory = memory
        self._running: list[int] = []
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def turn(self, memory: int) -> AsyncIterator[None]:
        """Wait for room, and hold it inside the block."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_room(memory))
            self._running.append(memory)
        try:
            yield
        finally:
            self._running.remove(memory)
            async with self._changed:
                self._changed.notify_all()

    def _has_room(self, memory: int) -> bool:
        fits = sum(self._running) + memory <= self._memory
        return len(self._running) < self._jobs and (fits or not self._running)
