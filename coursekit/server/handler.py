"""``<base>coursekit/idle``: what JupyterLab asks, to tell its user in time that the server will be stopped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import Application, authenticated

from coursekit.server.reporter import remaining

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


class IdleHandler(JupyterHandler):
    """Answers how long the server has. Not an ``APIHandler``: those count as activity."""

    @authenticated
    def get(self) -> None:
        """Give seconds; null for never."""
        found = remaining(self.serverapp)
        limits = {"until_idle_s": found.until_idle_s, "until_limit_s": found.until_limit_s}
        answer = {key: None if value == math.inf else round(value) for key, value in limits.items()}
        self.finish({"idle_s": round(found.idle_s), "work": found.work, **answer})


def add_handlers(server: ServerApp) -> None:
    """Answer on a Jupyter server."""
    application: Application = server.web_app
    path = url_path_join(application.settings["base_url"], "coursekit", "idle")
    application.add_handlers(".*", [(path, IdleHandler)])
