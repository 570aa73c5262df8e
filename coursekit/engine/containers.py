"""What engines whose nodes are containers share: groups with a network of their own, their lease and their end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from coursekit.engine import daemon
from coursekit.engine.base import Node, NodeSpec
from coursekit.engine.daemon import DEFAULT_IMAGE, LABEL, connect, explained
from coursekit.engine.keeper import Keepers
from coursekit.errors import NodeNotFoundError

if TYPE_CHECKING:
    from docker.models.networks import Network


class ContainerEngine(ABC):
    """An engine on a Docker daemon, whatever it makes of a node.

    Parameters
    ----------
    image : str
        What nodes run that name no image of their own.
    keep : bool
        Whether nodes stay until they are stopped. Otherwise a keeper process of this machine removes them when no
        process has held their group for a while, or when nobody has used it for long.
    realm : str
        Nodes of another realm are not seen; tests and courses on one daemon keep apart by it.
    """

    name: ClassVar[str]
    runs_images: ClassVar[bool] = True

    def __init__(self, *, image: str = DEFAULT_IMAGE, keep: bool = False, realm: str | None = None) -> None:
        self._client = connect()
        self._image = image
        self._keep = keep
        self._realm = daemon.realm_of(realm)
        self._keepers = Keepers(self.name, self._realm, keep=keep)

    @abstractmethod
    def nodes(self, *, owner: str | None = None, group: str | None = None) -> tuple[Node, ...]:
        """List nodes, running and exited, by name; see `Engine.nodes`."""

    @abstractmethod
    def stop(self, name: str) -> None:
        """Stop and remove a node, and its group's network with the last of it; see `Engine.stop`."""

    @abstractmethod
    def _remove_network(self, owner: str, group: str) -> None:
        """Remove the network of a group that has no nodes any longer."""

    @abstractmethod
    def _is_abandoned(self, labels: Mapping[str, str]) -> bool:
        """Whether the server that a group belongs to is gone, by the labels of the group's network."""

    def hold(self, group: str, *, owner: str) -> None:
        """Take a share of the group's lease, and have a keeper that removes the group when nobody has one."""
        self._keepers.hold(group, owner=owner)

    @explained
    def release(self, group: str, *, owner: str) -> None:
        """Give up this process's share of the lease; see `Engine.release`."""
        self._keepers.release(group, owner=owner, is_empty=not self.nodes(owner=owner, group=group))

    def touch(self, group: str, *, owner: str) -> None:
        """Say that the group is being used now; see `Engine.touch`."""
        self._keepers.touch(group, owner=owner)

    @explained
    def sweep(self) -> tuple[str, ...]:
        """Remove groups whose server is gone, which their keeper went with; see `Engine.sweep`."""
        swept = []
        for network in self._networks():
            labels = network.attrs["Labels"]
            if self._is_abandoned(labels):
                owner, group = labels[f"{LABEL}.owner"], labels[f"{LABEL}.group"]
                self.remove(owner=owner, group=group)
                swept.append(f"{owner}/{group}")
        return tuple(swept)

    @explained
    def remove(self, *, owner: str, group: str) -> None:
        """Remove a group's nodes and network, whatever their state; see `Engine.remove`."""
        for node in self.nodes(owner=owner, group=group):
            self.stop(node.name)
        self._remove_network(owner, group)

    def _networks(self, owner: str | None = None, group: str | None = None) -> list[Network]:
        return self._client.networks.list(filters=daemon.filters(self._realm, owner, group))

    def _network_of(self, owner: str, group: str) -> Network:
        """Find a group's network.

        Raises
        ------
        NodeNotFoundError
            If it has none: its first node makes it.
        """
        for network in self._networks(owner, group):
            return network
        raise NodeNotFoundError(f"{owner} has no network for {group!r}.", fix="start the cluster first")

    def _ensure_network(self, spec: NodeSpec, **settings: Any) -> Network:
        """Find the network of a node's group or make it, without a way out."""
        import docker.errors

        for network in self._networks(spec.owner, spec.group):
            return network
        name = daemon.network_name(self._realm, spec.owner, spec.group)
        labels = self._group_labels(spec.owner, spec.group)
        try:
            return self._client.networks.create(name, internal=True, labels=labels, **settings)
        except docker.errors.APIError as error:
            raise daemon.explain(str(error.explanation or error), spec) from error

    def _group_labels(self, owner: str, group: str) -> dict[str, str]:
        """Label a group's network, with the server that the group belongs to."""
        return daemon.group_labels(self._realm, owner, group) | daemon.server_labels(keep=self._keep)

    def _find(self, name: str) -> Node | None:
        return next((node for node in self.nodes() if node.name == name), None)

    def _known(self, name: str) -> Node:
        node = self._find(name)
        if node is None:
            names = ", ".join(node.name for node in self.nodes()) or "none"
            raise NodeNotFoundError(f"there is no node {name!r}.", fix=f"choose one that is there: {names}")
        return node
