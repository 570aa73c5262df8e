"""Checks of container images: one that is written for an image runs on every image built on it.

The functions of ``images/<name>/checks.py`` are sentences that should hold in a container. They are run by
``coursekit image test`` and, as tests, by pytest; both call `matrix` and `Check.run`.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import re
import textwrap
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import Course, GiB
from coursekit.engine.daemon import LABEL, connect
from coursekit.errors import ImageMissingError
from coursekit.images import Image, course_version, find_named

if TYPE_CHECKING:
    from docker.models.containers import Container

_MEMORY: Final = 3 * GiB


class Box:
    """One container of an image, without a network and without capabilities, in which checks run commands.

    Parameters
    ----------
    container : docker.models.containers.Container
        It is running.
    image : Image
        What it was made from.
    course : Course
        The checkout that the image should come from.
    """

    def __init__(self, container: Container, image: Image, course: Course) -> None:
        self._container = container
        self._course = course
        self.image = image

    @property
    def labels(self) -> dict[str, str]:
        """The image's labels, as registries show them."""
        return dict(self._container.image.labels) if self._container.image else {}

    def run(self, *command: str, user: str = "", noise: str = "") -> str:
        """Run a command and give what it printed; it must succeed and leave nothing on stderr.

        Parameters
        ----------
        *command : str
            The program and its arguments.
        user : str
            Who runs it; the image's own account when left out.
        noise : str
            A regular expression for the lines on stderr that are expected; they are given with the output.

        Raises
        ------
        AssertionError
            If it fails, or a line on stderr is not expected.
        """
        run: Any = self._container.exec_run  # the SDK's types do not know demux
        code, (out, err) = run(list(command), user=user, demux=True)
        shown, said = ((part or b"").decode(errors="replace").strip() for part in (out, err))
        assert code == 0, f"{' '.join(command)[:200]} ended with {code}:\n{shown[-1000:]}\n{said[-2000:]}"
        unexpected = [line for line in said.splitlines() if not (noise and re.fullmatch(noise, line))]
        assert not unexpected, f"{' '.join(command)[:200]} said on stderr:\n" + "\n".join(unexpected)[-2000:]
        return "\n".join(filter(None, (shown, said)))

    def python(self, code: str, *, noise: str = "") -> str:
        """Run lines of Python; see `run`. Expected noise is not given with the output."""
        said = self.run("python", "-c", textwrap.dedent(code), noise=noise)
        return "\n".join(line for line in said.splitlines() if not (noise and re.fullmatch(noise, line)))

    @property
    def wanted_version(self) -> str:
        """The version of coursekit that the checkout has."""
        return course_version(self._course)

    def locked_version(self, package: str) -> str:
        """Give the version of a package in the checkout's lock file."""
        packages = _lock(self._course)
        return str(next(entry["version"] for entry in packages if entry["name"] == package))


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One sentence that should hold in containers of an image.

    Parameters
    ----------
    name : str
        The sentence.
    home : str
        The image that it was written for.
    run : callable
        Raises AssertionError where it does not hold.
    """

    name: str
    home: str
    run: Callable[[Box], None]


def lineage(image: Image, images: Iterable[Image]) -> tuple[str, ...]:
    """Give an image's name and those of all that it is built on, the root first."""
    known = {other.name: other for other in images}
    names: list[str] = []
    here: Image | None = image
    while here is not None:
        names.append(here.name)
        here = known[here.parent] if here.parent else None
    return tuple(reversed(names))


def matrix(images: Iterable[Image], names: Iterable[str] = ()) -> tuple[tuple[Image, tuple[Check, ...]], ...]:
    """Give each image with its own checks and those of all images that it is built on.

    Parameters
    ----------
    images : iterable of Image
        The whole tree.
    names : iterable of str
        The images to look at; all that are not optional when there is none.

    Raises
    ------
    SettingsError
        If the tree has no image of a name.
    """
    tree = tuple(images)
    own = {image.name: _read_checks(image) for image in tree}
    return tuple(
        (image, tuple(check for name in lineage(image, tree) for check in own[name]))
        for image in find_named(tree, names)
    )


@contextmanager
def open_box(image: Image, course: Course) -> Iterator[Box]:
    """Start a container of an image for checks, and remove it afterwards.

    Raises
    ------
    EngineUnavailableError
        If no Docker daemon answers.
    ImageMissingError
        If the image is not built.
    """
    client = connect()
    import docker.errors

    settings: dict[str, Any] = {
        "command": ["sleep", "infinity"],
        "labels": {f"{LABEL}.check": image.name},
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": _MEMORY,
        "detach": True,
    }
    try:
        container = client.containers.run(image.tag, **settings)
    except docker.errors.ImageNotFound:
        raise ImageMissingError(f"{image.tag} is not built.", fix=f"coursekit image build {image.name}") from None
    try:
        yield Box(container, image, course)
    finally:
        container.remove(force=True, v=True)


def failure(check: Check, box: Box) -> str | None:
    """Run a check and tell why it does not hold, or None when it does."""
    try:
        check.run(box)
    except AssertionError as error:
        line = traceback.extract_tb(error.__traceback__)[-1].line
        return str(error) or f"does not hold: {line}"
    return None


def _read_checks(image: Image) -> tuple[Check, ...]:
    """Read an image's checks in the order in which they are written."""
    path = image.folder / "checks.py"
    spec = importlib.util.spec_from_file_location(f"checks_of_{image.name}", path)
    if spec is None or spec.loader is None or not path.exists():
        return ()
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = inspect.getmembers(module, lambda thing: inspect.isfunction(thing) and thing.__module__ == module.__name__)
    ordered = sorted((function for _, function in found), key=lambda function: function.__code__.co_firstlineno)
    return tuple(
        Check(name=function.__name__.replace("_", " "), home=image.name, run=function)
        for function in ordered
        if not function.__name__.startswith("_")
    )


@functools.cache
def _lock(course: Course) -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads((course.root / "uv.lock").read_text())["package"]
    return packages
