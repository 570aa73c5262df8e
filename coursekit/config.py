"""Units, places and the few settings that come from the environment."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from coursekit.errors import CourseNotFoundError, SettingsError

KiB: Final = 1024
MiB: Final = 1024 * KiB
GiB: Final = 1024 * MiB

_IDLE_S: Final = 3600.0
_UNITS: Final = {"": 1, "k": KiB, "m": MiB, "g": GiB}
_OWNER_PATTERN: Final = re.compile(r"[^a-z0-9]+")
_PLAIN_PATTERN: Final = re.compile(r"[a-z0-9]{1,20}")
_MARKED_PATTERN: Final = re.compile(r"[a-z0-9]*u[0-9a-f]{16}")
# A registry's host and port may come first; the rest is lower case, as the daemon wants it.
_REPOSITORY_PATTERN: Final = re.compile(r"([A-Za-z0-9.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*")


def parse_memory(text: str) -> int:
    """Read an amount of memory as people write it: ``"2g"``, ``"512 MiB"``, ``"1073741824"``.

    Parameters
    ----------
    text : str
        A whole or decimal number and a binary unit: k, m or g, with or without ``b`` or ``ib``.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    SettingsError
        If the text is not an amount of memory.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*", text, re.IGNORECASE)
    if match is None:
        raise SettingsError(f"memory = {text!r} is not an amount of memory.", fix='write it like "2g" or "512m"')
    return int(float(match[1]) * _UNITS[match[2].lower()])


def format_memory(size: int) -> str:
    """Write bytes for people: ``"2.0 GiB"``, ``"512 MiB"``."""
    if size >= GiB:
        return f"{size / GiB:.1f} GiB"
    return f"{size // MiB} MiB" if size >= MiB else f"{size // KiB} KiB"


def format_time(seconds: float) -> str:
    """Write a time for people: ``"45 s"``, ``"3 min"``, ``"2 h 5 min"``."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def shorten(name: str, most: int = 63) -> str:
    """Give a name of at most ``most`` characters, as host names have: a longer one's end becomes a checksum."""
    return name if len(name) <= most else f"{name[: most - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def host_part(name: str) -> str:
    """Write any name in small letters and digits, as a part of a host name; two names never become one.

    Users choose their names: were ``a`` with a cluster ``b-c`` and ``a-b`` with a cluster ``c`` the same, one could
    take the other's nodes. So a name that is not plain gets a checksum, and so does one that looks as if it had one.
    """
    if _PLAIN_PATTERN.fullmatch(name) and not _MARKED_PATTERN.fullmatch(name):
        return name
    plain = _OWNER_PATTERN.sub("", name.lower())[:12]
    return f"{plain}u{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def owner() -> str:
    """Whose nodes these are: the Hub's user, else the machine's, in letters, digits and hyphens."""
    name = os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    return _OWNER_PATTERN.sub("-", name.lower()).strip("-") or "nobody"


def cache_dir() -> Path:
    """Where data sets and archives are kept between sessions (``COURSEKIT_CACHE`` overrides).

    Containers find them at the same place under another account, which does not get through root's home: what root
    keeps is in the machine's own cache.
    """
    own = platformdirs.user_cache_dir if os.geteuid() else platformdirs.site_cache_dir
    return Path(os.environ.get("COURSEKIT_CACHE") or own("coursekit"))


def run_dir() -> Path:
    """Where logs and work files of running nodes go (``COURSEKIT_RUN`` overrides)."""
    return Path(os.environ.get("COURSEKIT_RUN") or platformdirs.user_state_dir("coursekit"))


def idle_limit_s() -> float:
    """How long a cluster may run no job before it is stopped, s (``COURSEKIT_IDLE_S`` overrides; ``inf``: for ever)."""
    text = os.environ.get("COURSEKIT_IDLE_S") or str(_IDLE_S)
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not limit > 0:
        raise SettingsError(f"COURSEKIT_IDLE_S = {text!r} is not a time.", fix="set it to seconds above 0, or to inf")
    return limit


def image_repository() -> str:
    """Where the course's images are (``COURSEKIT_REPOSITORY`` overrides): a name, or a registry and a name.

    Raises
    ------
    SettingsError
        If it cannot be the beginning of an image's name.
    """
    text = os.environ.get("COURSEKIT_REPOSITORY") or "coursekit"
    if not _REPOSITORY_PATTERN.fullmatch(text):
        raise SettingsError(
            f"COURSEKIT_REPOSITORY = {text!r} cannot begin the name of an image.",
            fix="set it to a name in lower case, or to a registry and one: registry.example.org/course",
        )
    return text


def image_tag(name: str) -> str:
    """Name one of the course's images as a daemon knows it."""
    return f"{image_repository()}/{name}:latest"


def code_digest(package: Path) -> str:
    """Name the code of a package: the SHA-256 of its Python files, with their paths.

    Parameters
    ----------
    package : Path
        Its folder, of a checkout or as it is installed.
    """
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        found.update(str(path.relative_to(package)).encode())
        found.update(path.read_bytes())
    return found.hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """The folders of a course checkout.

    Parameters
    ----------
    root : Path
        The folder that holds ``lessons/`` and ``assignments/``.
    """

    root: Path

    @property
    def lessons(self) -> Path:
        """Committed lesson notebooks."""
        return self.root / "lessons"

    @property
    def assignments(self) -> Path:
        """Assignments in nbgrader's source format, one folder each."""
        return self.root / "assignments"

    @property
    def datasets(self) -> Path:
        """The data sets' catalog and small samples."""
        return self.root / "datasets"

    @property
    def hub(self) -> Path:
        """The Hub's settings."""
        return self.root / "hub"

    @property
    def build(self) -> Path:
        """Everything that is made; git-ignored."""
        return self.root / "build"


def find_course(start: Path | None = None) -> Course:
    """Find the course that a folder lies in.

    Parameters
    ----------
    start : Path, optional
        Where to begin; ``COURSEKIT_ROOT`` or the working directory when not given.

    Raises
    ------
    CourseNotFoundError
        If neither the folder nor any above it holds a course.
    """
    begin = (start or Path(os.environ.get("COURSEKIT_ROOT") or Path.cwd())).resolve()
    for folder in (begin, *begin.parents):
        if (folder / "lessons").is_dir() and (folder / "assignments").is_dir():
            return Course(root=folder)
    raise CourseNotFoundError(
        f"no course at {begin} or above it: a course has the folders lessons/ and assignments/.",
        fix="change into the course's checkout, or set COURSEKIT_ROOT to it",
    )
