"""Who has which GPU of a Docker host: whole GPUs, or slices of them, to one container each.

Labels on containers are the only state, so that whoever looks sees the same: the Hub, the gateway, a notebook on a
laptop, each a process of its own and none of them in charge. A container says with a label which GPUs it has from the
moment it is made; what has ended has none. Two who choose at the same moment may both choose the same GPU. So each
makes the container, looks whether another has one of its GPUs, and only then starts it. Of two such containers, the
one that looked last saw the other, whatever their clocks say, and was taken back.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from coursekit.engine.daemon import LABEL
from coursekit.errors import CapacityError
from coursekit.nvml import look

if TYPE_CHECKING:
    import docker
    from docker.types import DeviceRequest

DEVICES: Final = f"{LABEL}.devices"
_KIND: Final = "gpu"
_ENDED: Final = ("exited", "dead", "removing")
_UNDECIDED_S: Final = 15.0
_NEVER_STARTED_S: Final = 120.0

Made = TypeVar("Made")


def host_devices(info: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the GPUs of a daemon's host, or their slices.

    ``COURSEKIT_GPUS`` (identifiers with commas) comes first; then the named resources of the kind ``gpu`` in the
    daemon's own settings; then what NVIDIA's driver tells, where this process is on that host.

    Parameters
    ----------
    info : mapping
        What the daemon tells of itself (``docker info``).
    """
    if (named := os.environ.get("COURSEKIT_GPUS")) is not None:
        return tuple(word.strip() for word in named.split(",") if word.strip())
    resources = [entry.get("NamedResourceSpec") or {} for entry in info.get("GenericResources") or ()]
    declared = tuple(str(one["Value"]) for one in resources if one.get("Kind") == _KIND)
    if declared or info.get("Name") != socket.gethostname():
        return declared
    return tuple(gpu.uuid for gpu in look().gpus)


def choose_devices(devices: Sequence[str], taken: Collection[str], wanted: int) -> tuple[str, ...] | None:
    """Choose GPUs that nobody has.

    Parameters
    ----------
    devices : sequence of str
        The host's.
    taken : collection of str
        Those that somebody has.
    wanted : int
        How many.

    Returns
    -------
    tuple of str or None
        None when fewer are free.
    """
    free = [device for device in devices if device not in taken]
    return tuple(free[:wanted]) if len(free) >= wanted else None


def device_label(devices: Collection[str]) -> dict[str, str]:
    """Write down which GPUs a container has; nothing for one without."""
    return {DEVICES: ",".join(devices)} if devices else {}


def read_device_label(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Read what `device_label` wrote."""
    text = labels.get(DEVICES, "")
    return tuple(text.split(",")) if text else ()


def device_requests(devices: Collection[str]) -> list[DeviceRequest]:
    """Ask the daemon for these GPUs, and no others."""
    from docker.types import DeviceRequest

    return [DeviceRequest(device_ids=list(devices), capabilities=[["gpu"]])] if devices else []


def has_ended(row: Mapping[str, Any], *, now: float | None = None) -> bool:
    """Whether a container of the daemon's listing runs no more, or never will: its maker died before it started it."""
    if row["State"] == "created":
        return bool((time.time() if now is None else now) - row["Created"] > _NEVER_STARTED_S)
    return row["State"] in _ENDED


def holders(client: docker.DockerClient) -> dict[str, dict[str, Any]]:
    """List the containers that have GPUs, of all realms and purposes, by their identifiers."""
    return {row["Id"]: row for row in _labelled(client) if not has_ended(row)}


def taken_devices(client: docker.DockerClient, *, but: str = "") -> set[str]:
    """Name the GPUs that containers have, all but one container's."""
    return {device for key, row in holders(client).items() if key != but for device in read_device_label(row["Labels"])}


def claim(
    client: docker.DockerClient,
    devices: Sequence[str],
    wanted: int,
    make: Callable[[tuple[str, ...]], str],
    *,
    name: str,
) -> str:
    """Make a container with GPUs for it alone, and give its identifier; it is not started yet.

    Parameters
    ----------
    client : docker.DockerClient
        The daemon.
    devices : sequence of str
        The host's GPUs.
    wanted : int
        How many.
    make : callable
        Makes the container, with a label that names the GPUs that it is called with, and gives its identifier.
    name : str
        For whom, in errors.

    Raises
    ------
    CapacityError
        If fewer are free.
    """
    deadline = time.monotonic() + _UNDECIDED_S
    _remove_never_started(client)
    while True:
        there = holders(client)
        taken = {device for row in there.values() for device in read_device_label(row["Labels"])}
        chosen = choose_devices(devices, taken, wanted)
        if chosen is not None:
            made = make(chosen)
            if not taken_devices(client, but=made) & set(chosen):
                return made
            client.api.remove_container(made, force=True, v=True)
        elif time.monotonic() > deadline or all(row["State"] != "created" for row in there.values()):
            raise _all_taken(name, wanted, devices, taken)
        # Somebody chose at the same moment, or is just choosing: who waits for how long is left to chance.
        time.sleep(random.uniform(0.02, 0.4))  # noqa: S311


def _labelled(client: docker.DockerClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.api.containers(all=True, filters={"label": [DEVICES]})
    return rows


def _remove_never_started(client: docker.DockerClient) -> None:
    """Remove what was made long ago and not started, so that nobody starts it when its GPUs are somebody else's."""
    import docker.errors

    for row in _labelled(client):
        if row["State"] == "created" and has_ended(row):
            with contextlib.suppress(docker.errors.APIError):  # somebody else removes it
                client.api.remove_container(row["Id"], force=True, v=True)


def _all_taken(name: str, wanted: int, devices: Sequence[str], taken: Collection[str]) -> CapacityError:
    free = sum(device not in taken for device in devices)
    return CapacityError(
        f"node {name!r} needs {wanted} {'GPU' if wanted == 1 else 'GPUs'}, but of this host's {len(devices)}, {free} "
        f"{'is' if free == 1 else 'are'} free.",
        fix="wait until somebody gives one back, or do without",
    )
