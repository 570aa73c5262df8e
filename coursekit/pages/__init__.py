"""Spark's own pages through the user's Jupyter server, which is how a browser reaches them behind a Hub.

A Jupyter server extension. ``jupyter_server_config.json`` beside this file switches it on where coursekit is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coursekit.pages.address import path_of, path_on_this_server

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["path_of", "path_on_this_server"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursekit.pages"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    try:
        from coursekit.pages.handler import add_handlers
    except ImportError:
        server.log.warning("Spark's pages are not served here: pip install 'coursekit[notebook]'")
        return
    add_handlers(server.web_app)
