"""Keeps clusters with an engine: makes what runs equal to what is wanted."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from coursekit.cluster.drain import alive_workers, ask_master, drain, listens
from coursekit.cluster.plan import MASTER, WORKER, Launch, launch_of, master_name, plan, spec_of
from coursekit.cluster.provisioner import Access, Change, ClusterStatus, WorkerStatus, explain_exit, seconds_since
from coursekit.cluster.runtime import IMAGE_RUNTIME, Runtime, find_runtime
from coursekit.cluster.spec import ClusterSpec
from coursekit.config import format_memory, owner
from coursekit.engine import Engine, Node, NodeSpec, open_engine
from coursekit.errors import (
    CapacityError,
    ClusterDiffersError,
    ClusterNotFoundError,
    ClusterStartError,
    EngineError,
    PortTakenError,
    SettingsError,
)
from coursekit.ports import LOOPBACK, free_port

_MASTER_START_S: Final = 60.0
_LOOK_S: Final = 0.5
_STARTS_AT_ONCE: Final = 8
_MASTER_PORT: Final = 7077
_UI_PORT: Final = 8080


class LocalProvisioner:
    """Keeps one owner's clusters.

    Parameters
    ----------
    engine : Engine, optional
        What runs the nodes; the best one here when not given.
    owner : str, optional
        Whose clusters; the current user when not given.
    """

    def __init__(self, engine: Engine | None = None, *, owner: str | None = None) -> None:
        self._engine = engine or open_engine()
        self._owner = owner or current_owner()

    def apply(self, spec: ClusterSpec, *, at_most: int | None = None) -> Change:
        """Start what is missing, stop what is too much; running workers stay.

        Nodes that have died are replaced and reported. Workers that are too much hand over what they hold (shuffle and
        cached blocks) before they are stopped. Returns once the master answers; new workers are still starting.

        Parameters
        ----------
        spec : ClusterSpec
            What the cluster should look like.
        at_most : int, optional
            How many of its workers may run now, as its owner's share of the class is; the master stays even with 0.

        Raises
        ------
        CapacityError
            If the new nodes need more memory than is free; nothing is changed then.
        ClusterDiffersError
            If a cluster of that name runs with other cores or memory per worker.
        ClusterStartError, PortTakenError
            If the master does not come up.
        """
        self._engine.sweep()
        present = self._nodes(spec.name)
        _check_same_shape(spec, present)
        master = _running_master(present)
        launch = launch_of(master, self._runtime()) if master else self._new_launch(spec.name)
        allowed = spec.workers if at_most is None else min(at_most, spec.workers)
        wanted = {node.name: node for node in plan(spec, launch)[: 1 + allowed]}
        # Workers of a dead master hold the secret and the address of one that is gone.
        running = {node.name for node in present if node.is_running and master is not None}
        missing = [wanted[name] for name in wanted if name not in running]
        self._check_capacity(missing, freed=[node for node in present if node.name not in running])
        superfluous = [node for node in present if node.name not in running or node.name not in wanted]
        if master is not None:
            drain(self._engine, master, [node for node in superfluous if node.is_running])
        for node in superfluous:
            self._engine.stop(node.name)
        self._start(spec.name, missing)
        dead = [node for node in present if not node.is_running]
        return Change(
            started=tuple(node.name for node in missing),
            stopped=tuple(node.name for node in superfluous if node.name not in wanted),
            replaced=tuple(_worker_status(node) for node in dead if node.role == WORKER and node.name in wanted),
            master_replaced=any(node.role == MASTER for node in dead),
        )

    def wait_ready(self, name: str, *, timeout_s: float = 90.0) -> ClusterStatus:
        """Wait until every worker has registered with the master.

        Raises
        ------
        ClusterStartError
            If a node ends before it is ready, or ``timeout_s`` passes.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            status = self.status(name)
            if status.registered >= len(status.workers) and status.state == "running":
                return status
            self._check_alive(name)
            if time.monotonic() > deadline:
                raise ClusterStartError(
                    f"{status.registered} of {len(status.workers)} workers of cluster {name!r} were ready "
                    f"after {timeout_s:.0f} s.",
                    fix=f"look at what they say with `coursekit cluster logs {name}`, then try again",
                )
            time.sleep(0.05)

    def status(self, name: str) -> ClusterStatus:
        """Tell how a cluster is.

        Raises
        ------
        ClusterNotFoundError
            If the owner has no cluster of that name.
        """
        nodes = self._nodes(name)
        if not nodes:
            names = sorted({node.group for node in self._engine.nodes(owner=self._owner)})
            raise ClusterNotFoundError(
                f"{self._owner} has no cluster {name!r}.",
                fix=f"choose one that is there ({', '.join(names)})" if names else "start it: coursekit cluster up",
            )
        return self._describe(nodes)

    def clusters(self) -> tuple[ClusterStatus, ...]:
        """List the owner's clusters by name."""
        nodes = self._engine.nodes(owner=self._owner)
        groups = sorted({node.group for node in nodes})
        return tuple(self._describe(tuple(node for node in nodes if node.group == group)) for group in groups)

    def spec(self, name: str) -> ClusterSpec:
        """Read the specification of a running cluster back from its nodes."""
        self.status(name)
        return spec_of(self._nodes(name))

    def access(self, name: str, *, driver: str | None = None) -> Access:
        """Give what a driver needs to use a cluster.

        Parameters
        ----------
        name : str
            Which cluster.
        driver : str, optional
            The container that the driver is in; this process when not given.
        """
        self.status(name)
        nodes = self._nodes(name)
        return Access(
            master_url=_master_url(nodes),
            driver_host=self._engine.join(name, owner=self._owner, driver=driver),
            secret=nodes[0].labels["secret"],
            runtime=self._runtime(),
        )

    def logs(self, name: str, *, lines: int = 50) -> dict[str, str]:
        """Give the last lines of every node, by node name."""
        self.status(name)
        return {node.name: self._engine.logs(node.name, lines=lines) for node in self._nodes(name)}

    def delete(self, name: str) -> None:
        """Stop a cluster, workers first; one that is not there is no error."""
        for node in sorted(self._nodes(name), key=lambda node: node.role == MASTER):
            self._engine.stop(node.name)
        self._engine.remove(owner=self._owner, group=name)

    def worker(self, name: str, number: int) -> str:
        """Give the name of a worker's node, the first being 0.

        Raises
        ------
        SettingsError
            If the cluster has no worker of that number.
        """
        workers = self.status(name).workers
        if not 0 <= number < len(workers):
            raise SettingsError(
                f"cluster {name!r} has no worker {number}: it has {len(workers)}.",
                fix="count from 0: " + ", ".join(f"{index} is {worker.name}" for index, worker in enumerate(workers)),
            )
        return workers[number].name

    @property
    def engine(self) -> Engine:
        """What runs the nodes."""
        return self._engine

    def hold(self, name: str) -> None:
        """Say that this process uses the cluster."""
        self._engine.hold(name, owner=self._owner)

    def touch(self, name: str) -> None:
        """Say that the cluster is being used now."""
        self._engine.touch(name, owner=self._owner)

    def release(self, name: str) -> None:
        """Say that this process uses the cluster no longer."""
        self._engine.release(name, owner=self._owner)

    def listen(self, name: str, tell: Callable[[str], None]) -> None:
        """Say nothing: whoever has an engine to themselves decides alone."""
        del name, tell

    def _nodes(self, name: str) -> tuple[Node, ...]:
        return self._engine.nodes(owner=self._owner, group=name)

    def _runtime(self) -> Runtime:
        """Give what Spark's processes are started with where this engine runs them."""
        return IMAGE_RUNTIME if self._engine.runs_images else find_runtime()

    def _new_launch(self, name: str) -> Launch:
        """Choose ports and a secret; a container has all ports to itself."""
        if self._engine.runs_images:
            master_host, listen, port, ui_port = master_name(self._owner, name), None, _MASTER_PORT, _UI_PORT
        else:
            fixed = os.environ.get("COURSEKIT_MASTER_PORT")
            master_host, listen = LOOPBACK, LOOPBACK
            port, ui_port = _read_port(fixed) if fixed else free_port(), free_port()
        return Launch(
            owner=self._owner,
            runtime=self._runtime(),
            master_host=master_host,
            listen=listen,
            port=port,
            ui_port=ui_port,
            secret=secrets.token_hex(32),
        )

    def _check_capacity(self, missing: list[NodeSpec], *, freed: list[Node]) -> None:
        """Refuse before anything is started, so that nothing is half there."""
        needed, gpus = (sum(getattr(node, kind) for node in missing) for kind in ("memory", "gpus"))
        capacity, leaving = self._engine.capacity(), [node for node in freed if node.is_running]
        free = capacity.free_memory + sum(node.memory for node in leaving)
        free_gpus = capacity.free_gpus + sum(node.gpus for node in leaving)
        if needed > free:
            workers = sum(node.role == WORKER for node in missing)
            raise CapacityError(
                f"{workers} more workers need {format_memory(needed)}, but {format_memory(free)} are free here.",
                fix="ask for fewer workers or less memory each, or close what else uses memory",
            )
        if gpus > free_gpus:
            raise CapacityError(
                f"the new workers need {gpus} GPUs, but of {capacity.gpus} here, {free_gpus} are free.",
                fix="ask for fewer workers, or wait until somebody gives one back",
            )

    def _start(self, name: str, missing: list[NodeSpec]) -> None:
        """Start the master if it is missing, then all workers at once; if one does not start, none stays.

        A worker that finds nobody, or a master that is not yet alive, asks again only after five seconds and more. But
        a worker's Java takes longer to come so far than a master takes from listening to being alive.
        """
        masters = [node for node in missing if node.role == MASTER]
        workers = [node for node in missing if node.role == WORKER]
        try:
            for node in masters:
                self._engine.start(node)
                self._engine.join(name, owner=self._owner)
                self._wait_for_master(name, listens)
            with ThreadPoolExecutor(max_workers=_STARTS_AT_ONCE) as starts:
                list(starts.map(self._engine.start, workers))
            if masters:
                self._wait_for_master(name, _is_alive)
        except EngineError:
            for node in reversed(missing):
                self._engine.stop(node.name)
            raise

    def _wait_for_master(self, name: str, is_so_far: Callable[[Node], bool]) -> None:
        """Wait until the master is so far; raise what it died of."""
        deadline = time.monotonic() + _MASTER_START_S
        look_again = 0.0
        master: Node | None = None
        while True:
            if time.monotonic() > look_again:  # whether it still runs, and where: that costs more than asking it
                self._check_alive(name)
                master = _running_master(self._nodes(name))
                look_again = time.monotonic() + _LOOK_S
            if master is not None and is_so_far(master):
                return
            if time.monotonic() > deadline:
                self.delete(name)
                raise ClusterStartError(
                    f"the master of cluster {name!r} did not answer within {_MASTER_START_S:.0f} s.",
                    fix="see whether the machine is overloaded, then try again",
                )
            time.sleep(0.03)

    def _check_alive(self, name: str) -> None:
        """Raise what a node that ended while starting died of, and clear away the rest."""
        for node in self._nodes(name):
            if node.is_running:
                continue
            log = self._engine.logs(node.name, lines=15)
            self.delete(name)
            if "BindException" in log or "Address already in use" in log:
                port = node.labels["port"]
                raise PortTakenError(
                    f"another program listens on port {port}, which the master of cluster {name!r} was to use.",
                    fix="stop that program, or unset COURSEKIT_MASTER_PORT to let a free port be found",
                )
            cause = node.reason or explain_exit(node.exit_code)
            raise ClusterStartError(
                f"node {node.name!r} ended while starting: {cause}. It said:\n{log}",
                fix="mend what its last lines name, then start the cluster again",
            )

    def _describe(self, nodes: tuple[Node, ...]) -> ClusterStatus:
        master = _running_master(nodes)
        address, ui_port = _master_address(nodes), int(nodes[0].labels["ui_port"])
        answer = ask_master(master) if master else {}
        registered = int(answer.get("aliveworkers", 0))
        known = alive_workers(answer)
        workers = [node for node in nodes if node.role == WORKER]
        running = sum(node.is_running for node in workers)
        state = "dead" if master is None else "degraded" if running < len(workers) else "starting"
        if state == "starting" and registered >= running:
            state = "running"
        return ClusterStatus(
            name=nodes[0].group,
            owner=nodes[0].owner,
            state=state,  # type: ignore[arg-type]
            master_url=_master_url(nodes),
            ui_url=f"http://{address}:{ui_port}",
            registered=registered,
            applications=len(answer.get("activeapps", ())),
            workers=tuple(_worker_status(node, starting=node.name not in known) for node in workers),
        )


