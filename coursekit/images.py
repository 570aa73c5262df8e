"""The tree of container images: read it, build it in order, tag it.

Each image is built in two steps, ``<name>-packages`` (what the lock file has for its extras, on the packages of its
parent) and ``<name>`` (coursekit itself on top), so that a changed line of ours rebuilds one small layer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import Course, code_digest, image_tag
from coursekit.debian import DEBIAN, require_debian
from coursekit.engine.daemon import connect, explained
from coursekit.errors import EngineUnavailableError, ImageBuildError, MissingPackageError, SettingsError
from coursekit.image_failures import explain_failure

if TYPE_CHECKING:
    import docker

_LABEL: Final = "org.opencontainers.image"

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One image of the tree.

    Parameters
    ----------
    name : str
        Its folder under ``images/``.
    title : str
        What it is for.
    parent : str or None
        The image that it is built on.
    extras : tuple of str
        coursekit's extras whose packages it has.
    files : tuple of str
        Files of the checkout that its Dockerfile copies.
    folder : Path
        Where its Dockerfile is.
    optional : bool
        Whether "all images" leaves it out: it is built and tested when it is named.
    """

    name: str
    title: str
    parent: str | None
    extras: tuple[str, ...]
    files: tuple[str, ...]
    folder: Path
    optional: bool = False

    @property
    def tag(self) -> str:
        """The finished image."""
        return image_tag(self.name)

    @property
    def packages_tag(self) -> str:
        """The image without coursekit itself, which its children are built on."""
        return image_tag(f"{self.name}-packages")


def read_catalog(course: Course) -> tuple[Image, ...]:
    """Read the tree, parents before children.

    Raises
    ------
    SettingsError
        If the catalog names a parent that it does not have, or goes in a circle.
    """
    path = course.root / "images" / "catalog.toml"
    entries: dict[str, dict[str, Any]] = tomllib.loads(path.read_text())
    ordered: dict[str, Image] = {}
    while len(ordered) < len(entries):
        ready = [name for name in entries if name not in ordered and entries[name].get("parent") in (None, *ordered)]
        if not ready:
            stuck = sorted(entries.keys() - ordered.keys())
            raise SettingsError(
                f"{path}: the parents of {', '.join(stuck)} are not in the catalog, or stand in a circle.",
                fix="give each of them a parent that is in the catalog",
            )
        for name in ready:
            ordered[name] = Image(
                name=name,
                title=entries[name]["title"],
                parent=entries[name].get("parent"),
                extras=tuple(entries[name]["extras"]),
                files=tuple(entries[name].get("files", ())),
                folder=path.parent / name,
                optional=bool(entries[name].get("optional", False)),
            )
    return tuple(ordered.values())


def find_named(images: Iterable[Image], names: Iterable[str]) -> tuple[Image, ...]:
    """Find images by name, in the order of the tree; all that are not optional when no name is given.

    Raises
    ------
    SettingsError
        If the catalog has no image of a name.
    """
    known = {image.name: image for image in images}
    wanted = tuple(names) or everyday(known.values())
    for name in wanted:
        if name not in known:
            raise SettingsError(f"{name!r} is not an image.", fix=f"choose from: {', '.join(known)}")
    return tuple(image for image in known.values() if image.name in wanted)


def choose(images: Iterable[Image], names: Iterable[str]) -> tuple[Image, ...]:
    """Choose images by name as `find_named` does, with all that they are built on.

    Raises
    ------
    SettingsError
        If the catalog has no image of a name.
    """
    known = {image.name: image for image in images}
    chosen: set[str] = set()
    for named in find_named(known.values(), names):
        image: Image | None = named
        while image is not None:
            chosen.add(image.name)
            image = known[image.parent] if image.parent else None
    return tuple(image for image in known.values() if image.name in chosen)


def everyday(images: Iterable[Image]) -> tuple[str, ...]:
    """Name the images that "all" means: those that are not optional."""
    return tuple(image.name for image in images if not image.optional)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process builds in this folder; the system lets go of it when that one dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@explained
def build(course: Course, images: Iterable[Image], *, tell: Tell = lambda step: None) -> None:
    """Build images, parents first; what has not changed is taken from the daemon's cache.

    Parameters
    ----------
    course : Course
        The checkout whose ``images/`` and lock file are used.
    images : iterable of Image
        In the order of `read_catalog`.
    tell : callable
        Called with each step of the build.

    Raises
    ------
    EngineUnavailableError
        If no Docker daemon answers, or it goes away meanwhile.
    CapacityError
        If its disk is full.
    MissingPackageError
        If there is no uv, which reads the lock file.
    MirrorError
        If packages cannot be fetched.
    ImageBuildError
        If a step fails in another way; its output is in the message.
    """
    client = connect()
    folder = course.build / "images"
    with _alone(folder):
        tell(f"{DEBIAN}: looking for it")
        require_debian(client, folder, tell)
        wheel = _build_wheel(course)
        for image in images:
            _build_image(client, course, image, wheel, tell)


