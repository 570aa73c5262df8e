"""What each of a class is promised, and how much they may have at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """Amounts of what an engine has; memory in bytes."""

    cores: float = 0
    memory: int = 0
    gpus: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(cores=self.cores + other.cores, memory=self.memory + other.memory, gpus=self.gpus + other.gpus)

    def __sub__(self, other: Resources) -> Resources:
        return Resources(cores=self.cores - other.cores, memory=self.memory - other.memory, gpus=self.gpus - other.gpus)

    def __mul__(self, number: int) -> Resources:
        return Resources(cores=self.cores * number, memory=self.memory * number, gpus=self.gpus * number)

    def fits_in(self, other: Resources) -> bool:
        """Whether there is enough of everything in the other."""
        return self.cores <= other.cores and self.memory <= other.memory and self.gpus <= other.gpus


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """What one user is promised and may have at most; ``weight`` is their part of what is lent."""

    guarantee: Resources
    cap: Resources
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """When the course meets."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas:
    """The quotas of a class."""

    default: Quota
    users: Mapping[str, Quota] = field(default_factory=dict)
    class_cap: Resources | None = None
    course_hours: tuple[Hours, ...] = ()

    def of(self, user: str) -> Quota:
        """Give one user's quota."""
        return self.users.get(user, self.default)

    def at(self, moment: datetime) -> Quotas:
        """Give the quotas that hold at a moment."""
        del moment
        return self
