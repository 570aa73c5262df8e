"""Which assignments a course has, and how far each has come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursekit.config import Course
from coursekit.errors import AssignmentNotFoundError, GradingError
from coursekit.grading.answers import is_solution, points
from coursekit.grading.own_folders import own_submissions
from coursekit.grading.settings import GradingSettings, default_settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """An assignment of a course.

    Parameters
    ----------
    name : str
        Its folder in ``assignments/``.
    title : str
        From the notebook's contract.
    auto_points, manual_points : float
        Points that tests give, and that a person gives.
    released : bool
        Whether students can fetch it.
    submitted : int
        Students with a submission in the exchange.
    autograded : int
        Students whose submission has been autograded.
    """

    name: str
    title: str
    auto_points: float
    manual_points: float
    released: bool
    submitted: int
    autograded: int


def assignments_in(course: Course, *, settings: GradingSettings | None = None) -> tuple[Assignment, ...]:
    """List a course's assignments.

    Parameters
    ----------
    course : Course
        The checkout.
    settings : GradingSettings, optional
        Where they are graded; :func:`default_settings` when not given.
    """
    settings = settings or default_settings(course)
    folders = sorted(path.parent for path in settings.assignments.glob("*/*.ipynb") if path.stem == path.parent.name)
    return tuple(_describe(settings, folder) for folder in folders)


def _describe(settings: GradingSettings, folder: Path) -> Assignment:
    notebook = read_notebook(folder / f"{folder.name}.ipynb")
    cells = notebook["cells"]
    return Assignment(
        name=folder.name,
        title=notebook["metadata"].get("coursekit", {}).get("title", folder.name),
        auto_points=sum(points(cell) for cell in cells if not is_solution(cell)),
        manual_points=sum(points(cell) for cell in cells if is_solution(cell)),
        released=(settings.outbound / folder.name).is_dir(),
        submitted=len(students_submitting(settings, folder.name)),
        autograded=len(list((settings.course_dir / "autograded").glob(f"*/{folder.name}"))),
    )


def students_submitting(settings: GradingSettings, name: str) -> tuple[str, ...]:
    """Who has a submission of the assignment in the exchange, in alphabetical order."""
    if not settings.inbound.is_dir():
        return ()
    # nbgrader's names are student+assignment+time+random; a student's name may hold a "+", the others may not.
    parts = (path.name.rsplit("+", 3) for path in settings.inbound.iterdir())
    common = {part[0] for part in parts if len(part) == 4 and part[1] == name}
    return tuple(sorted(common | {found.student for found in own_submissions(settings.inbound, "*", name)}))


def read_notebook(path: Path) -> dict[str, Any]:
    """Read a notebook as plain JSON.

    Raises
    ------
    GradingError
        If the file is not a notebook.
    """
    try:
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"], notebook["metadata"]
    except (ValueError, KeyError) as error:
        raise GradingError(f"{path} is not a notebook: {error}.", fix="open it in JupyterLab and save it") from error
    return notebook


def find_assignment(settings: GradingSettings, name: str) -> Path:
    """Find the folder of an assignment in the checkout.

    Raises
    ------
    AssignmentNotFoundError
        If there is none of that name.
    """
    folder = settings.assignments / name
    if (folder / f"{name}.ipynb").is_file() and folder.parent == settings.assignments:
        return folder
    known = sorted(path.parent.name for path in settings.assignments.glob("*/*.ipynb"))
    raise AssignmentNotFoundError(
        f"no assignment {name!r} in {settings.assignments}.",
        fix=f"use one of: {', '.join(known)}" if known else f"make {folder / (name + '.ipynb')}",
    )
