"""The message of the day: a file in the Hub's state folder, shown on the course page and on the Hub's own pages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Final

from coursekit.errors import HubError, SettingsError
from coursekit.grading.extensions import write_whole

LONGEST: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What an instructor tells everybody: plain text, who wrote it, and when (seconds since the epoch)."""

    text: str
    by: str
    at: float


def message_file(state: Path) -> Path:
    """Give the file's place in a Hub's state folder."""
    return state / "message.json"


def read_message(path: Path) -> Message | None:
    """Read the message; None where there is none, or the file is not one: nobody waits for a message."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Message(text=str(content["text"])[:LONGEST], by=str(content["by"]), at=float(content["at"]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def write_message(path: Path, message: Message) -> None:
    """Write the message, whole or not at all; an empty text removes it.

    Raises
    ------
    SettingsError
        If it is too long.
    HubError
        If the file cannot be written.
    """
    if len(message.text) > LONGEST:
        raise SettingsError(
            f"the message has {len(message.text)} characters.", fix=f"use {LONGEST} at most, and link to the rest"
        )
    try:
        if not message.text.strip():
            path.unlink(missing_ok=True)
            return
        write_whole(path, json.dumps(asdict(message)))
    except OSError as error:
        raise HubError(
            f"{path} cannot be written: {error.strerror}.", fix="let this account write there, or free some space"
        ) from None


class Announcement:
    """What the Hub shows on top of its pages: a fixed line, and below it the message as it is at that moment.

    JupyterHub's templates read ``template_vars["announcement"]`` anew for each page, as HTML.

    Parameters
    ----------
    path : Path
        The message's file.
    always : str
        HTML that always stands there.

    Examples
    --------
    >>> str(Announcement(Path("/nowhere/message.json"), always="<b>Course</b>"))
    '<b>Course</b>'
    """

    def __init__(self, path: Path, *, always: str = "") -> None:
        self._path = path
        self._always = always

    def __bool__(self) -> bool:
        """Tell whether there is anything to show."""
        return bool(self.__html__())

    def __html__(self) -> str:
        """Give it as HTML."""
        message = read_message(self._path)
        said = escape(message.text).replace("\n", "<br>") if message else ""
        return "<br>".join(part for part in (self._always, said) if part)

    __str__ = __html__
