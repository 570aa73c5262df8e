"""From targets to what is done next: pure, so that it is tested without any cluster.

Targets all fit together, but what runs now and what is to run may not: a worker can only start where another has
left. So what has to give starts at once, and what may grow does so as far as there is room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coursekit.gateway.quotas import Resources


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One cluster as it stands.

    Parameters
    ----------
    cluster : str
        Which, as ``owner/name``.
    worker : Resources
        What each of its workers takes.
    here : int
        Workers whose nodes are there.
    promised : int
        Workers that are being started, or stopped down to.
    target : int
        Workers that it should have.
    is_busy : bool
        Whether it is being changed now: then it is left alone.
    is_asked : bool
        Whether its owner has asked for something that was not yet done, be it the same number again, to repair it.
    has_nodes : bool
        Whether anything of it is there: a cluster of which nothing is there does not begin without a worker.
    since : float
        When it asked.
    """

    cluster: str
    worker: Resources
    here: int
    promised: int
    target: int
    is_busy: bool
    is_asked: bool
    has_nodes: bool
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A cluster is to have so many workers now."""

    cluster: str
    workers: int


def next_steps(standings: Sequence[Standing], capacity: Resources) -> tuple[Step, ...]:
    """Choose what is done now: first who gives back, then who grows, the longest waiting first."""
    idle = [one for one in standings if not one.is_busy]
    steps = [Step(cluster=one.cluster, workers=one.target) for one in idle if one.target < one.here]
    used = sum((one.worker * max(one.here, one.promised) for one in standings), Resources())
    for one in sorted(idle, key=lambda one: (one.since, one.cluster)):
        if one.target < one.here:
            continue
        more = 0
        while one.here + more < one.target and (used + one.worker).fits_in(capacity):
            used += one.worker
            more += 1
        if more or (one.is_asked and one.has_nodes):
            steps.append(Step(cluster=one.cluster, workers=one.here + more))
    return tuple(steps)
