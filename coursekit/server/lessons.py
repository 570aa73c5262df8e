"""A student's own copies of the lessons: updated when the course changes them, and never over the student's work.

Beside the copies is written down what each file was when it was given. A copy that is still so is replaced by what the
course has now. One that the student has changed stays, and the new version is put beside it under a name that says so.
All of it happens with the rights of the student, for the folder is theirs: it may hold links that lead anywhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

GIVEN: Final = ".given.json"
"""What each file was when it was given: its path and the SHA-256 of its content."""

Action = Literal["new", "updated", "beside"]


@dataclass(frozen=True, slots=True)
class Given:
    """One file that was put into a student's folder, and how."""

    name: str
    action: Action


def copy_lessons(source: Path, target: Path) -> tuple[Given, ...]:
    """Bring a student's copies up to date.

    Parameters
    ----------
    source : Path
        The course's lessons.
    target : Path
        The student's folder of them, made if it is not there.

    Returns
    -------
    tuple of Given
        What was put there; what the student has deleted is not given again.
    """
    target.mkdir(parents=True, exist_ok=True)
    before = _read(target / GIVEN)
    after = dict(before)
    done = []
    for path in _files(source):
        name = path.relative_to(source).as_posix()
        if given := _give(path, target / name, name, before.get(name)):
            done.append(given)
        after[name] = _digest(path)
    if after != before:
        _write(target / GIVEN, after)
    return tuple(done)


def _give(path: Path, mine: Path, name: str, given: str | None) -> Given | None:
    """Give one file, if the course has changed it since, or never gave it."""
    new = _digest(path)
    if new == given:
        return None  # nothing has changed in the course, and what the student did is theirs
    old = _digest(mine)
    if old == new:
        return None
    if old is None:
        if given is not None and not os.path.lexists(mine):
            return None  # the student has deleted it
        if not os.path.lexists(mine):
            _copy(path, mine)
            return Given(name, "new")
    elif old == given:
        _copy(path, mine)
        return Given(name, "updated")
    beside = mine.with_name(f"{mine.stem} (new version {str(new)[:6]}){mine.suffix}")
    if os.path.lexists(beside):
        return None
    _copy(path, beside)
    return Given(name, "beside")


def _files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            found.append(path)
    return found


def _copy(path: Path, mine: Path) -> None:
    """Copy a file so that there is never half of it."""
    mine.parent.mkdir(parents=True, exist_ok=True)
    draft = mine.with_name(f".{mine.name}.new")
    shutil.copyfile(path, draft)
    draft.replace(mine)


def _digest(path: Path) -> str | None:
    """Give the SHA-256 of a plain file; None for what is none."""
    with contextlib.suppress(OSError):
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
    return None


def _read(path: Path) -> dict[str, str | None]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _write(path: Path, given: dict[str, str | None]) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(given, indent=1), encoding="utf-8")
    draft.replace(path)
