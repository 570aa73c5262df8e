"""What one course's Hub is: the settings, and the places that follow from them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from coursekit.config import Course, cache_dir, image_tag
from coursekit.errors import SettingsError
from coursekit.gateway.quotas import Quotas, Resources
from coursekit.grading import GradingSettings, default_settings
from coursekit.hub.settings.login import Login
from coursekit.hub.settings.profiles import DEFAULT_PROFILES, Profile
from coursekit.hub.settings.quotas import DEFAULT_QUOTAS

ENGINES: Final = ("process", "docker", "swarm")
# What JupyterHub takes as a user's name without escaping it in addresses.
USER_NAME: Final = r"[a-z][a-z0-9-]{0,29}"
_NAME: Final = re.compile(USER_NAME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """Where students' files and the data sets are; empty for the places below the checkout's ``build/``.

    Parameters
    ----------
    homes : str
        One folder per student in it. On a Swarm a file system that all hosts share.
    datasets : str
        The data sets, which students only read.
    """

    homes: str = ""
    datasets: str = ""

    def __post_init__(self) -> None:
        for name in ("homes", "datasets"):
            folder = getattr(self, name)
            if folder and (not Path(folder).is_absolute() or "\0" in folder or ":" in folder):
                raise SettingsError(
                    f"{name} = {folder!r} is not the path of a folder.", fix="write it from the root, without a colon"
                )
        if self.datasets and Path(self.datasets).name != "datasets":
            raise SettingsError(
                f"datasets = {self.datasets!r} is not where coursekit looks.",
                fix="let the path end with /datasets: it is the folder of that name in a cache (COURSEKIT_CACHE)",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """How browsers reach the Hub, and what students' servers reach.

    Parameters
    ----------
    address : str
        Where the Hub listens for browsers: this machine alone, or ``0.0.0.0`` behind a proxy with a certificate.
    internet : bool
        Whether students' containers reach the internet, and with it everything that this host reaches.
    site : str
        The Hub's address for browsers, such as ``https://hub.example.org``, where each student's server has a name of
        its own below it (``ada.hub.example.org``): a page that a student makes is then of another origin than the Hub,
        and cannot act as whoever opens it. Empty: all are of one origin.
    """

    address: str = "127.0.0.1"
    internet: bool = False
    site: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-fA-F.:]+", self.address):
            raise SettingsError(
                f"address = {self.address!r} is not an address of this machine.", fix='use "127.0.0.1" or "0.0.0.0"'
            )
        if self.site and not re.fullmatch(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?", self.site):
            raise SettingsError(
                f"site = {self.site!r} is not a name that others can be below.",
                fix='write it like "https://hub.example.org", and have *.hub.example.org lead there as well',
            )

    @property
    def is_local(self) -> bool:
        """Whether only browsers of this machine reach the Hub."""
        return self.address.startswith("127.") or self.address == "::1"


@dataclass(frozen=True, kw_only=True, slots=True)
class HubSettings:
    """What one course's Hub should be.

    Parameters
    ----------
    root : Path
        The course's checkout.
    title : str
        The course's name for people.
    port : int
        Where browsers reach the Hub; 0 takes a free one.
    instructors : tuple of str
        Names that may grade, and approve who signs up.
    start_timeout_s : float
        How long a user's server may take to start and to answer, s.
    engine : str
        What runs users' servers: ``"process"`` (one account for all), ``"docker"`` or ``"swarm"``.
    roster : str
        The class, a file of comma-separated values beside ``course.toml``; empty for one below the checkout's
        ``build/``, which ``coursekit hub roster`` writes.
    database : str
        The Hub's database as SQLAlchemy writes it; empty for a file of SQLite.
    images : tuple of str
        Images that profiles may use.
    gpus : tuple of str
        This host's GPUs, as ``nvidia-smi -L`` names them.
    capacity : Resources or None
        What the workers of all clusters may use together; None for what the engine has.
    profiles, quotas, login, storage, network
        The tables of these names.
    """

    root: Path
    title: str
    port: int = 8000
    instructors: tuple[str, ...] = ("instructor",)
    start_timeout_s: float = 300.0
    engine: str = "process"
    roster: str = ""
    database: str = ""
    images: tuple[str, ...] = ("notebook", "spark")
    gpus: tuple[str, ...] = ()
    capacity: Resources | None = None
    profiles: tuple[Profile, ...] = DEFAULT_PROFILES
    quotas: Quotas = DEFAULT_QUOTAS
    login: Login = Login()  # noqa: RUF009 -- frozen
    storage: Storage = Storage()
    network: Network = Network()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingsError(
                f"port = {self.port} is not a port.", fix="choose one from 1024 to 65535, or 0 for a free one"
            )
        for name in self.instructors:
            if not _NAME.fullmatch(name):
                raise SettingsError(
                    f"instructors = {name!r} cannot be the name of a user.",
                    fix="begin with a letter; use up to 30 small letters, digits and hyphens",
                )
        if not self.instructors:
            raise SettingsError("instructors = [] leaves nobody to grade.", fix='name one, such as ["instructor"]')
        if not 0 < self.start_timeout_s < 86400:
            raise SettingsError(
                f"start_timeout_s = {self.start_timeout_s} gives no server the time to start.",
                fix="give at least 60 seconds",
            )
        if self.engine not in ENGINES:
            raise SettingsError(
                f"engine = {self.engine!r} cannot run a Hub's servers.", fix=f"use one of {', '.join(ENGINES)}"
            )
        if not self.runs_containers and not self.network.is_local:
            raise SettingsError(
                f"network = {self.network.address!r} would let others use your account.",
                fix='use engine = "docker", or address = "127.0.0.1"',
            )
        self._check_names()
        self._check_profiles()
        self._check_lessons()

    def _check_names(self) -> None:
        if "\0" in self.roster:
            raise SettingsError(f"roster = {self.roster!r} is not a file.", fix='write its name, such as "roster.csv"')
        if self.database and "://" not in self.database:
            raise SettingsError(
                "database = ... is not an address of a database.",  # which may hold a password
                fix='write it like "postgresql://hub@db.example.org/hub", the password in PGPASSWORD',
            )

    def _check_profiles(self) -> None:
        for profile in self.profiles:
            if profile.image not in self.images:
                raise SettingsError(
                    f"profiles = {profile.name!r} has the image {profile.image!r}, which is not among images.",
                    fix=f"use one of {', '.join(self.images)}, or add it to images",
                )
            if profile.gpus > len(self.gpus):
                raise SettingsError(
                    f"profiles = {profile.name!r} needs {profile.gpus} GPUs, but gpus names {len(self.gpus)}.",
                    fix="name this host's GPUs in gpus, as nvidia-smi -L prints them, or take the profile out",
                )

    def _check_lessons(self) -> None:
        known = {"", *map(image_tag, self.images)}
        for hours in self.quotas.course_hours:
            if hours.cluster and hours.cluster.image not in known:
                raise SettingsError(
                    f"quotas = {hours.cluster.name!r} of course_hours runs {hours.cluster.image!r}, which is not among "
                    "images.",
                    fix=f"use one of {', '.join(self.images)}, or add it to images",
                )

    @property
    def state(self) -> Path:
        """Everything the Hub itself writes: database, secrets, logs, homes."""
        return self.root / "build" / "hub"

    @property
    def homes(self) -> Path:
        """One folder per user."""
        return Path(self.storage.homes) if self.storage.homes else self.state / "homes"

    @property
    def datasets(self) -> Path:
        """The data sets."""
        return Path(self.storage.datasets) if self.storage.datasets else cache_dir().resolve() / "datasets"

    @property
    def runs(self) -> Path:
        """Logs and work files of the users' Spark clusters."""
        return self.state / "run"

    @property
    def grading(self) -> GradingSettings:
        """The course's folders and exchange, as grading knows them."""
        return default_settings(Course(root=self.root))

    @property
    def course_id(self) -> str:
        """The course's name in nbgrader, and the name of the formgrader service."""
        return self.grading.course_id

    @property
    def graders(self) -> str:
        """The group whose members may use formgrader."""
        return f"formgrade-{self.course_id}"

    @property
    def realm(self) -> str:
        """What keeps this Hub's containers apart from others on the same daemon (``COURSEKIT_REALM``)."""
        return os.environ.get("COURSEKIT_REALM") or "class"

    @property
    def is_gateway_there(self) -> bool:
        """Whether this installation has the service that gives a class its clusters."""
        return find_spec("coursekit.gateway.__main__") is not None

    @property
    def db_url(self) -> str:
        """The Hub's database."""
        return self.database or f"sqlite:///{self.state / 'jupyterhub.sqlite'}"

    @property
    def runs_containers(self) -> bool:
        """Whether students have containers of their own."""
        return self.engine != "process"

    @property
    def roster_file(self) -> Path:
        """Where the Hub reads the class from, if there is a roster."""
        return self.root / "hub" / self.roster if self.roster else self.state / "roster.csv"

    def home(self, name: str) -> Path:
        """Where a user's files are."""
        return self.homes / name

    def profile(self, name: str) -> Profile:
        """Give a profile by its name.

        Raises
        ------
        SettingsError
            If there is none of that name.
        """
        found = {profile.name: profile for profile in self.profiles}
        if name not in found:
            raise SettingsError(f"{name!r} is not a profile.", fix=f"choose one of {', '.join(found)}")
        return found[name]
