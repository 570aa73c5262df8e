"""Who may run how many workers: a pure function of who asks, what there is and what each may have.

Workers are given one at a time, each to whoever stands lowest (progressive filling), in three rounds:

1. *Guarantees.* Nobody is below theirs while they ask for it. Where all that is asked for does not fit, guarantees
   shrink: the next worker goes to the smallest dominant share for its weight.
2. *First workers.* Those who still have nothing get one each, longest waiting first, before anybody gets more.
3. *What is left is lent*, to the smallest overage for its weight: the overage is the dominant share of what somebody
   has above their guarantee. So who is most over gives back first when others come.

A dominant share is the largest of somebody's shares of cores, memory and GPUs [1]_. Among equals those who run a worker
already keep it, then those who have waited longest come first.

The result is decided from nothing each time, and what runs only breaks ties, so deciding again when the decision has
been carried out changes nothing. This holds because a worker that does not fit is never reconsidered (what is free only
shrinks), and because all that was given at one level is looked at first at that level the next time.

References
----------
.. [1] A. Ghodsi, M. Zaharia, B. Hindman, A. Konwinski, S. Shenker, I. Stoica, "Dominant Resource Fairness: Fair
   Allocation of Multiple Resource Types", NSDI 2011.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from coursekit.gateway.quotas import UNLIMITED, Quota, Quotas, Resources

_GUARANTEED, _FIRST, _LENT = 1, 2, 3
_STEPS: Final = 1e9  # levels are compared to a billionth of a share, so that rounding does not rank equals

Amounts = tuple[float, float, float]
"""Thousandths of a core, bytes, GPUs: whole numbers (or infinity), so that sums are exact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What one cluster asks for.

    Parameters
    ----------
    cluster : str
        ``"owner/name"``, unique.
    owner : str
        Whose quota it counts against.
    wanted : int
        Workers asked for.
    running : int
        Workers it has now.
    worker : Resources
        Of each worker.
    since : float
        When it was asked for, seconds since the epoch.
    """

    cluster: str
    owner: str
    wanted: int
    running: int
    worker: Resources
    since: float

    def __post_init__(self) -> None:
        if self.wanted < 0 or self.running < 0:
            raise ValueError(f"{self.cluster}: wanted = {self.wanted} and running = {self.running} cannot be negative")
        if self.worker.fits_in(Resources()) or not Resources().fits_in(self.worker):
            raise ValueError(f"{self.cluster}: a worker of {self.worker} uses nothing, or less")


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A cluster that gets fewer workers than it wants.

    Parameters
    ----------
    cluster : str
        Which one.
    position : int
        Its place among those who get more as soon as others give back, from 1, longest waiting first; 0 for one that
        waiting does not help, because it asks for more than its owner, or anybody, can have.
    missing : int
        Workers that it does not get.
    reason : str
        Why, in words for its owner.
    """

    cluster: str
    position: int
    missing: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How many workers every cluster should have.

    Parameters
    ----------
    targets : mapping of str to int
        Workers, by cluster; every claim is there.
    waiting : tuple of Waiting
        Those who get fewer than they want: the queue in its order, then those whom waiting does not help.
    reclaims : mapping of str to int
        Workers that a cluster runs and still wants, and has to give back to the class.
    """

    targets: Mapping[str, int]
    waiting: tuple[Waiting, ...]
    reclaims: Mapping[str, int]


def decide(claims: Iterable[Claim], capacity: Resources, quotas: Quotas) -> Decision:
    """Share out what there is.

    Parameters
    ----------
    claims : iterable of Claim
        One for each cluster, in any order.
    capacity : Resources
        What workers may use in all, with what the running ones use already.
    quotas : Quotas
        What each may have.

    Returns
    -------
    Decision
        The targets fit in the capacity and in all caps.

    Raises
    ------
    ValueError
        If two claims are of the same cluster.
    """
    wants = [_Want(claim) for claim in sorted(claims, key=lambda claim: (claim.since, claim.cluster))]
    targets = {want.claim.cluster: 0 for want in wants}
    if len(targets) < len(wants):
        raise ValueError(f"{len(wants) - len(targets)} of {len(wants)} claims repeat a cluster's name")
    room = capacity if quotas.class_cap is None else capacity.at_most(quotas.class_cap)
    standings = _standings(wants, room, quotas)
    free = _share_out(standings.values(), _amounts(room))
    targets.update((want.claim.cluster, want.given) for want in wants)
    kept = {want.claim.cluster: min(want.claim.running, want.claim.wanted) for want in wants}
    return Decision(
        targets=targets,
        waiting=_queue(wants, standings, quotas, room, free),
        reclaims={cluster: count - targets[cluster] for cluster, count in kept.items() if count > targets[cluster]},
    )


class _Want:
    """A claim while workers are given."""

    __slots__ = ("claim", "given", "need", "wanted")

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.need = _amounts(claim.worker)
        self.wanted = claim.wanted
        self.given = 0


class _Standing:
    """Where an owner stands while workers are given.

    ``keeps`` is how many workers count as theirs already when equals are compared. It is 0 for owners of clusters with
    different workers: which of theirs comes next then depends on what is free, and with a preference on top of that
    two decisions could alternate. ``place`` is where they come among equals: by their waiting, then by name.
    """

    __slots__ = ("cap", "given", "guarantee", "keeps", "place", "round", "scale", "used", "wants")

    def __init__(self, wants: list[_Want], quota: Quota, room: Amounts, place: int) -> None:
        self.place = place
        self.wants = wants
        self.guarantee = _amounts(quota.guarantee)
        self.cap = _amounts(quota.cap)
        self.scale = tuple(_STEPS / (amount * quota.weight) if amount > 0 else 0.0 for amount in room)
        self.used: Amounts = (0, 0, 0)
        self.given = 0
        self.round = _GUARANTEED
        alike = all(want.need == wants[0].need for want in wants)
        self.keeps = sum(min(want.claim.running, want.wanted) for want in wants) if alike else 0

    def rank(self) -> tuple[int, int, bool, int, _Standing]:
        """Give what owners are compared by, and the owner; the lowest gets the next worker."""
        (u0, u1, u2), (s0, s1, s2) = self.used, self.scale
        if self.round == _LENT:
            g0, g1, g2 = self.guarantee
            u0, u1, u2 = u0 - g0, u1 - g1, u2 - g2
        level = max(u0 * s0, u1 * s1, u2 * s2)
        return self.round, int(level + 0.5) if level > 0 else 0, self.given >= self.keeps, self.place, self

    def next_want(self, free: Amounts) -> _Want | None:
        """Choose which of the owner's clusters gets their next worker of this round: the one with the fewest."""
        limit = self.guarantee if self.round == _GUARANTEED else self.cap
        chosen, closed = None, 0
        for want in self.wants:
            if want.given >= want.wanted or not (_fits(want.need, free) and _fits(want.need, self.cap, self.used)):
                closed += 1
                want.wanted = want.given
            elif (chosen is None or want.given < chosen.given) and _fits(want.need, limit, self.used):
                chosen = want
        if closed:
            self.wants = [want for want in self.wants if want.given < want.wanted]
        return chosen

    def take(self, want: _Want) -> None:
        """Note a worker that was given."""
        (u0, u1, u2), (n0, n1, n2) = self.used, want.need
        self.used = (u0 + n0, u1 + n1, u2 + n2)
        want.given += 1
        self.given += 1
        if self.round == _FIRST:
            self.round = _LENT


