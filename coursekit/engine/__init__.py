"""Engines run nodes: processes of this machine, later containers on one host or several."""

from __future__ import annotations

import os

from coursekit.engine.base import Capacity, Engine, Node, NodeSpec
from coursekit.engine.fake import FakeEngine
from coursekit.engine.process import ProcessEngine
from coursekit.errors import SettingsError

__all__ = ["Capacity", "Engine", "FakeEngine", "Node", "NodeSpec", "ProcessEngine", "open_engine"]


def open_engine(name: str | None = None, *, keep: bool = False) -> Engine:
    """Open an engine by its name.

    Parameters
    ----------
    name : str, optional
        ``"process"``, ``"docker"`` or ``"auto"``; ``COURSEKIT_ENGINE`` or ``"auto"`` when not given. ``"auto"`` takes
        the best engine that this machine has.
    keep : bool
        Whether nodes outlive the process that started them.

    Raises
    ------
    SettingsError
        If there is no engine of that name.
    """
    name = name or os.environ.get("COURSEKIT_ENGINE") or "auto"
    if name == "docker":
        from coursekit.engine.docker import DockerEngine

        return DockerEngine(keep=keep)
    if name == "swarm":
        from coursekit.engine.swarm import SwarmEngine

        return SwarmEngine(keep=keep)
    if name not in ("auto", "process"):
        raise SettingsError(
            f"engine = {name!r} is not an engine.",
            fix='use "process", "docker" or "swarm", or "auto" for the best one here',
        )
    return ProcessEngine(keep=keep)
