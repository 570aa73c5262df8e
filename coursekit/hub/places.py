"""What a user's container sees of the host, and where; pure. Everything else of the host it does not see.

A student's only writable places are their own: their home and their folder of submissions. What was released, their
own feedback, lessons, data sets and the configuration are there to be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coursekit.grading import GradingSettings
from coursekit.hub.settings import HubSettings

HOME: Final = "/home/student"
LESSONS: Final = "/srv/coursekit/lessons"
EXCHANGE: Final = "/srv/coursekit/exchange"
_JUPYTER: Final = "/srv/coursekit/jupyter"
CONFIG_PATH: Final = f"{_JUPYTER}/user:{_JUPYTER}/role"
IMAGE_USER: Final = 1000
"""The account of the images that is not root."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One folder of the host, and where a container has it."""

    source: Path
    target: str
    writable: bool = False


def places(settings: HubSettings, role_dir: Path, user_dir: Path, name: str) -> tuple[Place, ...]:
    """Give what a user's container sees.

    Parameters
    ----------
    settings : HubSettings
        The Hub.
    role_dir, user_dir : Path
        Jupyter's configuration of the role and of the user.
    name : str
        The user.
    """
    return tuple(_places(settings, role_dir, user_dir, name))


def _places(settings: HubSettings, role_dir: Path, user_dir: Path, name: str) -> Iterator[Place]:
    grading, course = settings.grading, f"{EXCHANGE}/{settings.course_id}"
    yield Place(source=settings.home(name), target=HOME, writable=True)
    yield Place(source=inbound(grading, name), target=f"{course}/inbound", writable=True)
    yield Place(source=grading.outbound, target=f"{course}/outbound")
    yield Place(source=feedback(grading, name), target=f"{course}/feedback")
    yield Place(source=settings.root / "lessons", target=LESSONS)
    yield Place(source=role_dir, target=f"{_JUPYTER}/role")
    yield Place(source=user_dir, target=f"{_JUPYTER}/user")
    yield Place(source=settings.datasets, target=str(settings.datasets))  # where Spark's nodes have it too
    if account() != IMAGE_USER:
        yield Place(source=passwd_file(settings), target="/etc/passwd")


def inbound(grading: GradingSettings, name: str) -> Path:
    """Where one student's submissions arrive, and no other's."""
    return grading.inbound / name


def feedback(grading: GradingSettings, name: str) -> Path:
    """Where one student's feedback is, and no other's."""
    return grading.exchange / grading.course_id / "feedback" / name


def passwd_file(settings: HubSettings) -> Path:
    """Where containers that run as the operator's own account have its name from: Java does not start without one."""
    return settings.state / "jupyter" / "passwd"


def account() -> int:
    """Give the account (uid and gid) of users' containers: the operator's own, or the images' where that is root."""
    return os.geteuid() or IMAGE_USER


def nbgraders_places(settings: HubSettings) -> GradingSettings:
    """Give the exchange as nbgrader finds it in a container; the instructor's folders are not there."""
    nowhere = Path("/nonexistent")
    return GradingSettings(
        course_id=settings.course_id, course_dir=nowhere, exchange=Path(EXCHANGE), assignments=nowhere / "assignments"
    )
