"""What all tests share: places of their own, and a look at the end whether anything was left running."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest
from browser_fixtures import browser, page  # noqa: F401 -- fixtures that several folders share
from docker_fixtures import grader_image, open_folder, swarm  # noqa: F401 -- fixtures that several folders share
from hub_fixtures import course, hub  # noqa: F401 -- fixtures that several folders share

# How long an example takes says nothing on a machine that others share.
hypothesis.settings.register_profile("course", deadline=None)
hypothesis.settings.load_profile("course")

ROOT = Path(__file__).parents[1]
LAYERS = ("unit", "lessons", "contract", "images", "integration", "browser", "attacks")
# Whole systems with limits of time, on machines that do other work too. A second try is listed; no attack has one.
TRIED_AGAIN = ("contract", "integration", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the cheap layers first: a typing error should not wait for a browser. Large ones have a second try."""
    items.sort(key=lambda item: LAYERS.index(layer_of(item)))
    for item in items:
        if layer_of(item) in TRIED_AGAIN:
            item.add_marker(pytest.mark.flaky(reruns=1))


def layer_of(item: pytest.Item) -> str:
    """Name the folder of a test."""
    return item.path.relative_to(ROOT / "tests").parts[0]


@pytest.fixture(scope="session", autouse=True)
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep logs and nodes of the tests away from the user's; data sets are cached between runs under build/."""
    run = tmp_path_factory.mktemp("run")
    os.environ["COURSEKIT_RUN"] = str(run)
    os.environ["COURSEKIT_CACHE"] = str(ROOT / "build" / "cache")
    os.environ["COURSEKIT_ENGINE"] = "process"  # a test of another engine names it
    yield run
    deadline = time.monotonic() + 15
    while (left := _nodes_left(run)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, f"tests left nodes running: {left}"


def _nodes_left(run: Path) -> list[str]:
    left = []
    for process in psutil.process_iter():
        try:
            if str(run) in process.environ().get("COURSEKIT_NODE", ""):
                left.append(" ".join(process.cmdline())[:200])
        except psutil.Error:
            continue
    return left