def _build_image(client: Any, course: Course, image: Image, wheel: Path, tell: Tell) -> None:
    """Build its packages on those of its parent, and coursekit itself on top."""
    folder = course.build / "images"
    context = _fresh(folder / image.name)
    for file in (image.folder / "Dockerfile", *(course.root / name for name in image.files)):
        shutil.copy(file, context)
    (context / "requirements.txt").write_text(_requirements(course, image))
    _copy_certificates(context / "certificates")
    parent = {"PARENT": image_tag(f"{image.parent}-packages")} if image.parent else {}
    _build(client, context, image.packages_tag, parent, {"title": image.title}, tell=tell)
    final = _fresh(folder / f"{image.name}-final")
    shutil.copy(course.root / "images" / "coursekit.Dockerfile", final / "Dockerfile")
    (final / "wheel").mkdir()
    described = {"title": image.title, "version": course_version(course)}
    described["revision"] = code_digest(course.root / "coursekit")
    shutil.copy(wheel, final / "wheel")
    _build(client, final, image.tag, {"PARENT": image.packages_tag}, described, tell=tell)


def course_version(course: Course) -> str:
    """Give the version of coursekit that a checkout has."""
    project: dict[str, str] = tomllib.loads((course.root / "pyproject.toml").read_text())["project"]
    return project["version"]


def sizes(images: Iterable[Image]) -> dict[str, int | None]:
    """Give the size of each image that the daemon has, bytes; None for one that is not built."""
    import docker.errors

    client = connect()
    found: dict[str, int | None] = {}
    for image in images:
        try:
            found[image.name] = int(client.images.get(image.tag).attrs["Size"])
        except docker.errors.ImageNotFound:
            found[image.name] = None
    return found


def _build(
    client: docker.DockerClient,
    context: Path,
    tag: str,
    arguments: Mapping[str, str],
    described: Mapping[str, str],
    *,
    tell: Tell,
) -> None:
    """Build one Dockerfile with the daemon's own builder, which needs no plugin."""
    import docker.errors

    tell(f"{tag}: reading")
    output: list[str] = []
    labels = {f"{_LABEL}.{key}": value for key, value in described.items()}
    try:
        stream = client.api.build(
            path=str(context), tag=tag, buildargs=dict(arguments), labels=labels, rm=True, decode=True
        )
        for part in stream:
            text = str(part.get("stream", "")).rstrip()
            output += [text] if text else []
            if text.startswith("Step "):
                tell(f"{tag}: {text}")
            if "error" in part:
                raise explain_failure(tag, str(part["error"]), "\n".join(output))
    except docker.errors.APIError as error:
        raise explain_failure(tag, str(error.explanation or error), "\n".join(output)) from None
    if not any(text.startswith("Successfully tagged") for text in output):
        raise EngineUnavailableError(
            f"the Docker daemon went away while it built {tag}.", fix="start it (systemctl start docker), build again"
        )


def _requirements(course: Course, image: Image) -> str:
    """Give what the lock file has for an image's extras, with checksums, and the site's index if it has one."""
    extras = [word for extra in image.extras for word in ("--extra", extra)]
    index = os.environ.get("PIP_INDEX_URL")
    listed = _uv(course, "export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", *extras)
    return (f"--index-url {index}\n" if index else "") + listed


def _build_wheel(course: Course) -> Path:
    """Build coursekit's wheel; it is the same to the byte while the sources are."""
    folder = _fresh(course.build / "images" / "wheel")
    _uv(course, "build", "--wheel", "--python", sys.executable, "--out-dir", str(folder))
    return next(folder.glob("*.whl"))


def _uv(course: Course, *arguments: str) -> str:
    """Run uv, which `make env` has fetched where the machine has none, and give what it printed."""
    uv = shutil.which("uv") or str(course.build / "uv" / "bin" / "uv")
    try:
        done = subprocess.run([uv, *arguments, "--quiet"], cwd=course.root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise MissingPackageError(f"{uv} is not there.", fix="make env, which fetches uv") from None
    if done.returncode != 0:
        raise ImageBuildError(f"uv {arguments[0]} failed:\n{done.stderr[-2000:]}", fix="mend what it names")
    return done.stdout


def _copy_certificates(folder: Path) -> None:
    """Take along the certificates of a site that has its own (``COURSEKIT_CA`` or ``SSL_CERT_FILE``)."""
    folder.mkdir()
    bundle = os.environ.get("COURSEKIT_CA") or os.environ.get("SSL_CERT_FILE")
    if bundle and Path(bundle).is_file():
        shutil.copy(bundle, folder / "site.crt")


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
