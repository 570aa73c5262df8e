"""The way of an assignment out and back: release, collect, feedback. Each step is nbgrader's own.

Autograding is in ``autograding.py``, the gate that a release has to pass in ``gate.py``.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from coursekit.errors import AssignmentExistsError, GradingError
from coursekit.grading.answers import is_solution, points
from coursekit.grading.autograding import Progress, submissions
from coursekit.grading.catalog import find_assignment, read_notebook
from coursekit.grading.converters import make_released, run_converter, run_exchange
from coursekit.grading.gate import gate
from coursekit.grading.settings import GradingSettings, prepare
from coursekit.grading.verdicts import EARLIER


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """An assignment that students can fetch."""

    name: str
    path: Path
    files: tuple[str, ...]
    auto_points: float
    manual_points: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """A submission in the course directory, and when it was submitted (UTC)."""

    student: str
    assignment: str
    submitted: datetime | None
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """The pages that one student can fetch."""

    student: str
    assignment: str
    pages: tuple[Path, ...]


def release(
    settings: GradingSettings,
    name: str,
    *,
    force: bool = False,
    gated: bool = True,
    progress: Progress | None = None,
) -> Released:
    """Make the students' version of an assignment and put it into the exchange, if it is fair.

    Only notebooks and ``data/`` leave the assignment's folder: answers, notes and everything else stay.

    Parameters
    ----------
    settings : GradingSettings
        Course, folders, exchange.
    name : str
        The assignment.
    force : bool
        Replace what was released before.
    gated : bool
        Ask the release gate first. Without it only bots should get the assignment, as in a rehearsal.
    progress : callable, optional
        Told how far the gate is.

    Raises
    ------
    AssignmentNotFoundError
        If the checkout has no such assignment.
    AssignmentExistsError
        If it was released before and ``force`` is not given.
    UnfairAssignmentError
        If the gate refuses it.
    GradingError
        If nbgrader refuses the notebook.
    """
    folder = find_assignment(settings, name)
    if (settings.outbound / name).is_dir() and not force:
        raise AssignmentExistsError(
            f"the assignment {name!r} has been released to {settings.outbound} before.",
            fix=f"coursekit assignment release {name} --force  replaces it; copies that students fetched stay",
        )
    if gated:
        gate(settings, name, progress=progress).require_fair()
    generate_students_version(settings, name)
    run_exchange(settings, "ReleaseAssignment", name, force=True, gated=gated)
    cells = read_notebook(folder / f"{name}.ipynb")["cells"]
    outbound = settings.outbound / name
    return Released(
        name=name,
        path=outbound,
        files=tuple(sorted(str(path.relative_to(outbound)) for path in outbound.rglob("*") if path.is_file())),
        auto_points=sum(points(cell) for cell in cells if not is_solution(cell)),
        manual_points=sum(points(cell) for cell in cells if is_solution(cell)),
    )


def generate_students_version(settings: GradingSettings, name: str) -> None:
    """Make the students' version in the course directory, and enter the tests in the gradebook; nothing goes out.

    Raises
    ------
    GradingError
        If nbgrader refuses the notebook.
    """
    folder = find_assignment(settings, name)
    prepare(settings)
    _keep_release(settings, name)
    make_released(settings, folder, name)


def _keep_release(settings: GradingSettings, name: str) -> None:
    """Keep what students may have got: what they hand in is compared with it."""
    released = settings.course_dir / "release" / name
    kept = settings.course_dir / EARLIER / name
    for path in released.glob("*.ipynb"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        if not list(kept.glob(f"*-{digest}/{path.name}")):
            folder = kept / f"{int(path.stat().st_mtime):012d}-{digest}"
            folder.mkdir(parents=True)
            shutil.copyfile(path, folder / path.name)


def collect(settings: GradingSettings, name: str, *, progress: Progress | None = None) -> tuple[Collected, ...]:
    """Bring each student's latest submission from the exchange into the course directory.

    Returns
    -------
    tuple of Collected
        All collected submissions, new and old, by student.

    Raises
    ------
    GradingError
        If the assignment was not released, or nbgrader's collect failed.
    """
    if not (settings.outbound / name).is_dir():
        find_assignment(settings, name)
        raise GradingError(
            f"the assignment {name!r} has not been released, so nothing was submitted.",
            fix=f"coursekit assignment release {name}",
        )
    run_exchange(settings, "Collect", name, update=True)
    folders = submissions(settings, name)
    found = []
    for student, path in folders.items():
        found.append(Collected(student=student, assignment=name, submitted=_timestamp(path), path=path))
        if progress:
            progress(len(found), len(folders), student)
    return tuple(found)


def _timestamp(folder: Path) -> datetime | None:
    from nbgrader.utils import parse_utc

    try:
        moment: datetime = parse_utc((folder / "timestamp.txt").read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None
    return moment.replace(tzinfo=UTC)


def publish_feedback(settings: GradingSettings, name: str) -> tuple[Feedback, ...]:
    """Make the feedback pages of all graded submissions and let the students fetch them.

    Raises
    ------
    GradingError
        If nothing has been autograded, or a page could not be made.
    """
    if not any((settings.course_dir / "autograded").glob(f"*/{name}/*.ipynb")):
        find_assignment(settings, name)
        raise GradingError(
            f"no submission of {name!r} has been autograded, so there is no feedback.",
            fix=f"coursekit assignment autograde {name}",
        )
    students = sorted(path.parent.name for path in (settings.course_dir / "autograded").glob(f"*/{name}"))
    failed = {student: trouble for student in students if (trouble := _publish_one(settings, name, student))}
    folders = sorted((settings.course_dir / "feedback").glob(f"*/{name}"))
    if failed:
        lines = "".join(f"\n  {student}: {trouble}" for student, trouble in failed.items())
        raise GradingError(
            f"{len(failed)} of {len(students)} students got no feedback on {name!r}:{lines}",
            fix="mend what nbgrader names, then try again; the others have theirs",
        )
    return tuple(
        Feedback(student=folder.parent.name, assignment=name, pages=tuple(sorted(folder.glob("*.html"))))
        for folder in folders
    )


def _publish_one(settings: GradingSettings, name: str, student: str) -> str:
    """Make one student's pages and let them be fetched; say why not, if so."""
    from nbgrader.converters import GenerateFeedback

    try:
        run_converter(settings, GenerateFeedback, name, student=student, force=True)
        run_exchange(settings, "ReleaseFeedback", name, student=student)
    except GradingError as error:
        return error.message
    return ""
