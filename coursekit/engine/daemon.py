"""What the engines that talk to a Docker daemon have in common: the connection, the labels, and what refusals mean."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from coursekit.config import cache_dir, host_part, image_tag, shorten
from coursekit.engine.base import NodeSpec
from coursekit.errors import (
    CapacityError,
    EngineError,
    EngineUnavailableError,
    ImageMissingError,
    MissingPackageError,
    NodeExistsError,
)

if TYPE_CHECKING:
    import docker
    from docker.models.networks import Network

LABEL: Final = "org.coursekit"
DEFAULT_IMAGE: Final = image_tag("spark")
MAX_PROCESSES: Final = 1024
DNS_OPTIONS: Final = ("timeout:1", "attempts:1")  # a name that nobody knows otherwise takes ten seconds
STOP_S: Final = 3
USER: Final = "1000:1000"
_EXTRA: Final = f"{LABEL}.label."

P = ParamSpec("P")
R = TypeVar("R")


def connect(url: str | None = None) -> docker.DockerClient:
    """Connect to a Docker daemon.

    Parameters
    ----------
    url : str, optional
        Where it listens; ``DOCKER_HOST`` or this machine's own when not given.

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
        client = docker.DockerClient(base_url=url, timeout=600) if url else docker.from_env(timeout=600)
        client.ping()
    except DockerException as error:
        if "Permission denied" in str(error):
            raise EngineUnavailableError(
                "the Docker daemon's socket is not yours to use.",
                fix="ask an operator to add you to the group docker (whoever is in it is root on this machine)",
            ) from None
        raise _unavailable(url) from None
    return client


def explained(method: Callable[P, R]) -> Callable[P, R]:
    """Turn a daemon that stopped answering in the middle of a call into an error that says so."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        import requests
        import urllib3

        try:
            return method(*args, **kwargs)
        except (requests.exceptions.ConnectionError, urllib3.exceptions.ProtocolError):
            raise _unavailable(None) from None

    return call


def _unavailable(url: str | None) -> EngineUnavailableError:
    where = url or os.environ.get("DOCKER_HOST") or "local socket"
    return EngineUnavailableError(
        f"no Docker daemon answers ({where}).",
        fix='start it (systemctl start docker), or use the engine "process", which needs none',
    )


def realm_of(realm: str | None) -> str:
    """Give the realm of an engine: nodes of another one are not seen (``COURSEKIT_REALM``)."""
    return realm or os.environ.get("COURSEKIT_REALM") or "default"


def own_container() -> str | None:
    """Give the container that this process runs in, if whoever started it said so (``COURSEKIT_CONTAINER``)."""
    return os.environ.get("COURSEKIT_CONTAINER") or None


def server_labels(*, keep: bool) -> dict[str, str]:
    """Label what this process starts with who has to be there for it to stay."""
    if keep:
        return {}
    container = own_container()
    return {f"{LABEL}.container": container} if container else {f"{LABEL}.host": socket.gethostname()}


def data_folder() -> Path | None:
    """Give the folder of the data sets, which nodes see read-only at the same place."""
    folder = (cache_dir() / "datasets").resolve()
    return folder if folder.is_dir() else None


def group_labels(realm: str, owner: str, group: str) -> dict[str, str]:
    """Label what belongs to a group."""
    return {f"{LABEL}.realm": realm, f"{LABEL}.owner": owner, f"{LABEL}.group": group}


def node_labels(realm: str, spec: NodeSpec, *, keep: bool) -> dict[str, str]:
    """Write down everything that `read_labels` gives back."""
    return {
        **group_labels(realm, spec.owner, spec.group),
        **server_labels(keep=keep),
        f"{LABEL}.role": spec.role,
        f"{LABEL}.cores": str(spec.cores),
        f"{LABEL}.memory": str(spec.memory),
        f"{LABEL}.gpus": str(spec.gpus),
        **{f"{_EXTRA}{key}": value for key, value in spec.labels.items()},
    }


def read_labels(labels: Mapping[str, str]) -> dict[str, Any]:
    """Read back what a node was specified as, as arguments of `Node`."""
    return {
        "owner": labels[f"{LABEL}.owner"],
        "group": labels[f"{LABEL}.group"],
        "role": labels[f"{LABEL}.role"],
        "labels": {key.removeprefix(_EXTRA): value for key, value in labels.items() if key.startswith(_EXTRA)},
        "cores": int(labels[f"{LABEL}.cores"]),
        "memory": int(labels[f"{LABEL}.memory"]),
        "gpus": int(labels[f"{LABEL}.gpus"]),
    }


def filters(realm: str, owner: str | None = None, group: str | None = None) -> dict[str, list[str]]:
    """Choose what a listing gives by label."""
    return {"label": [f"{LABEL}.realm={realm}", *_matching(owner, group)]}


def _matching(owner: str | None, group: str | None) -> Iterator[str]:
    if owner is not None:
        yield f"{LABEL}.owner={owner}"
    # A user's server and the Hub's network are of the realm too, but of no group: they are nobody's nodes.
    yield f"{LABEL}.group={group}" if group is not None else f"{LABEL}.group"


def network_name(realm: str, owner: str, group: str) -> str:
    """Name a group's network."""
    return shorten(f"coursekit-{realm}-{host_part(owner)}-{group}")


