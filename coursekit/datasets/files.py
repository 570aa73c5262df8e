"""Files that are whole or not there: written beside, renamed into place, with their checksum recorded."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from coursekit.config import MiB, format_memory
from coursekit.errors import DatasetError

RECORD_SUFFIX: Final = ".sha256.json"

FileState = Literal["ok", "changed", "missing", "unrecorded"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRecord:
    """What a file was when it was written: checksum, bytes, and time of change in ns since the epoch."""

    sha256: str
    size: int
    mtime_ns: int


def record_path(path: Path) -> Path:
    """Where the record of a file is kept: beside it."""
    return path.with_name(path.name + RECORD_SUFFIX)


def read_record(path: Path) -> FileRecord | None:
    """Read the record of a file; None if there is none that can be read."""
    with suppress(OSError, ValueError, TypeError):
        return FileRecord(**json.loads(record_path(path).read_text()))
    return None


def write_record(path: Path, sha256: str | None = None) -> None:
    """Record a file as it is now, with a checksum that is known or computed here."""
    status = path.stat()
    record = FileRecord(sha256=sha256 or checksum(path), size=status.st_size, mtime_ns=status.st_mtime_ns)
    with writing(record_path(path), record=False) as temporary:
        temporary.write_text(json.dumps(asdict(record)) + "\n")


def checksum(path: Path) -> str:
    """Compute a file's SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(path: Path) -> bool:
    """Tell whether a file is as recorded: cheap when its size and time are, by checksum when only the size is."""
    record = read_record(path)
    try:
        status = path.stat()
    except OSError:
        return False
    if record is None or status.st_size != record.size:
        return False
    if status.st_mtime_ns == record.mtime_ns:
        return True
    return checksum(path) == record.sha256


def check_file(path: Path) -> FileState:
    """Compare a file with its record, byte for byte."""
    record = read_record(path)
    if not path.exists():
        return "missing"
    if record is None:
        return "unrecorded"
    return "ok" if checksum(path) == record.sha256 else "changed"


@contextmanager
def writing(path: Path, *, record: bool = True) -> Iterator[Path]:
    """Write a file so that nobody ever sees half of it.

    Gives a temporary file in the same folder, which is flushed to disk, renamed to ``path`` and recorded when the block
    ends, and removed when it fails.

    Raises
    ------
    DatasetError
        If the disk is full or the folder cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        os.close(handle)
        yield temporary
        _flush(temporary)
        temporary.chmod(0o644)  # mkstemp gives 0600; executors of another user must be able to read
        digest = checksum(temporary) if record else None
        temporary.replace(path)
        _flush(path.parent)
        if record:
            write_record(path, digest)
    except OSError as error:
        raise DatasetError(
            f"cannot write {path}: {error.strerror or error}.",
            fix="free some space, or set COURSEKIT_CACHE to a folder that can be written",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the right to write a file; others wait. The system frees it when the holder dies.

    On file systems without locks this does nothing: files are still renamed into place whole, at worst made twice.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        if error.errno == errno.EROFS:  # the data sets of a class, which its operator puts there
            raise DatasetError(
                f"{path.name} is not there, and {path.parent} can only be read.",
                fix=f"use a size that is there, or ask your instructor for: coursekit dataset get {path.parent.name}",
            ) from error
        raise DatasetError(
            f"cannot write to {path.parent}: {error.strerror}.",
            fix="set COURSEKIT_CACHE to a folder that can be written",
        ) from error
    with lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
            _sweep(path)
        yield


def _sweep(path: Path) -> None:
    """Remove what killed writers left of this file; nobody writes it while the lock is held."""
    for stale in path.parent.glob(f".{path.name}.*.tmp"):
        stale.unlink(missing_ok=True)


def require_space(folder: Path, size: int) -> None:
    """Refuse what the disk has no room for.

    Raises
    ------
    DatasetError
        If the folder's disk has less than ``size`` bytes free.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < size + MiB:
        raise DatasetError(
            f"{format_memory(size)} may be needed in {folder}, but only {format_memory(free)} are free.",
            fix="ask for fewer rows, free some space, or set COURSEKIT_CACHE to another disk",
        )