def current_owner() -> str:
    """Whose clusters this process starts."""
    return owner()


def _worker_status(node: Node, *, starting: bool = False) -> WorkerStatus:
    return WorkerStatus(
        name=node.name,
        state="died" if not node.is_running else "starting" if starting else "running",
        cores=node.cores,
        memory=node.memory,
        uptime_s=seconds_since(node.started),
        exit_code=node.exit_code,
        host=node.host,
        reason=node.reason,
    )


def _is_alive(master: Node) -> bool:
    """Whether the master calls itself alive."""
    return ask_master(master).get("status") == "ALIVE"


def _running_master(nodes: tuple[Node, ...]) -> Node | None:
    return next((node for node in nodes if node.role == MASTER and node.is_running), None)


def _master_address(nodes: tuple[Node, ...]) -> str:
    """Give where this process finds the master, which workers may know by another name."""
    master = _running_master(nodes)
    return (master.address if master else None) or nodes[0].labels["master_host"]


def _master_url(nodes: tuple[Node, ...]) -> str:
    return f"spark://{_master_address(nodes)}:{nodes[0].labels['port']}"


def _check_same_shape(spec: ClusterSpec, present: tuple[Node, ...]) -> None:
    if not present:
        return
    there = spec_of(present)
    if there.image != spec.image:
        raise ClusterDiffersError(
            f"cluster {spec.name!r} runs the image {there.image or 'of the course'!r}, not {spec.image!r}.",
            fix=f"close it first (coursekit cluster down {spec.name}), or give the new cluster another name",
        )
    if there.gpus != spec.gpus:
        raise ClusterDiffersError(
            f"cluster {spec.name!r} runs with {there.gpus} GPUs per worker, not with {spec.gpus}.",
            fix=f"close it first (coursekit cluster down {spec.name}), or give the new cluster another name",
        )
    if (there.cores, there.memory) != (spec.cores, spec.memory):
        raise ClusterDiffersError(
            f"cluster {spec.name!r} runs with {there.cores} cores and {format_memory(there.memory)} per worker, "
            f"not with {spec.cores} and {format_memory(spec.memory)}.",
            fix=f"close it first (coursekit cluster down {spec.name}), or give the new cluster another name",
        )


def _read_port(text: str) -> int:
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise SettingsError(
            f"COURSEKIT_MASTER_PORT = {text!r} is not a port.", fix="set it to 1024 ... 65535, or unset it"
        )
    return int(text)
