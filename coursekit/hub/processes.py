"""The processes of a Hub, found by the label in their environment, which all their descendants inherit.

The label is the only state: no file remembers a process, so nothing can be stale after a crash.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import psutil

from coursekit.hub.configure import LABEL
from coursekit.hub.settings import HubSettings

Part = Literal["hub", "proxy", "gateway", "formgrader", "culler", "page", "server", "other"]

_MODULES: Final[Mapping[str, Part]] = {
    "coursekit.gateway": "gateway",
    "coursekit.hub.culling": "culler",
    "coursekit.hub.page": "page",
    "coursekit.hub.proxy": "proxy",
    "jupyterhub": "hub",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class HubProcess:
    """One process of a Hub.

    Parameters
    ----------
    process : psutil.Process
        The process itself.
    part : str
        What it is; kernels, terminals and Spark's processes are ``"other"``.
    user : str
        The user of the Hub that it works for; empty for the Hub and its proxy.
    port : int or None
        Of the Hub: where browsers reach it.
    """

    process: psutil.Process
    part: Part
    user: str
    port: int | None


def hub_processes(settings: HubSettings) -> tuple[HubProcess, ...]:
    """List the processes that run for this checkout's Hub, without the one that asks."""
    return tuple(_labelled(str(settings.state)))


def stop_processes(settings: HubSettings, *, term_s: float, kill_s: float = 10.0) -> int:
    """Ask every process of the Hub to end, kill what does not, and give the number of those that were there.

    Parameters
    ----------
    settings : HubSettings
        Whose Hub.
    term_s, kill_s : float
        How long to wait after asking, and after killing, s.
    """
    found = [hub_process.process for hub_process in hub_processes(settings)]
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(found, timeout=term_s)
    # Looked up again: what was asked to end may have started something while it did.
    stubborn = [hub_process.process for hub_process in hub_processes(settings)]
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=kill_s)
    return len(found)


def _labelled(state: str) -> Iterator[HubProcess]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            environment = process.environ()
            if environment.get(LABEL) != state or process.pid == os.getpid():
                continue
            part = _part(process.cmdline(), environment)
            port = environment.get("COURSEKIT_HUB_PORT", "") if part == "hub" else ""
            yield HubProcess(
                process=process,
                part=part,
                user=environment.get("JUPYTERHUB_USER", ""),
                port=int(port) if port else None,
            )


def _part(command: list[str], environment: dict[str, str]) -> Part:
    module = command[2] if command[1:2] == ["-m"] and len(command) > 2 else ""
    if module in _MODULES:
        return _MODULES[module]
    if command[1:3] == ["-m", "jupyterhub.singleuser"]:
        return "formgrader" if environment.get("JUPYTERHUB_USER", "").startswith("grader-") else "server"
    return "other"
