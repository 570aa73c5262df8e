"""The Hub of this checkout: bring it up, take it down, say what runs.

With the engine ``process`` everything runs as plain processes of one Unix user. **Users are not isolated from each
other** then: a student's code can read and change other students' files, and the gradebook. That is for a laptop, for
trying the course out and for tests; a course with real students needs containers (``docker``, ``swarm``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, get_args

import psutil

from coursekit.engine import ProcessEngine
from coursekit.errors import (
    EngineUnavailableError,
    HubError,
    HubNotRunningError,
    HubRunningError,
    HubStartError,
    MissingPackageError,
    PortTakenError,
)
from coursekit.hub.configure import LABEL
from coursekit.hub.passwords import Passwords, keep_passwords, make_passwords, read_passwords
from coursekit.hub.processes import HubProcess, Part, hub_processes, stop_processes
from coursekit.hub.servers import remove_clusters, remove_servers, require_images, servers
from coursekit.hub.settings import HubSettings
from coursekit.ports import LOOPBACK, free_port, listener

_START_S: Final = 180.0
_HUB_STOP_S: Final = 30.0
_TERM_S: Final = 5.0
_LOG_LINES: Final = 20
# What our own asking whether the Hub is well leaves in its log.
_NOISE: Final = ("/hub/health", "xsrf cookie", "custom error page")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningHub:
    """A Hub that answers.

    Parameters
    ----------
    url : str
        Its address for browsers, without a slash at the end.
    pid : int
        Its process.
    passwords : Passwords
        What students and instructors log in with.
    """

    url: str
    pid: int
    passwords: Passwords


@dataclass(frozen=True, kw_only=True, slots=True)
class PartStatus:
    """One part of the Hub that runs.

    Parameters
    ----------
    part : str
        ``"hub"``, ``"proxy"``, ``"gateway"``, ``"formgrader"``, ``"culler"``, ``"page"``, ``"server"`` (of a user),
        ``"other"`` (kernels, Spark, ...).
    user : str
        Whose it is.
    pid : int
        Its process; 0 for a container.
    state : str
        Of the Hub: ``"answers"`` or ``"silent"``. Of the others: ``"runs"``; ``"left over"`` when no Hub runs.
    address : str
        Of the Hub; the name of a container.
    """

    part: Part
    user: str
    pid: int
    state: str
    address: str


def up(settings: HubSettings, *, waiting: Callable[[float], None] = lambda seconds: None) -> RunningHub:
    """Start the Hub in the background and wait until it answers.

    Parameters
    ----------
    settings : HubSettings
        What the Hub should be; port 0 takes a free one.
    waiting : callable
        Called with the seconds waited so far, a few times a second.

    Raises
    ------
    HubRunningError
        If this checkout's Hub runs already.
    PortTakenError
        If another program listens on the port.
    HubStartError
        If the Hub ends at once or does not answer in time; the last lines of its log are in the message.
    """
    running = _find_hub(settings)
    if running is not None:
        raise HubRunningError(
            f"the Hub runs already, at {_url(running.port)} (process {running.process.pid}).",
            fix="use it, or stop it with: coursekit hub down",
        )
    if settings.runs_containers:
        require_images(settings)
    down(settings, keep_servers=settings.runs_containers)  # what a Hub that was killed left; its servers go on
    port = settings.port or free_port()
    _require_port(port)
    passwords = keep_passwords(settings) if settings.runs_containers else make_passwords(settings)
    settings.state.mkdir(parents=True, exist_ok=True)
    _engine_file(settings).write_text(settings.engine, encoding="utf-8")
    process = _launch(settings, port)
    try:
        _wait_until_it_answers(settings, process, _url(port), waiting)
    except BaseException:
        down(settings, keep_servers=settings.runs_containers)
        raise
    return RunningHub(url=_url(port), pid=process.pid, passwords=passwords)


def down(settings: HubSettings, *, keep_servers: bool = False) -> int:
    """Stop the Hub, its proxy, its services, all users' servers, their kernels and their Spark clusters.

    May be called at any time, also when nothing runs or after the Hub was killed.

    Parameters
    ----------
    settings : HubSettings
        Which Hub.
    keep_servers : bool
        Leave users' containers: a Hub that is started again finds them.

    Returns
    -------
    int
        How many processes and containers were stopped.

    Raises
    ------
    HubError
        If a process could not be stopped.
    """
    count = len(hub_processes(settings))
    hub = _find_hub(settings)
    if hub is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            hub.process.terminate()  # it stops its proxy, services and servers itself, and these their kernels
        psutil.wait_procs([hub.process], timeout=_HUB_STOP_S)
    engine = ProcessEngine(settings.runs)
    for node in engine.nodes():
        engine.stop(node.name)
    stop_processes(settings, term_s=_TERM_S)
    left = hub_processes(settings)
    if left:
        pids = ", ".join(str(found.process.pid) for found in left)
        raise HubError(f"processes {pids} of the Hub do not end.", fix="end them by hand: kill -9 " + pids)
    return count if keep_servers else count + _remove_containers(settings)


def _engine_file(settings: HubSettings) -> Path:
    """Where it is kept with which engine the Hub was started, which may be another than the course file's."""
    return settings.state / "engine"


