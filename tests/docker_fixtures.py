"""What tests on a Docker daemon need: the daemon, and the images."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from swarm_hosts import SwarmHosts

from coursekit.config import find_course
from coursekit.engine.daemon import connect
from coursekit.errors import EngineUnavailableError
from coursekit.images import build, choose, read_catalog
from coursekit.sandbox.boxes import bubblewrap_trouble


def require_docker(*images: str) -> None:
    """Skip where no daemon answers, unless it was promised (``COURSEKIT_REQUIRE_DOCKER``); build the images."""
    if not is_docker_there(*images):
        pytest.skip("no Docker daemon answers")


def is_docker_there(*images: str) -> bool:
    """Ask whether a daemon answers, which may be promised (``COURSEKIT_REQUIRE_DOCKER``); build the images."""
    try:
        connect()
    except EngineUnavailableError:
        if os.environ.get("COURSEKIT_REQUIRE_DOCKER"):
            raise
        return False
    for image in images:
        _build_once(image)
    return True


@pytest.fixture(scope="session")
def grader_image() -> None:
    """The sandboxes' image of this code, where a daemon answers; sandboxes do without one elsewhere."""
    is_docker_there("grader")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a container's account can read; pytest's own are for its user alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def require_bubblewrap() -> None:
    """Skip where bubblewrap cannot be used, unless all was promised (``COURSEKIT_REQUIRE_DOCKER``)."""
    if trouble := bubblewrap_trouble():
        if os.environ.get("COURSEKIT_REQUIRE_DOCKER"):
            pytest.fail(f"bubblewrap cannot be used here: {trouble}")
        pytest.skip(f"bubblewrap cannot be used here: {trouble}")


@functools.cache
def _build_once(image: str) -> None:
    course = find_course()
    build(course, choose(read_catalog(course), [image]))


@pytest.fixture(scope="session")
def swarm() -> Iterator[SwarmHosts]:
    """A Swarm of three hosts, each a real daemon with the machine's images; one that a test killed is booted again."""
    require_docker("spark")
    require_hosts()
    with SwarmHosts(3) as hosts:
        yield hosts


def require_hosts() -> None:
    """Skip where no hosts can be made, unless they were promised (``COURSEKIT_REQUIRE_DOCKER``)."""
    missing = [name for name in ("ip", "nsenter", "unshare", "dockerd") if shutil.which(name) is None]
    why = "only root can make network namespaces" if os.geteuid() else f"{', '.join(missing)} not there"
    if os.geteuid() or missing:
        if os.environ.get("COURSEKIT_REQUIRE_DOCKER"):
            pytest.fail(why)
        pytest.skip(f"no Swarm: {why}")
