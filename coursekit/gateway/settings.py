"""What an operator decides about the gateway."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coursekit.cluster.spec import MIN_MEMORY
from coursekit.config import GiB, idle_limit_s, image_tag, run_dir
from coursekit.errors import SettingsError
from coursekit.gateway.quota_text import read_quotas
from coursekit.gateway.quotas import Quota, Quotas, Resources

CLASS_SCOPE: Final = "custom:gateway:class"
"""The Hub's scope of those who see the whole class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What nobody may ask for, whatever their quota.

    Parameters
    ----------
    workers : int
        Workers of one cluster.
    cores : int
        Cores of one worker.
    memory : int
        Memory of one worker, bytes.
    gpus : int
        GPUs of one worker.
    clusters : int
        Clusters of one user.
    body : int
        A request's body, bytes.
    requests_per_s : float
        Requests of one user, in the long run.
    burst : int
        Requests of one user at once.
    streams : int
        Streams of events of one user at once.
    """

    workers: int = 32
    cores: int = 16
    memory: int = 64 * GiB
    gpus: int = 8
    clusters: int = 4
    body: int = 16 * 1024
    requests_per_s: float = 20.0
    burst: int = 60
    streams: int = 8

    def __post_init__(self) -> None:
        for name in ("workers", "cores", "clusters", "body", "requests_per_s", "burst", "streams"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"limits.{name} = {getattr(self, name)} lets nobody in.", fix="set it above 0")
        if self.gpus < 0:
            raise SettingsError(f"limits.gpus = {self.gpus} cannot be.", fix="set it to 0 or more")
        if self.memory < MIN_MEMORY:
            raise SettingsError(
                f"limits.memory = {self.memory} bytes, less than any worker needs.", fix="set it to 1 GiB or more"
            )


def _default_quotas() -> Quotas:
    return Quotas(
        default=Quota(
            guarantee=Resources(cores=2, memory=4 * GiB, gpus=0), cap=Resources(cores=8, memory=16 * GiB, gpus=0)
        ),
        users={},
        class_cap=None,
        course_hours=(),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewaySettings:
    """What an operator decides about the gateway.

    Parameters
    ----------
    engine : str
        What runs the nodes: ``"docker"``, ``"swarm"``, ``"process"``.
    realm : str
        Nodes and servers of other realms are not seen.
    database : str
        SQLAlchemy's address of the table of what is wanted; it may be lost without harm.
    usage : str
        The database of what was used, a file or an address; empty records nothing.
    quotas : Quotas
        Who is promised what.
    capacity : Resources or None
        What all workers may use together; what the engine has when None.
    images : tuple of str
        Which images students may name; the first is what nodes run when none is named.
    limits : Limits
        What nobody may ask for.
    idle_s : float
        A cluster that ran no job for so long is stopped, s.
    wanted_idle_s : float
        The same while somebody else waits for workers, s.
    absent_s : float
        A cluster whose owner's server has been gone for so long is stopped, s.
    every_s : float
        How often what runs is compared with what should, s; besides, on each change.
    stream_s : float
        How long one stream of events stays open, s: clients open another.
    instructors : frozenset of str
        Groups of the Hub whose members see the whole class; the scope ``custom:gateway:class`` lets others do so.
    has_servers : bool
        Whether each user's notebook is in a container of its own, which clusters are connected to and live with.
    """

    engine: str = "docker"
    realm: str = "default"
    database: str = "sqlite://"
    usage: str = ""
    quotas: Quotas = field(default_factory=_default_quotas)
    capacity: Resources | None = None
    images: tuple[str, ...] = field(default_factory=lambda: (image_tag("spark"),))
    limits: Limits = field(default_factory=Limits)
    idle_s: float = 3600.0
    wanted_idle_s: float = 300.0
    absent_s: float = 60.0
    every_s: float = 2.0
    stream_s: float = 900.0
    instructors: frozenset[str] = frozenset()
    has_servers: bool = True

    def __post_init__(self) -> None:
        if not self.images:
            raise SettingsError("images = (): no cluster could run.", fix='name at least one: ("coursekit/spark",)')
        for name in ("idle_s", "wanted_idle_s", "absent_s", "every_s", "stream_s"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name} = {getattr(self, name)} is not a time.", fix="set it to seconds above 0")


def read_settings(environment: Mapping[str, str] | None = None) -> GatewaySettings:
    """Read the settings from the environment that the Hub gives its service.

    ``COURSEKIT_ENGINE``, ``COURSEKIT_REALM``, ``COURSEKIT_IDLE_S``, ``COURSEKIT_GATEWAY_ABSENT_S``,
    ``COURSEKIT_GATEWAY_DATABASE``, ``COURSEKIT_GATEWAY_IMAGES`` (separated by commas),
    ``COURSEKIT_GATEWAY_INSTRUCTORS`` (groups, separated by commas), ``COURSEKIT_GATEWAY_QUOTAS``
    (`coursekit.gateway.quota_text`), ``COURSEKIT_USAGE`` (the database of usage, which is ``usage.sqlite`` in the Hub's
    state folder, ``COURSEKIT_HUB``, when not given), ``COURSEKIT_GATEWAY_CORES`` with ``COURSEKIT_GATEWAY_MEMORY`` and
    ``COURSEKIT_GATEWAY_GPUS`` (what all workers may use).

    Parameters
    ----------
    environment : mapping, optional
        This process's own when not given.

    Raises
    ------
    SettingsError
        If a value cannot be.
    """
    from coursekit.config import parse_memory

    given = os.environ if environment is None else environment
    engine = given.get("COURSEKIT_ENGINE") or "docker"
    cores, memory = given.get("COURSEKIT_GATEWAY_CORES"), given.get("COURSEKIT_GATEWAY_MEMORY")
    gpus = given.get("COURSEKIT_GATEWAY_GPUS") or "0"
    if not gpus.isdigit():
        raise SettingsError(f"COURSEKIT_GATEWAY_GPUS = {gpus!r} is not a number.", fix="set it to a number of GPUs")
    if bool(cores) != bool(memory):
        raise SettingsError(
            f"COURSEKIT_GATEWAY_CORES = {cores!r}, but COURSEKIT_GATEWAY_MEMORY = {memory!r}.", fix="set both or none"
        )
    return GatewaySettings(
        engine=engine,
        realm=given.get("COURSEKIT_REALM") or "default",
        database=given.get("COURSEKIT_GATEWAY_DATABASE") or f"sqlite:///{_default_database()}",
        usage=given.get("COURSEKIT_USAGE") or _usage_of_hub(given.get("COURSEKIT_HUB")),
        images=_listed(given.get("COURSEKIT_GATEWAY_IMAGES")) or (image_tag("spark"),),
        instructors=frozenset(_listed(given.get("COURSEKIT_GATEWAY_INSTRUCTORS"))),
        quotas=read_quotas(quotas) if (quotas := given.get("COURSEKIT_GATEWAY_QUOTAS")) else _default_quotas(),
        capacity=(
            Resources(cores=_number(cores), memory=parse_memory(memory), gpus=int(gpus)) if cores and memory else None
        ),
        idle_s=idle_limit_s(),
        absent_s=_seconds("COURSEKIT_GATEWAY_ABSENT_S", given.get("COURSEKIT_GATEWAY_ABSENT_S") or "60"),
        has_servers=engine in ("docker", "swarm"),
    )


def _usage_of_hub(state: str | None) -> str:
    return str(Path(state) / "usage.sqlite") if state else ""


def _default_database() -> Path:
    folder = run_dir()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "gateway.sqlite"


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _seconds(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{name} = {text!r} is not a number.", fix="set it to seconds") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(
            f"COURSEKIT_GATEWAY_CORES = {text!r} is not a number.", fix="set it to a number of cores"
        ) from None
