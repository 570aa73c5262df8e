"""``[quotas]``: what the gateway guarantees to users, and the most that they can have.

::

    [quotas]
    guarantee = { cores = 2, memory = "4g" }
    cap = { cores = 8, memory = "16g", gpus = 1 }
    class_cap = { cores = 64, memory = "256g", gpus = 4 }

    [quotas.users.ada]
    cap = { cores = 16, memory = "32g" }
    weight = 2.0

    [[quotas.course_hours]]
    days = ["tue", "thu"]
    begin = 14:00:00
    end = 16:00:00
    zone = "Europe/Rome"
    cluster = { name = "lesson-06", workers = 2, memory = "2g" }
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final

from coursekit.cluster import ClusterSpec
from coursekit.config import GiB, image_tag
from coursekit.errors import SettingsError
from coursekit.gateway.quotas import Hours, Quota, Quotas, Resources
from coursekit.hub.settings.lines import Keys
from coursekit.hub.settings.tables import (
    MEMORY,
    MisfitError,
    build,
    read_names,
    refused_in,
    require_table,
    unknown_key,
)

DEFAULT_QUOTAS: Final = Quotas(
    default=Quota(
        guarantee=Resources(cores=2, memory=4 * GiB),
        cap=Resources(cores=8, memory=16 * GiB),
    ),
    users={},
    class_cap=None,
    course_hours=(),
)
_QUOTA_KEYS: Final = ("guarantee", "cap", "weight")
_KEYS: Final = (*_QUOTA_KEYS, "cap_outside_hours", "class_cap", "course_hours", "users")
_HOURS_KEYS: Final = ("begin", "days", "end")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Amount:
    cores: float = 0.0
    memory: int = field(default=0, metadata=MEMORY)
    gpus: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.cores < math.inf:
            raise SettingsError(f"cores = {self.cores} is no amount.", fix="give a number of 0 or more")
        if self.gpus < 0:
            raise SettingsError(f"gpus = {self.gpus} is no amount.", fix="give 0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cluster:
    name: str = ""
    workers: int = 2
    cores: int = 1
    memory: int = field(default=2 * GiB, metadata=MEMORY)
    image: str = "spark"

    def __post_init__(self) -> None:
        ClusterSpec(name=self.name, workers=self.workers, cores=self.cores, memory=self.memory)


def read_quotas(table: Any, keys: Keys) -> Quotas:
    """Read the quotas of a class.

    Raises
    ------
    MisfitError
        If there is a key or a value that cannot be.
    """
    values = _known(table, keys, _KEYS)
    default = _quota({key: values[key] for key in _QUOTA_KEYS if key in values}, keys, DEFAULT_QUOTAS.default)
    users = require_table(values.get("users", {}), (*keys, "users"))
    hours = values.get("course_hours", [])
    if not isinstance(hours, list):
        place = (*keys, "course_hours")
        raise MisfitError(place, f"course_hours = {hours!r} is of the wrong kind.", "write [[quotas.course_hours]]")
    return Quotas(
        default=default,
        users={
            name: _quota(_known(own, (*keys, "users", name), _QUOTA_KEYS), (*keys, "users", name), default)
            for name, own in users.items()
        },
        class_cap=_optional(values, keys, "class_cap"),
        cap_outside_hours=_optional(values, keys, "cap_outside_hours"),
        course_hours=tuple(_hours(each, (*keys, "course_hours")) for each in hours),
    )


def read_capacity(table: Any, keys: Keys) -> Resources:
    """Read what all clusters may use together.

    Raises
    ------
    MisfitError
        If there is a key or a value that cannot be.
    """
    return _resources(table, keys)


def _quota(values: dict[str, Any], keys: Keys, default: Quota) -> Quota:
    """Read one quota; what it leaves out is as in the default."""
    amounts = {
        key: _resources(values[key], (*keys, key)) if key in values else getattr(default, key)
        for key in ("guarantee", "cap")
    }
    weight = values.get("weight", default.weight)
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise MisfitError((*keys, "weight"), f"weight = {weight!r} is of the wrong kind.", "write a number")
    return refused_in(keys, lambda: Quota(**amounts, weight=weight))


def _optional(values: dict[str, Any], keys: Keys, key: str) -> Resources | None:
    return _resources(values[key], (*keys, key)) if key in values else None


def _resources(table: Any, keys: Keys) -> Resources:
    amount = build(_Amount, table, keys, readers={})
    return Resources(cores=amount.cores, memory=amount.memory, gpus=amount.gpus)


def _hours(table: Any, keys: Keys) -> Hours:
    values = _known(table, keys, (*_HOURS_KEYS, "cluster", "zone"))
    for key in _HOURS_KEYS:
        if key not in values:
            raise MisfitError(keys, f"hours of the course do not say {key}.", f"add a line with {key}")
    for key in ("begin", "end"):
        if not isinstance(values[key], time):
            raise MisfitError((*keys, key), f"{key} = {values[key]!r} is not a time.", "write 14:00:00, no quotes")
    days = read_names(values["days"], (*keys, "days"))
    zone = values.get("zone", "UTC")
    if not isinstance(zone, str):
        raise MisfitError((*keys, "zone"), f"zone = {zone!r} is of the wrong kind.", 'write it like "Europe/Rome"')
    cluster = _cluster(values["cluster"], (*keys, "cluster")) if "cluster" in values else None
    return refused_in(
        keys, lambda: Hours(days=days, begin=values["begin"], end=values["end"], zone=zone, cluster=cluster)
    )


def _cluster(table: Any, keys: Keys) -> ClusterSpec:
    if "name" not in require_table(table, keys):
        raise MisfitError(
            keys, "the cluster of a lesson has no name.", 'write it as the lesson does: name = "lesson-06"'
        )
    one = build(_Cluster, table, keys, readers={})
    image = "" if one.image == "spark" else image_tag(one.image)  # as a driver in that image would ask for it
    spec = ClusterSpec(name=one.name, workers=one.workers, cores=one.cores, memory=one.memory, image=image)
    if spec.workers < 1:
        raise MisfitError((*keys, "workers"), f"workers = {spec.workers} is no cluster.", "use 1 or more")
    return spec


def _known(table: Any, keys: Keys, known: tuple[str, ...]) -> dict[str, Any]:
    values = require_table(table, keys)
    for key in values:
        if key not in known:
            raise unknown_key(key, keys, sorted(known))
    return values
