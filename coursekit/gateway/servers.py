"""The containers of users' notebook servers: what drivers are in, and what clusters live as long as."""

from __future__ import annotations

from typing import Protocol

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


class FakeServers:
    """Servers that are only said to be there, for tests; ``there`` may be changed."""

    def __init__(self, there: dict[str, str]) -> None:
        self.there = there

    def running(self) -> dict[str, str]:
        """Give what was said."""
        return dict(self.there)
