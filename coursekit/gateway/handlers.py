"""The gateway's REST interface: each handler reads, makes one call, and writes JSON."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Any

from tornado.web import RequestHandler

from coursekit.cluster import LocalProvisioner
from coursekit.cluster.provisioner import ClusterStatus
from coursekit.cluster.wire import status_as_json
from coursekit.engine import Engine
from coursekit.errors import (
    ClusterNotFoundError,
    NodeNotFoundError,
    SettingsError,
)
from coursekit.gateway.api import Api, Missing
from coursekit.gateway.clusters import ClassClusters
from coursekit.gateway.ledger import Entry
from coursekit.gateway.openapi import describe
from coursekit.gateway.overview import Capacities, MyQuota, SomebodysCluster, Usage, WholeClass
from coursekit.gateway.requests import LOG_LINES, NAME_PATTERN, USER_PATTERN, WAIT_S, read_cluster, read_fault
from coursekit.gateway.stream import EventStream
from coursekit.gateway.user_quota import UserQuota


class Root(Api):
    """The service's own address, which the Hub asks to see that it is up."""

    is_public = True

    def get(self) -> None:
        """Say where the interface is described."""
        self.write({"service": "gateway", "interface": "api/v1/openapi.json"})


class OpenApi(Api):
    """The interface's description."""

    is_public = True

    def get(self) -> None:
        """Give the OpenAPI document."""
        prefix = self.request.path.removesuffix("/openapi.json")
        self.write(describe(self.clusters.settings, server=prefix))


class Clusters(Api):
    """All clusters of the caller."""

    async def get(self) -> None:
        """List them as they are now."""
        self.check_query()
        entries = await self.clusters.entries(self.owner)
        found = await asyncio.gather(*(_status(self.clusters, entry) for entry in entries))
        self.write({"clusters": [status_as_json(one) for one in found if one is not None]})


class Cluster(Api):
    """One cluster: what is wanted of it, and how far that is."""

    async def get(self, name: str) -> None:
        """Give it; wait for a change since ``revision`` for at most ``wait_s`` seconds."""
        self.check_query("revision", "wait_s")
        revision = self._revision()
        within_s = self.number("wait_s", least=0, most=WAIT_S, default=0)
        entry = await self.clusters.wait(self.owner, name, revision=revision, within_s=within_s)
        self.write(entry.as_json())

    async def put(self, name: str) -> None:
        """Want it to be so."""
        self.check_query()
        self.check_json()
        request = read_cluster(name, self.request.body, self.clusters.settings)
        entry = await self.clusters.ask(self.owner, request.spec, assignment=request.assignment)
        self.set_status(HTTPStatus.ACCEPTED)
        self.write(entry.as_json())

    async def delete(self, name: str) -> None:
        """Stop it; one that is not there is no error."""
        self.check_query()
        await self.clusters.end(self.owner, name)
        self.finish_empty()

    def _revision(self) -> int:
        text = self.get_query_argument("revision", None)
        if text is None:
            return -1
        if not (text.isascii() and text.isdigit() and len(text) < 17):
            raise SettingsError(f"revision = {text[:50]!r} is none.", fix="give the one of the last answer")
        return int(text)


class Status(Api):
    """One cluster as it runs."""

    async def get(self, name: str) -> None:
        """Give its status, with its place in the queue."""
        self.check_query()
        status = await _status(self.clusters, await self.clusters.entry(self.owner, name))
        if status is None:
            raise ClusterNotFoundError(f"cluster {name!r} has just ended.", fix="start it again")
        self.write(status_as_json(status))


class Access(Api):
    """What a driver needs; the caller's server is connected to the cluster for it."""

    async def get(self, name: str) -> None:
        """Give the master's address, the driver's own, the secret, and what executors are started with."""
        self.check_query()
        await self.clusters.entry(self.owner, name)
        container = await self.clusters.container(self.owner)
        access = await self.clusters.read(self.owner, lambda mine: mine.access(name, driver=container))
        self.write(asdict(access))


