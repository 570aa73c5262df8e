"""Which notebooks a command means, and how it names them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coursekit.config import Course, find_course
from coursekit.errors import CourseNotFoundError

if TYPE_CHECKING:
    from coursekit.notebooks.catalog import Notebook

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME|PATH]...",
        help="A lesson's number, slug or file name, an assignment, the path of a notebook, or a folder of notebooks.",
        show_default=False,
    ),
]


def chosen_notebooks(names: Sequence[str] | None) -> tuple[Notebook, ...]:
    """Give the notebooks named, or all of the course."""
    from coursekit.notebooks.catalog import find_notebooks, list_notebooks

    return find_notebooks(names, current_course()) if names else list_notebooks(find_course())


def current_course() -> Course | None:
    """Give the course that this is run in; a notebook may also be given by its path outside of one."""
    try:
        return find_course()
    except CourseNotFoundError:
        return None


def count(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def short_path(path: Path) -> Path:
    """Give a path relative to the working directory when it lies below it."""
    resolved = path.resolve()
    return resolved.relative_to(Path.cwd()) if resolved.is_relative_to(Path.cwd()) else path
