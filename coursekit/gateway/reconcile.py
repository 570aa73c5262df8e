"""Makes what runs equal to what each of a class may have, and tells them what was decided.

The labels on nodes are what is true: a gateway that starts again reads them, and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from coursekit.cluster import Change, LocalProvisioner
from coursekit.cluster.plan import WORKER
from coursekit.engine import Capacity, Engine, Node
from coursekit.errors import CapacityError, CoursekitError, EngineUnavailableError, GatewayError
from coursekit.gateway.admission import check_possible
from coursekit.gateway.background import Background
from coursekit.gateway.events import Events
from coursekit.gateway.fairshare import decide
from coursekit.gateway.ledger import Entry
from coursekit.gateway.lifetime import judge
from coursekit.gateway.picture import Picture, Watch
from coursekit.gateway.quota_book import QuotaBook, QuotaStore
from coursekit.gateway.quotas import Quotas, Resources
from coursekit.gateway.ready import Preparation
from coursekit.gateway.servers import Servers
from coursekit.gateway.settings import GatewaySettings
from coursekit.gateway.sight import Seen, see
from coursekit.gateway.steps import Standing, next_steps
from coursekit.gateway.store import Wanted, WantedStore
from coursekit.gateway.waiting import reclaimed, still_waits, tell_places

log = logging.getLogger(__name__)
_AGAIN_S: Final = 5.0
_REMEMBER_S: Final = 0.2


class Reconciler:
    """The loop over a class's clusters; ``entries`` are its state, by ``owner/name``."""

    def __init__(
        self,
        settings: GatewaySettings,
        engine: Engine,
        servers: Servers | None,
        events: Events,
        background: Background,
        watch: Watch | None = None,
    ) -> None:
        self._watch = watch
        self.entries: dict[str, Entry] = {}
        self.endings: dict[str, str] = {}
        self.seen = asyncio.Event()
        self._settings = settings
        self._engine = engine
        self._servers = servers
        self._events = events
        self._background = background
        self._store = WantedStore(settings.database)
        self.book = QuotaBook(settings.quotas, QuotaStore(settings.database))
        self._capacity: Capacity | None = None
        self._overhead = Resources()
        self._wake = asyncio.Event()
        self._is_over = False
        self._is_unsaved = False
        self._is_watched = False
        self._joined: set[str] = set()
        self._forgotten: dict[str, float] = {}
        self._preparation = Preparation()

    async def run(self) -> None:
        """Look on each change and now and then, until stopped."""
        remembered = {f"{one.owner}/{one.spec.name}": one for one in await self._background.write(self._store.load)}
        self.book.take(await self._background.write(self.book.store.load))
        while not self._is_over:
            self._wake.clear()
            try:
                await self._look(remembered)
                remembered = {}
                self.seen.set()
            except EngineUnavailableError as error:
                log.warning("%s", error)
            except Exception:  # whatever it is, the class goes on with the next look
                log.exception("a look at the clusters failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.every_s):
                    await self._wake.wait()

    def stop(self) -> None:
        """Look no more."""
        self._is_over = True
        self._wake.set()

    def close(self) -> None:
        """Close the database; clusters stay."""
        self._store.close()
        self.book.store.close()

    def look_again(self, *, remember: bool = False) -> None:
        """Say that something has changed; ``remember`` what is wanted."""
        if remember and not self._is_unsaved:
            self._is_unsaved = True
            self._background.start(self._remember())
        self._wake.set()

    async def _remember(self, *, after_s: float = _REMEMBER_S) -> None:
        """Write down what is wanted, a moment later: many changes come together. What fails is tried again."""
        await asyncio.sleep(after_s)
        self._is_unsaved = False
        wanted = [
            Wanted(owner=one.owner, spec=one.spec, since=one.since, granted=one.here, assignment=one.assignment)
            for one in self.entries.values()
            if not one.is_ending and not one.has_failed
        ]
        is_written = await self._background.write(self._store.replace, wanted)
        if not is_written and not self._is_unsaved and not self._is_over:
            self._is_unsaved = True
            self._background.start(self._remember(after_s=_AGAIN_S))

    def turn(self) -> float:
        """Give the place of whoever asks now: behind all that are there, also when the clock was set back."""
        return max(time.time(), *(one.since + 1e-6 for one in self.entries.values()), 0.0)

    def total(self) -> Resources:
        """Give what all workers may use together."""
        cap, there = self.quotas().class_cap, self._settings.capacity
        if there is None:
            if self._capacity is None:
                return Resources()
            memory, gpus = (getattr(self._capacity, of) - getattr(self._overhead, of) for of in ("memory", "gpus"))
            there = Resources(cores=self._capacity.cores, memory=memory, gpus=gpus)
        return there if cap is None else there.at_most(cap)

    def quotas(self) -> Quotas:
        """Give the quotas that hold now."""
        return self.book.at(datetime.now().astimezone())

    async def end(self, entry: Entry, *, why: str = "") -> None:
        """Stop a cluster; who asks for the same a second time waits for the first."""
        if entry.is_ending:
            while entry.is_ending and self.entries.get(entry.key) is entry:
                await entry.changed.wait()
            return
        entry.is_ending = True
        if why:
            self.endings[entry.key] = why  # it is gone for its owner from now on
        try:
            while entry.is_busy:
                await entry.changed.wait()
            await self._background.change(LocalProvisioner(self._engine, owner=entry.owner).delete, entry.spec.name)
        except BaseException:
            entry.is_ending = False
            entry.bump()
            raise
        self._forget(entry, why=why)
        if why:
            name = entry.spec.name
            self._events.tell(entry.owner, "stopped", name, f"Your cluster {name!r} was stopped: {why}.")

    async def _look(self, remembered: Mapping[str, Wanted]) -> None:
        looked = time.monotonic()
        nodes, capacity = await asyncio.gather(
            self._background.read(self._engine.nodes), self._background.read(self._engine.capacity)
        )
        running = await self._background.read(self._servers.running) if self._servers else None
        self._capacity, self._overhead = capacity, _overhead(nodes, capacity)
        clusters = see(nodes)
        known = {key: one for key, one in clusters.items() if self._forgotten.get(key, 0) < looked}
        self._adopt(known, remembered, running)
        self._prepare(running or {})  # after those that are there already have been taken up
        for entry in list(self.entries.values()):
            if entry.is_busy or entry.is_ending or entry.changed_at > looked:
                continue
            self._update(entry, clusters.get(entry.key))
            if self.entries.get(entry.key) is entry:
                self._judge(entry, running)
        self._decide(looked)

    def _prepare(self, running: Iterable[str]) -> None:
        """Begin the clusters of a lesson that is about to begin, of those whose servers run."""
        for owner, spec in self._preparation.due(self._settings.quotas, running, datetime.now().astimezone()):
            if f"{owner}/{spec.name}" in self.entries:
                continue
            try:
                check_possible(spec, cap=self.quotas().of(owner).cap, total=self.total())
            except CapacityError as error:  # it would stand in the queue, and idle clusters of others would go for it
                log.warning("%s is given no cluster %r before they ask: %s", owner, spec.name, error.message)
                continue
            entry = Entry(owner=owner, spec=spec, since=self.turn(), asked=1, is_prepared=True)
            self.entries[entry.key] = entry
            entry.changed_at = time.monotonic()

    def _adopt(
        self, clusters: Mapping[str, Seen], remembered: Mapping[str, Wanted], running: Mapping[str, str] | None
    ) -> None:
        """Take up clusters that an earlier gateway started, and the queue that it had."""
        for key, one in remembered.items():
            if key not in clusters and one.granted == 0 and still_waits(one, running, now=time.time()):
                self.entries[key] = Entry(
                    owner=one.owner, spec=one.spec, since=one.since, asked=1, assignment=one.assignment
                )
        for key, seen in clusters.items():
            if key in self.entries:
                continue
            known = remembered.get(key)
            is_same = known is not None and replace(known.spec, workers=seen.spec.workers) == seen.spec
            if known is not None and is_same:
                self.entries[key] = Entry(
                    owner=known.owner, spec=known.spec, since=known.since, assignment=known.assignment
                )
            else:
                self.entries[key] = Entry(owner=seen.owner, spec=seen.spec)

    def _update(self, entry: Entry, seen: Seen | None) -> None:
        """Note what is there of a cluster."""
        if seen is None and entry.has_nodes and entry.error is None:
            self._forget(entry, why="all its nodes are gone")
            return
        now = (seen.here, seen.alive, True) if seen else (0, 0, False)
        if (entry.here, entry.alive, entry.has_nodes) != now:
            entry.here, entry.alive, entry.has_nodes = now
            entry.granted = entry.here
            entry.bump()
        if seen and entry.key not in self._joined:
            self._joined.add(entry.key)
            self._background.start(self._join(entry))

    async def _join(self, entry: Entry) -> None:
        """Have this process reach a cluster's nodes, where it is in a container of its own."""
        with contextlib.suppress(CoursekitError):
            await self._background.read(self._engine.join, entry.spec.name, owner=entry.owner)

    def _judge(self, entry: Entry, running: Mapping[str, str] | None) -> None:
        """End a cluster that nobody uses, or whose owner's server is gone; warn before."""
        now = time.monotonic()
        if running is not None:
            entry.absent_since = None if entry.owner in running else entry.absent_since or now
        is_wanted = any(one.is_short and one.owner != entry.owner for one in self.entries.values())
        verdict = judge(entry, self._settings, now=now, is_wanted=is_wanted)
        if verdict.warning:
            entry.is_warned = True
            self._events.tell(entry.owner, "warning", entry.spec.name, verdict.warning)
        if verdict.ends_for:
            self._background.start(self.end(entry, why=verdict.ends_for))

    def _decide(self, looked: float) -> None:
        """Decide who may have how much, and begin what follows from it."""
        claims = [one.claim() for one in self.entries.values() if not one.is_ending and not one.has_failed]
        began = time.perf_counter()
        decision = decide(claims, self.total(), self.quotas())
        took = time.perf_counter() - began
        for key, entry in self.entries.items():
            entry.target = decision.targets.get(key, 0)
        standings = [self._standing(entry, looked) for entry in self.entries.values()]
        for step in next_steps(standings, self.total()):
            entry = self.entries[step.cluster]
            entry.is_busy, before, entry.granted = True, entry.here, step.workers
            self._background.start(self._change(entry, step.workers, before, waited=entry.queue is not None))
        tell_places(self.entries.values(), {one.cluster: one for one in decision.waiting}, self._events)
        if self._watch is not None and not self._is_watched:
            assignments = {key: one.assignment for key, one in self.entries.items()}
            picture = Picture(
                at=time.time(),
                claims=tuple(claims),
                decision=decision,
                capacity=self.total(),
                assignments=assignments,
                decided_in_s=took,
            )
            self._is_watched = True
            self._background.start(self._show(self._watch, picture))

    async def _show(self, watch: Watch, picture: Picture) -> None:
        """Let who watches see, in a thread: they may write to a database that is slow."""
        try:
            await self._background.write(watch, picture)
        finally:
            self._is_watched = False

    def _standing(self, entry: Entry, looked: float) -> Standing:
        standing = entry.standing(time.monotonic())
        if entry.changed_at <= looked:
            return standing
        self._wake.set()  # what was read is older than what was done: look again before anything is done
        return replace(standing, is_busy=True, promised=entry.granted)

    async def _change(self, entry: Entry, workers: int, before: int, *, waited: bool) -> None:
        """Make one cluster have so many workers."""
        asked = entry.asked
        entry.bump()
        if workers < before and workers < entry.spec.workers:
            message = reclaimed(entry, self.entries.values(), workers, before)
            self._events.tell(entry.owner, "reclaimed", entry.spec.name, message)
        try:
            provisioner = LocalProvisioner(self._engine, owner=entry.owner)
            call = functools.partial(provisioner.apply, entry.spec, at_most=workers)
            change = await self._background.change(call)
        except CapacityError as error:
            entry.obstacle, entry.granted = error.message, before
            entry.not_before = time.monotonic() + _AGAIN_S
        except CoursekitError as error:
            self._fail(entry, asked, error, before)
        except Exception:
            log.exception("%s could not be changed", entry.key)
            unknown = GatewayError("the gateway failed to change it.", fix="tell an operator: its log says why")
            self._fail(entry, asked, unknown, before)
        else:
            entry.change, entry.obstacle = _add(entry.change, change), ""
            entry.done = max(entry.done, asked)
            entry.here = entry.alive = workers
            entry.has_nodes = True
            self._joined.add(entry.key)
            if workers > before and waited:
                message = f"Your cluster {entry.spec.name!r} has {workers} of {entry.spec.workers} workers now."
                self._events.tell(entry.owner, "granted", entry.spec.name, message)
        entry.is_busy, entry.changed_at = False, time.monotonic()
        entry.bump()
        self.look_again(remember=True)

    def _fail(self, entry: Entry, asked: int, error: CoursekitError, before: int) -> None:
        entry.error, entry.granted = error, before
        entry.done = max(entry.done, asked)
        entry.not_before = time.monotonic() + _AGAIN_S
        self._events.tell(entry.owner, "failed", entry.spec.name, error.message)

    def _forget(self, entry: Entry, *, why: str) -> None:
        del self.entries[entry.key]
        self._joined.discard(entry.key)
        self._forgotten[entry.key] = time.monotonic()  # a listing that is older still shows it
        if why:
            self.endings[entry.key] = why
        else:
            self.endings.pop(entry.key, None)
        entry.bump()
        self.look_again(remember=True)


def _add(first: Change, second: Change) -> Change:
    """Add up what was done for one request in several steps."""
    return Change(
        started=(*first.started, *second.started),
        stopped=(*first.stopped, *second.stopped),
        replaced=(*first.replaced, *second.replaced),
        master_replaced=first.master_replaced or second.master_replaced,
    )


def _overhead(nodes: Sequence[Node], capacity: Capacity) -> Resources:
    """Give what workers cannot have: the masters' memory, and GPUs that servers or other realms have."""
    held = sum(node.gpus for node in nodes if node.is_running)
    return Resources(
        memory=sum(node.memory for node in nodes if node.role != WORKER),
        gpus=max(0, capacity.gpus - capacity.free_gpus - held),
    )
