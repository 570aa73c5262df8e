"""Backups of a Hub: what cannot be made again.

A backup holds the Hub's and the gateway's databases, the gradebook with the course's folders, the exchange, and the
Hub's secrets: it is as secret as they are. The course's own databases are copied by SQLite itself, so that a backup of
a Hub that runs is whole; what students call a database is a file like any other. Homes are listed, or taken along
where asked for: they are large, and often have a backup of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from coursekit import __version__
from coursekit.errors import HubError, HubRunningError
from coursekit.hub.places import account
from coursekit.hub.processes import hub_processes
from coursekit.hub.settings import HubSettings

_MANIFEST: Final = "backup.json"
_STATE_FILES: Final = (
    *("cookie_secret", "passwords.json", "ports.json", "line.json", "message.json", "roster.csv"),
    *("jupyterhub.sqlite", "usage.sqlite", "run/gateway.sqlite"),  # the last holds quotas that instructors gave
)
_BESIDE: Final = ("", "-wal", "-shm")  # what SQLite keeps beside a database that is in use, or was when it was killed
_LARGE: Final = (".cache", "__pycache__")
# What `_extract` has looked at is taken as it is; Pythons that know no filters do so without being told.
_CHECKED: Final[dict[str, Any]] = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """What a backup holds.

    Parameters
    ----------
    path : Path
        The file.
    made : str
        When, UTC.
    version : str
        Of coursekit.
    parts : tuple of str
        What is in it: ``state``, ``course``, ``exchange``, ``homes``.
    homes : tuple of str
        Whose homes there were.
    """

    path: Path
    made: str
    version: str
    parts: tuple[str, ...]
    homes: tuple[str, ...]


def back_up(settings: HubSettings, path: Path, *, with_homes: bool = False) -> Backup:
    """Write a backup; the Hub may run meanwhile.

    Parameters
    ----------
    settings : HubSettings
        Which Hub.
    path : Path
        The file to write, a ``.tar.gz``.
    with_homes : bool
        Take users' homes along.

    Raises
    ------
    HubError
        If the file is there already, or cannot be written.
    """
    if path.exists():
        raise HubError(f"{path} is there already.", fix="choose another name, or move it away")
    folders = _folders(settings, with_homes=with_homes)
    homes = sorted(each.name for each in settings.homes.iterdir()) if settings.homes.is_dir() else []
    made = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    manifest = {"made": made, "version": __version__, "parts": [name for name, _ in folders], "homes": homes}
    draft = path.with_name(f"{path.name}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="coursekit-backup-") as temporary:
            (Path(temporary) / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
            secret = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(secret, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
                archive.add(Path(temporary) / _MANIFEST, _MANIFEST)
                for name, folder in folders:
                    _add(archive, folder, name, Path(temporary))
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        why = error.strerror or error
        raise HubError(f"{path} could not be written: {why}.", fix="free space, or choose another") from None
    return Backup(path=path, made=made, version=__version__, parts=tuple(manifest["parts"]), homes=tuple(homes))


def restore(settings: HubSettings, path: Path) -> Backup:
    """Put a backup in the place of what is there; what was there is kept beside it, under a name with the time.

    Raises
    ------
    HubRunningError
        If the Hub runs.
    HubError
        If the file is no backup.
    """
    require_stopped(settings)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=_build(settings)) as temporary:
        unpacked = Path(temporary)
        manifest = _unpack(path, unpacked)
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        places = dict(_folders(settings, with_homes=True))
        for part in manifest["parts"]:
            if part == "state":
                _restore_files(unpacked / part, settings.state, stamp)
            elif (unpacked / part).is_dir():
                target = places[part]
                if target.exists():
                    target.rename(target.with_name(f"{target.name}.before-{stamp}"))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(str(unpacked / part), target)
    _hand_over(settings.homes)
    _hand_over(settings.grading.inbound)
    return Backup(path=path, **{key: _as_tuple(value) for key, value in manifest.items()})


def require_stopped(settings: HubSettings) -> None:
    """Refuse to go on while the Hub runs."""
    if any(found.part == "hub" for found in hub_processes(settings)):
        raise HubRunningError("the Hub runs.", fix="coursekit hub down --keep-servers, then try again")


def copy_database(source: Path, target: Path) -> None:
    """Copy a database of SQLite that may be in use."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as reader,
        contextlib.closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer)


