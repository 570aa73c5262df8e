"""What users ask of the gateway: a cluster, its end, and what is known of it.

One event loop owns the state; engines are asked and changed in threads. What is done about it is in
`coursekit.gateway.reconcile`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import TypeVar

from coursekit.cluster import Change, ClusterSpec, LocalProvisioner
from coursekit.engine import Engine
from coursekit.errors import ClusterNotFoundError, EngineUnavailableError, GatewayError
from coursekit.gateway.admission import check_number, check_possible, check_same_shape, is_same_shape
from coursekit.gateway.background import Background
from coursekit.gateway.events import Events
from coursekit.gateway.ledger import Entry
from coursekit.gateway.picture import Watch
from coursekit.gateway.quota_book import Given
from coursekit.gateway.quotas import Quota, Resources
from coursekit.gateway.reconcile import Reconciler
from coursekit.gateway.servers import Servers
from coursekit.gateway.settings import GatewaySettings

R = TypeVar("R")
_FIRST_LOOK_S = 30.0


class ClassClusters:
    """The clusters of a class.

    Parameters
    ----------
    settings : GatewaySettings
        What an operator decided.
    engine : Engine
        What runs the nodes; it has to keep them when this process ends.
    servers : Servers or None
        The users' servers; None where notebooks are in no containers of their own.
    watch : callable, optional
        Is told what was decided, with each look.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        engine: Engine,
        servers: Servers | None = None,
        *,
        watch: Watch | None = None,
    ) -> None:
        self.settings = settings
        self.events = Events()
        self._engine = engine
        self._servers = servers
        self._background = Background()
        self._loop = Reconciler(settings, engine, servers, self.events, self._background, watch)

    async def run(self) -> None:
        """Make what runs equal to what each may have, until stopped."""
        await self._loop.run()

    def stop(self) -> None:
        """Let `run` return."""
        self._loop.stop()

    async def close(self) -> None:
        """Let what is being done be done, and forget everything; clusters stay."""
        await self._background.close()
        self._loop.close()

    async def ask(self, owner: str, spec: ClusterSpec, *, assignment: str = "") -> Entry:
        """Note what a user wants of a cluster; it is done as soon as their share allows it.

        Parameters
        ----------
        owner : str
            Whose.
        spec : ClusterSpec
            What is wanted.
        assignment : str
            What it is for, as their notebook says; for records alone.

        Raises
        ------
        CapacityError
            If one worker is more than the user, or the class, may ever have.
        ClusterDiffersError
            If a cluster of that name runs with other workers.
        GatewayError
            If it would be one cluster too many.
        """
        await self._ready()
        check_possible(spec, cap=self._loop.quotas().of(owner).cap, total=self._loop.total())
        entries, key = self._loop.entries, f"{owner}/{spec.name}"
        while (entry := entries.get(key)) is not None:
            is_in_the_way = entry.is_prepared and not is_same_shape(entry.spec, spec)  # its owner wants another
            if not (entry.is_ending or is_in_the_way):
                break
            await self._loop.end(entry)
        if entry is None:
            others = [one.spec.name for one in entries.values() if one.owner == owner and not one.has_failed]
            check_number(others, most=self.settings.limits.clusters)
            entry = entries[key] = Entry(owner=owner, spec=spec, since=self._loop.turn())
        elif entry.has_nodes or entry.is_busy:
            check_same_shape(entry.spec, spec)
        if spec.workers > entry.spec.workers or entry.has_failed:
            entry.since = self._loop.turn()
        entry.assignment, entry.is_prepared = assignment, False
        entry.spec, entry.error, entry.change, entry.not_before = spec, None, Change(), 0.0
        entry.asked += 1
        entry.use()
        entry.bump()
        self._loop.look_again(remember=True)
        return entry

    async def end(self, owner: str, name: str, *, why: str = "") -> None:
        """Stop a cluster and all that belongs to it, and tell its owner why; one that is not there is no error."""
        await self._ready()
        if (entry := self._loop.entries.get(f"{owner}/{name}")) is not None:
            await self._loop.end(entry, why=why)

    async def entry(self, owner: str, name: str) -> Entry:
        """Give what is known of a cluster.

        Raises
        ------
        ClusterNotFoundError
            If the user has no cluster of that name.
        """
        await self._ready()
        entry = self._loop.entries.get(f"{owner}/{name}")
        if entry is None or entry.is_ending:
            why = self._loop.endings.get(f"{owner}/{name}")
            raise ClusterNotFoundError(
                f"{owner} has no cluster {name!r}{f': it was stopped, for {why}' if why else ''}.",
                fix=f'start it: SparkCluster(name="{name}")',
            )
        return entry

    async def entries(self, owner: str | None = None) -> list[Entry]:
        """List what is known, of one user or of all."""
        await self._ready()
        known = sorted(self._loop.entries.items())
        return [one for _, one in known if owner in (None, one.owner) and not one.is_ending]

    async def wait(self, owner: str, name: str, *, revision: int, within_s: float) -> Entry:
        """Wait until something about a cluster has changed since a revision, and give what is known."""
        entry = await self.entry(owner, name)
        if not entry.has_nodes:
            entry.use()
        if entry.revision == revision:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await entry.changed.wait()
        return await self.entry(owner, name)

    async def read(self, owner: str, call: Callable[[LocalProvisioner], R]) -> R:
        """Ask a user's provisioner something, in a thread."""
        return await self._background.read(call, LocalProvisioner(self._engine, owner=owner))

    async def act(self, call: Callable[[Engine], R]) -> R:
        """Have the engine do something, in a thread."""
        return await self._background.read(call, self._engine)

    async def container(self, owner: str) -> str | None:
        """Give the container of a user's server as it is now; None where there are none."""
        if self._servers is None:
            return None
        running = await self._background.read(self._servers.running)
        if owner not in running:
            raise GatewayError(
                f"the server of {owner} is not running, so no notebook of theirs can reach the cluster.",
                fix="start your server from the Hub, and use the cluster from a notebook there",
            )
        return running[owner]

    async def servers(self) -> list[str]:
        """Name the users whose servers run."""
        return [] if self._servers is None else sorted(await self._background.read(self._servers.running))

    def used(self, owner: str | None = None) -> Resources:
        """Give what workers use now, one user's or all."""
        chosen = [one for one in self._loop.entries.values() if owner in (None, one.owner)]
        return functools.reduce(lambda so_far, one: so_far + one.worker * one.alive, chosen, Resources())

    async def total(self) -> Resources:
        """Give what all workers may use together."""
        await self._ready()
        return self._loop.total()

    async def quota(self, owner: str) -> Quota:
        """Give what a user is promised, and may have at most."""
        await self._ready()
        return self._loop.quotas().of(owner)

    def given(self, owner: str) -> Given | None:
        """Give the quota that an instructor gave to a user, if one did."""
        return self._loop.book.given(owner)

    def course_quota(self, owner: str) -> Quota:
        """Give a user's quota by the course's settings alone."""
        return self._loop.book.of_course(owner)

    async def give_quota(self, owner: str, given: Given | None) -> None:
        """Let a user have another quota from now on; None lets the course's own hold again.

        Raises
        ------
        GatewayUnavailableError
            If it cannot be written down.
        """
        await self._ready()
        await self._background.write(self._loop.book.store.write, owner, given)
        self._loop.book.put(owner, given)
        self._loop.look_again()

    async def _ready(self) -> None:
        """Wait until the nodes were looked at once: before that nobody's cluster is known."""
        try:
            async with asyncio.timeout(_FIRST_LOOK_S):
                await self._loop.seen.wait()
        except TimeoutError:
            raise EngineUnavailableError(
                "the engine that runs the class's clusters does not answer.", fix="try again in a minute"
            ) from None
