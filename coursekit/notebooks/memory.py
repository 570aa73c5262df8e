"""How much memory a notebook holds: looked at while it runs, and ended before it takes the machine with it.

What counts is what the notebook itself started, kernel and Spark's driver above all. Nodes of a cluster have limits of
their own, and with the engine ``docker`` they are in other containers, so they are left out everywhere: a notebook
needs the same on every engine. Pages that processes share count once (the kernel's proportional set size).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil

_NODE: Final = "COURSEKIT_NODE"  # in the environment of a cluster's nodes and of everything below them
_EVERY_S: Final = 0.5


class MemoryWatch:
    """Looks, in a thread of its own, at what a process's descendants hold together.

    Parameters
    ----------
    limit : int
        From how many bytes on they are too many; 0 for no limit.
    on_exceeded : callable
        Called once when they are.
    every_s : float
        How often to look, s; a peak that is shorter can be missed.
    """

    def __init__(self, limit: int, on_exceeded: Callable[[], None], *, every_s: float = _EVERY_S) -> None:
        self._limit = limit
        self._on_exceeded = on_exceeded
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look_often, name="memory", daemon=True)
        self.peak = 0
        self.is_exceeded = False

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look_often(self) -> None:
        while not self._done.wait(self._every_s):
            held = sum(held_by(process) for process in self._own())
            self.peak = max(self.peak, held)
            if self._limit and held > self._limit and not self.is_exceeded:
                self.is_exceeded = True
                self._on_exceeded()

    def _own(self) -> Iterator[psutil.Process]:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError):
                if _NODE not in process.environ():
                    yield process


def held_by(process: psutil.Process) -> int:
    """Give the bytes of memory that a process holds, its share of what it shares; 0 when it is gone.

    Where the system does not tell shares (`proc_pid_smaps_rollup(5)` is Linux's), shared pages count in full.
    """
    with contextlib.suppress(OSError, psutil.Error):
        rollup = Path(f"/proc/{process.pid}/smaps_rollup")
        if not rollup.exists():
            return int(process.memory_info().rss)
        for line in rollup.read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
