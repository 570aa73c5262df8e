"""Autograding: nbgrader's own command, once for each submission.

Each runs in a process of its own: a submission that kills its grader kills nothing else, and what it prints goes to a
log. The command reads the course directory's ``nbgrader_config.py``, as it does when an instructor types it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coursekit.errors import AutogradeError
from coursekit.grading.book import Grade, grades
from coursekit.grading.settings import GradingSettings, prepare

Progress = Callable[[int, int, str], None]
"""Called with how many are done, how many there are, and the student that comes next (or the last)."""

SUBMISSION_TIMEOUT_S: Final = 1800

_ERROR: Final = re.compile(r"[\w.]*(Error|Exception|Failure)\b.*: ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Graded:
    """The outcome of autograding one submission; ``trouble`` says why there is none."""

    student: str
    assignment: str
    auto_score: float
    auto_max: float
    needs_manual: bool
    seconds: float
    log: Path
    trouble: str | None = None


def autograde(
    settings: GradingSettings,
    name: str,
    *,
    students: Iterable[str] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[Graded, ...]:
    """Autograde the collected submissions, one after the other.

    Parameters
    ----------
    settings : GradingSettings
        Course, folders.
    name : str
        The assignment.
    students : iterable of str, optional
        Only these; all who submitted when not given.
    force : bool
        Grade again what was graded before; else only new and newer submissions.
    progress : callable, optional
        Called before each submission and after the last.

    Returns
    -------
    tuple of Graded
        By student.

    Raises
    ------
    AutogradeError
        At the end, if submissions could not be graded; all others are in the gradebook by then.
    """
    folders = submissions(settings, name)
    wanted = sorted(folders) if students is None else list(students)
    if missing := [student for student in wanted if student not in folders]:
        raise AutogradeError(
            f"no submission of {name!r} by {', '.join(missing)} has been collected.",
            fix=f"coursekit assignment collect {name}",
        )
    prepare(settings)
    done: list[Graded] = []
    for student in wanted:
        if progress:
            progress(len(done), len(wanted), student)
        done.append(_grade_submission(settings, name, student, force=force))
    if progress and wanted:
        progress(len(done), len(wanted), wanted[-1])
    if broken := [graded for graded in done if graded.trouble is not None]:
        lines = "".join(f"\n  {graded.student}: {graded.trouble} (log: {graded.log})" for graded in broken)
        raise AutogradeError(
            f"{len(broken)} of {len(done)} submissions of {name!r} could not be graded:{lines}",
            fix="read the log, then coursekit assignment autograde "
            f"{name} --student {broken[0].student}; the other grades are in the gradebook",
        )
    return tuple(done)


def _grade_submission(settings: GradingSettings, name: str, student: str, *, force: bool) -> Graded:
    begin = time.monotonic()
    settings.logs.mkdir(parents=True, exist_ok=True)
    log = settings.logs / f"{name}+{student}.log"
    command = [sys.executable, "-m", "nbgrader", "autograde", name, f"--CourseDirectory.student_id={student}"]
    trouble = _run_logged([*command, *(["--force"] if force else [])], settings.course_dir, log)
    grade = _find_grade(settings, name, student) if trouble is None else None
    if trouble is None and grade is None:
        trouble = "nbgrader ended well, but the gradebook has no grade"
    return Graded(
        student=student,
        assignment=name,
        auto_score=grade.auto_score if grade else 0.0,
        auto_max=grade.auto_max if grade else 0.0,
        needs_manual=grade.needs_manual if grade else True,
        seconds=time.monotonic() - begin,
        log=log,
        trouble=trouble,
    )


def _find_grade(settings: GradingSettings, name: str, student: str) -> Grade | None:
    found = [grade for grade in grades(settings, name) if grade.student == student and grade.submitted is not None]
    return found[0] if found else None


def _run_logged(command: list[str], folder: Path, log: Path) -> str | None:
    """Run a command in a session of its own, its output in a file; return what went wrong, if anything."""
    # The grader is not the student: who works in this shell or Hub must not leak into the submission's seed.
    environment = {key: value for key, value in os.environ.items() if key != "JUPYTERHUB_USER"}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(SUBMISSION_TIMEOUT_S)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"not done after {SUBMISSION_TIMEOUT_S} s"
    if code == 0:
        return None
    return (reason(log.read_text(encoding="utf-8", errors="replace")) or f"nbgrader ended with exit code {code}")[:200]


def reason(log: str) -> str | None:
    """Find the line of nbgrader's log that a person would look for: the last that names an error."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    found = errors or lines
    return found[-1] if found else None


def submissions(settings: GradingSettings, name: str) -> dict[str, Path]:
    """Where the collected submissions lie, by student."""
    folders = sorted((settings.course_dir / "submitted").glob(f"*/{name}"))
    return {folder.parent.name: folder for folder in folders if folder.is_dir()}
