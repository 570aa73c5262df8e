"""End a process with everything below it, also what has left its session.

A kernel runs in a session of its own, and so does every node of a cluster that it starts: signalling a process
group misses them. On Linux the executing process therefore adopts orphans (``prctl(2)``, ``PR_SET_CHILD_SUBREAPER``),
so that whatever a notebook starts stays among its descendants.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import Final

import psutil

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_SWEEPS: Final = 20


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Be killed when the parent ends, however it ends (Linux); at once when it is gone already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def end_descendants(*, patience_s: float) -> None:
    """End everything below this process: asked first, killed after ``patience_s``."""
    below = _below(psutil.Process())
    for process in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(below, timeout=patience_s)
    _kill_below(psutil.Process())


def end_tree(pid: int) -> None:
    """Kill a process and everything below it; one that is gone is no error.

    It is stopped first, so that nothing new appears and no orphan gets lost while its descendants are killed.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.suspend()
        _kill_below(process)
        process.kill()


def _kill_below(process: psutil.Process) -> None:
    for _ in range(_SWEEPS):
        below = _below(process)
        if not below:
            return
        for child in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(below, timeout=0.2)


def _below(process: psutil.Process) -> list[psutil.Process]:
    """Its descendants that still run: a zombie has ended and only waits for its parent."""
    found = []
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
