"""Where a sandbox comes from: a container, or the strongest that a machine without a Docker daemon offers.

Each box is a command that reads a request and writes an outcome (`coursekit.sandbox.supervisor`). It sees nothing of
the machine but what Python and Java need, has no network but its own loopback, and ends with whoever asked.
"""

from __future__ import annotations

import functools
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from coursekit.config import cache_dir, code_digest, image_tag
from coursekit.engine.daemon import LABEL, connect
from coursekit.errors import EngineUnavailableError, ImageMissingError, MissingPackageError, SandboxError
from coursekit.sandbox.limits import Limits

KINDS: Final = ("docker", "bubblewrap", "bare")
_REVISION: Final = "org.opencontainers.image.revision"
WORK: Final = "/sandbox"
# Java asks for the account's name and home, and for the address of the host's name.
_ETC: Final = {
    "passwd": "student:x:1000:1000::/tmp:/bin/false\n",
    "group": "student:x:1000:\n",
    "hosts": "127.0.0.1 localhost grader\n",
}
_SUPERVISOR: Final = ("python", "-P", "-m", "coursekit.sandbox.supervisor")


class Box(Protocol):
    """A kind of sandbox."""

    @property
    def kind(self) -> str:
        """Its name, one of `KINDS`."""

    @property
    def weakness(self) -> str:
        """What it does not keep a submission from, in words for a warning; empty when there is nothing to warn of."""

    def digest(self) -> str:
        """Name what runs the cells: another digest, other results."""

    def command(self, name: str, limits: Limits, student: str) -> list[str]:
        """Give the command that serves one request."""

    def prepare(self) -> Callable[[], None] | None:
        """Give what the command's process has to do before it begins, if anything."""

    def remove(self, name: str) -> None:
        """End a sandbox and all that is left of it."""


def choose_box(kind: str | None = None) -> Box:
    """Choose the kind of sandbox: the one that is named, or the strongest that this machine offers.

    Parameters
    ----------
    kind : {"docker", "bubblewrap", "bare"}, optional
        ``COURSEKIT_SANDBOX`` when not given.

    Raises
    ------
    SandboxError
        If there is no such kind, or this machine does not offer it.
    """
    wanted = kind or os.environ.get("COURSEKIT_SANDBOX") or "auto"
    if wanted == "docker":
        return DockerBox(image=_find_image())
    if wanted == "bubblewrap":
        if trouble := bubblewrap_trouble():
            raise SandboxError(f"bubblewrap cannot be used here: {trouble}.", fix="apt-get install bubblewrap")
        return BubblewrapBox()
    if wanted == "bare":
        return BareBox()
    if wanted != "auto":
        raise SandboxError(f"there is no sandbox {wanted!r}.", fix=f"use one of {', '.join(KINDS)}")
    try:
        return DockerBox(image=_find_image())
    except (EngineUnavailableError, ImageMissingError, MissingPackageError):
        return BareBox() if bubblewrap_trouble() else BubblewrapBox()


def _find_image() -> str:
    """Give the identity of the image ``grader``, if it was built from the code that runs here."""
    import coursekit

    client = connect()
    from docker.errors import ImageNotFound

    tag = image_tag("grader")
    try:
        image = client.images.get(tag)
    except ImageNotFound:
        raise ImageMissingError(f"the daemon has no image {tag}.", fix="coursekit image build grader") from None
    finally:
        client.close()
    if image.labels.get(_REVISION) != code_digest(Path(coursekit.__path__[0])):
        raise SandboxError(f"the image {tag} is of another version of coursekit.", fix="coursekit image build grader")
    return str(image.id)


@functools.cache
def bubblewrap_trouble() -> str:
    """Say why bubblewrap cannot be used here; empty when it can."""
    if shutil.which("bwrap") is None:
        return "there is no program bwrap"
    probe = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc", "true"]
    outcome = subprocess.run(probe, capture_output=True, text=True, check=False)
    return outcome.stderr.strip() or "it failed" if outcome.returncode else ""


def variables(student: str) -> dict[str, str]:
    """Give the environment of the cells: nothing of the grader's own is in it."""
    return {
        "NBGRADER_EXECUTION": "autograde",
        "COURSEKIT_STUDENT": student,
        "COURSEKIT_ENGINE": "process",
        "COURSEKIT_RUN": "/tmp/coursekit",  # noqa: S108 -- the sandbox's own
        "COURSEKIT_PROGRESS": "off",
        "COURSEKIT_LINGER_S": "0",
        "COURSEKIT_SANDBOX_FOLDER": WORK,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "HOME": "/tmp",  # noqa: S108
        "TMPDIR": "/tmp",  # noqa: S108
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SPARK_LOCAL_IP": "127.0.0.1",  # the name of a host without a network has no address
    }


