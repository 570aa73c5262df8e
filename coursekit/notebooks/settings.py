"""How notebooks are executed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from coursekit.errors import SettingsError
from coursekit.notebooks.containers import ENGINES, KINDS, Kind
from coursekit.notebooks.contract import SIZES, Size
from coursekit.notebooks.judge import TOLERANCE


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """How notebooks are executed.

    Parameters
    ----------
    out : Path
        Where executed notebooks and logs go; a folder ``work`` in it is theirs to write to.
    root : Path or None
        The course's checkout, which the notebooks find their data sets by.
    jobs : int
        How many run at once.
    size : {"small", "class", "full"}
        Which parameters they get.
    engine : str or None
        What runs the clusters: ``"process"``; or ``"docker"`` or ``"swarm"``, then the notebook is in a container too.
        None for a process here, whose clusters are the environment's choice.
    device : {"cpu", "gpu"}
        Which image of the runtime ``tensorflow`` runs, with the engine ``docker``. In the one for GPUs a notebook gets
        a GPU for itself where the host has any, and the processor elsewhere.
    timeout_s : float or None
        When each is interrupted, s after its first cell began; None for several times its contract's minutes.
    grace_s : float
        How long after that it is killed, s.
    fresh : bool
        Execute all, also those that passed before and of which nothing has changed (`coursekit.notebooks.kept`).
    tolerance : float
        How many times its contract's minutes a notebook may take on two idle cores (`coursekit.notebooks.judge`);
        0 compares neither time nor memory with the contract.
    """

    out: Path
    root: Path | None = None
    jobs: int = 1
    size: Size = "small"
    engine: str | None = None
    device: Kind = "cpu"
    timeout_s: float | None = None
    grace_s: float = 20.0
    fresh: bool = True
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise SettingsError(f"jobs = {self.jobs}, but at least 1 has to run.", fix="use --jobs 1 or more")
        if self.size not in SIZES:
            raise SettingsError(f"there is no size {self.size!r}.", fix=f"choose from {', '.join(SIZES)}")
        if self.engine not in (None, "process", *ENGINES):
            raise SettingsError(f"engine = {self.engine!r} is not an engine.", fix='use "process", "docker" or "swarm"')
        if self.device not in KINDS:
            raise SettingsError(f"device = {self.device!r} is none.", fix=f"choose from {', '.join(KINDS)}")
        if self.device == "gpu" and self.engine != "docker":
            raise SettingsError(
                'device = "gpu" names an image, but notebooks do not run in containers of this daemon.',
                fix="add --engine docker; a notebook in a process uses this machine's GPU by itself",
            )
        if self.timeout_s is not None and self.timeout_s <= 0:
            raise SettingsError(f"timeout = {self.timeout_s:g} s leaves no time.", fix="give a timeout above 0")
        if not 0 <= self.tolerance < math.inf:
            raise SettingsError(
                f"tolerance = {self.tolerance} cannot be.", fix="give a factor such as 1.5, or 0 to compare nothing"
            )
