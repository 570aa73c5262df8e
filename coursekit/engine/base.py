"""What an engine is: something that runs nodes.

A node is one container or, with the ``process`` engine, one group of processes. The labels on the nodes are
the only state; nothing is remembered elsewhere, so nothing can be stale. Every method may be called twice with
the same effect, except ``start``, which refuses a name that is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

NodeState = Literal["running", "exited"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeSpec:
    """One node as it should be.

    Parameters
    ----------
    name : str
        Unique on the engine.
    owner : str
        Whose node it is.
    group : str
        What it belongs to, unique per owner (a cluster's name).
    role : str
        What it is in its group: ``"master"``, ``"worker"``, ...
    command : tuple of str
        The program and its arguments.
    environment : mapping of str to str
        Added to the engine's own environment.
    labels : mapping of str to str
        What has to be known about the node later; the engine gives them back unchanged.
    cores : int
        CPU cores.
    memory : int
        Limit, bytes.
    gpus : int
        Whole GPUs.
    image : str
        What a container runs; the engine's own choice when empty. The process engine has no images.
    """

    name: str
    owner: str
    group: str
    role: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    cores: int = 1
    memory: int = 0
    gpus: int = 0
    image: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One node as it is.

    Parameters
    ----------
    name, owner, group, role, labels, cores, memory, gpus
        As in its `NodeSpec`.
    state : {"running", "exited"}
        An exited node stays visible until it is stopped, so that its end can be explained.
    exit_code : int or None
        Of an exited node; 128 + signal when a signal ended it.
    started : float
        When it started, seconds since the epoch.
    address : str or None
        Where other nodes of its group and the driver reach it; None when it has ended.
    """

    name: str
    owner: str
    group: str
    role: str
    labels: Mapping[str, str]
    cores: int
    memory: int
    gpus: int
    state: NodeState
    exit_code: int | None
    started: float
    address: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.state == "running"


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """What an engine has in all and what is free now; memory in bytes."""

    cores: int
    free_cores: int
    memory: int
    free_memory: int
    gpus: int = 0
    free_gpus: int = 0


@runtime_checkable
class Engine(Protocol):
    """Runs nodes. Backends satisfy this protocol; none inherits from another."""

    @property
    def name(self) -> str:
        """``"process"``, ``"docker"``, ..."""
        ...

    def start(self, spec: NodeSpec) -> Node:
        """Start a node.

        Raises
        ------
        NodeExistsError
            If a node of that name is there, running or exited.
        CapacityError
            If it needs more than the engine has.
        EngineUnavailableError
            If the engine does not answer.
        """
        ...

    def stop(self, name: str) -> None:
        """Stop a node with everything it started, and forget it; a node that is not there is no error."""
        ...

    def kill(self, name: str) -> None:
        """End a node by SIGKILL, as a power cut would; it stays visible as exited. One that has ended is no error.

        Raises
        ------
        NodeNotFoundError
            If no node has that name.
        """
        ...

    def nodes(self, *, owner: str | None = None, group: str | None = None) -> tuple[Node, ...]:
        """List nodes, running and exited, by name."""
        ...

    def logs(self, name: str, *, lines: int = 100) -> str:
        """Give the last lines that a node printed; empty when there are none.

        Raises
        ------
        NodeNotFoundError
            If the engine knows nothing of that name.
        """
        ...

    def wait(self, name: str, *, timeout_s: float) -> int | None:
        """Wait until a node has exited and give its exit code; None when it still runs after ``timeout_s``.

        Raises
        ------
        NodeNotFoundError
            If no node has that name.
        """
        ...

    def capacity(self) -> Capacity:
        """Tell what there is and what is free."""
        ...

    def hold(self, group: str, *, owner: str) -> None:
        """Say that this process uses a group: nodes that nobody holds any longer are stopped after a while."""
        ...

    def driver_host(self, group: str, *, owner: str) -> str:
        """Give the address of this process as nodes of the group reach it."""
        ...

    def release(self, group: str, *, owner: str) -> None:
        """Say that this process uses a group no longer; one that it does not hold is no error."""
        ...
