"""Users' containers on a daemon, and the network that they are on: found by labels, which are the only state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import image_tag
from coursekit.engine import open_engine
from coursekit.engine.daemon import LABEL, connect, disconnect_all, explained
from coursekit.engine.devices import device_label, read_device_label, taken_devices
from coursekit.errors import EngineError, ImageMissingError
from coursekit.hub.settings import HubSettings, Profile

if TYPE_CHECKING:
    import docker
    from docker.models.networks import Network

# Servers have no group, by which an engine knows the nodes of clusters.
_REALM: Final = f"{LABEL}.realm"
_ROLE: Final = f"{LABEL}.role"
_HUB: Final = f"{LABEL}.hub"
_STOP_S: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """One user's container."""

    user: str
    name: str
    profile: str
    devices: tuple[str, ...]
    is_running: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Free:
    """What a host has, and what is not set aside for servers and clusters; memory in bytes."""

    cores: int
    memory: int
    free_memory: int
    devices: tuple[str, ...]
    users: tuple[str, ...] = ()


def network_name(settings: HubSettings) -> str:
    """Name the network of users' containers."""
    return f"coursekit-{settings.realm}-hub"


def container_name(settings: HubSettings, user: str) -> str:
    """Name a user's container."""
    return f"coursekit-{settings.realm}-server-{user}"


def server_labels(settings: HubSettings, user: str, profile: Profile, devices: Iterable[str]) -> dict[str, str]:
    """Write down what `servers` gives back."""
    return {
        _REALM: settings.realm,
        _ROLE: "server",
        _HUB: str(settings.state),
        f"{LABEL}.owner": user,
        f"{LABEL}.profile": profile.name,
        f"{LABEL}.reserved": str(profile.set_aside),
        **device_label(tuple(devices)),
    }


@explained
def servers(settings: HubSettings) -> tuple[Server, ...]:
    """List users' containers, running or not, by user."""
    rows = connect().api.containers(all=True, filters=_ours(settings))
    return tuple(sorted((_read(row) for row in rows), key=lambda server: server.user))


@explained
def require_images(settings: HubSettings) -> None:
    """Refuse to start a Hub whose servers would have no image.

    Raises
    ------
    ImageMissingError
        If the daemon lacks the image of a profile.
    """
    import docker.errors

    client = connect()
    for name in sorted({profile.image for profile in settings.profiles}):
        try:
            client.images.get(image_tag(name))
        except docker.errors.ImageNotFound:
            raise ImageMissingError(
                f"the daemon has no image {image_tag(name)!r}, which a profile needs.",
                fix=f"coursekit image build {name}",
            ) from None


@explained
def free_now(settings: HubSettings) -> Free:
    """Tell what this host has left for another server."""
    client = connect()
    there = client.info()
    rows = client.api.containers(filters={"label": [_ROLE]})
    mine = {_REALM: settings.realm, _ROLE: "server"}
    ours = [_read(row) for row in rows if mine.items() <= row["Labels"].items()]
    taken = taken_devices(client)  # whoever has them: servers, nodes of clusters, other realms
    return Free(
        cores=int(there["NCPU"]),
        memory=int(there["MemTotal"]),
        free_memory=int(there["MemTotal"]) - sum(_set_aside(row["Labels"]) for row in rows),
        devices=tuple(device for device in settings.gpus if device not in taken),
        users=tuple(sorted(server.user for server in ours)),
    )


@explained
def ensure_network(settings: HubSettings) -> str:
    """Make the network of users' containers, and give the address at which they reach the Hub.

    They reach the Hub, not each other, and nothing else unless the course lets them.

    Raises
    ------
    EngineError
        If the daemon refuses, or the network that is there was made for other settings.
    """
    import docker.errors

    client = connect()
    internal = not settings.network.internet
    for network in _networks(client, settings):
        if bool(network.attrs["Internal"]) != internal:
            raise EngineError(
                f"the network {network.name!r} was made with internet = {str(internal).lower()}.",
                fix="coursekit hub down, which removes it, then start again",
            )
        return _gateway(network)
    try:
        network = client.networks.create(
            network_name(settings),
            driver="bridge",
            internal=internal,
            options={"com.docker.network.bridge.enable_icc": "false"},
            labels={_REALM: settings.realm, _ROLE: "hub", _HUB: str(settings.state)},
        )
    except docker.errors.APIError as error:
        raise EngineError(
            f"the daemon refused the network of the Hub: {error.explanation}.", fix="read the daemon's log"
        ) from error
    return _gateway(network)


@explained
def remove_servers(settings: HubSettings) -> int:
    """Remove users' containers and their network, whatever their state; homes stay. Give how many there were."""
    import docker.errors

    client = connect()
    found = client.containers.list(all=True, filters=_ours(settings), ignore_removed=True)
    for container in found:
        with contextlib.suppress(docker.errors.APIError):  # it has ended, or is gone
            container.stop(timeout=_STOP_S)
        with contextlib.suppress(docker.errors.APIError):
            container.remove(force=True, v=True)
    for network in _networks(client, settings):
        with contextlib.suppress(docker.errors.APIError):
            disconnect_all(network)
            network.remove()
    return len(found)


def remove_clusters(settings: HubSettings) -> None:
    """Remove the clusters that the gateway of this Hub keeps."""
    engine = open_engine(settings.engine, keep=True, realm=settings.realm)
    for owner, group in sorted({(node.owner, node.group) for node in engine.nodes()}):
        engine.remove(owner=owner, group=group)


def _ours(settings: HubSettings) -> dict[str, Any]:
    return {"label": [f"{_REALM}={settings.realm}", f"{_ROLE}=server", f"{_HUB}={settings.state}"]}


def _networks(client: docker.DockerClient, settings: HubSettings) -> list[Network]:
    return client.networks.list(
        filters={"label": [f"{_REALM}={settings.realm}", f"{_ROLE}=hub", f"{_HUB}={settings.state}"]}
    )


def _gateway(network: Network) -> str:
    network.reload()
    return str(network.attrs["IPAM"]["Config"][0]["Gateway"])


def _read(row: dict[str, Any]) -> Server:
    labels = row["Labels"]
    return Server(
        user=labels.get(f"{LABEL}.owner", ""),
        name=row["Names"][0].removeprefix("/"),
        profile=labels.get(f"{LABEL}.profile", ""),
        devices=read_device_label(labels),
        is_running=row["State"] == "running",
    )


def _set_aside(labels: dict[str, str]) -> int:
    """What a server or a node of a cluster counts as, bytes."""
    return int(labels.get(f"{LABEL}.reserved") or labels.get(f"{LABEL}.memory") or 0)
