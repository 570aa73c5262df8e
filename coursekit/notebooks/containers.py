"""Executes a notebook in a container of the image that its contract names, beside clusters of containers.

The notebook's container talks to the engine itself, through the daemon's socket: this is for those who run the course,
and for its own notebooks. What students submit runs elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from coursekit.config import cache_dir, code_digest, image_tag, owner
from coursekit.engine import devices, open_engine
from coursekit.engine.daemon import connect
from coursekit.errors import EngineError, SettingsError
from coursekit.notebooks.contract import Contract, Runtime

ENGINES: Final = ("docker", "swarm")
Kind = Literal["cpu", "gpu"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
IMAGES: Final[Mapping[Runtime, str]] = {"python": "spark", "spark": "spark", "tensorflow": "tensorflow"}
GPU_IMAGE: Final = "tensorflow-gpu"
PARENT: Final = 1  # the container's first process, which the executing process ends with
REVISION: Final = "org.opencontainers.image.revision"
_SOCKET: Final = "/var/run/docker.sock"
_STUDENT: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A container for one notebook.

    Parameters
    ----------
    engine : {"docker", "swarm"}
        What runs the clusters that the notebook starts.
    image : str
        What the container is of.
    name : str
        The container's name, and the realm of its clusters.
    writable : tuple of Path
        Folders that it may write to, at the same place.
    readable : tuple of Path
        Folders that it may read, at the same place.
    gpus : int
        GPUs that it should have for itself; none where the host has none.
    """

    engine: str
    image: str
    name: str
    writable: tuple[Path, ...]
    readable: tuple[Path, ...]
    gpus: int = 0

    def prepare(self) -> list[str]:
        """Give the command that executes a job in the container, which is made first where it gets GPUs.

        Raises
        ------
        CapacityError
            If the host has GPUs, but others have them.
        """
        if self.gpus:
            client = connect()
            if there := devices.host_devices(client.info()):
                devices.claim(client, there, self.gpus, self._make, name=self.name)
                return ["docker", "start", "--attach", "--interactive", self.name]
        return self.command()

    def _make(self, chosen: tuple[str, ...]) -> str:
        """Make the container, with GPUs that it has alone, and give its identifier."""
        done = subprocess.run(self.command("create", gpus=chosen), capture_output=True, text=True, check=False)
        if done.returncode:
            raise EngineError(f"{self.name} was not made: {done.stderr.strip()}", fix="read what the daemon says")
        return done.stdout.split()[-1]

    def command(self, verb: str = "run", *, gpus: tuple[str, ...] = ()) -> list[str]:
        """Give the command that executes a job (see `coursekit.notebooks.execute`) in the container."""
        label = devices.device_label(gpus)
        return [
            *("docker", verb, "--interactive", "--rm", "--name", self.name, "--user", _user()),
            *(word for item in label.items() for word in ("--label", "=".join(item))),
            *(("--gpus", f'"device={",".join(gpus)}"') if gpus else ()),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "4096"),
            *("--label", f"org.coursekit.notebook={self.name}"),
            *self._socket(),
            *(word for place in self.readable for word in ("--volume", f"{place}:{place}:ro")),
            *(word for place in self.writable for word in ("--volume", f"{place}:{place}")),
            *(word for item in self._environment().items() for word in ("--env", "=".join(item))),
            self.image,
            *("python", "-P", "-m", "coursekit.notebooks.execute"),
        ]

    def remove(self) -> None:
        """Remove the container, and with it every cluster that the notebook left."""
        subprocess.run(["docker", "rm", "--force", self.name], capture_output=True, check=False)
        engine = open_engine(self.engine, realm=self.name)
        while engine.sweep():
            pass

    def _environment(self) -> dict[str, str]:
        constraints = os.environ.get("COURSEKIT_SWARM_CONSTRAINTS")
        return {
            "COURSEKIT_ENGINE": self.engine,
            "COURSEKIT_CONTAINER": self.name,
            "COURSEKIT_IMAGE": self.image,
            "COURSEKIT_REALM": self.name,
            "COURSEKIT_CACHE": str(containers_cache()),
            "COURSEKIT_RUN": "/tmp/coursekit",  # noqa: S108 -- the container's own
            "COURSEKIT_LINGER_S": "0",
            "HOME": "/tmp",  # noqa: S108
            "USER": owner(),
            **({"COURSEKIT_SWARM_CONSTRAINTS": constraints} if constraints else {}),
        }

    def _socket(self) -> list[str]:
        """Give the container its daemon's socket, and the group that may use it."""
        url = os.environ.get("DOCKER_HOST") or f"unix://{_SOCKET}"
        path = Path(url.removeprefix("unix://"))
        if not url.startswith("unix://") or not path.exists():
            raise SettingsError(
                f"DOCKER_HOST = {url!r} is not the socket of a daemon of this machine.",
                fix="run notebooks on the daemon's own host: DOCKER_HOST=unix:///var/run/docker.sock",
            )
        return ["--volume", f"{path.resolve()}:{_SOCKET}", "--group-add", str(path.stat().st_gid)]