def address_on(client: docker.DockerClient, network: Network, container: str) -> str:
    """Give a container's address on a network, which its own daemon connects it to if it is not yet."""
    import docker.errors

    name = str(network.name)
    try:
        if address := _address_there(client, name, container):
            return address
        client.api.connect_container_to_network(container, name)
    except docker.errors.APIError as error:
        # Another notebook of the same server may just have been faster.
        with contextlib.suppress(docker.errors.APIError):
            if address := _address_there(client, name, container):
                return address
        raise EngineError(
            f"container {container!r} cannot be connected to the network {name!r}: {error.explanation}.",
            fix="see that COURSEKIT_CONTAINER names this container, and DOCKER_HOST its daemon",
        ) from error
    if address := _address_there(client, name, container):
        return address
    raise EngineError(f"container {container!r} has no address on {name!r}.", fix="start the notebook's server again")


def _address_there(client: docker.DockerClient, network: str, container: str) -> str:
    """Give a container's address on a network; empty when it is not on it."""
    there = client.api.inspect_container(container)["NetworkSettings"]["Networks"]
    return str(there.get(network, {}).get("IPAddress", ""))


def disconnect_all(network: Network) -> None:
    """Take what is still connected off a network, so that it can be removed: the driver's container stays."""
    network.reload()
    for container in network.attrs.get("Containers") or {}:
        network.disconnect(container, force=True)


def is_running(client: docker.DockerClient, container: str) -> bool:
    """Whether the daemon has a running container of that name or id."""
    import docker.errors

    try:
        return bool(client.api.inspect_container(container)["State"]["Running"])
    except docker.errors.NotFound:
        return False


def seconds(text: str) -> float:
    """Read the daemon's time stamps, which have nine decimals where Python knows six."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z$", r"\1+00:00", text)).timestamp()


def explain(said: str, spec: NodeSpec) -> EngineError:
    """Say what a refusal of the daemon means, and what to do.

    Parameters
    ----------
    said : str
        The daemon's own words.
    spec : NodeSpec
        The node that it refused.
    """
    if "No such image" in said or "no suitable image" in said:
        return ImageMissingError(f"the daemon has no image for {spec.name!r}: {said}.", fix="coursekit image build")
    if "is already in use by container" in said or "name conflicts with an existing object" in said:
        return NodeExistsError(f"a node {spec.name!r} is there already.", fix="stop it first, or choose another name")
    if "address pool" in said or "no available" in said:
        return CapacityError(
            f"the daemon has no free addresses for the network of {spec.group!r}.",
            fix='stop clusters that are not used, or give the daemon more with "default-address-pools"',
        )
    if "no space left" in said:
        return CapacityError("the daemon's disk is full.", fix="free space: docker system prune")
    if "could not select device driver" in said:
        return CapacityError(
            f"node {spec.name!r} needs {spec.gpus} GPUs, but the daemon has no driver for any.",
            fix="ask for gpus=0, or let an operator install the NVIDIA container toolkit on this host",
        )
    if "no longer meets constraints" in said:
        return EngineError(
            f"the Swarm took back every host that it had chosen for {spec.name!r}: {said}.",
            fix="try again; Docker 20.10 does so with all that ask for GPUs: there use the engine docker",
        )
    return EngineError(f"the daemon refused to start {spec.name!r}: {said}", fix="read the daemon's log")
