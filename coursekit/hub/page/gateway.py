"""Asks the class's gateway with the token of whoever looks at the page."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from coursekit.cluster.provisioner import QueuePlace
from coursekit.cluster.wire import read_error, read_queue
from coursekit.errors import ClusterNotFoundError, GatewayUnavailableError
from coursekit.gateway.quotas import Resources

_ANSWER_S: Final = 10.0
_AT_ONCE: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class MyCluster:
    """One of the visitor's clusters; ``uptime_s`` is that of its oldest worker."""

    name: str
    state: str
    wanted: int
    running: int
    cores: int
    memory: int
    uptime_s: float
    applications: int
    queue: QueuePlace | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What somebody uses and may use, and how the class stands."""

    used: Resources
    guarantee: Resources
    cap: Resources
    total: Resources
    class_used: Resources
    waiting: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Mine:
    """Everything that the gateway tells a student."""

    clusters: tuple[MyCluster, ...]
    share: Share


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassCluster:
    """One cluster of the class, as instructors see it."""

    owner: str
    name: str
    wanted: int
    running: int
    died: int
    cores: int
    memory: int
    since: float
    unused_s: float
    queue: QueuePlace | None
    error: str

    @property
    def state(self) -> str:
        """How it is, in a word."""
        if self.error:
            return "failed"
        if self.died:
            return "degraded"
        if not self.running:
            return "waiting" if self.queue else "starting"
        return "running"


@dataclass(frozen=True, kw_only=True, slots=True)
class WholeClass:
    """Everything that the gateway tells an instructor."""

    clusters: tuple[ClassCluster, ...]
    servers: tuple[str, ...]
    total: Resources
    used: Resources

    @property
    def waiting(self) -> int:
        """How many clusters get more as soon as others give back; what a user's own cap forbids does not count."""
        return sum(one.queue is not None and one.queue.position > 0 for one in self.clusters)


class Gateway:
    """The gateway as one visitor may use it.

    Parameters
    ----------
    url : str
        The service's address, up to and with its prefix.
    token : str
        The visitor's own.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    async def mine(self) -> Mine:
        """Ask for the visitor's clusters and share."""
        clusters, usage, allowed, capacity = await asyncio.gather(
            *(self._ask("GET", path) for path in ("clusters", "usage", "quota", "capacity"))
        )
        views = await asyncio.gather(*(self._my_cluster(one) for one in clusters["clusters"]))
        share = Share(
            used=Resources(**{key: usage[key] for key in ("cores", "memory", "gpus")}),
            guarantee=Resources(**allowed["guarantee"]),
            cap=Resources(**allowed["cap"]),
            total=Resources(**capacity["total"]),
            class_used=Resources(**capacity["used"]),
            waiting=capacity["waiting"],
        )
        return Mine(clusters=tuple(one for one in views if one is not None), share=share)

    async def whole_class(self) -> WholeClass:
        """Ask for everybody's clusters; the gateway refuses who is no instructor."""
        seen, capacity = await asyncio.gather(self._ask("GET", "class"), self._ask("GET", "capacity"))
        return WholeClass(
            clusters=tuple(_class_cluster(one) for one in seen["clusters"]),
            servers=tuple(seen["servers"]),
            total=Resources(**capacity["total"]),
            used=Resources(**capacity["used"]),
        )

    async def stop_cluster(self, owner: str, name: str) -> None:
        """Stop a cluster of somebody else."""
        await self._ask("DELETE", f"class/{quote(owner, safe='')}/{quote(name, safe='')}")

    async def give_quota(self, user: str, cap: Resources) -> tuple[Resources, Resources]:
        """Let a user have more or less at most; gives the guarantee and the cap that hold now."""
        body = {"cap": {"cores": cap.cores, "memory": cap.memory}}
        found = await self._ask("PUT", f"quota/{quote(user, safe='')}", body)
        return Resources(**found["guarantee"]), Resources(**found["cap"])

    async def reset_quota(self, user: str) -> None:
        """Let what the course's settings say of a user hold again."""
        await self._ask("DELETE", f"quota/{quote(user, safe='')}")

    async def _my_cluster(self, status: dict[str, Any]) -> MyCluster | None:
        try:
            view = await self._ask("GET", f"clusters/{status['name']}")
        except ClusterNotFoundError:  # it has just ended
            return None
        return MyCluster(
            name=status["name"],
            state=status["state"],
            wanted=view["workers"],
            running=view["running"],
            cores=view["cores"],
            memory=view["memory"],
            uptime_s=max((one["uptime_s"] for one in status["workers"]), default=0.0),
            applications=status["applications"],
            queue=read_queue(view["queue"]),
        )

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Make a request and give the answer's JSON.

        Raises
        ------
        CoursekitError
            The gateway's own error.
        GatewayUnavailableError
            If it does not answer.
        """
        try:
            answer = await _client().fetch(
                f"{self._url}/api/v1/{path}",
                method=method,
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
                body=None if body is None else json.dumps(body),
                request_timeout=_ANSWER_S,
                follow_redirects=False,  # a token goes where it was meant to, and nowhere else
                raise_error=False,
            )
        except (OSError, HTTPClientError):
            raise _silent() from None
        try:
            document: Any = json.loads(answer.body) if answer.body else None
            if answer.code >= 400:
                raise read_error(document["error"])
        except (ValueError, KeyError, TypeError):
            raise _silent() from None
        return document


def _client() -> AsyncHTTPClient:
    return SimpleAsyncHTTPClient(max_clients=_AT_ONCE)


def _silent() -> GatewayUnavailableError:
    return GatewayUnavailableError(
        "the class's gateway does not answer.", fix="wait a minute; clusters that run go on running meanwhile"
    )


def _class_cluster(one: dict[str, Any]) -> ClassCluster:
    return ClassCluster(
        owner=one["owner"],
        name=one["name"],
        wanted=one["workers"],
        running=one["running"],
        died=one["died"],
        cores=one["cores"],
        memory=one["memory"],
        since=one["since"],
        unused_s=one["unused_s"],
        queue=read_queue(one["queue"]),
        error=one["error"]["message"] if one["error"] else "",
    )
