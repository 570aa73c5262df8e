"""Submissions in folders of students' own, ``inbound/<student>/``, which nobody else can see or write.

A Hub with containers gives each student theirs. The names in it are the student's to choose, and are not believed: the
submission is of whose folder it is in, and not older than its folder is.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from coursekit.grading.deadlines import naive_utc

TIMESTAMP: Final = "%Y-%m-%d %H:%M:%S.%f"
# nbgrader's name of a submission: student+assignment+time+random.
_NAME: Final = re.compile(r"[^+]*\+([^+]+)\+(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,6}) UTC(?:\+[\w-]*)?", re.ASCII)
# What nbgrader needs between choosing the name and writing the last file.
_TOLERANCE: Final = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnSubmission:
    """One submission: whose, of what, when, and what is odd about it."""

    student: str
    filename: str
    assignment: str
    moment: datetime
    trouble: str = ""


def own_submissions(inbound: Path, student: str, assignment: str) -> tuple[OwnSubmission, ...]:
    """List the submissions of an assignment that are in students' own folders.

    Parameters
    ----------
    inbound : Path
        The exchange's folder of submissions.
    student, assignment : str
        Whose and of what; ``*`` for any.

    Returns
    -------
    tuple of OwnSubmission
        ``filename`` is the path from ``inbound``. What is no folder, or has no name of nbgrader's, is left out.
    """
    found = []
    for folder in _folders(inbound):
        if "+" in folder.name or not fnmatchcase(folder.name, student):
            continue  # those with a plus are submissions themselves, of an exchange that is common to all
        for path in _folders(folder):
            record = _read(folder.name, path)
            if record is not None and fnmatchcase(record.assignment, assignment):
                found.append(record)
    return tuple(found)


def latest(records: Iterable[OwnSubmission], duedate: datetime | None) -> tuple[OwnSubmission, ...]:
    """Choose one submission per student: the latest, or the latest in time where there is one."""
    chosen: dict[str, OwnSubmission] = {}
    for record in sorted(records, key=lambda each: each.moment):
        best = chosen.get(record.student)
        in_time = duedate is None or naive_utc(record.moment) <= duedate
        if best is None or in_time or (duedate is not None and naive_utc(best.moment) > duedate):
            chosen[record.student] = record
    return tuple(chosen[student] for student in sorted(chosen))


def moment_in_own_folder(inbound: Path, path: Path) -> datetime | None:
    """Give when a submission in a folder of its student's own was submitted; None for one that is in another."""
    if path.parent.parent != inbound:
        return None
    record = _read(path.parent.name, path)
    return record.moment if record else None


def _read(student: str, path: Path) -> OwnSubmission | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        named = datetime.strptime(match[2], TIMESTAMP).replace(tzinfo=UTC)
        written = datetime.fromtimestamp(_written(path), UTC)
    except (OSError, ValueError):
        return None
    moment, trouble = named, ""
    if abs(written - named) > _TOLERANCE:
        moment, trouble = written, f"it says {named:%Y-%m-%d %H:%M}, and was written {written:%Y-%m-%d %H:%M} UTC"
    filename = f"{path.parent.name}/{path.name}"
    return OwnSubmission(student=student, filename=filename, assignment=match[1], moment=moment, trouble=trouble)


def _written(path: Path) -> float:
    """Give when anything in a submission was last written: the one time of a file that its owner cannot choose."""
    entries = [path.lstat(), *(entry.stat(follow_symlinks=False) for entry in os.scandir(path))]
    return max(entry.st_ctime for entry in entries)


def _folders(folder: Path) -> Iterator[Path]:
    """Give the folders in a folder; a link to one is none."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode):
            yield Path(entry.path)
