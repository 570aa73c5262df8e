"""The two passwords of one run of the Hub, made at random and kept where only the operator can read them."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass

from coursekit.errors import HubNotRunningError
from coursekit.hub.settings import HubSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Passwords:
    """One password for all students, one for all instructors."""

    students: str
    instructors: str


def make_passwords(settings: HubSettings) -> Passwords:
    """Make new passwords and keep them for this run of the Hub."""
    passwords = Passwords(students=secrets.token_hex(6), instructors=secrets.token_hex(10))
    settings.state.mkdir(parents=True, exist_ok=True)
    path = settings.state / "passwords.json"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(passwords), file)
    return passwords


def keep_passwords(settings: HubSettings) -> Passwords:
    """Give the passwords that there are, or make them: those of a class stay the same when its Hub is started again."""
    try:
        return read_passwords(settings)
    except HubNotRunningError:
        return make_passwords(settings)


def read_passwords(settings: HubSettings) -> Passwords:
    """Read the passwords of the running Hub.

    Raises
    ------
    HubNotRunningError
        If no Hub was started from this checkout.
    """
    try:
        return Passwords(**json.loads((settings.state / "passwords.json").read_text()))
    except FileNotFoundError:
        raise HubNotRunningError(
            f"no Hub was started from {settings.root}.", fix="start one with: coursekit hub up"
        ) from None
