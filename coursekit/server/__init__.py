"""What a user's Jupyter server does beside running notebooks: lessons kept up to date, and telling when work goes on.

A Jupyter server extension. ``jupyter_server_config.json`` beside this file switches it on where coursekit is installed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coursekit.server.busy import mark_busy

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["LABEXTENSIONS", "mark_busy"]

LABEXTENSIONS: Final = Path(__file__).parent / "labextensions"
"""JupyterLab's side of it, where coursekit is not installed from a wheel."""


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "coursekit.server"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from coursekit.server.handler import add_handlers
    from coursekit.server.lessons import copy_lessons
    from coursekit.server.reporter import report_while_busy

    if lessons := os.environ.get("COURSEKIT_LESSONS"):
        try:
            for given in copy_lessons(Path(lessons), Path.home() / "lessons"):
                server.log.info("lessons/%s: %s", given.name, given.action)
        except OSError as error:  # a full disk, or a link of the user's own: no reason to have no server
            server.log.warning("lessons were not brought up to date: %s", error)
    report_while_busy(server)
    add_handlers(server)