@dataclass(frozen=True, slots=True)
class DockerBox:
    """A container of the image ``grader``."""

    image: str
    kind: str = "docker"
    weakness: str = ""

    def digest(self) -> str:
        """Give the image's own digest."""
        return self.image

    def command(self, name: str, limits: Limits, student: str) -> list[str]:
        """Give ``docker run`` with everything taken away that a notebook does not need."""
        own = f"rw,nosuid,nodev,size={limits.disk},uid=1000,gid=1000,mode=0700"
        datasets = cache_dir() / "datasets"
        return [
            *("docker", "run", "--interactive", "--rm", "--name", name, "--label", f"{LABEL}.sandbox={name}"),
            *("--network", "none", "--hostname", "grader", "--ipc", "private", "--log-driver", "none"),
            *("--read-only", "--tmpfs", f"{WORK}:{own}", "--tmpfs", f"/tmp:{own},exec"),  # noqa: S108
            *("--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--memory", str(limits.memory), "--memory-swap", str(limits.memory), "--cpus", str(limits.cores)),
            *("--pids-limit", str(limits.processes), "--ulimit", f"nofile={limits.files}:{limits.files}"),
            *("--ulimit", "core=0:0"),
            *(("--volume", f"{datasets.resolve()}:/opt/cache/datasets:ro") if datasets.is_dir() else ()),
            *(word for item in variables(student).items() for word in ("--env", "=".join(item))),
            self.image,
            *_SUPERVISOR,
        ]

    def prepare(self) -> None:
        """The daemon does it all."""
        return

    def remove(self, name: str) -> None:
        """Remove the container."""
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)


class BubblewrapBox:
    """Namespaces of its own for files, processes, network and accounts, without any rights and without a daemon."""

    kind = "bubblewrap"
    weakness = ""

    def digest(self) -> str:
        """Give a digest of this environment."""
        return environment_digest()

    def command(self, name: str, limits: Limits, student: str) -> list[str]:
        """Give ``bwrap`` with a file system that holds Python, Java and nothing else."""
        own = ("--size", str(limits.disk), "--tmpfs")
        environment = {
            **variables(student),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "COURSEKIT_CACHE": "/opt/cache",
            "COURSEKIT_SANDBOX_MEMORY": str(limits.memory),
        }
        return [
            *("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"),
            *("--uid", "1000", "--gid", "1000", "--hostname", "grader", "--clearenv"),
            *("--proc", "/proc", "--dev", "/dev", *own, "/tmp", *own, WORK, *own, "/dev/shm"),  # noqa: S108
            *(word for path in _readable() for word in ("--ro-bind", str(path), str(path))),
            *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
            *(word for name in ("datasets", "class-data") for word in _bind_cache(name)),
            *(word for name, text in _ETC.items() for word in ("--ro-bind", str(_kept(name, text)), f"/etc/{name}")),
            *(word for item in environment.items() for word in ("--setenv", *item)),
            *("--chdir", WORK, sys.executable, *_SUPERVISOR[1:]),
        ]

    def prepare(self) -> None:
        """Bubblewrap does it all; limits on open files and memory are the supervisor's and the tmpfs's."""
        return

    def remove(self, name: str) -> None:
        """It ends with its parent."""


class BareBox:
    """A process with limits on what it uses, and nothing between it and this account's files."""

    kind = "bare"
    weakness = (
        "submissions run with your rights: they can read your files and use the network. "
        "Grade strangers' work only with Docker (coursekit image build grader) "
        "or bubblewrap (apt-get install bubblewrap)"
    )

    def digest(self) -> str:
        """Give a digest of this environment."""
        return environment_digest()

    def command(self, name: str, limits: Limits, student: str) -> list[str]:
        """Give the supervisor itself, in a folder of its own."""
        folder = tempfile.mkdtemp(prefix=f"{name}-")
        environment = {
            **variables(student),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "COURSEKIT_CACHE": str(cache_dir()),
            "COURSEKIT_SANDBOX_FOLDER": folder,
            "COURSEKIT_SANDBOX_MEMORY": str(limits.memory),
            "COURSEKIT_RUN": f"{folder}/run",
            "HOME": folder,
            "TMPDIR": folder,
        }
        return ["env", "-i", *map("=".join, environment.items()), sys.executable, *_SUPERVISOR[1:]]

    def prepare(self) -> Callable[[], None]:
        """Give the limits that a process can set itself."""
        return functools.partial(resource.setrlimit, resource.RLIMIT_CORE, (0, 0))

    def remove(self, name: str) -> None:
        """Remove its folder."""
        for folder in Path(tempfile.gettempdir()).glob(f"{name}-*"):
            shutil.rmtree(folder, ignore_errors=True)


def _readable() -> list[Path]:
    """Which folders Python, Java and their libraries are in."""
    import coursekit

    wanted = [
        Path("/usr"),
        *map(Path, (sys.prefix, sys.base_prefix)),
        Path(sys.executable).resolve().parents[1],
        Path(coursekit.__path__[0]),
        *map(Path, ("/etc/alternatives", "/etc/java-17-openjdk", "/etc/ld.so.cache", "/etc/fonts", "/etc/ssl/certs")),
    ]
    if home := os.environ.get("JAVA_HOME"):
        wanted.append(Path(home))
    there = [path for path in dict.fromkeys(wanted) if path.exists()]
    return [path for path in there if not any(path.is_relative_to(other) and path != other for other in there)]


def _kept(name: str, text: str) -> Path:
    """Keep a small file that sandboxes read; written whole or not at all."""
    path = cache_dir() / "sandbox" / name
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)
    return path


def _bind_cache(name: str) -> tuple[str, ...]:
    path = cache_dir() / name
    return ("--ro-bind", str(path.resolve()), f"/opt/cache/{name}") if path.is_dir() else ()


@functools.cache
def environment_digest() -> str:
    """Name this environment: Python, the packages that are installed, and coursekit's own code."""
    import importlib.metadata

    import coursekit

    found = hashlib.sha256(sys.version.encode())
    for line in sorted(f"{each.name} {each.version}" for each in importlib.metadata.distributions()):
        found.update(line.encode())
    found.update(code_digest(Path(coursekit.__path__[0])).encode())
    return f"environment:{found.hexdigest()}"
