"""What an engine's nodes say about clusters: the labels on nodes are the only state."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from coursekit.cluster import ClusterSpec
from coursekit.cluster.plan import MASTER, WORKER, spec_of
from coursekit.engine import Node
from coursekit.errors import CoursekitError

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One cluster as its nodes show it: ``here`` workers are there, ``alive`` of them run."""

    owner: str
    spec: ClusterSpec
    here: int
    alive: int


def see(nodes: Iterable[Node]) -> Mapping[str, Seen]:
    """Give clusters by ``owner/name``; a specification wants as many workers as there are, at least one.

    Nodes that bear no cluster's labels, of an older version say, are left alone: one cluster that cannot be read must
    not keep the others from theirs.
    """
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        if node.role in (MASTER, WORKER):
            groups.setdefault(f"{node.owner}/{node.group}", []).append(node)
    found = {}
    for key, group in groups.items():
        try:
            found[key] = _describe(tuple(group))
        except (KeyError, TypeError, ValueError, CoursekitError) as error:
            log.warning("the nodes of %s are no cluster that can be read, and are left alone: %r", key, error)
    return found


def _describe(nodes: tuple[Node, ...]) -> Seen:
    workers = [node for node in nodes if node.role == WORKER]
    return Seen(
        owner=nodes[0].owner,
        spec=replace(spec_of(nodes), workers=max(1, len(workers))),
        here=len(workers),
        alive=sum(node.is_running for node in workers),
    )
