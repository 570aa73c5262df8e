"""Tells Jupyter that a server in which work goes on is in use: that is what the Hub's culler goes by."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from coursekit.server.busy import runs_cell, runs_command, runs_spark_jobs

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

_EVERY_S: Final = 10.0
# Jupyter counts every setting of such a name as activity (ServerWebApplication.last_activity).
_ACTIVITY: Final = "coursekit_last_activity"


def work_of(server: Any) -> str:
    """Say what goes on in a server: ``"a cell"``, ``"a Spark job"``, ``"a terminal's command"``; empty for nothing."""
    if runs_cell(server.kernel_manager.list_kernels()):
        return "a cell"
    if runs_spark_jobs():
        return "a Spark job"
    return "a terminal's command" if runs_command(_shells(server)) else ""


def report_while_busy(server: ServerApp) -> None:
    """Look every few seconds whether work goes on, and write it down as activity."""
    from tornado.ioloop import PeriodicCallback

    def look() -> None:
        if work_of(server):
            server.web_app.settings[_ACTIVITY] = datetime.now(UTC)

    PeriodicCallback(look, _EVERY_S * 1000).start()


@dataclass(frozen=True, kw_only=True, slots=True)
class Remaining:
    """How long a server has been idle, and when it will be stopped; s, infinite for never."""

    idle_s: float
    until_idle_s: float
    until_limit_s: float
    work: str


def remaining(server: Any, now: datetime | None = None) -> Remaining:
    """Tell how long a server has, by the limits that the Hub gave it when it started it."""
    now = now or datetime.now(UTC)
    work = work_of(server)
    idle_s = 0.0 if work else max(0.0, (now - server.web_app.last_activity()).total_seconds())
    age_s = (now - server.web_app.settings["started"]).total_seconds()
    return Remaining(
        idle_s=idle_s,
        until_idle_s=max(0.0, _limit("COURSEKIT_SERVER_IDLE_S") - idle_s),
        until_limit_s=max(0.0, _limit("COURSEKIT_SERVER_LIMIT_S") - age_s),
        work=work,
    )


def _limit(variable: str) -> float:
    try:
        return float(os.environ.get(variable) or math.inf)
    except ValueError:
        return math.inf


def _shells(server: Any) -> list[int]:
    manager = server.web_app.settings.get("terminal_manager")
    return [terminal.ptyproc.pid for terminal in manager.terminals.values()] if manager else []
