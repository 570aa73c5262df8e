"""``hub/course.toml`` -> `HubSettings`: what this course's Hub is, checked once."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from coursekit.config import Course
from coursekit.errors import SettingsError
from coursekit.grading import GradingSettings, default_settings, parse_deadlines

# What JupyterHub takes as a user's name without escaping it in addresses.
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,29}")


@dataclass(frozen=True, kw_only=True, slots=True)
class HubSettings:
    """What one course's Hub should be.

    Parameters
    ----------
    root : Path
        The course's checkout.
    title : str
        The course's name for people.
    port : int
        Where browsers reach the Hub on 127.0.0.1; 0 takes a free one.
    instructors : tuple of str
        Names that log in with the instructors' password and may grade.
    start_timeout_s : float
        How long a user's server may take to start and to answer, s.
    """

    root: Path
    title: str
    port: int = 8000
    instructors: tuple[str, ...] = ("instructor",)
    start_timeout_s: float = 300.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingsError(
                f"port = {self.port} is not a port.", fix="choose one from 1024 to 65535, or 0 for a free one"
            )
        for name in self.instructors:
            if not _NAME.fullmatch(name):
                raise SettingsError(
                    f"{name!r} cannot be the name of a user.",
                    fix="begin with a letter; use up to 30 small letters, digits and hyphens",
                )
        if not self.instructors:
            raise SettingsError("instructors = [] leaves nobody to grade.", fix='name one, such as ["instructor"]')
        if self.start_timeout_s <= 0:
            raise SettingsError(
                f"start_timeout_s = {self.start_timeout_s} gives no server the time to start.",
                fix="give at least 60 seconds",
            )

    @property
    def state(self) -> Path:
        """Everything the Hub itself writes: database, secrets, logs, homes."""
        return self.root / "build" / "hub"

    @property
    def homes(self) -> Path:
        """One folder per user."""
        return self.state / "homes"

    @property
    def runs(self) -> Path:
        """Logs and work files of the users' Spark clusters."""
        return self.state / "run"

    @property
    def grading(self) -> GradingSettings:
        """The course's folders and exchange, as grading knows them."""
        return default_settings(Course(root=self.root))

    @property
    def course_id(self) -> str:
        """The course's name in nbgrader, and the name of the formgrader service."""
        return self.grading.course_id

    @property
    def graders(self) -> str:
        """The group whose members may use formgrader."""
        return f"formgrade-{self.course_id}"

    def home(self, name: str) -> Path:
        """Where a user's files are."""
        return self.homes / name


def read_settings(course: Course, *, port: int | None = None) -> HubSettings:
    """Read ``hub/course.toml`` of a course.

    Parameters
    ----------
    course : Course
        The checkout.
    port : int, optional
        Instead of the file's; ``COURSEKIT_HUB_PORT`` when not given.

    Raises
    ------
    SettingsError
        If the file is missing, is not TOML, or holds a key or a value that cannot be.
    """
    path = course.hub / "course.toml"
    try:
        text = path.read_text()
        values = tomllib.loads(text)
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {path}.", fix="restore hub/course.toml from the course's repository"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.", fix="mend the line that the message names") from None
    parse_deadlines(values.pop("assignments", {}))  # grading reads them; a wrong one should not wait for that
    known = {field.name for field in fields(HubSettings)} - {"root"}
    for key in values.keys() - known:
        raise SettingsError(
            f"{path} has a key {key!r} that means nothing.", fix=f"use one of {sorted(known | {'assignments'})}"
        )
    override = port if port is not None else _port_from_environment()
    if override is not None:
        values["port"] = override
    return _build(course.root, values)


def _port_from_environment() -> int | None:
    text = os.environ.get("COURSEKIT_HUB_PORT")
    if not text:
        return None
    if not text.isdecimal():
        raise SettingsError(f"COURSEKIT_HUB_PORT = {text!r} is not a port.", fix="unset it, or give a number")
    return int(text)


def _build(root: Path, values: dict[str, Any]) -> HubSettings:
    kinds: dict[str, type | tuple[type, ...]] = {
        "title": str,
        "port": int,
        "instructors": list,
        "start_timeout_s": (int, float),
    }
    for key, value in values.items():
        kind = kinds[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise SettingsError(f"{key} = {value!r} is of the wrong kind.", fix="write it as in the file's comments")
    if "title" not in values:
        raise SettingsError("hub/course.toml does not say title.", fix='add a line title = "..."')
    if "instructors" in values:
        values["instructors"] = tuple(str(name) for name in values["instructors"])
    return HubSettings(root=root, **values)