def _folders(settings: HubSettings, *, with_homes: bool) -> list[tuple[str, Path]]:
    folders = [
        ("state", settings.state),
        ("course", settings.grading.course_dir),
        ("exchange", settings.grading.exchange),
    ]
    return [*folders, ("homes", settings.homes)] if with_homes else folders


def _add(archive: tarfile.TarFile, folder: Path, name: str, temporary: Path) -> None:
    """Add a folder; databases as SQLite copies them, and of the Hub's state only what cannot be made again.

    SQLite opens none but ours: a student's could be no database at all, or be locked for ever.
    """
    for path in _files(folder, name):
        inside = f"{name}/{path.relative_to(folder)}"
        is_ours = name == "state" or (name == "course" and path.parent == folder)
        if is_ours and path.suffix in (".sqlite", ".db") and path.is_file() and not path.is_symlink():
            copy = temporary / "database"
            copy.unlink(missing_ok=True)
            copy_database(path, copy)
            archive.add(copy, inside)
        elif path.is_symlink() or path.is_file():  # pipes and devices of students are left out
            with contextlib.suppress(FileNotFoundError):  # it was removed meanwhile
                archive.add(path, inside, recursive=False)


def _files(folder: Path, name: str) -> Iterator[Path]:
    if name == "state":
        yield from (folder / each for each in _STATE_FILES if (folder / each).is_file())
        return
    for where, folders, files in os.walk(folder):  # which does not follow links
        folders[:] = sorted(each for each in folders if each not in _LARGE)
        yield from (Path(where) / each for each in sorted(files))


def _unpack(path: Path, target: Path) -> dict[str, Any]:
    try:
        with tarfile.open(path) as archive:
            _extract(archive, target)
        manifest: dict[str, Any] = json.loads((target / _MANIFEST).read_text(encoding="utf-8"))
        return {key: manifest[key] for key in ("made", "version", "parts", "homes")}
    except (OSError, tarfile.TarError, ValueError, KeyError, EOFError) as error:
        raise HubError(
            f"{path} is no backup of a Hub: {error}.", fix="choose one that coursekit hub backup made"
        ) from None


def _extract(archive: tarfile.TarFile, target: Path) -> None:
    """Unpack files, folders and links that stay in a folder; students may have made others, which are left out.

    The Python of Debian 12, which is that of the images, has no `tarfile.data_filter` (it came with 3.11.4).
    """
    root = target.resolve()
    for member in archive:
        place = root / member.name
        # A hard link, which is how an archive has a file that it has already, is told from the archive's root.
        goal = place.parent / member.linkname if member.issym() else root / member.linkname if member.islnk() else place
        stays_inside = place.parent.resolve().is_relative_to(root) and goal.resolve().is_relative_to(root)
        if stays_inside and (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            member.mode &= 0o755
            member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
            archive.extract(member, root, **_CHECKED)


def _hand_over(folder: Path) -> None:
    """Make the folders in a folder their users' own, as they are made for a new user."""
    if not folder.is_dir():
        return
    for own in folder.iterdir():
        if own.is_dir() and not own.is_symlink():
            own.chmod(0o700)
    if os.geteuid() != 0:
        return
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.lchown(Path(where) / name, account(), account())


def _restore_files(source: Path, target: Path, stamp: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(each for each in source.rglob("*") if each.is_file()):
        there = target / path.relative_to(source)
        there.parent.mkdir(parents=True, exist_ok=True)
        for suffix in _BESIDE:
            if (old := there.with_name(f"{there.name}{suffix}")).exists():
                old.rename(there.with_name(f"{there.name}.before-{stamp}{suffix}"))
        shutil.move(str(path), there)
        there.chmod(0o600)


def _build(settings: HubSettings) -> Path:
    folder = settings.root / "build"
    folder.mkdir(exist_ok=True)
    return folder


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
