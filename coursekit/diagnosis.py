"""What a machine has of what the course needs."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import psutil

from coursekit.cluster.runtime import check_python, describe_java, find_java, find_runtime
from coursekit.config import GiB, cache_dir, format_memory
from coursekit.errors import CoursekitError
from coursekit.ports import listener
from coursekit.sandbox import choose_box

_MIN_DISK: Final = 5 * GiB
_MIN_MEMORY: Final = 4 * GiB
_HUB_PORT: Final = 8000


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing looked at.

    Parameters
    ----------
    name : str
        What was looked at.
    state : {"ok", "note", "fail"}
        ``note``: the course runs without it, but something is not there.
    found : str
        What was found.
    fix : str
        What to do; empty when it is ok.
    """

    name: str
    state: Literal["ok", "note", "fail"]
    found: str
    fix: str = ""


def diagnose() -> tuple[Check, ...]:
    """Look at everything; nothing is changed and nothing raises."""
    looks: tuple[Callable[[], Check], ...] = (
        _python, _java, _executors, _start_up, _versions, _memory, _disk, _docker, _sandbox, _gpu, _port,
    )  # fmt: skip
    return tuple(look() for look in looks)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check(name="Python", state="ok", found=version)
    return Check(name="Python", state="fail", found=version, fix="use Python 3.11, 3.12 or 3.13")


def _java() -> Check:
    try:
        java = find_java()
    except CoursekitError as error:
        return Check(name="Java", state="fail", found=error.message, fix=error.fix)
    return Check(name="Java", state="ok", found=f"{describe_java(java)[0]} at {java}")


def _executors() -> Check:
    python = os.environ.get("PYSPARK_PYTHON", sys.executable)
    try:
        check_python(python)
    except CoursekitError as error:
        return Check(name="executors", state="fail", found=error.message, fix=error.fix)
    return Check(name="executors", state="ok", found="driver and executors run the same Python")


def _start_up() -> Check:
    """Look for the class-data archive, without which a cluster takes about twice the CPU time to start."""
    try:
        archive = find_runtime().archive
    except CoursekitError as error:
        return Check(name="start-up", state="note", found="nothing to start clusters with", fix=error.fix)
    if archive is None:
        return Check(name="start-up", state="note", found="no class-data archive", fix="coursekit cluster warm")
    return Check(name="start-up", state="ok", found=f"clusters start from {archive}")


def _versions() -> Check:
    """Compare what is installed with what the package asks for: pandas 3 with Spark 4.3 is the usual trap."""
    from packaging.requirements import Requirement

    wrong = []
    for line in importlib.metadata.requires("coursekit") or ():
        requirement = Requirement(line)
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if requirement.specifier and not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version} (needs {requirement.specifier})")
    if wrong:
        return Check(name="versions", state="fail", found=", ".join(wrong), fix="make env, or pip install -U coursekit")
    installed = [name for name in ("pyspark", "pandas", "jupyterhub", "nbgrader") if _version(name)]
    return Check(name="versions", state="ok", found=", ".join(f"{name} {_version(name)}" for name in installed))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _memory() -> Check:
    memory = psutil.virtual_memory()
    found = f"{format_memory(memory.available)} free of {format_memory(memory.total)}"
    if memory.available >= _MIN_MEMORY:
        return Check(name="memory", state="ok", found=found)
    return Check(name="memory", state="note", found=found, fix="close other programs, or use workers of 1 GiB")


def _disk() -> Check:
    folder = cache_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{format_memory(free)} free for {cache_dir()}"
    if free >= _MIN_DISK:
        return Check(name="disk", state="ok", found=found)
    return Check(name="disk", state="fail", found=found, fix=f"free {format_memory(_MIN_DISK)}, or set COURSEKIT_CACHE")


def _docker() -> Check:
    if shutil.which("docker") is None:
        return Check(
            name="Docker", state="note", found="no docker command", fix="none needed: clusters run as processes"
        )
    shown = _run("docker", "version", "--format", "{{.Server.Version}}")
    if shown is None:
        return Check(
            name="Docker",
            state="note",
            found="a docker command, but no daemon answers",
            fix="none needed: clusters run as processes; start the daemon to have containers",
        )
    return Check(name="Docker", state="ok", found=f"daemon {shown}")


def _sandbox() -> Check:
    try:
        box = choose_box()
    except CoursekitError as error:
        return Check(name="sandbox", state="note", found=error.message, fix=error.fix)
    found = f"submissions are graded in a sandbox of the kind {box.kind}"
    if box.weakness:
        fix = "coursekit image build grader, where there is a Docker daemon, or apt-get install bubblewrap"
        return Check(name="sandbox", state="note", found=f"{found}: {box.weakness}", fix=fix)
    return Check(name="sandbox", state="ok", found=found)


def _gpu() -> Check:
    shown = _run("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    if not shown:
        return Check(
            name="GPU", state="note", found="none that nvidia-smi shows", fix="none needed: lessons run on CPUs"
        )
    return Check(name="GPU", state="ok", found=shown.replace("\n", "; "))


def _run(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _port() -> Check:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", _HUB_PORT))
        except OSError:
            return Check(
                name="ports",
                state="note",
                found=f"{_HUB_PORT} is taken by {listener(_HUB_PORT) or 'another program'}",
                fix="stop that program, or choose another port: coursekit hub up --port 8001",
            )
    return Check(name="ports", state="ok", found=f"{_HUB_PORT} is free for the Hub")
