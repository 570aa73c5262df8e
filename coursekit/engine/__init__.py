"""Engines run nodes: processes of this machine, later containers on one host or several."""

from __future__ import annotations

import os

from coursekit.engine.base import Capacity, Engine, Node, NodeSpec
from coursekit.engine.fake import FakeEngine
from coursekit.engine.process import ProcessEngine
from coursekit.errors import SettingsError

__all__ = ["Capacity", "Engine", "FakeEngine", "Node", "NodeSpec", "ProcessEngine", "has_docker", "open_engine"]


def open_engine(name: str | None = None, *, keep: bool = False, realm: str | None = None) -> Engine:
    """Open an engine by its name.

    Parameters
    ----------
    name : str, optional
        ``"process"``, ``"docker"``, ``"swarm"`` or ``"auto"``; ``COURSEKIT_ENGINE`` or ``"auto"`` when not given.
        ``"auto"`` takes Docker when a daemon answers and has the image, else processes.
    keep : bool
        Whether nodes outlive the process that started them.
    realm : str, optional
        Of a container engine: nodes of another realm are not seen; ``COURSEKIT_REALM`` when not given.

    Raises
    ------
    SettingsError
        If there is no engine of that name.
    EngineUnavailableError
        If it was named, and does not answer.
    """
    name = name or os.environ.get("COURSEKIT_ENGINE") or "auto"
    if name == "docker" or (name == "auto" and has_docker()):
        from coursekit.engine.docker import DockerEngine

        return DockerEngine(keep=keep, realm=realm)
    if name == "swarm":
        from coursekit.engine.swarm import SwarmEngine

        return SwarmEngine(keep=keep, realm=realm)
    if name not in ("auto", "process"):
        raise SettingsError(
            f"engine = {name!r} is not an engine.",
            fix='use "process", "docker" or "swarm", or "auto" for the best one here',
        )
    return ProcessEngine(keep=keep)


def has_docker() -> bool:
    """Whether a Docker daemon answers here, and has the image of Spark's nodes."""
    from coursekit.engine.daemon import DEFAULT_IMAGE, connect

    try:
        connect().images.get(DEFAULT_IMAGE)
    except Exception:  # whatever stands in the way, processes do without it
        return False
    return True