def require_program() -> None:
    """Refuse to go on without the program ``docker``, which starts containers and hands on what they say.

    Raises
    ------
    SettingsError
        If it is not installed.
    """
    if shutil.which("docker") is None:
        raise SettingsError(
            "notebooks' containers are started by the program docker, which is not on the PATH.",
            fix="apt-get install docker.io, or run with --engine process",
        )


def require_readable(path: Path) -> None:
    """Refuse a notebook that the account of its container could not read.

    A container of the course runs as the account that asks, or, where that is root, as an account of its own. It sees
    the notebook's folder alone, so the folders above it do not count, but for ``/root``, which the image has itself.

    Raises
    ------
    SettingsError
        If it cannot be read there.
    """
    if os.geteuid() != 0:
        return
    path = path.resolve()
    if path.is_relative_to("/root"):
        raise SettingsError(
            f"{path} is below /root, which the account of its container ({_STUDENT}) cannot enter.",
            fix="put the notebook into a folder outside of /root",
        )
    command = ["test", "-r", path.name]
    tried = subprocess.run(command, cwd=path.parent, check=False, user=_STUDENT, group=_STUDENT, extra_groups=())
    if tried.returncode:
        raise SettingsError(
            f"{path} cannot be read by the account of its container ({_STUDENT}).",
            fix=f"chmod o+rx '{path.parent}' && chmod o+r '{path}'",
        )


def make_box(
    engine: str, contract: Contract, name: str, *, device: Kind, writable: tuple[Path, ...], readable: Path
) -> Box:
    """Describe a container for a notebook; its folders are made fit for the account that it runs as."""
    for place in (*writable, containers_cache()):
        _give_to_student(place)
    return Box(
        engine=engine,
        image=image_tag(image := _image(contract.runtime, device)),
        name=f"notebook-{name.lower()}-{uuid.uuid4().hex[:8]}",
        writable=(*writable, containers_cache()),
        readable=(readable,),
        gpus=max(1, contract.gpus) if image == GPU_IMAGE else 0,
    )


def _image(runtime: Runtime, device: Kind) -> str:
    return GPU_IMAGE if device == "gpu" and runtime == "tensorflow" else IMAGES[runtime]


def runs_on_image(engine: str, runtime: Runtime, device: Kind) -> str:
    """Name what a notebook runs on: the packages of its image, if coursekit's own code in it is this one.

    Of that code only what the notebook uses counts, which `coursekit.notebooks.kept` looks at.
    """
    import coursekit

    name = _image(runtime, device)
    labels = f'{{{{index .Config.Labels "{REVISION}"}}}}'
    revision = _inspect(image_tag(name), labels)
    is_ours = revision == code_digest(Path(coursekit.__path__[0]))
    return f"{engine}:{_inspect(image_tag(f'{name}-packages' if is_ours else name), '{{.Id}}')}"


def _inspect(image: str, template: str) -> str:
    """Ask the daemon about an image; empty where it has none of that name."""
    command = ["docker", "image", "inspect", "--format", template, image]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def containers_cache() -> Path:
    """Where data sets of notebooks in containers are kept: written by another account than the operator's."""
    return (cache_dir() / "containers").resolve()


def _give_to_student(place: Path) -> None:
    """Let the container's account write to a folder: root is not root in a container of the course."""
    (place / "datasets" if place == containers_cache() else place).mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        for where, folders, files in os.walk(place):
            for path in (where, *(os.path.join(where, name) for name in (*folders, *files))):  # noqa: PTH118
                with contextlib.suppress(FileNotFoundError):  # another notebook that runs removes what it worked on
                    os.lchown(path, _STUDENT, _STUDENT)


def _user() -> str:
    return f"{os.geteuid()}:{os.getegid()}" if os.geteuid() else f"{_STUDENT}:{_STUDENT}"