class Logs(Api):
    """What a cluster's nodes said."""

    async def get(self, name: str) -> None:
        """Give the last lines of every node."""
        self.check_query("lines")
        lines = self.number("lines", least=1, most=LOG_LINES, default=50)
        await self.clusters.entry(self.owner, name)
        self.write({"logs": await self.clusters.read(self.owner, lambda mine: _logs(mine, name, lines))})


class Touch(Api):
    """That a cluster is used."""

    async def post(self, name: str) -> None:
        """Note it."""
        self.check_query()
        (await self.clusters.entry(self.owner, name)).use()
        self.finish_empty()


class Faults(Api):
    """Things that go wrong on demand, on a worker of the caller's own: lessons show what Spark makes of them."""

    async def post(self, name: str, number: str) -> None:
        """Kill, freeze or thaw a worker."""
        self.check_query()
        self.check_json()
        action = read_fault(self.request.body)
        await self.clusters.entry(self.owner, name)
        status = await self.clusters.read(self.owner, lambda mine: mine.status(name))
        if int(number) >= len(status.workers):
            raise NodeNotFoundError(f"cluster {name!r} has no worker {number}.", fix="count from 0")
        node = status.workers[int(number)].name
        await self.clusters.act(lambda engine: _break(engine, node, action))
        self.finish_empty()


async def _status(clusters: ClassClusters, entry: Entry) -> ClusterStatus | None:
    """Give how a cluster is; None of one that has just ended."""
    name = entry.spec.name
    if not entry.has_nodes and not entry.is_busy:
        return _queued(entry)
    try:
        status = await clusters.read(entry.owner, lambda mine: mine.status(name))
    except ClusterNotFoundError:
        return _queued(entry) if entry.is_busy else None
    # Workers that are just being started are not yet missed, those that are just leaving no longer counted upon.
    return replace(status, granted=min(entry.granted, len(status.workers)), queue=entry.queue)


def _queued(entry: Entry) -> ClusterStatus:
    return ClusterStatus(
        name=entry.spec.name,
        owner=entry.owner,
        state="starting" if entry.is_busy else "queued",
        master_url="",
        ui_url="",
        registered=0,
        applications=0,
        workers=(),
        granted=entry.granted,
        queue=entry.queue,
    )


def _logs(mine: LocalProvisioner, name: str, lines: int) -> dict[str, str]:
    try:
        return mine.logs(name, lines=lines)
    except ClusterNotFoundError:  # it is known, but waits for its first worker
        return {}


def _break(engine: Engine, node: str, action: str) -> None:
    if action == "kill":
        engine.signal(node, signal.SIGKILL)
    elif action == "freeze":
        engine.freeze(node)
    else:
        engine.thaw(node)


Route = tuple[str, type[RequestHandler], dict[str, Any]]


def routes(prefix: str, given: dict[str, Any]) -> list[Route]:
    """Give all addresses below the service's prefix, which ends with a slash."""
    api, name, user = f"{prefix}api/v1", f"({NAME_PATTERN})", f"({USER_PATTERN})"
    paths: list[tuple[str, type[RequestHandler]]] = [
        (prefix, Root),
        (f"{api}/openapi.json", OpenApi),
        (f"{api}/clusters", Clusters),
        (f"{api}/clusters/{name}", Cluster),
        (f"{api}/clusters/{name}/status", Status),
        (f"{api}/clusters/{name}/access", Access),
        (f"{api}/clusters/{name}/logs", Logs),
        (f"{api}/clusters/{name}/touch", Touch),
        (f"{api}/clusters/{name}/workers/([0-9]{{1,4}})/faults", Faults),
        (f"{api}/quota", MyQuota),
        (f"{api}/usage", Usage),
        (f"{api}/capacity", Capacities),
        (f"{api}/quota/{user}", UserQuota),
        (f"{api}/class", WholeClass),
        (f"{api}/class/{user}/{name}", SomebodysCluster),
        (f"{api}/events", EventStream),
        (r".*", Missing),
    ]
    return [(path, handler, given) for path, handler in paths]
