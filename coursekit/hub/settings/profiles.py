"""``[profiles.<name>]``: the servers that a student can choose from."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

from coursekit.config import GiB, MiB, format_memory
from coursekit.errors import SettingsError
from coursekit.hub.settings.lines import Keys
from coursekit.hub.settings.tables import MEMORY, MisfitError, build, require_table

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,29}")
_LEAST_MEMORY: Final = 256 * MiB


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One kind of server.

    Parameters
    ----------
    name : str
        As the table is called.
    title, description : str
        What students read.
    cores : float
        Limit of CPU cores.
    memory : int
        Limit, bytes; in the file as ``"2g"``.
    reserved : int
        What is set aside of the host's memory, bytes: most servers use far less than their limit. Never more than it.
    image : str
        One of the course's images.
    gpus : int
        Whole GPUs, for this server alone.
    limit_minutes : float
        How long it may run in all; 0 for as long as it is used.
    idle_minutes : float
        How long it may run without being used; 0 for ever.
    """

    name: str
    title: str
    description: str = ""
    cores: float = 1.0
    memory: int = field(default=2 * GiB, metadata=MEMORY)
    reserved: int = field(default=512 * MiB, metadata=MEMORY)
    image: str = "spark"
    gpus: int = 0
    limit_minutes: float = 0.0
    idle_minutes: float = 60.0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SettingsError(
                f"name = {self.name!r} cannot be a profile's.", fix="use small letters, digits and hyphens"
            )
        if not 0 < self.cores < math.inf:
            raise SettingsError(f"cores = {self.cores} lets no server run.", fix="give a number above 0, such as 0.5")
        if self.memory < _LEAST_MEMORY:
            raise SettingsError(
                f"memory = {format_memory(self.memory)} is too little for JupyterLab and a kernel.",
                fix='give at least "256m"',
            )
        if self.gpus < 0:
            raise SettingsError(f"gpus = {self.gpus} cannot be.", fix="give 0 or more")
        for name in ("limit_minutes", "idle_minutes"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"{name} = {getattr(self, name)} is not a time.", fix="give minutes; 0 is no limit")

        if 0 < self.idle_minutes < 1:
            raise SettingsError(
                f"idle_minutes = {self.idle_minutes} is shorter than servers take to say that they are used.",
                fix="give 1 or more; 0 is no limit",
            )

    @property
    def set_aside(self) -> int:
        """What a server of this profile takes of the host's memory, whether it uses it or not, bytes."""
        return min(self.reserved, self.memory)

    @property
    def idle_s(self) -> float:
        """How long it may run without being used, s; infinite without a limit."""
        return 60 * self.idle_minutes or math.inf

    @property
    def limit_s(self) -> float:
        """How long it may run in all, s; infinite without a limit."""
        return 60 * self.limit_minutes or math.inf


DEFAULT_PROFILES: Final = (
    Profile(
        name="spark",
        title="Spark",
        description="A small server. Clusters that you start from a notebook run beside it.",
        cores=1,
        memory=2 * GiB,
    ),
    Profile(
        name="private",
        title="Private server",
        description="Many cores and much memory for one notebook.",
        cores=4,
        memory=8 * GiB,
        reserved=8 * GiB,
        limit_minutes=240,
        idle_minutes=30,
    ),
)
"""What a course without ``[profiles]`` offers."""


def read_profiles(table: Any, keys: Keys) -> tuple[Profile, ...]:
    """Read the profiles in the order of the file; the first is the one that is chosen at first.

    Raises
    ------
    MisfitError
        If there is none, or one that cannot be.
    """
    entries = require_table(table, keys)
    if not entries:
        raise MisfitError(keys, "there is no profile, so nobody can start a server.", "add a table [profiles.spark]")
    return tuple(_read_profile(name, values, (*keys, name)) for name, values in entries.items())


def _read_profile(name: str, values: Any, keys: Keys) -> Profile:
    values = require_table(values, keys)
    if "name" in values:
        raise MisfitError(
            (*keys, "name"), "the key 'name' means nothing here.", f"its name is that of the table: {name}"
        )
    if "title" not in values:
        raise MisfitError(keys, f"the profile {name!r} has no title.", 'add a line title = "..."')
    return build(Profile, {"name": name, **values}, keys, readers={})
