"""Extensions that were given on the course page, in a file of their own: no program writes ``hub/course.toml``.

::

    {"a1": {"ada": "2026-12-05T23:59:00+01:00"}}

Where both files name a student, the later moment holds.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from coursekit.errors import GradingError, SettingsError
from coursekit.grading.deadlines import Deadline, read_deadlines

Extensions = dict[str, dict[str, datetime]]


def read_extensions(path: Path) -> Extensions:
    """Read the file, by assignment and student; a course without it has none.

    Raises
    ------
    SettingsError
        If the file is not such a document.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {
            assignment: {student: datetime.fromisoformat(moment) for student, moment in students.items()}
            for assignment, students in content.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(
            f"{path} does not hold extensions: {error}.", fix="mend it, or remove it and give the extensions again"
        ) from None
    for assignment, students in found.items():
        for student, moment in students.items():
            if moment.tzinfo is None:
                raise SettingsError(
                    f"{path}: the extension of {student!r} for {assignment!r} does not say in which time zone.",
                    fix="write the offset from UTC behind it, as in 2026-12-05T23:59:00+01:00",
                )
    return found


def add_extension(path: Path, assignment: str, student: str, until: datetime) -> None:
    """Write down that a student has until then; an earlier entry of the same student is replaced.

    Parameters
    ----------
    path : Path
        The file; made where there is none, readable by its owner alone.
    assignment, student : str
        Names.
    until : datetime
        With a time zone.

    Raises
    ------
    SettingsError
        If the file that is there does not hold extensions, or ``until`` has no time zone.
    GradingError
        If it cannot be written.
    """
    if until.tzinfo is None:
        raise SettingsError(f"until = {until} does not say in which time zone.", fix="give an offset from UTC")
    known = read_extensions(path)
    known.setdefault(assignment, {})[student] = until
    content = {one: {who: when.isoformat() for who, when in them.items()} for one, them in known.items()}
    try:
        write_whole(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    except OSError as error:
        raise GradingError(
            f"{path} cannot be written: {error.strerror}.", fix="let this account write there, or free some space"
        ) from None


def all_deadlines(course_file: Path, extensions_file: Path) -> dict[str, Deadline]:
    """Read the deadlines of ``hub/course.toml`` with the extensions of both files.

    Raises
    ------
    SettingsError
        If one of the files is wrong.
    """
    return merge(read_deadlines(course_file), read_extensions(extensions_file))


def merge(deadlines: Mapping[str, Deadline], extensions: Extensions) -> dict[str, Deadline]:
    """Add extensions to deadlines; those of assignments without a deadline change nothing."""
    return {name: _extended(deadline, extensions.get(name, {})) for name, deadline in deadlines.items()}


def _extended(deadline: Deadline, more: Mapping[str, datetime]) -> Deadline:
    later = {student: max(moment, deadline.extensions.get(student, moment)) for student, moment in more.items()}
    return replace(deadline, extensions={**deadline.extensions, **later})


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, for its owner alone: somebody may be reading it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
