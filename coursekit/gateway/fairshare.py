"""Who may run how many workers: a stand-in with the interface of the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coursekit.gateway.quotas import Quotas, Resources


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What one cluster wants and has; ``since`` is when it asked, seconds since the epoch."""

    cluster: str
    owner: str
    wanted: int
    running: int
    worker: Resources
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A cluster that gets fewer workers than it wants."""

    cluster: str
    position: int
    missing: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How many workers each cluster may run, and who waits."""

    targets: Mapping[str, int]
    waiting: tuple[Waiting, ...]


def decide(claims: Sequence[Claim], capacity: Resources, quotas: Quotas) -> Decision:
    """Give workers one by one to whoever has least, those below their guarantee first."""
    targets = {claim.cluster: 0 for claim in claims}
    used: dict[str, Resources] = {claim.owner: Resources() for claim in claims}
    left = capacity

    def take(claim: Claim) -> None:
        nonlocal left
        targets[claim.cluster] += 1
        used[claim.owner] += claim.worker
        left -= claim.worker

    for limit in ("guarantee", "cap"):
        while True:
            able = [
                claim
                for claim in claims
                if targets[claim.cluster] < claim.wanted
                and claim.worker.fits_in(left)
                and (used[claim.owner] + claim.worker).fits_in(getattr(quotas.of(claim.owner), limit))
            ]
            if not able:
                break
            take(min(able, key=lambda claim: (used[claim.owner].cores, claim.since, claim.cluster)))
    short = sorted((c for c in claims if targets[c.cluster] < c.wanted), key=lambda c: (c.since, c.cluster))
    return Decision(
        targets=targets,
        waiting=tuple(
            Waiting(
                cluster=claim.cluster,
                position=place,
                missing=claim.wanted - targets[claim.cluster],
                reason="all workers of the class are in use",
            )
            for place, claim in enumerate(short, 1)
        ),
    )
