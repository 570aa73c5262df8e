"""The gateway's process: it listens, asks the Hub who asks, and keeps the class's clusters.

Run as ``python -m coursekit.gateway`` (or ``...gateway.service``), or ``coursekit gateway run``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from coursekit.engine import Engine, open_engine
from coursekit.errors import SettingsError
from coursekit.gateway.clusters import ClassClusters
from coursekit.gateway.handlers import Route, routes
from coursekit.gateway.identity import HubIdentity, RateLimit
from coursekit.gateway.measuring import Measuring
from coursekit.gateway.picture import Picture, Watch
from coursekit.gateway.recording import recording
from coursekit.gateway.servers import DockerServers, Servers
from coursekit.gateway.settings import GatewaySettings, read_settings

log = logging.getLogger(__name__)
_HEADERS: Final = 16 * 1024
_BODY_S: Final = 10.0
_IDLE_CONNECTION_S: Final = 120.0


PREFIX: Final = "/services/gateway/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where the service listens, and the path that all its own begin with."""

    host: str = "127.0.0.1"
    port: int = 0
    prefix: str = PREFIX


def read_address(environment: Mapping[str, str] | None = None) -> Address:
    """Read where to listen from what the Hub gives its services (``JUPYTERHUB_SERVICE_URL`` and ``_PREFIX``).

    ``COURSEKIT_GATEWAY_BIND`` is another host to listen on than the one that the Hub's proxy uses: the address of the
    servers' network, say.

    Raises
    ------
    SettingsError
        If there is none.
    """
    given = os.environ if environment is None else environment
    url = given.get("JUPYTERHUB_SERVICE_URL", "")
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        raise SettingsError(
            f"JUPYTERHUB_SERVICE_URL = {url!r} is no address to listen on.",
            fix='let the Hub start the gateway, or set it to "http://127.0.0.1:10101"',
        )
    prefix = given.get("JUPYTERHUB_SERVICE_PREFIX") or PREFIX
    return Address(
        host=given.get("COURSEKIT_GATEWAY_BIND") or parts.hostname,
        port=parts.port,
        prefix=prefix if prefix.endswith("/") else f"{prefix}/",
    )


@contextlib.asynccontextmanager
async def serving(
    settings: GatewaySettings,
    address: Address,
    *,
    engine: Engine | None = None,
    servers: Servers | None = None,
    identity: HubIdentity | None = None,
    streams: Counter[str] | None = None,
    watch: Watch | None = None,
    more: Sequence[Route] = (),
    answered: Callable[[RequestHandler], None] | None = None,
) -> AsyncIterator[int]:
    """Run the gateway for as long as the context lasts.

    Parameters
    ----------
    settings : GatewaySettings
        What the operator decided.
    address : Address
        Where to listen; any free port when it is 0.
    engine, servers, identity
        Those of the settings and of the Hub when not given.
    streams : Counter, optional
        Counts the streams of events that each user has open.
    watch : callable, optional
        Is told what was decided, with each look: for records of usage, and for metrics.
    more : sequence of Route
        Addresses besides the interface, such as a page of metrics.
    answered : callable, optional
        Is called with each request's handler when it has been answered.

    Yields
    ------
    int
        The port.
    """
    engine = engine or open_engine(settings.engine, keep=True, realm=settings.realm)
    if servers is None and settings.has_servers:
        servers = DockerServers(settings.realm)
    clusters = ClassClusters(settings, engine, servers, watch=watch)
    identity = identity or HubIdentity(instructors=settings.instructors)
    given = {
        "clusters": clusters,
        "identity": identity,
        "rate": RateLimit(settings.limits),
        "streams": Counter() if streams is None else streams,
    }
    app = Application([*more, *routes(address.prefix, given)], log_function=answered or _log)
    server = HTTPServer(
        app,
        max_body_size=settings.limits.body,
        max_header_size=_HEADERS,
        body_timeout=_BODY_S,
        idle_connection_timeout=_IDLE_CONNECTION_S,
    )
    sockets = bind_sockets(address.port, address.host, backlog=1024)
    server.add_sockets(sockets)
    loop = asyncio.ensure_future(clusters.run())
    try:
        yield int(sockets[0].getsockname()[1])
    finally:
        server.stop()
        clusters.stop()
        await loop
        await server.close_all_connections()
        await clusters.close()


async def run(settings: GatewaySettings, address: Address) -> None:
    """Run the gateway until it is asked to end; clusters stay."""
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    measuring = Measuring()
    with recording(settings.usage) as record:

        def watch(picture: Picture) -> None:
            measuring.see(picture)
            if record is not None and not record(picture):
                measuring.metrics.saw_unrecorded_tick()

        more = [measuring.route(address.prefix)]
        async with serving(settings, address, watch=watch, more=more, answered=measuring.answered) as port:
            log.warning("the gateway listens on %s:%d%s", address.host, port, address.prefix)
            await over.wait()


def start() -> None:
    """Run the gateway from what the environment says."""
    _allow_many_connections()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(read_settings(), read_address()))


def _allow_many_connections() -> None:
    """Let a class be connected at once: each notebook listens, and 1,024 open files are soon used up."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _log(handler: object) -> None:
    """Log no requests: there are many, and the Hub's proxy logs them."""
    del handler


if __name__ == "__main__":
    from coursekit.gateway.__main__ import main

    main()