def _remove_containers(settings: HubSettings) -> int:
    """Remove users' containers and clusters; where there is no daemon, there are none."""
    if not settings.runs_containers and (file := _engine_file(settings)).exists():
        settings = replace(settings, engine=file.read_text(encoding="utf-8"))
    try:
        if settings.runs_containers:
            remove_clusters(settings)
        return remove_servers(settings)
    except (EngineUnavailableError, MissingPackageError):
        if settings.runs_containers:
            raise
        return 0


def reset(settings: HubSettings) -> None:
    """Take the Hub down and forget its users, their homes, the exchange and the gradebook: all of it is made again.

    Only folders below the checkout's ``build/`` are removed.
    """
    down(settings)
    build = settings.root / "build"
    for folder in (settings.state, settings.grading.exchange, settings.grading.course_dir):
        if build in folder.parents:
            shutil.rmtree(folder, ignore_errors=True)


def status(settings: HubSettings) -> tuple[PartStatus, ...]:
    """Say what runs: the Hub first, then its proxy, formgrader, and the servers of the users."""
    found = hub_processes(settings)
    alive = any(one.part == "hub" for one in found)
    order = get_args(Part)
    processes = tuple(
        PartStatus(
            part=one.part,
            user=one.user,
            pid=one.process.pid,
            state=_state(one, alive=alive),
            address=_url(one.port) if one.part == "hub" else "",
        )
        for one in sorted(found, key=lambda one: (order.index(one.part), one.user, one.process.pid))
    )
    return processes + (_containers(settings) if settings.runs_containers else ())


def _containers(settings: HubSettings) -> tuple[PartStatus, ...]:
    return tuple(
        PartStatus(
            part="server",
            user=server.user,
            pid=0,
            state="runs" if server.is_running else "has ended",
            address=server.name,
        )
        for server in servers(settings)
    )


def running_hub(settings: HubSettings) -> RunningHub:
    """Find the Hub that runs.

    Raises
    ------
    HubNotRunningError
        If none runs from this checkout, or it does not answer.
    """
    hub = _find_hub(settings)
    if hub is None or not _answers(_url(hub.port)):
        raise HubNotRunningError(f"no Hub of {settings.root} answers.", fix="start it with: coursekit hub up")
    return RunningHub(url=_url(hub.port), pid=hub.process.pid, passwords=read_passwords(settings))


def _find_hub(settings: HubSettings) -> HubProcess | None:
    return next((found for found in hub_processes(settings) if found.part == "hub"), None)


def _state(one: HubProcess, *, alive: bool) -> str:
    if one.part == "hub":
        return "answers" if _answers(_url(one.port)) else "silent"
    return "runs" if alive else "left over"


def _url(port: int | None) -> str:
    return f"http://127.0.0.1:{port}"


def _answers(url: str) -> bool:
    """Whether the Hub behind the proxy is well; no proxy of the environment is used for this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/hub/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _require_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTakenError(
                f"port {port} of {LOOPBACK} cannot be used: {_reason(port) or error.strerror}.",
                fix=f"stop that program, or choose another port: coursekit hub up --port {port + 1}",
            ) from None


def _reason(port: int) -> str:
    program = listener(port)
    return f"{program} listens there" if program else ""


def _launch(settings: HubSettings, port: int) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        LABEL: str(settings.state),
        "COURSEKIT_ROOT": str(settings.root),
        "COURSEKIT_HUB_ENGINE": settings.engine,
        "COURSEKIT_HUB_PORT": str(port),
        **({"COURSEKIT_REALM": settings.realm} if settings.runs_containers else {}),
    }
    with _log(settings).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(settings.root / "hub" / "jupyterhub_config.py")],
            env=environment,
            cwd=settings.state,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for whoever started the Hub, who takes it down in order
        )


def _wait_until_it_answers(
    settings: HubSettings, process: subprocess.Popen[bytes], url: str, waiting: Callable[[float], None]
) -> None:
    begin = time.monotonic()
    while not _answers(url):
        seconds = time.monotonic() - begin
        if process.poll() is not None:
            raise _start_error(settings, f"the Hub ended with exit code {process.returncode} while it started")
        if seconds > _START_S:
            raise _start_error(settings, f"the Hub did not answer at {url} within {_START_S:.0f} s")
        waiting(seconds)
        time.sleep(0.2)


def _start_error(settings: HubSettings, what: str) -> HubStartError:
    said = _log(settings).read_text(errors="replace").splitlines()
    lines = [line for line in said if not any(noise in line for noise in _NOISE)][-_LOG_LINES:]
    return HubStartError(f"{what}. The end of its log:\n" + "\n".join(lines), fix=f"read {_log(settings)}")


def _log(settings: HubSettings) -> Path:
    return settings.state / "hub.log"
