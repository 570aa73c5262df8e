"""``[assignments.<name>]`` of ``hub/course.toml`` -> `Deadline`: when an assignment is due, and what being late costs.

::

    [assignments.a1]
    due = 2026-12-01T23:59:00+01:00
    penalty_per_day = 0.1    # of the score, for each day begun
    penalty_max = 0.5
    grace_minutes = 10

    [assignments.a1.extensions]
    ada = 2026-12-05T23:59:00+01:00

Nothing here knows nbgrader: ``late.py`` and ``penalties.py`` bring these values into its gradebook.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from coursekit.errors import SettingsError

_DAY_S: Final = 86400.0
_EXAMPLE: Final = "2026-12-01T23:59:00+01:00"
_NUMBERS: Final = ("penalty_per_day", "penalty_max", "grace_minutes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """When one assignment is due, and what being late costs.

    Parameters
    ----------
    due : datetime
        For everybody without an extension; with a time zone.
    penalty_per_day : float
        Share of the score that each day begun costs, 0 to 1; 0 costs nothing.
    penalty_max : float
        Most that lateness can cost, as a share of the score, 0 to 1.
    grace_minutes : float
        The first day begins so long after the deadline.
    extensions : mapping of str to datetime
        Later deadlines, by student. One that is earlier than ``due`` changes nothing.
    """

    due: datetime
    penalty_per_day: float = 0.0
    penalty_max: float = 1.0
    grace_minutes: float = 0.0
    extensions: Mapping[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, moment in (("due", self.due), *self.extensions.items()):
            if moment.tzinfo is None:
                raise SettingsError(
                    f"{name} = {moment.isoformat()} does not say in which time zone.",
                    fix=f"write the offset from UTC behind it, as in {_EXAMPLE}",
                )
        for name in ("penalty_per_day", "penalty_max"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise SettingsError(
                    f"{name} = {share} is not a share of the score.", fix="give a number from 0 to 1: 0.1 is a tenth"
                )
        if not 0 <= self.grace_minutes < math.inf:
            raise SettingsError(
                f"grace_minutes = {self.grace_minutes} is not a time.", fix="give minutes, 0 for no grace"
            )

    def due_for(self, student: str) -> datetime:
        """When the student has to submit: never before ``due``."""
        return max(self.due, self.extensions.get(student, self.due))

    def penalty_share(self, seconds_late: float) -> float:
        """Give the share of the score that is lost.

        Parameters
        ----------
        seconds_late : float
            After the student's own deadline, s; 0 or less is in time.

        Returns
        -------
        float
            0 to ``penalty_max``; it never falls when ``seconds_late`` rises.
        """
        days = math.ceil(max(0.0, seconds_late - 60 * self.grace_minutes) / _DAY_S)
        return min(self.penalty_max, self.penalty_per_day * days)


def parse_deadlines(table: object) -> dict[str, Deadline]:
    """Check the table ``assignments`` of ``hub/course.toml``.

    Parameters
    ----------
    table : object
        As ``tomllib`` reads it.

    Returns
    -------
    dict of str to Deadline
        By assignment.

    Raises
    ------
    SettingsError
        If there is a key or a value that cannot be; the message names its place.
    """
    if not isinstance(table, dict):
        raise SettingsError(f"assignments = {table!r} is not a table.", fix="write [assignments.a1] above its lines")
    return {name: _deadline(f"assignments.{name}", values) for name, values in table.items()}


def read_deadlines(path: Path) -> dict[str, Deadline]:
    """Read the deadlines of a course file; a course without the file has none.

    Raises
    ------
    SettingsError
        If the file is not TOML, or its assignments have a key or a value that cannot be.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}.", fix="mend the line that the message names") from None
    return parse_deadlines(values.get("assignments", {}))


def _deadline(place: str, values: Any) -> Deadline:
    if not isinstance(values, dict):
        raise SettingsError(f"{place} = {values!r} is not a table.", fix=f"write [{place}] above its lines")
    known = [each.name for each in fields(Deadline)]
    for key in values.keys() - set(known):
        raise SettingsError(f"{place} has a key {key!r} that means nothing.", fix=f"use one of {', '.join(known)}")
    if "due" not in values:
        raise SettingsError(f"{place} does not say due.", fix=f"add a line due = {_EXAMPLE}")
    for key in _NUMBERS:
        if key in values and (isinstance(values[key], bool) or not isinstance(values[key], int | float)):
            raise SettingsError(f"{place}.{key} = {values[key]!r} is not a number.", fix="write it without quotes")
    extensions = values.get("extensions", {})
    if not isinstance(extensions, dict):
        raise SettingsError(
            f"{place}.extensions = {extensions!r} is not a table.", fix=f"write [{place}.extensions] above its lines"
        )
    _check_moment(f"{place}.due", values["due"])
    for student, moment in extensions.items():
        _check_moment(f"{place}.extensions.{student}", moment)
    try:
        return Deadline(**values)
    except SettingsError as error:
        raise SettingsError(f"{place}: {error.message}", fix=error.fix) from None


def _check_moment(place: str, value: object) -> None:
    if not isinstance(value, datetime):
        raise SettingsError(
            f"{place} = {str(value)!r} is not a moment.", fix=f"write date, time and offset without quotes: {_EXAMPLE}"
        )


def naive_utc(moment: datetime) -> datetime:
    """Write a moment as nbgrader's gradebook holds it: UTC, without a time zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
