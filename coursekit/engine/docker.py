"""The engine of one Docker host: nodes are containers.

Labels on containers and networks are the only state. Each group has a network of its own that leads nowhere else: its
nodes reach each other and the driver, and no other group, no other host. The driver is a process of the host, which has
an address on that network, or in a container, which is connected to it. Limits on memory, cores and processes are the
kernel's.
"""

from __future__ import annotations

import contextlib
import functools
import re
import signal
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import format_memory
from coursekit.engine import daemon, devices
from coursekit.engine.base import Capacity, Node, NodeSpec
from coursekit.engine.containers import ContainerEngine
from coursekit.engine.daemon import DEFAULT_IMAGE, LABEL, MAX_PROCESSES, STOP_S, explained
from coursekit.errors import CapacityError

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.networks import Network

_LOG_LIMIT: Final = {"max-size": "10m", "max-file": "2"}
_EXITED: Final = re.compile(r"Exited \((\d+)\)")
_REMOVAL_S: Final = 60.0


class DockerEngine(ContainerEngine):
    """Runs nodes as containers of one Docker daemon.

    Parameters
    ----------
    image, keep, realm
        See `ContainerEngine`.
    """

    name = "docker"

    def __init__(self, *, image: str = DEFAULT_IMAGE, keep: bool = False, realm: str | None = None) -> None:
        super().__init__(image=image, keep=keep, realm=realm)
        self._choosing = threading.Lock()

    @explained
    def start(self, spec: NodeSpec) -> Node:
        """Start a container; see `Engine.start`."""
        import docker.errors

        self._check_capacity(spec)
        network = self._ensure_network(spec, driver="bridge")
        container: Container | None = None
        try:
            container = self._create(spec, network)
            container.start()
        except (docker.errors.APIError, CapacityError) as error:
            if container is not None:
                container.remove(force=True)
            if not self.nodes(owner=spec.owner, group=spec.group):
                self._remove_network(spec.owner, spec.group)
            if isinstance(error, CapacityError):
                raise
            raise daemon.explain(str(error.explanation or error), spec) from error
        return self._known(spec.name)

    @explained
    def stop(self, name: str) -> None:
        """Stop and remove a container, and its group's network with the last of it; see `Engine.stop`."""
        import docker.errors

        node = self._find(name)
        if node is not None:
            container = self._client.containers.get(name)
            with contextlib.suppress(docker.errors.APIError):  # it has ended, or is gone
                container.unpause()
            with contextlib.suppress(docker.errors.APIError):
                container.stop(timeout=STOP_S)
            _remove(container)
            if not self.nodes(owner=node.owner, group=node.group):
                self._remove_network(node.owner, node.group)

    @explained
    def signal(self, name: str, number: int) -> None:
        """Send a signal to a container's command; see `Engine.signal`."""
        import docker.errors

        self._known(name)
        with contextlib.suppress(docker.errors.APIError):  # it has ended already
            self._client.containers.get(name).kill(signal.Signals(number).name)

    @explained
    def freeze(self, name: str) -> None:
        """Pause a container; see `Engine.freeze`."""
        import docker.errors

        self._known(name)
        with contextlib.suppress(docker.errors.APIError):  # it is paused, or has ended
            self._client.containers.get(name).pause()

    @explained
    def thaw(self, name: str) -> None:
        """Let a paused container go on; see `Engine.thaw`."""
        import docker.errors

        self._known(name)
        with contextlib.suppress(docker.errors.APIError):  # it is not paused
            self._client.containers.get(name).unpause()

    @explained
    def nodes(self, *, owner: str | None = None, group: str | None = None) -> tuple[Node, ...]:
        """List nodes, running and exited, by name; see `Engine.nodes`."""
        return self._listed(daemon.filters(self._realm, owner, group))

    @explained
    def logs(self, name: str, *, lines: int = 100) -> str:
        """Give the last lines that a container printed; see `Engine.logs`."""
        self._known(name)
        return self._client.containers.get(name).logs(tail=lines).decode(errors="replace").rstrip("\n")

    def wait(self, name: str, *, timeout_s: float) -> int | None:
        """Wait until a container has exited and give its exit code; see `Engine.wait`."""
        import requests

        node = self._known(name)
        if not node.is_running:
            return node.exit_code
        try:
            return int(self._client.containers.get(name).wait(timeout=max(timeout_s, 0.05))["StatusCode"])
        except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
            return None

    @explained
    def capacity(self) -> Capacity:
        """Tell what the daemon's host has, and what our containers leave of it; see `Engine.capacity`."""
        info = self._client.info()
        running = [node for node in self.nodes() if node.is_running]
        cores, memory = int(info["NCPU"]), int(info["MemTotal"])
        return Capacity(
            cores=cores,
            free_cores=max(0, cores - sum(node.cores for node in running)),
            memory=memory,
            free_memory=memory - sum(node.memory for node in running),
            gpus=len(gpus := devices.host_devices(info)),
            free_gpus=len(set(gpus) - devices.taken_devices(self._client)) if gpus else 0,
        )

    @explained
    def join(self, group: str, *, owner: str, driver: str | None = None) -> str:
        """Give the driver's address on the group's network, which its container is connected to; see `Engine.join`."""
        network = self._network_of(owner, group)
        container = driver or daemon.own_container()
        if container is None:
            return _gateway(network)
        return daemon.address_on(self._client, network, container)

    def _is_abandoned(self, labels: Mapping[str, str]) -> bool:
        if container := labels.get(f"{LABEL}.container"):
            return not daemon.is_running(self._client, container)
        owner, group = labels[f"{LABEL}.owner"], labels[f"{LABEL}.group"]
        return self._keepers.is_abandoned(labels.get(f"{LABEL}.host"), group, owner=owner)

    @functools.cached_property
    def _host(self) -> str:
        return str(self._client.info()["Name"])

    def _create(self, spec: NodeSpec, network: Network) -> Container:
        """Make a container that is not started, with GPUs that no other container has."""
        if not spec.gpus:
            return self._client.containers.create(**self._settings(spec, network))

        def make(chosen: tuple[str, ...]) -> str:
            return str(self._client.containers.create(**self._settings(spec, network, chosen)).id)

        with self._choosing:
            there = devices.host_devices(self._client.info())
            made = devices.claim(self._client, there, spec.gpus, make, name=spec.name)
        return self._client.containers.get(made)

    def _settings(self, spec: NodeSpec, network: Network, gpus: tuple[str, ...] = ()) -> dict[str, Any]:
        limits: dict[str, Any] = {"pids_limit": MAX_PROCESSES}
        if spec.memory:
            limits |= {"mem_limit": spec.memory, "memswap_limit": spec.memory}
        if spec.cores:
            limits |= {"nano_cpus": spec.cores * 10**9}
        if gpus:
            limits |= {"device_requests": devices.device_requests(gpus)}
        data = daemon.data_folder()
        return {
            "image": spec.image or self._image,
            "command": list(spec.command),
            "name": spec.name,
            "hostname": spec.name,
            "environment": dict(spec.environment),
            "labels": daemon.node_labels(self._realm, spec, keep=self._keep) | devices.device_label(gpus),
            "network": network.name,
            # A driver of the host is the network's gateway. Executors ask for the name of its address before they do
            # anything, and on a network without a way out nobody would answer.
            "extra_hosts": {"gateway": _gateway(network)},
            "dns_opt": list(daemon.DNS_OPTIONS),
            "volumes": {str(data): {"bind": str(data), "mode": "ro"}} if data else {},
            "user": daemon.USER,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "log_config": {"type": "json-file", "config": _LOG_LIMIT},
            **limits,
        }

    def _check_capacity(self, spec: NodeSpec) -> None:
        capacity = self.capacity()
        if spec.memory > capacity.free_memory:
            raise CapacityError(
                f"node {spec.name!r} needs {format_memory(spec.memory)}, but containers leave "
                f"{format_memory(max(0, capacity.free_memory))} of this host's {format_memory(capacity.memory)}.",
                fix="ask for fewer workers or less memory, or stop clusters that are not used",
            )
        if spec.cores > capacity.cores:
            raise CapacityError(
                f"node {spec.name!r} needs {spec.cores} cores, but this host has {capacity.cores}.",
                fix=f"ask for at most {capacity.cores} cores a worker, and for more workers instead",
            )
        if spec.gpus > capacity.gpus:
            raise CapacityError(
                f"node {spec.name!r} needs {spec.gpus} GPUs, but this host has {capacity.gpus} that its daemon or its "
                "driver names.",
                fix="ask for fewer, or let an operator see to it: docs/images.md, GPUs",
            )

    def _remove_network(self, owner: str, group: str) -> None:
        import docker.errors

        for network in self._networks(owner, group):
            with contextlib.suppress(docker.errors.APIError):  # in use again, or gone already
                daemon.disconnect_all(network)
                network.remove()

    def _listed(self, filters: dict[str, list[str]]) -> tuple[Node, ...]:
        rows = self._client.api.containers(all=True, filters=filters)
        return tuple(sorted((_read_row(row, self._host) for row in rows), key=lambda node: node.name))

    def _find(self, name: str) -> Node | None:
        """Ask for one node: a class has hundreds, and each start asks for its own."""
        found = self._listed({**daemon.filters(self._realm), "name": [f"^/{re.escape(name)}$"]})
        return found[0] if found else None


