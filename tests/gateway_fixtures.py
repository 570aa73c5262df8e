"""A gateway over real HTTP, with the fake engine below it and a Hub that only seems to be there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jupyterhub.services.auth import HubAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from coursekit.cluster import GatewayClient
from coursekit.engine import Engine
from coursekit.gateway.identity import HubIdentity
from coursekit.gateway.servers import Servers
from coursekit.gateway.service import PREFIX, Address, serving
from coursekit.gateway.settings import CLASS_SCOPE, GatewaySettings

ACCESS = "access:services!service=gateway"


class FakeHub:
    """Answers whose a token is, as the Hub's ``/hub/api/user`` does; the token of ``ada`` is ``token-ada``."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.questions = 0
        self.is_down = False

    def add(self, name: str, *scopes: str, kind: str = "user", groups: tuple[str, ...] = ()) -> str:
        token = f"token-{name}"
        self.users[token] = {"name": name, "kind": kind, "scopes": [*scopes], "groups": [*groups]}
        return token

    def student(self, name: str) -> str:
        return self.add(name, ACCESS)

    def instructor(self, name: str) -> str:
        return self.add(name, ACCESS, CLASS_SCOPE)

    @contextlib.asynccontextmanager
    async def listening(self) -> Any:
        hub = self

        class User(RequestHandler):
            def get(self) -> None:
                hub.questions += 1
                if hub.is_down:
                    self.set_status(503)
                    return
                token = self.request.headers["Authorization"].split()[-1]
                if token not in hub.users:
                    self.set_status(403)
                    self.write({"status": 403, "message": "Forbidden"})
                    return
                self.write(json.dumps(hub.users[token]))

        server = HTTPServer(Application([("/hub/api/user", User)], log_function=lambda _: None))
        sockets = bind_sockets(0, "127.0.0.1", backlog=1024)
        server.add_sockets(sockets)
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hub/api"
        server.stop()


@contextlib.contextmanager
def hub_in_a_thread(hub: FakeHub) -> Iterator[str]:
    """Let a Hub answer until the context is left; gives the address of its API."""
    made: dict[str, Any] = {}
    started = threading.Event()

    async def main() -> None:
        made["over"], made["loop"] = asyncio.Event(), asyncio.get_running_loop()
        async with hub.listening() as made["url"]:
            started.set()
            await made["over"].wait()

    thread = threading.Thread(target=_run, args=(main, made, started))
    thread.start()
    started.wait(20)
    try:
        yield str(made["url"])
    finally:
        made["loop"].call_soon_threadsafe(made["over"].set)
        thread.join(20)


@dataclass(kw_only=True)
class RunningGateway:
    """A gateway that listens, in a thread of this process."""

    url: str
    hub: FakeHub
    loop: asyncio.AbstractEventLoop = field(repr=False)
    streams: Counter[str]

    def client(self, user: str, **more: Any) -> GatewayClient:
        """A student's client; the Hub gets to know the student."""
        return GatewayClient(self.url, self.hub.student(user), **more)


@contextlib.contextmanager
def running_gateway(
    settings: GatewaySettings,
    engine: Engine,
    *,
    servers: Servers | None = None,
    hub: FakeHub | None = None,
    **more: Any,
) -> Iterator[RunningGateway]:
    """Run a gateway until the context is left."""
    hub = hub or FakeHub()
    started: threading.Event = threading.Event()
    made: dict[str, Any] = {"streams": Counter()}

    async def main() -> None:
        made["over"] = asyncio.Event()
        async with hub.listening() as api:
            auth = HubAuth(api_url=api, api_token="gateway", access_scopes={ACCESS}, cache_max_age=5)
            identity = HubIdentity(auth, instructors=settings.instructors)
            address = Address(prefix=PREFIX)
            service = serving(
                settings, address, engine=engine, servers=servers, identity=identity, streams=made["streams"], **more
            )
            async with service as port:
                made["url"], made["loop"] = f"http://127.0.0.1:{port}{PREFIX}", asyncio.get_running_loop()
                started.set()
                await made["over"].wait()

    thread = threading.Thread(target=_run, args=(main, made, started))
    thread.start()
    started.wait(20)
    if "url" not in made:
        thread.join()
        raise made.get("error") or RuntimeError("the gateway did not start")
    try:
        yield RunningGateway(url=made["url"], hub=hub, loop=made["loop"], streams=made["streams"])
    finally:
        made["loop"].call_soon_threadsafe(made["over"].set)
        thread.join(20)


def _run(main: Callable[[], Awaitable[None]], made: dict[str, Any], started: threading.Event) -> None:
    try:
        asyncio.run(main())  # type: ignore[arg-type]
    except BaseException as error:
        made["error"] = error
        raise
    finally:
        started.set()