def _standings(wants: list[_Want], room: Resources, quotas: Quotas) -> dict[str, _Standing]:
    """Put owners in the order of their waiting; ``wants`` are in it already."""
    by_owner: dict[str, list[_Want]] = {}
    for want in wants:
        if want.wanted:
            by_owner.setdefault(want.claim.owner, []).append(want)
    amounts = _amounts(room)
    return {
        owner: _Standing(own, quotas.of(owner), amounts, place) for place, (owner, own) in enumerate(by_owner.items())
    }


def _share_out(standings: Iterable[_Standing], free: Amounts) -> Amounts:
    """Give one worker after another until nothing that is asked for fits; give back what is left."""
    heap = [standing.rank() for standing in standings]
    heapq.heapify(heap)
    while heap:
        standing = heap[0][-1]
        want = standing.next_want(free)
        if want is not None:
            (f0, f1, f2), (n0, n1, n2) = free, want.need
            free = (f0 - n0, f1 - n1, f2 - n2)
            standing.take(want)
        elif standing.round == _GUARANTEED and standing.wants:
            standing.round = _LENT if standing.given else _FIRST
        else:
            heapq.heappop(heap)
            continue
        heapq.heapreplace(heap, standing.rank())
    return free


def _queue(
    wants: list[_Want],
    standings: Mapping[str, _Standing],
    quotas: Quotas,
    room: Resources,
    free: Amounts,
) -> tuple[Waiting, ...]:
    """Tell who gets fewer than they want, and why; ``wants`` are in the order of their waiting."""
    all_, class_cap = _amounts(room), quotas.class_cap or UNLIMITED
    used = all_[0] - free[0], all_[1] - free[1], all_[2] - free[2]
    queue: list[Waiting] = []
    in_vain: list[Waiting] = []
    for want in wants:
        missing = want.claim.wanted - want.given
        if not missing:
            continue
        standing = standings[want.claim.owner]
        if not _fits(want.need, standing.cap, standing.used):
            cores, memory, gpus = standing.used
            more = Resources(cores=cores / 1000, memory=int(memory), gpus=int(gpus)) + want.claim.worker
            cap = quotas.of(want.claim.owner).cap
            reason, line = f"one more worker would make {more}, and your cap is {cap}", in_vain
        elif not want.claim.worker.fits_in(room):
            reason, line = f"a worker of {want.claim.worker} is larger than all there is: {room}", in_vain
        elif not _fits(want.need, _amounts(class_cap), used):
            reason, line = f"the class is at its cap of {class_cap}", queue
        else:
            reason, line = "the class has nothing free now", queue
        position = len(queue) + 1 if line is queue else 0
        line.append(Waiting(cluster=want.claim.cluster, position=position, missing=missing, reason=reason))
    return tuple(queue + in_vain)


def _amounts(resources: Resources) -> Amounts:
    return round(resources.cores * 1000, 0), resources.memory, resources.gpus  # with 0, infinity can be rounded


def _fits(need: Amounts, limit: Amounts, used: Amounts = (0, 0, 0)) -> bool:
    """Tell whether one more worker stays within a limit."""
    return used[0] + need[0] <= limit[0] and used[1] + need[1] <= limit[1] and used[2] + need[2] <= limit[2]
