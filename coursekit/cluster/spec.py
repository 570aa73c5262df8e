"""What a Spark cluster should look like, and how its memory is divided."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

from coursekit.config import GiB, MiB, format_memory
from coursekit.errors import SettingsError

MIN_MEMORY: Final = GiB
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")
_DAEMON: Final = 256 * MiB
_HEAP_SHARE: Final = 2 / 3


def drivers_image() -> str:
    """Give the image that this process runs in, where whoever started its container said so; else empty.

    Nodes run it too, for what a driver imports (Keras, say) its executors import as well.
    """
    return os.environ.get("COURSEKIT_IMAGE", "")


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterSpec:
    """What one Spark cluster should look like.

    Parameters
    ----------
    name : str
        Letters, digits and hyphens, at most 30; one owner may have several clusters.
    workers : int
        Worker nodes; 0 means Spark's local mode, no node at all.
    cores : int
        CPU cores of each worker.
    memory : int
        Memory of each worker node, bytes; it holds the worker, its executor and the executor's Python processes.
    image : str
        What nodes of a container engine run; the engine's own choice when empty.
    gpus : int
        Whole GPUs, or slices, of each worker, for it alone.

    Raises
    ------
    SettingsError
        If a value cannot be.
    """

    name: str = "default"
    workers: int = 2
    cores: int = 1
    memory: int = 2 * GiB
    image: str = ""
    gpus: int = 0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SettingsError(
                f"name = {self.name!r} is not a cluster's name.",
                fix="use 1 to 30 small letters, digits and hyphens, with no hyphen at the ends",
            )
        if self.workers < 0:
            raise SettingsError(
                f"workers = {self.workers}, but a cluster cannot have fewer than 0.",
                fix="use workers=0 for Spark's local mode, 1 or more for a cluster",
            )
        if self.cores < 1:
            raise SettingsError(
                f"cores = {self.cores}, but a worker needs at least one core to run a task.",
                fix="use cores=1 or more",
            )
        if self.gpus < 0:
            raise SettingsError(f"gpus = {self.gpus} of a worker cannot be.", fix="use gpus=0 or more")
        if self.memory < MIN_MEMORY:
            raise SettingsError(
                f"memory = {self.memory} bytes ({format_memory(self.memory)}), but a worker needs at least "
                f"{format_memory(MIN_MEMORY)}: Spark refuses executors with a heap below 450 MiB.",
                fix="use memory=1 * GiB or more",
            )

    @property
    def executor_heap(self) -> int:
        """Java heap of each executor, bytes: two thirds of what the worker process leaves; Python gets the rest."""
        return int((self.memory - _DAEMON) * _HEAP_SHARE)

    @property
    def slots(self) -> int:
        """Tasks that run at the same time: one per core."""
        return max(self.workers, 1) * self.cores
