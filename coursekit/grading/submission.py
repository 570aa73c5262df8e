"""A submission as it lies on the disk: which of its files may be read at all, and what they hold.

What students hand in is a folder of theirs, and they are free to put pipes, devices, links to other people's files, or
gigabytes into it. Only plain files of a bearable size are ever opened, and never through a link.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coursekit.config import MiB
from coursekit.errors import RefusedSubmissionError

NOTEBOOK_MAX: Final = 20 * MiB
FILE_MAX: Final = 20 * MiB
FOLDER_MAX: Final = 50 * MiB
_FILES_MAX: Final = 200
EXCHANGES_OWN: Final = ("timestamp.txt", "submission_secret.txt")
_DEPTH_MAX: Final = 8
_CELLS_MAX: Final = 2000


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was left out, and why."""

    name: str
    why: str


def plain_files(folder: Path) -> tuple[dict[str, Path], tuple[Refused, ...]]:
    """List what may be read of a folder of a student's.

    Returns
    -------
    files : dict of str to Path
        Plain files by their path in the folder.
    refused : tuple of Refused
        What was left out.
    """
    files: dict[str, Path] = {}
    refused: list[Refused] = []
    total = 0
    for path, facts in sorted(_walk(folder, 0), key=lambda found: not _is_needed(found[0])):
        name = str(path.relative_to(folder))
        if why := _why_refused(facts):
            refused.append(Refused(name, why))
        elif len(files) >= _FILES_MAX:
            refused.append(Refused(name, f"is one of more than {_FILES_MAX} files"))
        elif total + facts.st_size > FOLDER_MAX:
            refused.append(Refused(name, f"makes the folder larger than {FOLDER_MAX // MiB} MiB"))
        else:
            total += facts.st_size
            files[name] = path
    return files, tuple(refused)


def _is_needed(path: Path) -> bool:
    """Tell what comes first, however much lies beside it: notebooks, and what the exchange wrote."""
    return path.suffix == ".ipynb" or path.name in EXCHANGES_OWN


def _walk(folder: Path, depth: int) -> Iterator[tuple[Path, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            facts = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode) and depth < _DEPTH_MAX:
                yield from _walk(Path(entry.path), depth + 1)
            else:
                yield Path(entry.path), facts


def _why_refused(facts: os.stat_result) -> str:
    if stat.S_ISLNK(facts.st_mode):
        return "is a link"
    if stat.S_ISDIR(facts.st_mode):
        return "is a folder too deep"
    if not stat.S_ISREG(facts.st_mode):
        return "is no plain file"
    if facts.st_nlink > 1:
        return "is a file of another folder too"
    return f"is larger than {FILE_MAX // MiB} MiB" if facts.st_size > FILE_MAX else ""


def read_plain(path: Path, limit: int = FILE_MAX) -> bytes:
    """Read a plain file, which nobody has put something else in the place of meanwhile.

    Raises
    ------
    RefusedSubmissionError
        If it is not a plain file, or too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _refused(path, f"cannot be opened ({error.strerror})") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refused(path, "is no plain file")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise _refused(path, f"is larger than {limit // MiB} MiB")
    return content


def read_submitted(path: Path) -> dict[str, Any]:
    """Read a submitted notebook, as data of unknown origin.

    Raises
    ------
    RefusedSubmissionError
        If it is not a notebook of format 4 of a bearable size.
    """
    try:
        notebook = json.loads(read_plain(path, NOTEBOOK_MAX))
    except (ValueError, RecursionError):
        raise _refused(path, "is not a notebook: it is no JSON") from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        version = notebook.get("nbformat") if isinstance(notebook, dict) else None
        raise _refused(path, f"is not a notebook of format 4 (nbformat: {str(version)[:20]})")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(_is_cell(cell) for cell in cells):
        raise _refused(path, "is not a notebook: it has no cells, or some that are none")
    if len(cells) > _CELLS_MAX:
        raise _refused(path, f"has {len(cells)} cells, more than {_CELLS_MAX}")
    return notebook


def _is_cell(cell: object) -> bool:
    return (
        isinstance(cell, dict)
        and cell.get("cell_type") in ("code", "markdown", "raw")
        and isinstance(cell.get("metadata"), dict)
        and isinstance(cell.get("source"), (str, list))
    )


def copy_plain(source: Path, target: Path) -> tuple[Refused, ...]:
    """Copy the plain files of a student's folder; what is left out is returned."""
    files, refused = plain_files(source)
    target.mkdir(parents=True)
    for name, path in files.items():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(read_plain(path))
    return refused


def keep_plain(folder: Path) -> tuple[Refused, ...]:
    """Remove from a collected submission what is not a plain file: nbgrader would follow or wait for it."""
    _, refused = plain_files(folder)
    for each in refused:
        path = folder / each.name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return refused


def _refused(path: Path, why: str) -> RefusedSubmissionError:
    return RefusedSubmissionError(f"{path.name!r} {why}.", fix="ask the student to submit the notebook again")
