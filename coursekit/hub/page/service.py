"""The course page's process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator
from typing import Final

from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from coursekit.config import find_course
from coursekit.hub.page.handlers import routes
from coursekit.hub.page.settings import PageSettings, page_settings
from coursekit.hub.settings import read_settings

log = logging.getLogger(__name__)
_BODY: Final = 64 * 1024
_KNOWN_FOR_S: Final = 60  # who was taken off the instructors' group is one for so long


@contextlib.asynccontextmanager
async def serving(settings: PageSettings, *, auth: HubOAuth | None = None) -> AsyncIterator[int]:
    """Run the page for as long as the context lasts.

    Parameters
    ----------
    settings : PageSettings
        What it has to know.
    auth : HubOAuth, optional
        JupyterHub's own way to ask who somebody is; made from the environment when not given.

    Yields
    ------
    int
        The port.
    """
    auth = auth or HubOAuth(cache_max_age=_KNOWN_FOR_S)
    app = Application(
        routes(settings, auth),
        cookie_secret=os.urandom(32),  # after a restart the Hub's login, which goes by itself, is asked again
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"httponly": True, "samesite": "Lax"},
        log_function=lambda _: None,
    )
    server = HTTPServer(app, max_body_size=_BODY, xheaders=True)
    sockets = bind_sockets(settings.port, settings.host)
    server.add_sockets(sockets)
    try:
        yield int(sockets[0].getsockname()[1])
    finally:
        server.stop()
        await server.close_all_connections()


async def run(settings: PageSettings) -> None:
    """Run the page until it is asked to end."""
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with serving(settings) as port:
        log.warning("the course page listens on %s:%d%s", settings.host, port, settings.prefix)
        await over.wait()


def start() -> None:
    """Run the page from what the environment and ``hub/course.toml`` say."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(page_settings(read_settings(find_course()))))
