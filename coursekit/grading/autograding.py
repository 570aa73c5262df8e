"""Autograding: submissions run in sandboxes side by side, and one writer brings their scores into the gradebook.

The sandboxes' results are kept (`coursekit.grading.sandboxed.ResultStore`); nbgrader's own autograde then finds them
there and does all the rest, as it does when formgrader or its command starts it. So whoever starts it, and however
often it was interrupted, a submission is run once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from coursekit.errors import AutogradeError, CoursekitError, RefusedSubmissionError, SandboxError
from coursekit.grading.book import Grade, enter_refused, grades
from coursekit.grading.restore import restore
from coursekit.grading.sandboxed import ResultStore, files_beside, limits_of, make_request, open_store
from coursekit.grading.settings import GradingSettings, nbgrader_config, prepare
from coursekit.grading.submission import keep_plain, read_submitted
from coursekit.grading.verdicts import read_versions, report_path, write_refusal
from coursekit.sandbox import Limits, Request

Progress = Callable[[int, int, str], None]
"""Called with how many are done, how many there are, and the student that was done last (or comes first)."""

_ERROR: Final = re.compile(r"[\w.]*(Error|Exception|Failure)\b.*: ")
_MEMORY_SHARE: Final = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Graded:
    """The outcome of autograding one submission; ``trouble`` says why there is none, ``flags`` what to look at."""

    student: str
    assignment: str
    auto_score: float
    auto_max: float
    needs_manual: bool
    seconds: float
    log: Path
    flags: tuple[str, ...] = ()
    trouble: str | None = None


def autograde(
    settings: GradingSettings,
    name: str,
    *,
    students: Iterable[str] | None = None,
    force: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> tuple[Graded, ...]:
    """Autograde the collected submissions, each in a sandbox of its own, several at once.

    Parameters
    ----------
    settings : GradingSettings
        Course, folders.
    name : str
        The assignment.
    students : iterable of str, optional
        Only these; all who submitted when not given.
    force : bool
        Grade again what was graded before; else only what is new, or whose tests have changed.
    jobs : int, optional
        How many sandboxes at once; as many as cores and memory allow when not given.
    progress : callable, optional
        Called once at the beginning and after each submission.

    Returns
    -------
    tuple of Graded
        By student.

    Raises
    ------
    AutogradeError
        At the end, if submissions could not be graded; all others are in the gradebook by then.
    SandboxError
        If sandboxes cannot be started at all.
    """
    folders = submissions(settings, name)
    wanted = sorted(folders) if students is None else list(students)
    if missing := [student for student in wanted if student not in folders]:
        raise AutogradeError(
            f"no submission of {name!r} by {', '.join(missing)} has been collected.",
            fix=f"coursekit assignment collect {name}",
        )
    prepare(settings)
    grader = _Grader(settings, name, open_store(settings.course_dir))
    if progress and wanted:
        progress(0, len(wanted), wanted[0])
    done: dict[str, Graded] = {}
    for graded in grader.grade(wanted, force=force, jobs=jobs):
        done[graded.student] = graded
        if progress:
            progress(len(done), len(wanted), graded.student)
    if broken := [done[student] for student in wanted if done[student].trouble is not None]:
        lines = "".join(f"\n  {graded.student}: {graded.trouble} (log: {graded.log})" for graded in broken)
        raise AutogradeError(
            f"{len(broken)} of {len(done)} submissions of {name!r} could not be graded:{lines}",
            fix="read the log, then coursekit assignment autograde "
            f"{name} --student {broken[0].student}; the other grades are in the gradebook",
        )
    return tuple(done[student] for student in wanted)


def sandboxes_at_once(limits: Limits) -> int:
    """Say for how many sandboxes this machine has memory and cores: one more, for each waits now and then."""
    by_memory = int(psutil.virtual_memory().total * _MEMORY_SHARE) // limits.memory
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores + 1, by_memory))


class _Grader:
    """Runs the submissions of one assignment."""

    def __init__(self, settings: GradingSettings, name: str, store: ResultStore) -> None:
        self._settings = settings
        self._name = name
        self._store = store
        course = settings.course_dir
        notebooks = sorted(path.stem for path in (course / "source" / name).glob("*.ipynb"))
        self._versions = {notebook: read_versions(course, name, notebook) for notebook in notebooks}

    def grade(self, students: list[str], *, force: bool, jobs: int | None) -> Iterator[Graded]:
        """Run sandboxes in threads, and write each result as soon as it is there."""
        limits = [limits_of(source) for source, _ in self._versions.values()]
        most = jobs or sandboxes_at_once(max(limits, key=lambda each: each.memory, default=Limits()))
        pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="sandbox")
        try:
            running: dict[Future[str], str] = {pool.submit(self._run, student): student for student in students}
            for future in as_completed(running):
                yield self._write(running[future], future, force=force)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def requests(self, student: str) -> list[Request]:
        """Make the requests of a submission, one for each notebook."""
        course = self._settings.course_dir
        folder = course / "submitted" / student / self._name
        keep_plain(folder)
        files = files_beside(folder, course / "source" / self._name)
        made = []
        for notebook, (source, released) in self._versions.items():
            path = folder / f"{notebook}.ipynb"
            if not path.exists():
                continue
            cells, _ = restore(source, released, read_submitted(path))
            made.append(make_request({"cells": cells}, source, student=student, assignment=self._name, files=files))
        if not made:
            raise RefusedSubmissionError(
                "no notebook of the assignment is in it.", fix="ask the student to submit again"
            )
        return made

    def _run(self, student: str) -> str:
        """Run a submission, and give the name of what was run."""
        requests = self.requests(student)
        for request in requests:
            self._store.run(request)
        runtime = self._store.box.digest()
        when = self._settings.course_dir / "submitted" / student / self._name / "timestamp.txt"
        moment = when.read_text(encoding="utf-8", errors="replace") if when.is_file() else ""
        parts = [moment, *(request.digest(runtime) for request in requests)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _write(self, student: str, future: Future[str], *, force: bool) -> Graded:
        """Bring a submission's scores into the gradebook."""
        begin = time.monotonic()
        settings, name = self._settings, self._name
        log = settings.logs / f"{name}+{student}.log"
        try:
            digest = future.result()
        except SandboxError:
            raise
        except CoursekitError as error:
            write_refusal(settings.course_dir, student=student, assignment=name, why=str(error))
            enter_refused(settings, name, student)
            log.write_text(f"{error}\n", encoding="utf-8")
            return self._graded(student, begin, log, trouble=str(error).split("\n")[0])
        mark = settings.course_dir / "graded" / name / f"{student}.json"
        trouble = None
        if force or not _is_marked(mark, digest):
            mark.unlink(missing_ok=True)
            trouble = _run_nbgrader(settings, name, student, log)
            if trouble is None:
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.write_text(json.dumps({"request": digest}), encoding="utf-8")
        return self._graded(student, begin, log, trouble=trouble)

    def _graded(self, student: str, begin: float, log: Path, *, trouble: str | None) -> Graded:
        grade = _find_grade(self._settings, self._name, student) if trouble is None else None
        if trouble is None and grade is None:
            trouble = "nbgrader ended well, but the gradebook has no grade"
        report = _read_report(report_path(self._settings.course_dir, self._name, student))
        return Graded(
            student=student,
            assignment=self._name,
            auto_score=grade.auto_score if grade else 0.0,
            auto_max=grade.auto_max if grade else 0.0,
            needs_manual=grade.needs_manual if grade else True,
            seconds=round(float(report.get("seconds", 0.0)) + time.monotonic() - begin, 2),
            log=log,
            flags=tuple(f"{flag['kind']}: {flag['what']}" for flag in report.get("flags", ())),
            trouble=trouble,
        )


def _is_marked(mark: Path, digest: str) -> bool:
    """Whether nbgrader has been through with just this; what it leaves when it is killed looks as if it had."""
    try:
        return bool(json.loads(mark.read_text(encoding="utf-8"))["request"] == digest)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read_report(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _find_grade(settings: GradingSettings, name: str, student: str) -> Grade | None:
    found = [grade for grade in grades(settings, name, student=student) if grade.submitted is not None]
    return found[0] if found else None


def _run_nbgrader(settings: GradingSettings, name: str, student: str, log: Path) -> str | None:
    """Run nbgrader's autograde on one submission, here and quietly; return what went wrong, if anything."""
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log
    from sqlalchemy.exc import SAWarning

    config = nbgrader_config(settings)
    directory = CourseDirectory(config=config, assignment_id=name, student_id=student)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=SAWarning)  # nbgrader's queries, which it knows of
        outcome = capture_log(Autograde(coursedir=directory, config=config, force=True))
    said = str(outcome.get("log", "")) + str(outcome.get("error", ""))
    log.write_text(said, encoding="utf-8")
    if outcome["success"]:
        return None
    return (reason(said) or "nbgrader failed")[:200]


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
