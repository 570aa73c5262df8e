"""What an engine's nodes say about clusters: the labels on nodes are the only state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from coursekit.cluster import ClusterSpec
from coursekit.cluster.plan import MASTER, WORKER, spec_of
from coursekit.engine import Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One cluster as its nodes show it: ``here`` workers are there, ``alive`` of them run."""

    owner: str
    spec: ClusterSpec
    here: int
    alive: int


def see(nodes: Iterable[Node]) -> Mapping[str, Seen]:
    """Give clusters by ``owner/name``; a specification wants as many workers as there are, at least one."""
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        if node.role in (MASTER, WORKER):
            groups.setdefault(f"{node.owner}/{node.group}", []).append(node)
    return {key: _describe(tuple(group)) for key, group in groups.items()}


def _describe(nodes: tuple[Node, ...]) -> Seen:
    workers = [node for node in nodes if node.role == WORKER]
    return Seen(
        owner=nodes[0].owner,
        spec=replace(spec_of(nodes), workers=max(1, len(workers))),
        here=len(workers),
        alive=sum(node.is_running for node in workers),
    )
