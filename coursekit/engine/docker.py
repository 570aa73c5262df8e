"""The engine of one Docker host: nodes are containers.

Labels on containers and networks are the only state. Each group has a network of its own that leads nowhere else: its
nodes reach each other and the host's address on that network, where the driver listens, and no other group, no
other host. Limits on memory, cores and processes are the kernel's.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import format_memory
from coursekit.engine.base import Capacity, Node, NodeSpec
from coursekit.engine.process import ProcessEngine
from coursekit.errors import (
    CapacityError,
    EngineError,
    EngineUnavailableError,
    ImageMissingError,
    MissingPackageError,
    NodeExistsError,
    NodeNotFoundError,
)

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container
    from docker.models.networks import Network

LABEL: Final = "org.coursekit"
DEFAULT_IMAGE: Final = "coursekit/spark:latest"
_EXTRA: Final = f"{LABEL}.label."
_STOP_S: Final = 3
_MAX_PROCESSES: Final = 1024
_LOG_LIMIT: Final = {"max-size": "10m", "max-file": "2"}


class DockerEngine:
    """Runs nodes as containers of one Docker daemon.

    Parameters
    ----------
    image : str
        What nodes run that name no image of their own.
    keep : bool
        Whether nodes stay until they are stopped. Otherwise a keeper process of this machine removes them when no
        process has held their group for a while.
    realm : str
        Nodes of another realm are not seen; tests and courses on one daemon keep apart by it.
    """

    name = "docker"

    def __init__(self, *, image: str = DEFAULT_IMAGE, keep: bool = False, realm: str | None = None) -> None:
        self._client = connect()
        self._image = image
        self._keep = keep
        self._realm = realm or os.environ.get("COURSEKIT_REALM") or "default"
        self._keepers = ProcessEngine()

    def start(self, spec: NodeSpec) -> Node:
        """Start a container; see `Engine.start`."""
        import docker.errors

        self._check_capacity(spec)
        network = self._network(spec)
        container: Container | None = None
        try:
            container = self._client.containers.create(**self._settings(spec, network))
            container.start()
            container.reload()
        except docker.errors.APIError as error:
            if container is not None:
                container.remove(force=True)
            if not self.nodes(owner=spec.owner, group=spec.group):
                self._remove_networks(spec.owner, spec.group)
            raise _explain(error, spec) from error
        return _read_node(container)

    def stop(self, name: str) -> None:
        """Stop and remove a container, and its group's network with the last of it; see `Engine.stop`."""
        import docker.errors

        container = self._find(name)
        if container is not None:
            owner, group = container.labels[f"{LABEL}.owner"], container.labels[f"{LABEL}.group"]
            with contextlib.suppress(docker.errors.NotFound, docker.errors.APIError):
                container.stop(timeout=_STOP_S)
            with contextlib.suppress(docker.errors.NotFound):
                container.remove(force=True, v=True)
            if not self.nodes(owner=owner, group=group):
                self._remove_networks(owner, group)

    def kill(self, name: str) -> None:
        """Kill a container; see `Engine.kill`."""
        import docker.errors

        with contextlib.suppress(docker.errors.APIError):  # it has ended already
            self._known(name).kill("SIGKILL")

    def nodes(self, *, owner: str | None = None, group: str | None = None) -> tuple[Node, ...]:
        """List nodes, running and exited, by name; see `Engine.nodes`."""
        import docker.errors

        chosen = [*self._filters(), *_matching(owner, group)]
        found = []
        for container in self._client.containers.list(all=True, filters={"label": chosen}, ignore_removed=True):
            with contextlib.suppress(docker.errors.NotFound):
                found.append(_read_node(container))
        return tuple(sorted(found, key=lambda node: node.name))

    def logs(self, name: str, *, lines: int = 100) -> str:
        """Give the last lines that a container printed; see `Engine.logs`."""
        return self._known(name).logs(tail=lines).decode(errors="replace").rstrip("\n")

    def wait(self, name: str, *, timeout_s: float) -> int | None:
        """Wait until a container has exited and give its exit code; see `Engine.wait`."""
        import requests

        container = self._known(name)
        if container.status not in ("running", "created"):
            return _read_node(container).exit_code
        try:
            return int(container.wait(timeout=max(timeout_s, 0.05))["StatusCode"])
        except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
            return None

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
        )

    def hold(self, group: str, *, owner: str) -> None:
        """Take a share of the group's lease, and have a keeper that removes the group when nobody has one."""
        self._keepers.hold(group, owner=owner)
        name = self._keeper_name(group, owner)
        if self._keep or any(node.name == name and node.is_running for node in self._keepers.nodes()):
            return
        self._keepers.stop(name)
        command = (sys.executable, "-m", "coursekit.engine.keeper", self._realm, owner, group)
        with contextlib.suppress(NodeExistsError):  # another notebook's call was faster
            self._keepers.start(NodeSpec(name=name, owner=owner, group=group, role="keeper", command=command))

    def release(self, group: str, *, owner: str) -> None:
        """Give up this process's share of the lease; see `Engine.release`."""
        self._keepers.release(group, owner=owner)
        if not self.nodes(owner=owner, group=group):
            self._keepers.stop(self._keeper_name(group, owner))

    def driver_host(self, group: str, *, owner: str) -> str:
        """Give the host's address on the group's network; see `Engine.driver_host`."""
        for network in self._networks(owner, group):
            network.reload()
            return str(network.attrs["IPAM"]["Config"][0]["Gateway"])
        raise NodeNotFoundError(f"{owner} has no network for {group!r}.", fix="start the cluster first")

    def sweep(self, *, owner: str, group: str) -> None:
        """Remove a group's containers and network, whatever their state."""
        for node in self.nodes(owner=owner, group=group):
            self.stop(node.name)
        self._remove_networks(owner, group)

    def _keeper_name(self, group: str, owner: str) -> str:
        return f"{self._realm}-{owner}-{group}-keeper"

    def _filters(self) -> list[str]:
        return [f"{LABEL}.realm={self._realm}"]

    def _settings(self, spec: NodeSpec, network: Network) -> dict[str, Any]:
        labels = {
            f"{LABEL}.realm": self._realm,
            f"{LABEL}.owner": spec.owner,
            f"{LABEL}.group": spec.group,
            f"{LABEL}.role": spec.role,
            f"{LABEL}.cores": str(spec.cores),
            f"{LABEL}.memory": str(spec.memory),
            f"{LABEL}.gpus": str(spec.gpus),
            **{f"{_EXTRA}{key}": value for key, value in spec.labels.items()},
        }
        limits: dict[str, Any] = {"pids_limit": _MAX_PROCESSES}
        if spec.memory:
            limits |= {"mem_limit": spec.memory, "memswap_limit": spec.memory}
        if spec.cores:
            limits |= {"nano_cpus": spec.cores * 10**9}
        if spec.gpus:
            from docker.types import DeviceRequest

            limits |= {"device_requests": [DeviceRequest(count=spec.gpus, capabilities=[["gpu"]])]}
        return {
            "image": spec.image or self._image,
            "command": list(spec.command),
            "name": spec.name,
            "hostname": spec.name[:63],
            "environment": dict(spec.environment),
            "labels": labels,
            "network": network.name,
            "user": "1000:1000",
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

    def _network(self, spec: NodeSpec) -> Network:
        """Find the group's network or make it."""
        import docker.errors

        for network in self._networks(spec.owner, spec.group):
            return network
        labels = {f"{LABEL}.realm": self._realm, f"{LABEL}.owner": spec.owner, f"{LABEL}.group": spec.group}
        name = f"coursekit-{self._realm}-{spec.owner}-{spec.group}"
        try:
            return self._client.networks.create(name, driver="bridge", internal=True, labels=labels)
        except docker.errors.APIError as error:
            raise _explain(error, spec) from error

    def _networks(self, owner: str, group: str) -> list[Network]:
        chosen = [*self._filters(), *_matching(owner, group)]
        return self._client.networks.list(filters={"label": chosen})

    def _remove_networks(self, owner: str, group: str) -> None:
        import docker.errors

        for network in self._networks(owner, group):
            with contextlib.suppress(docker.errors.APIError):  # in use again, or gone already
                network.remove()

    def _find(self, name: str) -> Container | None:
        import docker.errors

        try:
            container = self._client.containers.get(name)
        except docker.errors.NotFound:
            return None
        return container if container.labels.get(f"{LABEL}.realm") == self._realm else None

    def _known(self, name: str) -> Container:
        container = self._find(name)
        if container is None:
            names = ", ".join(node.name for node in self.nodes()) or "none"
            raise NodeNotFoundError(f"there is no node {name!r}.", fix=f"choose one that is there: {names}")
        return container


def connect() -> docker.DockerClient:
    """Connect to the Docker daemon of ``DOCKER_HOST`` or of this machine.

    Raises
    ------
    MissingPackageError
        If the docker package is not installed.
    EngineUnavailableError
        If no daemon answers, or it does not let this user in.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ImportError:
        raise MissingPackageError(
            "the Python package docker is not installed.", fix="pip install 'coursekit[docker]'"
        ) from None
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except DockerException as error:
        if "Permission denied" in str(error):
            raise EngineUnavailableError(
                "the Docker daemon's socket is not yours to use.",
                fix="ask an operator to add you to the group docker (whoever is in it is root on this machine)",
            ) from None
        raise EngineUnavailableError(
            f"no Docker daemon answers ({os.environ.get('DOCKER_HOST') or 'local socket'}).",
            fix='start it (systemctl start docker), or use the engine "process", which needs none',
        ) from None
    return client


def _matching(owner: str | None, group: str | None) -> Iterator[str]:
    if owner is not None:
        yield f"{LABEL}.owner={owner}"
    if group is not None:
        yield f"{LABEL}.group={group}"


def _read_node(container: Container) -> Node:
    labels, state = container.labels, container.attrs["State"]
    networks = container.attrs["NetworkSettings"]["Networks"]
    running = state["Status"] in ("created", "running", "restarting", "paused")
    return Node(
        name=str(container.name),
        owner=labels[f"{LABEL}.owner"],
        group=labels[f"{LABEL}.group"],
        role=labels[f"{LABEL}.role"],
        labels={key.removeprefix(_EXTRA): value for key, value in labels.items() if key.startswith(_EXTRA)},
        cores=int(labels[f"{LABEL}.cores"]),
        memory=int(labels[f"{LABEL}.memory"]),
        gpus=int(labels[f"{LABEL}.gpus"]),
        state="running" if running else "exited",
        exit_code=None if running else int(state["ExitCode"]),
        started=_seconds(container.attrs["Created"]),
        address=next((network["IPAddress"] for network in networks.values() if network["IPAddress"]), None),
    )


def _seconds(text: str) -> float:
    """Read the daemon's time stamps, which have nine decimals where Python knows six."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z$", r"\1+00:00", text)).timestamp()


def _explain(error: Any, spec: NodeSpec) -> EngineError:
    """Say what a refusal of the daemon means, and what to do."""
    said = str(error.explanation or error)
    if "No such image" in said:
        return ImageMissingError(f"the daemon has no image for {spec.name!r}: {said}.", fix="coursekit image build")
    if "is already in use by container" in said:
        return NodeExistsError(f"a node {spec.name!r} is there already.", fix="stop it first, or choose another name")
    if "address pool" in said:
        return CapacityError(
            f"the daemon has no free addresses for the network of {spec.group!r}.",
            fix='stop clusters that are not used, or give the daemon more with "default-address-pools"',
        )
    if "no space left" in said:
        return CapacityError("the daemon's disk is full.", fix="free space: docker system prune")
    return EngineError(f"the daemon refused to start {spec.name!r}: {said}", fix="read the daemon's log")
