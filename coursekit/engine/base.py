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
        Whole GPUs, or slices where the host's are cut, for this node alone.
    image : str
        What a container runs; the engine's own choice when empty. The process engine has no images.
    beside_driver : bool
        Whether it should be on the driver's host, where that can run nodes: of no use without the driver, it should not
        be lost alone. Engines of one host have nothing to choose.
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
    beside_driver: bool = False


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
    host : str
        The machine that it runs on, as the engine calls it.
    reason : str
        What the engine knows of its end beyond the exit code, in words: ``"its host is gone"``.
    devices : tuple of str
        Which GPUs it has for itself, where the engine chooses them; one that has ended has given them back.
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
    host: str = ""
    reason: str = ""
    devices: tuple[str, ...] = ()

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

    @property
    def runs_images(self) -> bool:
        """Whether nodes are containers: with the files of an image, and a network and a host name of their own."""
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

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a node's command; SIGKILL ends all of the node at once, as a power cut would.

        A node that has ended is no error. One that ends stays visible until it is stopped.

        Raises
        ------
        NodeNotFoundError
            If no node has that name.
        """
        ...

    def freeze(self, name: str) -> None:
        """Halt everything in a node: it answers nobody, as if its network cable had been pulled.

        Raises
        ------
        NodeNotFoundError
            If no node has that name.
        """
        ...

    def thaw(self, name: str) -> None:
        """Let a frozen node go on; one that is not frozen is no error.

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

    def join(self, group: str, *, owner: str, driver: str | None = None) -> str:
        """Let a driver reach the nodes of a group, and give its address as they reach it.

        Parameters
        ----------
        group : str
            Which group.
        owner : str
            Whose.
        driver : str, optional
            The container that the driver is in; this process, and its own container, when not given.

        Raises
        ------
        NodeNotFoundError
            If the group has no node.
        EngineError
            If a driver cannot be where this process is.
        """
        ...

    def release(self, group: str, *, owner: str) -> None:
        """Say that this process uses a group no longer; one that it does not hold is no error."""
        ...

    def remove(self, *, owner: str, group: str) -> None:
        """Stop what is left of a group, and take away what it had, such as its network; nothing there is no error."""
        ...

    def touch(self, group: str, *, owner: str) -> None:
        """Say that a group is being used now: one that nobody uses for longer than its limit is stopped."""
        ...

    def sweep(self) -> tuple[str, ...]:
        """Stop groups whose server is gone and that nothing else will stop; give them as ``owner/group``."""
        ...
