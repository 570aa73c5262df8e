"""The engine of several Docker hosts that form a Swarm: nodes are services of one task each.

The Swarm chooses the host of each node, by what the node reserves. Each group has an overlay network of its own. The
driver is in a container of any of the hosts: it is connected to that network. Labels on services and networks are the
only state.

A node that ended is not started again by the Swarm but stays visible, as on every engine; whoever keeps the cluster
replaces it, on a host that is there.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import format_memory
from coursekit.engine import daemon
from coursekit.engine.agent import agent_command
from coursekit.engine.base import Capacity, Node, NodeSpec
from coursekit.engine.containers import ContainerEngine
from coursekit.engine.daemon import DEFAULT_IMAGE, LABEL, connect, explained
from coursekit.engine.swarm_service import describe, run_agent
from coursekit.engine.swarm_state import RUNNING, WAITING, read_host, read_node, satisfies
from coursekit.errors import CapacityError, EngineError

if TYPE_CHECKING:
    from docker.models.networks import Network

_START_S: Final = 60.0
_STOP_LIMIT_S: Final = 30.0
_PLACEMENTS: Final = 3
_MOVED: Final = "no longer meets constraints"  # the Swarm changed its mind about a host: it is asked again
_POLL_S: Final = 0.05


class SwarmEngine(ContainerEngine):
    """Runs nodes as services of a Docker Swarm.

    Parameters
    ----------
    image : str
        What nodes run that name no image of their own; every host has to have it, or a registry to fetch it from.
    keep, realm
        See `ContainerEngine`.
    constraints : tuple of str
        Which hosts may run nodes, like ``"node.labels.role==worker"``; ``COURSEKIT_SWARM_CONSTRAINTS`` (separated by
        commas) when not given. All of them by default.

    Notes
    -----
    ``DOCKER_HOST`` is a manager of the Swarm. When the driver's own container is on another host, that host's daemon is
    ``COURSEKIT_LOCAL_DOCKER``.
    """

    name = "swarm"

    def __init__(
        self,
        *,
        image: str = DEFAULT_IMAGE,
        keep: bool = False,
        realm: str | None = None,
        constraints: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(image=image, keep=keep, realm=realm)
        self._api: Any = self._client.api  # the SDK's types do not know services
        info = self._client.info()["Swarm"]
        if not info.get("ControlAvailable"):
            raise EngineError(
                "the Docker daemon is no manager of a Swarm.",
                fix="docker swarm init, or set DOCKER_HOST to a manager; on a single host use the engine docker",
            )
        local = os.environ.get("COURSEKIT_LOCAL_DOCKER")
        self._local = connect(local) if local else self._client
        said = os.environ.get("COURSEKIT_SWARM_CONSTRAINTS", "")
        self._constraints = constraints if constraints is not None else tuple(filter(None, said.split(",")))

    @explained
    def start(self, spec: NodeSpec) -> Node:
        """Start a service and wait until its task runs; see `Engine.start`."""
        self._check_capacity(spec)
        beside = [f"node.id=={self._local_host}"] if spec.beside_driver and self._takes_nodes(self._local_host) else []
        with contextlib.ExitStack() as undo:
            undo.callback(self._remove_network, spec.owner, spec.group)
            network = self._ensure_network(spec, driver="overlay", attachable=True)
            try:
                node = self._place(spec, network, beside)
            except CapacityError:
                if not beside:
                    raise
                node = self._place(spec, network, [])
            undo.pop_all()
        return node

    def _place(self, spec: NodeSpec, network: Network, constraints: list[str]) -> Node:
        """Start the service on a host that satisfies the constraints, and the engine's own."""
        import docker.errors

        service = describe(
            spec,
            image=spec.image or self._image,
            labels=daemon.node_labels(self._realm, spec, keep=self._keep),
            network=str(network.id),
            constraints=[*self._constraints, *constraints],
        )
        for _ in range(_PLACEMENTS):
            try:
                self._api.create_service(**service)
            except docker.errors.APIError as error:
                raise daemon.explain(str(error.explanation or error), spec) from error
            said = self._await_start(spec) or ""
            if not said:
                return self._known(spec.name)
            self._api.remove_service(self._service_id(spec.name))
            if _MOVED not in said:
                break
        raise daemon.explain(said, spec)

    @explained
    def stop(self, name: str) -> None:
        """Remove a service and wait until its task is gone; see `Engine.stop`."""
        import docker.errors

        node = self._find(name)
        if node is None:
            return
        service = self._service_id(name)
        with contextlib.suppress(docker.errors.NotFound):
            self._api.remove_service(service)
        deadline = time.monotonic() + _STOP_LIMIT_S
        while self._tasks([service], alive=True) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        self._remove_network(node.owner, node.group)

    @explained
    def signal(self, name: str, number: int) -> None:
        """Send a signal to a node's command, on whichever host it is; see `Engine.signal`."""
        self._act(self._known(name), "kill", signal.Signals(number).name)

    @explained
    def freeze(self, name: str) -> None:
        """Pause a node's container; see `Engine.freeze`."""
        self._act(self._known(name), "pause")

    @explained
    def thaw(self, name: str) -> None:
        """Let a paused container go on; see `Engine.thaw`."""
        self._act(self._known(name), "unpause")

    @explained
    def nodes(self, *, owner: str | None = None, group: str | None = None) -> tuple[Node, ...]:
        """List nodes, running and exited, by name; see `Engine.nodes`."""
        services = self._api.services(filters=daemon.filters(self._realm, owner, group))
        if not services:
            return ()
        tasks: dict[str, dict[str, Any]] = {}
        for task in self._tasks([service["ID"] for service in services]):
            tasks[task["ServiceID"]] = max(task, tasks.get(task["ServiceID"], task), key=lambda one: one["CreatedAt"])
        hosts = self._hosts()
        found = (read_node(service, tasks.get(service["ID"]), hosts) for service in services)
        return tuple(sorted(found, key=lambda node: node.name))

    @explained
    def logs(self, name: str, *, lines: int = 100) -> str:
        """Give the last lines that a node printed, and why it did not start if it did not; see `Engine.logs`."""
        node = self._known(name)
        if not node.is_running and node.exit_code is None:
            return node.reason  # its host is gone, or it never started: there is nobody to ask
        parts = self._api.service_logs(self._service_id(name), stdout=True, stderr=True, tail=lines)
        return b"".join(parts).decode(errors="replace").rstrip("\n")

    @explained
    def wait(self, name: str, *, timeout_s: float) -> int | None:
        """Wait until a node has exited and give its exit code; see `Engine.wait`."""
        deadline = time.monotonic() + timeout_s
        while (node := self._known(name)).is_running and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return node.exit_code

    @explained
    def capacity(self) -> Capacity:
        """Add up what the hosts have that may run nodes, and what our nodes leave of it; see `Engine.capacity`."""
        hosts = self._usable_hosts()
        running = [node for node in self.nodes() if node.is_running]
        cores = sum(host["cores"] for host in hosts)
        memory = sum(host["memory"] for host in hosts)
        gpus = sum(host["gpus"] for host in hosts)
        return Capacity(
            cores=cores,
            free_cores=max(0, cores - sum(node.cores for node in running)),
            memory=memory,
            free_memory=memory - sum(node.memory for node in running),
            gpus=gpus,
            free_gpus=gpus - sum(node.gpus for node in running),
        )

    @explained
    def join(self, group: str, *, owner: str, driver: str | None = None) -> str:
        """Connect the driver's container to the group's network, and give its address there; see `Engine.join`."""
        network = self._network_of(owner, group)
        container = driver or daemon.own_container()
        if container is None:
            raise EngineError(
                "on a Swarm the driver has to be in a container: a process of the host is on no overlay network.",
                fix="run the notebook with `coursekit notebook run --engine swarm`, or in the Hub",
            )
        if driver is not None and not daemon.is_running(self._local, driver):
            raise EngineError(
                "your server is on another host of the Swarm than the gateway, which cannot connect it to the cluster.",
                fix="ask an operator to keep servers on the gateway's host",
            )
        return daemon.address_on(self._local, network, container)

    def _await_start(self, spec: NodeSpec) -> str | None:
        """Wait until the task is placed and runs; give the host's words when it refuses the task."""
        deadline = time.monotonic() + _START_S
        while True:
            task = next(iter(self._tasks([self._service_id(spec.name)])), None)
            status = task["Status"] if task else {"State": "new"}
            said = str(status.get("Err", ""))
            if status["State"] == "pending" and ("insufficient" in said or "no suitable node" in said):
                self.stop(spec.name)
                raise CapacityError(
                    f"no host of the Swarm has room for node {spec.name!r}: {said}.",
                    fix="ask for fewer workers, fewer cores or less memory, or stop clusters that are not used",
                )
            if status["State"] == "rejected":
                return said or "rejected without a word"
            if status["State"] not in WAITING:
                return None
            if time.monotonic() > deadline:
                self.stop(spec.name)
                raise EngineError(
                    f"node {spec.name!r} was {status['State']} for {_START_S:.0f} s. {said}",
                    fix=f"look at the Swarm: docker service ps {spec.name}",
                )
            time.sleep(_POLL_S)

    def _check_capacity(self, spec: NodeSpec) -> None:
        """Refuse at once what no host can have, empty or not."""
        hosts = self._usable_hosts()
        for what, wanted, written in (
            ("memory", spec.memory, format_memory),
            ("cores", spec.cores, str),
            ("gpus", spec.gpus, str),
        ):
            most = max((host[what] for host in hosts), default=0)
            if wanted > most:
                raise CapacityError(
                    f"node {spec.name!r} needs {written(wanted)} {'' if what == 'memory' else what}".rstrip()
                    + f", but the largest of {len(hosts)} hosts has {written(most)}.",
                    fix="ask for smaller workers, and for more of them instead",
                )

    def _remove_network(self, owner: str, group: str) -> None:
        """Remove a group's network with the last of its nodes; the containers of drivers leave it first."""
        import docker.errors

        if self.nodes(owner=owner, group=group):
            return
        deadline = time.monotonic() + _STOP_LIMIT_S
        while (networks := self._networks(owner, group)) and time.monotonic() < deadline:
            for network in networks:
                with contextlib.suppress(docker.errors.APIError):  # no container of our host is connected
                    daemon.disconnect_all(self._local.networks.get(str(network.id)))
                # A task that is just leaving still uses it; and a daemon lists a removed one for a moment.
                with contextlib.suppress(docker.errors.APIError):
                    network.remove()
            time.sleep(_POLL_S)

    def _is_abandoned(self, labels: Mapping[str, str]) -> bool:
        """Whether a group's server is gone: its container, if that was on our daemon, or the host of its container."""
        container, host = labels.get(f"{LABEL}.container"), labels.get(f"{LABEL}.container-host")
        if not container or not host:
            return False
        if host == self._local_host:
            return not daemon.is_running(self._local, container)
        return not self._hosts().get(host, {"is_there": False})["is_there"]

    def _group_labels(self, owner: str, group: str) -> dict[str, str]:
        """Label a group's network, with its server and the host that the server's container is on."""
        labels = super()._group_labels(owner, group)
        return labels | ({f"{LABEL}.container-host": self._local_host} if f"{LABEL}.container" in labels else {})

    @functools.cached_property
    def _local_host(self) -> str:
        return str(self._local.info()["Swarm"]["NodeID"])

    def _act(self, node: Node, action: str, *words: str) -> None:
        """Do something to a node's container: at once when it is on our daemon, else by an agent on its host.

        A Swarm's manager can start and remove tasks anywhere, but not signal or pause them.
        """
        import docker.errors

        if not node.is_running:
            return
        task = self._tasks([self._service_id(node.name)])[0]
        container = task["Status"]["ContainerStatus"]["ContainerID"]
        act: dict[str, Callable[..., Any]] = {
            "kill": self._api.kill,
            "pause": self._api.pause,
            "unpause": self._api.unpause,
        }
        if task["NodeID"] == self._client.info()["Swarm"]["NodeID"]:
            with contextlib.suppress(docker.errors.APIError):  # it has ended, or is so already
                act[action](container, *words)
            return
        run_agent(
            self._api,
            task["NodeID"],
            agent_command(container, action, *words),
            image=self._image,
            labels={f"{LABEL}.realm": f"{self._realm}.agent"},
            host_name=node.host,
        )

    def _tasks(self, services: list[str], *, alive: bool = False) -> list[dict[str, Any]]:
        """List the tasks of services; with ``alive`` only those that still run on a host that is there.

        A service that was removed has tasks for a while, but asked for them by its name the Swarm finds none.
        """
        tasks = [
            task for task in self._api.tasks(filters=daemon.filters(self._realm)) if task.get("ServiceID") in services
        ]
        if not alive:
            return tasks
        hosts = self._hosts()
        return [
            task
            for task in tasks
            if task["Status"]["State"] in RUNNING and hosts.get(task.get("NodeID", ""), {}).get("is_there", True)
        ]

    def _hosts(self) -> dict[str, dict[str, Any]]:
        """Give the Swarm's hosts by id."""
        return {host["ID"]: read_host(host) for host in self._api.nodes()}

    def _usable_hosts(self) -> list[dict[str, Any]]:
        """Give the hosts that are there, take nodes, and satisfy the constraints that can be checked here."""
        hosts = [host for host in self._hosts().values() if host["is_there"] and host["is_active"]]
        return [host for host in hosts if all(satisfies(host, constraint) for constraint in self._constraints)]

    def _takes_nodes(self, host_id: str) -> bool:
        return any(host["id"] == host_id for host in self._usable_hosts())

    def _service_id(self, name: str) -> str:
        """Give the id of a node's service: the daemon's filters match names by their beginning."""
        services = self._api.services(filters={**daemon.filters(self._realm), "name": [name]})
        return next((str(service["ID"]) for service in services if service["Spec"]["Name"] == name), name)
