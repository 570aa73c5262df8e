"""Take images to a registry, as ``latest`` and under a version, and say under which digests they are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from coursekit.config import image_repository
from coursekit.engine.daemon import connect, explained
from coursekit.errors import EngineError, ImageMissingError, SettingsError
from coursekit.images import Image

if TYPE_CHECKING:
    import docker

_VERSION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# As Docker reads a name: what comes before the first slash is a host if it has a dot or a port.
_WITH_HOST: Final = re.compile(r"[^/]*[.:][^/]*/|localhost/")


@explained
def push(images: Iterable[Image], version: str, *, tell: Callable[[str], None] = lambda step: None) -> dict[str, str]:
    """Push images to the registry that ``COURSEKIT_REPOSITORY`` names.

    Parameters
    ----------
    images : iterable of Image
        Which; all have to be there.
    version : str
        The tag besides ``latest``.
    tell : callable
        Called with what is being done.

    Returns
    -------
    dict of str to str
        For each image its name without a tag, and the digest that the registry keeps it under: ``sha256:...``.

    Raises
    ------
    SettingsError
        If the repository names no registry, or the version cannot be a tag.
    ImageMissingError
        If an image was not built.
    EngineError
        If the registry does not take one.
    """
    repository = image_repository()
    if not _WITH_HOST.match(repository):
        raise SettingsError(
            f"COURSEKIT_REPOSITORY = {repository!r} names no registry.",
            fix="set it to a registry and a name, registry.example.org/course, build the images, and push again",
        )
    if not _VERSION.fullmatch(version):
        raise SettingsError(f"version = {version!r} cannot be the tag of an image.", fix="use one like 0.1.0")
    client = connect()
    names = [_tagged(client, image, version) for image in images]  # all of them, or none is pushed
    digests = {name: _pushed(client, name, version, tell) for name in names}
    for name in names:  # after the last version is there, for these tags change under those who use them
        _pushed(client, name, "latest", tell)
    return digests


def _tagged(client: docker.DockerClient, image: Image, version: str) -> str:
    """Give an image the version as a tag, and give its name without one."""
    import docker.errors

    name = image.tag.removesuffix(":latest")
    try:
        client.images.get(image.tag).tag(name, version)
    except docker.errors.ImageNotFound:
        raise ImageMissingError(
            f"the daemon has no image {image.tag!r}.", fix=f"coursekit image build {image.name}"
        ) from None
    return name


def _pushed(client: docker.DockerClient, name: str, tag: str, tell: Callable[[str], None]) -> str:
    """Push one tag, and give the digest that the registry keeps it under."""
    tell(f"push {name}:{tag}")
    digest = ""
    for said in client.images.push(name, tag=tag, stream=True, decode=True):
        if "error" in said:
            raise EngineError(
                f"the registry does not take {name}:{tag}: {said['error']}.",
                fix="log in to it (docker login), and see that it may be written to",
            )
        digest = said.get("aux", {}).get("Digest") or digest
    return digest
