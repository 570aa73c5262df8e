"""The containers of users' notebook servers: what drivers are in, and what clusters live as long as."""

from __future__ import annotations

from typing import Any, Protocol

from coursekit.engine.daemon import LABEL, connect, explained


class Servers(Protocol):
    """Tells which users' servers are there."""

    def running(self) -> dict[str, str]:
        """Give the container of each user whose server runs."""
        ...


class DockerServers:
    """Servers that are containers of a Docker daemon, labelled by the Hub with realm, owner and role.

    Parameters
    ----------
    realm : str
        Of the Hub.
    """

    def __init__(self, realm: str) -> None:
        self._client = connect()
        self._labels = [f"{LABEL}.realm={realm}", f"{LABEL}.role=server"]

    @explained
    def running(self) -> dict[str, str]:
        """Give the container of each user whose server runs."""
        rows = self._client.api.containers(filters={"label": self._labels})
        return {
            row["Labels"][f"{LABEL}.owner"]: row["Names"][0].removeprefix("/")
            for row in rows
            if f"{LABEL}.owner" in row["Labels"]
        }


class SwarmServers:
    """Servers that are services of a Swarm; the labels are their containers', as SwarmSpawner sets them.

    Only a container on the daemon's own host can be connected to a cluster's network from here.

    Parameters
    ----------
    realm : str
        Of the Hub.
    """

    def __init__(self, realm: str) -> None:
        self._api: Any = connect().api  # the SDK's types do not know services
        self._wanted = {f"{LABEL}.realm": realm, f"{LABEL}.role": "server"}

    @explained
    def running(self) -> dict[str, str]:
        """Give the container of each user whose server runs, on whichever host."""
        owners = {one["ID"]: labels[f"{LABEL}.owner"] for one in self._api.services() if (labels := self._labels(one))}
        if not owners:
            return {}
        return {
            owners[task["ServiceID"]]: str(task["Status"].get("ContainerStatus", {}).get("ContainerID", ""))
            for task in self._api.tasks(filters={"desired-state": "running"})
            if task.get("ServiceID") in owners and task["Status"]["State"] == "running"
        }

    def _labels(self, service: dict[str, Any]) -> dict[str, str]:
        """Give the labels of a user's server; none of any other service."""
        labels = service["Spec"]["TaskTemplate"].get("ContainerSpec", {}).get("Labels") or {}
        is_server = self._wanted.items() <= labels.items() and f"{LABEL}.owner" in labels
        return labels if is_server else {}


class FakeServers:
    """Servers that are only said to be there, for tests; ``there`` may be changed."""

    def __init__(self, there: dict[str, str]) -> None:
        self.there = there

    def running(self) -> dict[str, str]:
        """Give what was said."""
        return dict(self.there)
