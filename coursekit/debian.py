"""Debian's own image, which the tree of images stands on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coursekit.errors import ImageBuildError, SettingsError
from coursekit.image_failures import explain_failure

if TYPE_CHECKING:
    import docker

DEBIAN: Final = "debian:bookworm-slim"
# What a slim Debian leaves out: nobody reads manuals in a container.
_SLIM: Final = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def require_debian(client: docker.DockerClient, folder: Path, tell: Callable[[str], None]) -> None:
    """Have Debian's image: here already, from a registry, or made from Debian's packages where none is reached.

    Parameters
    ----------
    client : docker.DockerClient
        The daemon that should have it.
    folder : Path
        Where it is made.
    tell : callable
        Called with each step.

    Raises
    ------
    MirrorError
        If Debian's packages cannot be fetched.
    ImageBuildError
        If it cannot be made for another reason.
    """
    import docker.errors

    repository, tag = DEBIAN.split(":")
    try:
        client.images.get(DEBIAN)
    except docker.errors.ImageNotFound:
        try:
            tell(f"{DEBIAN}: asking a registry")
            client.images.pull(repository, tag)
        except docker.errors.APIError:
            tell(f"{DEBIAN}: no registry, making it from Debian's packages")
            archive = _make_debian(folder)
            said = client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
            archive.unlink()
            if "error" in said:
                raise explain_failure(DEBIAN, said, said) from None


def _make_debian(folder: Path) -> Path:
    """Make Debian's slim image with mmdebstrap, as an air-gapped site does with its own mirror."""
    if shutil.which("mmdebstrap") is None:
        raise ImageBuildError(
            f"there is no registry to fetch {DEBIAN} from, and no mmdebstrap to make it with.",
            fix="apt install mmdebstrap (Debian, Ubuntu), or load the image: docker load < debian.tar",
        )
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "debian.tar"
    exclude = [f"--dpkgopt=path-exclude={pattern}" for pattern in _SLIM]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", *exclude, "bookworm", str(archive), *_debian_sources()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        archive.unlink(missing_ok=True)
        raise explain_failure(DEBIAN, "it could not be made from Debian's packages", done.stderr)
    return archive


def _debian_sources() -> tuple[str, ...]:
    """Give the file with apt's sources of a site that has a mirror (``COURSEKIT_DEBIAN_SOURCES``)."""
    path = os.environ.get("COURSEKIT_DEBIAN_SOURCES")
    if not path:
        return ()
    if not Path(path).is_file():
        raise SettingsError(
            f"COURSEKIT_DEBIAN_SOURCES = {path!r} is not a file.",
            fix="set it to a file of apt's sources, like /etc/apt/sources.list",
        )
    return (path,)
