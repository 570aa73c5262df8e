"""Read ``hub/course.toml``: whatever is wrong is told with the file, the line, the value and what to do."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from coursekit.config import Course
from coursekit.errors import SettingsError
from coursekit.grading import parse_deadlines
from coursekit.hub.settings.hub import HubSettings, Network, Storage
from coursekit.hub.settings.lines import Keys, line_of
from coursekit.hub.settings.login import read_login
from coursekit.hub.settings.profiles import read_profiles
from coursekit.hub.settings.quotas import read_quotas
from coursekit.hub.settings.tables import MisfitError, build

_ASSIGNMENTS: Final = "assignments"
_READERS: Final[Mapping[str, Callable[[Any, Keys], Any]]] = {
    "login": read_login,
    "network": lambda table, keys: build(Network, table, keys, readers={}),
    "profiles": read_profiles,
    "quotas": read_quotas,
    "storage": lambda table, keys: build(Storage, table, keys, readers={}),
}


def read_settings(course: Course, *, port: int | None = None, engine: str | None = None) -> HubSettings:
    """Read ``hub/course.toml`` of a course.

    Parameters
    ----------
    course : Course
        The checkout.
    port : int, optional
        Instead of the file's; ``COURSEKIT_HUB_PORT`` when not given.
    engine : str, optional
        Instead of the file's; ``COURSEKIT_HUB_ENGINE`` when not given.

    Raises
    ------
    SettingsError
        If the file is missing, is not TOML, or holds a key or a value that cannot be.
    """
    path = course.hub / "course.toml"
    text = _read(path)
    values = _parse(path, text)
    try:
        read = _build(course.root, values)
    except MisfitError as misfit:
        line = line_of(text, misfit.keys)
        where = f"{path}, line {line}" if line else str(path)
        raise SettingsError(f"{where}: {misfit.message}", fix=misfit.fix) from None
    return _overridden(
        read,
        port=port if port is not None else _port_from_environment(),
        engine=engine or os.environ.get("COURSEKIT_HUB_ENGINE") or None,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {path}.", fix="restore hub/course.toml from the course's repository"
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.", fix="save it as UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of which TOMLDecodeError is one; numbers of 5000 digits another
        raise SettingsError(f"{path} is not TOML: {error}.", fix="mend the line that the message names") from None


def _build(root: Path, values: dict[str, Any]) -> HubSettings:
    _check_deadlines(values.pop(_ASSIGNMENTS, {}))
    if "root" in values:
        raise MisfitError(("root",), "the key 'root' means nothing here.", "take it out")
    if "title" not in values:
        raise MisfitError((), "hub/course.toml does not say title.", 'add a line title = "..."')
    return build(HubSettings, {**values, "root": root}, (), readers={**_READERS, "root": lambda value, keys: value})


def _check_deadlines(table: object) -> None:
    """Grading reads them; a wrong one should not wait for that."""
    try:
        parse_deadlines(table)
    except SettingsError as error:
        place = re.match(rf"{_ASSIGNMENTS}[\w.-]*", error.message)
        keys = tuple(place[0].rstrip(".").split(".")) if place else (_ASSIGNMENTS,)
        raise MisfitError(keys, error.message, error.fix) from None


def _overridden(settings: HubSettings, **values: Any) -> HubSettings:
    return replace(settings, **{key: value for key, value in values.items() if value is not None})


def _port_from_environment() -> int | None:
    text = os.environ.get("COURSEKIT_HUB_PORT")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 5:
        raise SettingsError(f"COURSEKIT_HUB_PORT = {text!r} is not a port.", fix="unset it, or give a number")
    return int(text)
