"""The course page over real HTTP, with a gateway on the fake engine and a Hub that only seems to be there.

The Hub's login is played as OAuth wants it: the page sends the browser to the Hub, which knows who sits there, and
sends it back with a code that the page exchanges for a token.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gateway_fixtures import FakeHub
from gradebook_fixtures import Class, notebook, small_class
from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from coursekit.gateway.settings import CLASS_SCOPE
from coursekit.hub.page.service import serving
from coursekit.hub.page.settings import PageSettings

PAGE = "access:services!service=course"
GATEWAY = "access:services!service=gateway"


class LoginHub(FakeHub):
    """A Hub with a login: whoever ``sits_there`` is who the browser says it is."""

    def __init__(self) -> None:
        super().__init__()
        self.sits_there = ""
        self.url = ""

    def student(self, name: str) -> str:
        return self.add(name, GATEWAY, PAGE)

    def instructor(self, name: str) -> str:
        return self.add(name, GATEWAY, PAGE, CLASS_SCOPE, groups=("formgrade-ml-resources",))

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Answer logins and questions about tokens in a thread, until the context is left."""
        hub = self

        class User(RequestHandler):
            def get(self) -> None:
                token = self.request.headers["Authorization"].split()[-1]
                if token not in hub.users:
                    self.set_status(403)
                self.write(json.dumps(hub.users.get(token, {"status": 403})))

        class Authorize(RequestHandler):
            def get(self) -> None:
                if not hub.sits_there:
                    self.set_status(403)
                    return
                query = {"code": hub.sits_there, "state": self.get_query_argument("state")}
                self.redirect(f"{self.get_query_argument('redirect_uri')}?{urlencode(query)}")

        class Token(RequestHandler):
            def post(self) -> None:
                self.write({"access_token": f"token-{self.get_body_argument('code')}", "token_type": "Bearer"})

        api = "/hub/api"
        handlers = [(f"{api}/user", User), (f"{api}/oauth2/authorize", Authorize), (f"{api}/oauth2/token", Token)]

        async def listen(made: dict[str, Any]) -> None:
            server = HTTPServer(Application(handlers, log_function=lambda _: None))
            sockets = bind_sockets(0, "127.0.0.1")
            server.add_sockets(sockets)
            hub.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
            made["started"].set()
            await made["over"].wait()
            server.stop()

        with _in_a_thread(listen):
            yield


@dataclass(kw_only=True)
class RunningPage:
    """A page that listens, in a thread of this process."""

    url: str
    hub: LoginHub
    settings: PageSettings
    port: int = field(default=0)


@contextlib.contextmanager
def running_page(settings: PageSettings, hub: LoginHub) -> Iterator[RunningPage]:
    """Run the page until the context is left."""
    found: dict[str, int] = {}

    async def listen(made: dict[str, Any]) -> None:
        auth = HubOAuth(
            api_url=f"{hub.url}/hub/api",
            api_token="page",
            oauth_client_id="service-course",
            oauth_authorization_url=f"{hub.url}/hub/api/oauth2/authorize",
            oauth_token_url=f"{hub.url}/hub/api/oauth2/token",
            base_url=settings.prefix,
            access_scopes={PAGE},
            cache_max_age=1,
        )
        async with serving(settings, auth=auth) as port:
            auth.oauth_redirect_uri = f"http://127.0.0.1:{port}{settings.prefix}oauth_callback"
            found["port"] = port
            made["started"].set()
            await made["over"].wait()

    with _in_a_thread(listen):
        port = found["port"]
        yield RunningPage(url=f"http://127.0.0.1:{port}{settings.prefix}", hub=hub, settings=settings, port=port)


@contextlib.contextmanager
def _in_a_thread(listen: Any) -> Iterator[None]:
    made: dict[str, Any] = {"started": threading.Event()}

    async def main() -> None:
        made["over"], made["loop"] = asyncio.Event(), asyncio.get_running_loop()
        try:
            await listen(made)
        finally:
            made["started"].set()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    made["started"].wait(20)
    try:
        yield
    finally:
        made["loop"].call_soon_threadsafe(made["over"].set)
        thread.join(20)


def released_class(folder: Path) -> Class:
    """Make a course whose assignment toy is in the exchange; nobody has handed anything in."""
    toy = small_class(folder)
    outbound = toy.settings.outbound / "toy"
    outbound.mkdir(parents=True)
    (outbound / "toy.ipynb").write_text(json.dumps(notebook({})))
    toy.settings.inbound.mkdir(parents=True)
    return toy


def hand_in(toy: Class, student: str, moment: str = "2026-11-24 12:00:00.000000") -> None:
    """Put a submission into the exchange, as nbgrader's submit does."""
    (toy.settings.inbound / f"{student}+toy+{moment} UTC+abc").mkdir(parents=True)


def make_feedback(toy: Class, student: str, said: str, *, score: float = 7.5) -> Path:
    """Make a page of feedback in the course's folder; nobody can fetch it yet."""
    folder = toy.settings.course_dir / "feedback" / student / "toy"
    folder.mkdir(parents=True)
    (folder / "submission_secret.txt").write_text(f"secret of {student}")
    page = folder / "toy.html"
    page.write_text(f"<html><body><h4>toy (Score: {score} / 12.0)</h4><p>{said}</p></body></html>")
    return page


def publish(toy: Class, student: str, *, own: bool = False) -> Path:
    """Let a page of feedback be fetched, under the name that nbgrader gives it."""
    made = toy.settings.course_dir / "feedback" / student / "toy" / "toy.html"
    name = hashlib.md5(f"secret of {student}toy".encode()).hexdigest()
    folder = toy.settings.exchange / toy.settings.course_id / "feedback"
    target = (folder / student if own else folder) / f"{name}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(made.read_bytes())
    return target


def settings_of(toy: Class, **more: Any) -> PageSettings:
    """Settings of a page for a small class."""
    given: dict[str, Any] = {
        "title": "Machine learning on provisioned resources",
        "grading": toy.settings,
        "state": toy.root / "state",
        "usage": str(toy.root / "state" / "usage.sqlite"),
        "graders": "formgrade-ml-resources",
    }
    return PageSettings(**{**given, **more})
