"""Whether work goes on in a user's server although nobody touches it: such a server is not idle."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from coursekit.config import owner, run_dir

MARK_S: Final = 60.0
"""How long a kernel's mark counts, s; kernels renew it every few seconds while Spark runs jobs for them."""


def mark_busy() -> None:
    """Say, from a kernel, that a Spark job runs: its cell may have ended, and the job go on in the background."""
    path = _mark()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def runs_spark_jobs(now: float | None = None) -> bool:
    """Whether a kernel of this user has said so lately."""
    try:
        return (time.time() if now is None else now) - _mark().stat().st_mtime < MARK_S
    except OSError:
        return False


def runs_cell(kernels: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a kernel, as Jupyter lists them, executes something."""
    return any(kernel.get("execution_state") == "busy" for kernel in kernels)


def runs_command(shells: Iterable[int]) -> bool:
    """Whether a terminal's shell, one of these processes, has started something that has not ended."""
    for shell in shells:
        try:
            if any(child.status() != psutil.STATUS_ZOMBIE for child in psutil.Process(shell).children()):
                return True
        except psutil.Error:  # it has just ended
            continue
    return False


def _mark() -> Path:
    return run_dir() / f"busy-{owner()}"