def _remove(container: Container) -> None:
    """Remove a container, or wait for whoever is removing it already, such as the keeper of a kernel that has ended."""
    import docker.errors

    try:
        container.remove(force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if "is already in progress" not in str(error.explanation):
            raise
        with contextlib.suppress(docker.errors.APIError):  # it is gone
            container.wait(condition="removed", timeout=_REMOVAL_S)


def _read_row(row: dict[str, Any], host: str) -> Node:
    """Read a node from a row of the daemon's listing, which spares a question for each container."""
    exited = _EXITED.match(row["Status"])
    code = int(exited[1]) if exited else None
    ended = devices.has_ended(row)
    networks = (row.get("NetworkSettings") or {}).get("Networks") or {}
    return Node(
        name=row["Names"][0].removeprefix("/"),
        **daemon.read_labels(row["Labels"]),
        state="exited" if ended else "running",
        exit_code=code,
        started=float(row["Created"]),
        address=next((network["IPAddress"] for network in networks.values() if network["IPAddress"]), None),
        host=host,
        reason="it was made, but never started" if ended and row["State"] == "created" else "",
        devices=() if ended else devices.read_device_label(row["Labels"]),
    )


def _gateway(network: Network) -> str:
    """Give the host's own address on a network."""
    network.reload()
    return str(network.attrs["IPAM"]["Config"][0]["Gateway"])
