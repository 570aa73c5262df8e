"""What each of a class may have: amounts of resources, guarantees and caps, and the hours in which they hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from coursekit.cluster import ClusterSpec
from coursekit.config import format_memory
from coursekit.errors import SettingsError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ENDLESS: Final = 2**62
_HEAVIEST: Final = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """An amount of what workers use.

    Parameters
    ----------
    cores : float
        CPU cores, kept to the thousandth: sums of fractions stay exact, as quotas that are compared need it.
    memory : int
        Bytes.
    gpus : int
        Whole GPUs.
    """

    cores: float = 0
    memory: int = 0
    gpus: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cores", round(self.cores, 3))

    def __add__(self, other: Resources) -> Resources:
        return Resources(cores=self.cores + other.cores, memory=self.memory + other.memory, gpus=self.gpus + other.gpus)

    def __sub__(self, other: Resources) -> Resources:
        return self + other * -1

    def __mul__(self, count: int) -> Resources:
        return Resources(cores=self.cores * count, memory=self.memory * count, gpus=self.gpus * count)

    __rmul__ = __mul__

    def __str__(self) -> str:
        parts = [f"{self.cores:g} {'core' if self.cores == 1 else 'cores'}"] if self.cores < math.inf else []
        parts += [format_memory(self.memory)] if 0 < self.memory < _ENDLESS else []
        parts += [f"{self.gpus} {'GPU' if self.gpus == 1 else 'GPUs'}"] if 0 < self.gpus < _ENDLESS else []
        return ", ".join(parts) or "no limit"

    def fits_in(self, other: Resources) -> bool:
        """Tell whether this is no more than the other, of every kind."""
        return self.cores <= other.cores and self.memory <= other.memory and self.gpus <= other.gpus

    def at_most(self, other: Resources) -> Resources:
        """Give the smaller of the two, of every kind."""
        return Resources(
            cores=min(self.cores, other.cores),
            memory=min(self.memory, other.memory),
            gpus=min(self.gpus, other.gpus),
        )

    def at_least(self, other: Resources) -> Resources:
        """Give the larger of the two, of every kind."""
        return Resources(
            cores=max(self.cores, other.cores),
            memory=max(self.memory, other.memory),
            gpus=max(self.gpus, other.gpus),
        )


UNLIMITED: Final = Resources(cores=math.inf, memory=_ENDLESS, gpus=_ENDLESS)
"""More than there can be: a cap for those who have none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """What one user may have.

    Parameters
    ----------
    guarantee : Resources
        What is theirs whenever they ask for it.
    cap : Resources
        What they never get more of, however idle the class is; 0 of a kind means none of it.
    weight : float
        How much of what is lent they get, beside somebody of weight 1.

    Raises
    ------
    SettingsError
        If the guarantee is above the cap, an amount is negative, or the weight is not above 0.
    """

    guarantee: Resources
    cap: Resources
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight <= _HEAVIEST:
            said = str(self.weight)[:20]
            raise SettingsError(f"weight = {said} gives nobody a fair share.", fix="use 1, or a number up to a million")
        if not Resources().fits_in(self.guarantee):
            raise SettingsError(
                f"guarantee = {self.guarantee} is less than nothing.", fix="use 0 or more of cores, memory and gpus"
            )
        if not self.guarantee.fits_in(self.cap):
            raise SettingsError(
                f"guarantee = {self.guarantee}, but cap = {self.cap}: nobody is guaranteed more than they may have.",
                fix="raise the cap to the guarantee, or lower the guarantee",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """When a class meets, every week.

    Parameters
    ----------
    days : tuple of str
        ``"mon"`` to ``"sun"``.
    begin, end : datetime.time
        From the first moment until just before the second, on the clock of ``zone``.
    zone : str
        A time zone's name, such as ``"Europe/Rome"``.
    cluster : ClusterSpec or None
        The lesson's cluster, which each user whose server runs is given before they ask.

    Raises
    ------
    SettingsError
        If a day or the zone is not known, or the end does not come after the beginning.
    """

    days: tuple[str, ...]
    begin: time
    end: time
    zone: str = "UTC"
    cluster: ClusterSpec | None = None

    def __post_init__(self) -> None:
        for day in self.days:
            if day not in DAYS:
                raise SettingsError(f"{day!r} is no day of the week.", fix=f"use some of {', '.join(DAYS)}")
        if not self.begin < self.end:
            raise SettingsError(
                f"course hours from {self.begin} to {self.end} have no length.",
                fix="let the end come after the beginning; hours over midnight are two entries",
            )
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise SettingsError(
                f"zone = {self.zone!r} is not a time zone.", fix='use a name such as "Europe/Rome" or "UTC"'
            ) from None

    def hold_at(self, moment: datetime) -> bool:
        """Tell whether the class meets at a moment (one with an offset from UTC)."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return DAYS[local.weekday()] in self.days and self.begin <= local.time() < self.end


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas:
    """What everybody of a class may have.

    Parameters
    ----------
    default : Quota
        Of everybody who has none of their own.
    users : mapping of str to Quota
        By user.
    class_cap : Resources or None
        What all together never get more of; None leaves it to what there is.
    course_hours : tuple of Hours
        When the caps hold as they are written. Without any they always do.
    cap_outside_hours : Resources or None
        What everybody may have outside the course hours, if that is more than their own cap: at night idle
        machines may go to whoever works. Guarantees do not change. None changes nothing.
    """

    default: Quota
    users: Mapping[str, Quota] = field(default_factory=dict)
    class_cap: Resources | None = None
    course_hours: tuple[Hours, ...] = ()
    cap_outside_hours: Resources | None = None

    def of(self, user: str) -> Quota:
        """Give a user's quota."""
        return self.users.get(user, self.default)

    def at(self, moment: datetime) -> Quotas:
        """Give the quotas that hold at a moment (one with an offset from UTC)."""
        lifted = self.cap_outside_hours
        if lifted is None or not self.course_hours or any(hours.hold_at(moment) for hours in self.course_hours):
            return self

        def lift(quota: Quota) -> Quota:
            return replace(quota, cap=quota.cap.at_least(lifted))

        return replace(
            self, default=lift(self.default), users={user: lift(quota) for user, quota in self.users.items()}
        )
