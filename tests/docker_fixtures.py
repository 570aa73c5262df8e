"""What tests on a Docker daemon need: the daemon, and the images."""

from __future__ import annotations

import functools
import os

import pytest

from coursekit.config import find_course
from coursekit.engine.docker import connect
from coursekit.errors import EngineUnavailableError
from coursekit.images import build, choose, read_catalog


def require_docker(*images: str) -> None:
    """Skip where no daemon answers, unless it was promised (``COURSEKIT_REQUIRE_DOCKER``); build the images."""
    try:
        connect()
    except EngineUnavailableError as error:
        if os.environ.get("COURSEKIT_REQUIRE_DOCKER"):
            raise
        pytest.skip(f"no Docker: {error.message}")
    for image in images:
        _build_once(image)


@functools.cache
def _build_once(image: str) -> None:
    course = find_course()
    build(course, choose(read_catalog(course), [image]))
