"""The contract of a notebook: what it needs to run, in its metadata key ``coursekit``.

::

    "coursekit": {
     "title": "Resources on demand: containers to clusters",
     "runtime": "spark",
     "workers": 2,
     "cores": 1,
     "memory": "1g",
     "notebook_memory": "2g",
     "minutes": {"small": 2, "class": 5, "full": 20},
     "sizes": {"small": {"rows": 100000}, "full": {"rows": 10000000}}
    }

Only ``title`` has no default. The profile, the runner, the sandbox and the gate read the same contract.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from coursekit.config import GiB, MiB, parse_memory
from coursekit.errors import SettingsError
from coursekit.sandbox.limits import read_limits

Runtime = Literal["python", "spark", "tensorflow"]
Size = Literal["small", "class", "full"]

RUNTIMES: Final[tuple[Runtime, ...]] = get_args(Runtime)
SIZES: Final[tuple[Size, ...]] = get_args(Size)
KEY: Final = "coursekit"

_DEFAULT_MINUTES: Final = 3.0
_SMALLEST_MEMORY: Final = 256 * MiB


def _no_parameters() -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType({})


def _no_limits() -> Mapping[str, Any]:
    return MappingProxyType({})


def _default_minutes() -> Mapping[str, float]:
    return MappingProxyType({"small": _DEFAULT_MINUTES})


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """What a notebook needs.

    Parameters
    ----------
    title : str
        For people, in lists and on pages.
    runtime : {"python", "spark", "tensorflow"}
        Which libraries: that decides about the image and the profile.
    workers : int
        Spark workers; 0 means none, or Spark's local mode.
    cores : int
        CPU cores of each worker.
    memory : int
        Limit of each worker, bytes.
    notebook_memory : int
        The most that the notebook itself holds at once, bytes: its kernel, Spark's driver and whatever else it starts,
        but no node of a cluster. By default what the smallest server of the Hub has.
    gpus : int
        GPUs of the notebook itself.
    minutes : mapping of str to float
        How long it runs at each size, wall clock, on two cores.
    limits : mapping of str to object
        What a submission may use while it is graded, where that differs from the defaults
        (`coursekit.sandbox.Limits`).
    sizes : mapping of str to mapping
        What each size sets in the cell tagged ``parameters``; a size that is not there leaves that cell's defaults. The
        size ``class`` is those defaults: what people run who open the notebook.
    """

    title: str
    runtime: Runtime = "python"
    workers: int = 0
    cores: int = 1
    memory: int = GiB
    notebook_memory: int = 2 * GiB
    gpus: int = 0
    minutes: Mapping[str, float] = field(default_factory=_default_minutes)
    limits: Mapping[str, Any] = field(default_factory=_no_limits)
    sizes: Mapping[str, Mapping[str, Any]] = field(default_factory=_no_parameters)

    def __post_init__(self) -> None:
        if not isinstance(self.title, str) or not self.title.strip():
            raise SettingsError(f"title = {self.title!r} is no title.", fix="give the notebook a title in words")
        if self.runtime not in RUNTIMES:
            raise SettingsError(
                f"runtime = {self.runtime!r} is none that the course has.", fix=f"choose one of {_listed(RUNTIMES)}"
            )
        for name, least in (("workers", 0), ("cores", 1), ("gpus", 0)):
            _require_count(name, getattr(self, name), least)
        if self.workers and self.runtime == "python":
            raise SettingsError(
                f"workers = {self.workers}, but the runtime 'python' has no Spark.",
                fix='set "runtime" to "spark", or "workers" to 0',
            )
        for name, whom in (("memory", "a worker"), ("notebook_memory", "a kernel")):
            if (value := getattr(self, name)) < _SMALLEST_MEMORY:
                raise SettingsError(f"{name} = {value} bytes is too little for {whom}.", fix='give it at least "256m"')
        _require_minutes(self.minutes)
        if not isinstance(self.limits, Mapping):
            raise SettingsError(f"limits = {self.limits!r} is not a table.", fix='write it like {"cell_s": 60}')
        read_limits(self.limits)
        _require_sizes(self.sizes)

    def minutes_at(self, size: Size) -> float:
        """How long it runs at a size; for a size without a figure the longest that is given."""
        return self.minutes.get(size, max(self.minutes.values()))

    def parameters_at(self, size: Size) -> dict[str, Any]:
        """What a size sets in the ``parameters`` cell."""
        return dict(self.sizes.get(size, {}))


def parse_contract(value: object) -> Contract:
    """Read a contract as it stands in a notebook's metadata.

    Parameters
    ----------
    value : object
        What the key ``coursekit`` holds. ``memory`` and ``notebook_memory`` are text such as ``"1g"``; ``minutes`` is
        a number for the size ``small``, or a table by size.

    Raises
    ------
    SettingsError
        If a key is unknown or a value cannot be; the message holds it.
    """
    if not isinstance(value, Mapping):
        raise SettingsError(f"{KEY} = {value!r} is not a table.", fix='write it like {"title": "...", "minutes": 2}')
    known = [item.name for item in fields(Contract)]
    for key in value:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            raise SettingsError(
                f"{KEY} has no key {key!r}.", fix=f"write {near[0]!r}" if near else f"choose from {_listed(known)}"
            )
    if "title" not in value:
        raise SettingsError(f"{KEY} has no title.", fix='add "title", the notebook\'s title in words')
    settings = dict(value)
    for name in {"memory", "notebook_memory"} & settings.keys():
        if not isinstance(settings[name], str):
            raise SettingsError(
                f"{name} = {settings[name]!r} has no unit.", fix='write it as text, like "1g" or "512m"'
            )
        settings[name] = parse_memory(settings[name])
    if "minutes" in settings and not isinstance(settings["minutes"], Mapping):
        settings["minutes"] = {"small": settings["minutes"]}
    return Contract(**settings)


def _require_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise SettingsError(f"{name} = {value!r} cannot be.", fix=f"give a whole number, {least} or more")


def _require_minutes(minutes: Mapping[str, float]) -> None:
    for size, value in minutes.items():
        _require_size(f"minutes.{size}", size)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value <= 0:
            raise SettingsError(f"minutes.{size} = {value!r} cannot be.", fix="give the minutes as a number above 0")
    if not minutes:
        raise SettingsError("minutes is empty.", fix='write how long the notebook runs, like "minutes": 2')


def _require_sizes(sizes: object) -> None:
    if not isinstance(sizes, Mapping):
        raise SettingsError(
            f"sizes = {sizes!r} is not a table.",
            fix='write it like {"small": {"rows": 1000}, "full": {"rows": 1000000}}',
        )
    for size, parameters in sizes.items():
        _require_size(f"sizes.{size}", size)
        if size == "class":
            raise SettingsError(
                "sizes.class cannot be set: it is what the notebook does when people run it.",
                fix="write its values into the cell tagged parameters",
            )
        if not isinstance(parameters, Mapping) or not all(str(name).isidentifier() for name in parameters):
            raise SettingsError(
                f"sizes.{size} = {parameters!r} is not a table of parameters.",
                fix='write the names of variables and their values, like {"rows": 1000}',
            )


def _require_size(what: str, size: object) -> None:
    if size not in SIZES:
        raise SettingsError(f"{what}: there is no size {size!r}.", fix=f"choose from {_listed(SIZES)}")


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names)
