"""A copy of the course, and one real Hub for all tests that need one; `conftest.py` gives them to every folder."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from coursekit.config import Course, find_course
from coursekit.hub.server import RunningHub, down, status, up
from coursekit.hub.settings import HubSettings, read_settings


def copy_course(target: Path) -> Course:
    """Copy what is committed of the course, so that a test writes under a build/ of its own."""
    source = find_course()
    for name in ("lessons", "assignments", "datasets", "hub"):
        if (source.root / name).is_dir():
            shutil.copytree(source.root / name, target / name, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    course = Course(root=target)
    for lesson in sorted(course.lessons.glob("*.ipynb")):
        make_small(lesson)
    return course


def make_small(lesson: Path) -> None:
    """Give a lesson its small parameters, as papermill does: a browser cannot."""
    import nbformat
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    notebook = load_notebook_node(str(lesson))
    sizes = notebook.metadata["coursekit"]["sizes"]
    nbformat.write(parameterize_notebook(notebook, sizes["small"]), lesson)


@dataclass(frozen=True, kw_only=True)
class HubUnderTest:
    """A Hub that runs for the whole session, on a copy of the course."""

    course: Course
    settings: HubSettings
    running: RunningHub


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A copy of the course for one test."""
    return copy_course(tmp_path / "course")


@pytest.fixture(scope="session")
def hub(places: Path, grader_image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubUnderTest]:
    """One Hub for all tests; at the end nothing of it may be left."""
    with running_hub(tmp_path_factory.mktemp("hub") / "course") as hub:
        yield hub


@contextlib.contextmanager
def running_hub(folder: Path) -> Iterator[HubUnderTest]:
    """A Hub on a copy of the course, with the environment of now."""
    course = copy_course(folder)
    settings = read_settings(course, port=0)
    running = up(settings)
    try:
        yield HubUnderTest(course=course, settings=settings, running=running)
    finally:
        down(settings)
    assert status(settings) == ()
