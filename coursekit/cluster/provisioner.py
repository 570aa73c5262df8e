"""What keeps clusters, and what it tells about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from coursekit.cluster.runtime import Runtime
from coursekit.cluster.spec import ClusterSpec
from coursekit.config import format_memory, format_time

WorkerState = Literal["starting", "running", "died"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerStatus:
    """One worker as it is; memory in bytes, ``uptime_s`` in seconds; ``reason`` is what the engine knows of its end."""

    name: str
    state: WorkerState
    cores: int
    memory: int
    uptime_s: float
    exit_code: int | None = None
    host: str = ""
    reason: str = ""

    @property
    def cause(self) -> str:
        """Why it died, in words."""
        return self.reason or explain_exit(self.exit_code)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePlace:
    """Where a cluster waits for workers: its ``position``, the first being 1, how many are ``missing``, and why.

    The position is 0 of one that waiting does not help: its owner has all that they may have.
    """

    position: int
    missing: int
    reason: str = ""

    def __str__(self) -> str:
        more = f"{self.missing} more worker{'' if self.missing == 1 else 's'}"
        if not self.position:
            return f"without {more}, and waiting does not help: {self.reason}"
        return f"waiting for {more}, number {self.position} in the queue{f' ({self.reason})' if self.reason else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterStatus:
    """One cluster as it is.

    Parameters
    ----------
    name, owner : str
        Which cluster it is.
    state : {"queued", "starting", "running", "degraded", "dead"}
        ``queued``: none of its nodes may run yet; ``degraded``: a worker has died; ``dead``: the master has.
    master_url : str
        Where drivers find the master.
    ui_url : str
        The master's web page.
    registered : int
        Workers that the master knows and that are alive.
    applications : int
        Applications that run now.
    workers : tuple of WorkerStatus
        By name.
    granted : int or None
        Workers that its owner's share of the class allows it now; None where nobody shares.
    queue : QueuePlace or None
        Where it waits for more.
    """

    name: str
    owner: str
    state: Literal["queued", "starting", "running", "degraded", "dead"]
    master_url: str
    ui_url: str
    registered: int
    applications: int
    workers: tuple[WorkerStatus, ...]
    granted: int | None = None
    queue: QueuePlace | None = None

    def rows(self) -> list[dict[str, Any]]:
        """Give one row per worker, for a table."""
        return [
            {
                "worker": worker.name,
                "state": worker.state if worker.state != "died" else f"died: {worker.cause}",
                "cores": worker.cores,
                "memory": format_memory(worker.memory),
                "uptime": format_time(worker.uptime_s) if worker.state != "died" else None,
            }
            for worker in self.workers
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What `Provisioner.apply` did, as names of nodes; ``replaced`` had died and were started again."""

    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    replaced: tuple[WorkerStatus, ...] = ()
    master_replaced: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What a driver needs to use a cluster.

    Parameters
    ----------
    master_url : str
        Where the driver finds the master.
    driver_host : str
        Where executors find the driver.
    secret : str
        What both sides prove to know.
    runtime : Runtime
        What executors are started with.
    """

    master_url: str
    driver_host: str
    secret: str
    runtime: Runtime


class Provisioner(Protocol):
    """Keeps clusters: `LocalProvisioner` with an engine, or `GatewayClient`, which asks the class's gateway to."""

    def apply(self, spec: ClusterSpec) -> Change:
        """Start what is missing, stop what is too much; running workers stay."""
        ...

    def wait_ready(self, name: str, *, timeout_s: float = 90.0) -> ClusterStatus:
        """Wait until every worker has registered."""
        ...

    def status(self, name: str) -> ClusterStatus:
        """Tell how a cluster is."""
        ...

    def clusters(self) -> tuple[ClusterStatus, ...]:
        """List the owner's clusters."""
        ...

    def access(self, name: str) -> Access:
        """Give what a driver needs."""
        ...

    def logs(self, name: str, *, lines: int = 50) -> dict[str, str]:
        """Give the last lines of every node, by node name."""
        ...

    def delete(self, name: str) -> None:
        """Stop a cluster and all that belongs to it; one that is not there is no error."""
        ...

    def spec(self, name: str) -> ClusterSpec:
        """Give the specification of a cluster that is there."""
        ...

    def worker(self, name: str, number: int) -> str:
        """Give the name of a worker's node, the first being 0."""
        ...

    @property
    def engine(self) -> Faulty:
        """What things go wrong on, on demand."""
        ...

    def hold(self, name: str) -> None:
        """Say that this process uses the cluster."""
        ...

    def touch(self, name: str) -> None:
        """Say that the cluster is being used now."""
        ...

    def release(self, name: str) -> None:
        """Say that this process uses the cluster no longer."""
        ...

    def listen(self, name: str, tell: Callable[[str], None]) -> None:
        """Pass on, until it is released, what is decided about a cluster, in words; nothing where nobody decides."""
        ...


class Faulty(Protocol):
    """Nodes that can be made to fail (`coursekit.faults`)."""

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a node's command."""
        ...

    def freeze(self, name: str) -> None:
        """Halt everything in a node."""
        ...

    def thaw(self, name: str) -> None:
        """Let a frozen node go on."""
        ...


def explain_exit(code: int | None) -> str:
    """Say in words how a process ended: exit codes above 128 are signals."""
    if code is None:
        return "it disappeared"
    if code == 137:
        return "killed by signal 9 (somebody's kill -9, or the system's when memory ran out)"
    if code > 128:
        return f"killed by signal {code - 128}"
    return f"exit code {code}"


def seconds_since(started: float) -> float:
    """Seconds from a time since the epoch until now."""
    return max(0.0, time.time() - started)
