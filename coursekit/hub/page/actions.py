"""What instructors do from the page: each function does one thing, and says in words what it did."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from coursekit.config import GiB
from coursekit.errors import SettingsError
from coursekit.gateway.quotas import Resources
from coursekit.grading.extensions import add_extension, all_deadlines
from coursekit.grading.settings import check_name
from coursekit.hub.page.gateway import Gateway
from coursekit.hub.page.message import Message, write_message
from coursekit.hub.page.render import moment
from coursekit.hub.page.settings import PageSettings

_USER: Final = re.compile(r"[^/\s\x00-\x1f\x7f]{1,255}")
_MOST_CORES: Final = 10_000
_MOST_GIB: Final = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What an action has to say: ``kind`` is ``done`` or ``problem``."""

    kind: str
    text: str


async def stop_cluster(gateway: Gateway, owner: str, name: str) -> Said:
    """Stop a student's cluster."""
    check_user(owner)
    await gateway.stop_cluster(owner, name)
    return Said(
        kind="done", text=f"Cluster {name} of {owner} is stopped, and {owner} is told that an instructor did it."
    )


async def give_quota(gateway: Gateway, student: str, cores: str, memory: str) -> Said:
    """Let a student have more, or less, than the course's settings say."""
    check_user(student)
    cap = Resources(
        cores=_number("cores", cores, most=_MOST_CORES), memory=round(_number("memory", memory, most=_MOST_GIB) * GiB)
    )
    guarantee, now = await gateway.give_quota(student, cap)
    return Said(
        kind="done", text=f"{student} may have {now} at most from now on; {guarantee} are guaranteed, as before."
    )


async def reset_quota(gateway: Gateway, student: str) -> Said:
    """Let what the course's settings say of a student hold again."""
    check_user(student)
    await gateway.reset_quota(student)
    return Said(kind="done", text=f"{student} has the course's own quota again.")


def extend(settings: PageSettings, assignment: str, student: str, until: str, *, known: Container[str]) -> Said:
    """Give a student more time.

    Parameters
    ----------
    settings : PageSettings
        The course.
    assignment, student : str
        Of what and for whom.
    until : str
        As a browser's field gives it, ``2026-12-05T23:59``, on the clock of the assignment's own deadline.
    known : container of str
        Students of the roster, and who have handed something in or run a server: others may be misspelt.
    """
    check_user(student)
    check_name("student", student)
    deadlines = all_deadlines(settings.grading.course_file, settings.grading.extensions_file)
    if assignment not in deadlines:
        raise SettingsError(
            f"{assignment!r} has no deadline that could be extended.",
            fix=f"add due = ... to [assignments.{assignment}] in hub/course.toml",
        )
    due = deadlines[assignment].due
    try:
        moment_given = datetime.fromisoformat(until)
    except ValueError:
        raise SettingsError(f"{until!r} is not a moment.", fix="write it like 2026-12-05T23:59") from None
    chosen = moment_given if moment_given.tzinfo else moment_given.replace(tzinfo=due.tzinfo)
    if chosen <= due:
        raise SettingsError(
            f"{moment(chosen)} is not after {moment(due)}, when {assignment} is due for everybody.",
            fix="choose a later moment",
        )
    add_extension(settings.grading.extensions_file, assignment, student, chosen)
    holds = all_deadlines(settings.grading.course_file, settings.grading.extensions_file)[assignment].due_for(student)
    said = f"{student} has until {moment(holds)} for {assignment}."
    if holds > chosen:
        said += " That is the extension in hub/course.toml, which is later than the one that you gave."
    if student not in known:
        said += f" {student} is not on the roster, has handed nothing in and runs no server: is the name right?"
    return Said(kind="done", text=said)


def say(settings: PageSettings, text: str, by: str) -> Said:
    """Set the message of the day; an empty one removes it."""
    tidy = text.replace("\r\n", "\n").strip()
    write_message(settings.message_file, Message(text=tidy, by=by, at=time.time()))
    return Said(kind="done", text="Everybody sees the message now." if tidy else "The message is removed.")


def check_user(name: str) -> None:
    """Refuse what cannot be a user's name.

    Raises
    ------
    SettingsError
        If it is empty, too long, or holds a slash, a blank or a control character.
    """
    if not _USER.fullmatch(name) or name in (".", ".."):
        raise SettingsError(f"{name[:60]!r} is not the name of a user.", fix="write it as the Hub shows it")


def _number(what: str, text: str, *, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise SettingsError(f"{what} = {text[:40]!r} cannot be.", fix=f"give a number from 0 to {most:g}")
    return value
