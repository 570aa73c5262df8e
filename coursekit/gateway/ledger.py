"""What each user wants, what they were given, and what is being done about the difference."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from coursekit.cluster import Change, ClusterSpec
from coursekit.cluster.provisioner import QueuePlace
from coursekit.cluster.wire import error_as_json
from coursekit.errors import CoursekitError
from coursekit.gateway.fairshare import Claim
from coursekit.gateway.quotas import Resources
from coursekit.gateway.steps import Standing


@dataclass(kw_only=True, slots=True, eq=False)
class Entry:
    """One cluster of one user.

    Parameters
    ----------
    owner, spec
        Whose, and what is wanted.
    since : float
        When more was asked for, seconds since the epoch: its place in the queue.
    here : int
        Workers whose nodes are there, dead ones included: they are replaced only when their owner asks.
    alive : int
        Workers that run.
    has_nodes : bool
        Whether anything of it is there.
    granted : int
        Workers that it may have now.
    target : int
        Workers that it should have by the last decision.
    asked, done : int
        Counts of requests, and the last one that was carried out.
    queue : QueuePlace or None
        Where it waits for more.
    change : Change
        What was done for the last request.
    error : CoursekitError or None
        Why the last request failed.
    last_used : float
        When it was last used, `time.monotonic`.
    absent_since : float or None
        Since when its owner's server is gone.
    changed_at : float
        When its last change was done: what was read before is out of date.
    not_before : float
        Until then nothing is tried again that has just failed, for the reason in ``obstacle``.
    assignment : str
        What it is used for, as its owner's notebook says.
    is_prepared : bool
        Whether it was made before its owner asked.
    revision : int
        Counts what happens to it.
    """

    owner: str
    spec: ClusterSpec
    since: float = field(default_factory=time.time)
    here: int = 0
    alive: int = 0
    has_nodes: bool = False
    granted: int = 0
    target: int = 0
    asked: int = 0
    done: int = 0
    queue: QueuePlace | None = None
    change: Change = field(default_factory=Change)
    error: CoursekitError | None = None
    last_used: float = field(default_factory=time.monotonic)
    absent_since: float | None = None
    changed_at: float = 0.0
    not_before: float = 0.0
    obstacle: str = ""
    assignment: str = ""
    is_busy: bool = False
    is_ending: bool = False
    is_warned: bool = False
    is_prepared: bool = False
    revision: int = field(default_factory=lambda: int(time.time() * 1000))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> str:
        """Its name among all: ``owner/name``."""
        return f"{self.owner}/{self.spec.name}"

    @property
    def worker(self) -> Resources:
        """What each of its workers takes."""
        return Resources(cores=self.spec.cores, memory=self.spec.memory, gpus=self.spec.gpus)

    @property
    def is_settled(self) -> bool:
        """Whether the last request was carried out as far as it may be now, or has failed."""
        return self.done >= self.asked

    @property
    def has_failed(self) -> bool:
        """Whether nothing came of it: it wants nothing any longer, and stays only to be asked why."""
        return self.error is not None and not self.has_nodes and self.is_settled

    @property
    def missing(self) -> int:
        """Workers that it wants beyond those that it has or is just getting."""
        return self.spec.workers - (self.granted if self.is_busy else self.here)

    @property
    def is_short(self) -> bool:
        """Whether it waits for workers."""
        return not self.is_ending and not self.has_failed and self.missing > 0

    def bump(self) -> None:
        """Say that something about it has changed."""
        self.revision += 1
        self.changed.set()
        self.changed = asyncio.Event()

    def use(self) -> None:
        """Say that it is being used now."""
        self.last_used = time.monotonic()
        self.is_warned = False

    def claim(self) -> Claim:
        """Give what it wants, for the decision."""
        return Claim(
            cluster=self.key,
            owner=self.owner,
            wanted=self.spec.workers,
            running=self.alive,
            worker=self.worker,
            since=self.since,
        )

    def standing(self, now: float) -> Standing:
        """Give how it stands, for the next steps."""
        return Standing(
            cluster=self.key,
            worker=self.worker,
            here=self.here,
            promised=self.granted if self.is_busy else 0,
            target=self.target,
            is_busy=self.is_busy or self.is_ending or now < self.not_before,
            is_asked=not self.is_settled,
            has_nodes=self.has_nodes,
            since=self.since,
        )

    def as_json(self) -> dict[str, Any]:
        """Write it for its owner."""
        return {
            "name": self.spec.name,
            "workers": self.spec.workers,
            "cores": self.spec.cores,
            "memory": self.spec.memory,
            "image": self.spec.image,
            "gpus": self.spec.gpus,
            "running": self.alive,
            "granted": self.granted,
            "settled": self.is_settled,
            "revision": self.revision,
            "queue": asdict(self.queue) if self.queue else None,
            "change": asdict(self.change),
            "error": error_as_json(self.error) if self.error else None,
        }
