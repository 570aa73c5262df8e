"""What a submission may use while it is graded; a notebook's contract names what differs from the defaults."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from coursekit.config import GiB, MiB, parse_memory
from coursekit.errors import SettingsError

_SIZES: Final = ("memory", "disk", "output")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of one sandbox.

    Parameters
    ----------
    memory : int
        Of all its processes and what they write to ``/tmp`` and the working folder, bytes.
    cores : int
        CPU cores.
    processes : int
        Processes and threads.
    files : int
        Open files of one process.
    disk : int
        What can be written to the working folder and, again, to ``/tmp``, bytes.
    output : int
        What the cells of a notebook may print and display, bytes; the rest is cut off.
    cell_s, total_s : float
        Seconds, wall clock, for a cell and for the notebook.
    """

    memory: int = 2 * GiB
    cores: int = 1
    processes: int = 512
    files: int = 1024
    disk: int = 256 * MiB
    output: int = 2 * MiB
    cell_s: float = 240.0
    total_s: float = 1200.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not is_number or value <= 0:
                raise SettingsError(f"limits: {field.name} = {value!r} is no limit.", fix="give a positive number")


def read_limits(table: Mapping[str, Any], defaults: Limits | None = None) -> Limits:
    """Read the table ``limits`` of a notebook's contract; sizes may be text such as ``"512m"``.

    Raises
    ------
    SettingsError
        If a name is none of the limits, or a value cannot be one.
    """
    known = [field.name for field in fields(Limits)]
    values: dict[str, Any] = {name: getattr(defaults, name) for name in known} if defaults else {}
    for name, value in table.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(f"limits: there is no limit {name!r}.", fix=f"use one of {', '.join(near or known)}")
        values[name] = parse_memory(value) if name in _SIZES and isinstance(value, str) else value
    return Limits(**values)
