"""Who may have how much: what is guaranteed to a user, and what is the most that they can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Final

from coursekit.errors import SettingsError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """An amount of what workers need: cores, memory (bytes) and GPUs."""

    cores: float = 0
    memory: int = 0
    gpus: int = 0

    def __post_init__(self) -> None:
        for name in ("cores", "memory", "gpus"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise SettingsError(f"{name} = {value} is no amount.", fix="give a number of 0 or more")

    def __add__(self, other: Resources) -> Resources:
        return Resources(cores=self.cores + other.cores, memory=self.memory + other.memory, gpus=self.gpus + other.gpus)

    def __sub__(self, other: Resources) -> Resources:
        return Resources(
            cores=max(0, self.cores - other.cores),
            memory=max(0, self.memory - other.memory),
            gpus=max(0, self.gpus - other.gpus),
        )

    def __mul__(self, times: int) -> Resources:
        return Resources(cores=self.cores * times, memory=self.memory * times, gpus=self.gpus * times)

    def fits_in(self, other: Resources) -> bool:
        """Whether nothing of this is more than in ``other``."""
        return self.cores <= other.cores and self.memory <= other.memory and self.gpus <= other.gpus


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """What one user is guaranteed, the most they can have, and how they count among others."""

    guarantee: Resources
    cap: Resources
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.guarantee.fits_in(self.cap):
            raise SettingsError(
                f"guarantee = {self.guarantee} is more than the cap, {self.cap}.",
                fix="raise the cap, or lower the guarantee",
            )
        if not 0 < self.weight < float("inf"):
            raise SettingsError(f"weight = {self.weight} is no weight.", fix="give a number above 0; 1 is everybody's")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """When a course has its lessons, by the clock of the Hub's host."""

    days: tuple[str, ...]
    begin: time
    end: time

    def __post_init__(self) -> None:
        for day in self.days:
            if day not in DAYS:
                raise SettingsError(f"days = {day!r} is no day.", fix=f"use {', '.join(DAYS)}")
        if not self.begin < self.end:
            raise SettingsError(f"end = {self.end} is not after {self.begin}.", fix="write two hours for one day")

    def __contains__(self, moment: datetime) -> bool:
        return DAYS[moment.weekday()] in self.days and self.begin <= moment.time() < self.end


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas:
    """The quotas of a class."""

    default: Quota
    users: Mapping[str, Quota] = field(default_factory=dict)
    class_cap: Resources | None = None
    course_hours: tuple[Hours, ...] = ()

    def of(self, user: str) -> Quota:
        """Give a user's own quota, or everybody's."""
        return self.users.get(user, self.default)
