"""``[login]``: how people log in. A secret never stands in the file: it names where the secret is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coursekit.errors import SettingsError
from coursekit.hub.settings.lines import Keys
from coursekit.hub.settings.tables import MisfitError, build, require_table

KINDS: Final = ("shared-password", "native", "oauth", "lti13")
PROVIDERS: Final = ("github", "openid")
_WHO: Final = ("everybody", "roster")


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """Where a secret is: in a variable of the Hub's environment, or in a file."""

    environment: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if bool(self.environment) == bool(self.file):
            raise SettingsError(
                "a secret is in one place, a variable of the environment or a file.",
                fix='write { environment = "NAME" } or { file = "/run/secrets/name" }',
            )

    def read(self) -> str:
        """Read the secret.

        Raises
        ------
        SettingsError
            If it is not there.
        """
        if self.environment:
            found = os.environ.get(self.environment, "")
        else:
            try:
                found = Path(self.file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError, ValueError):
                found = ""
        if not found:
            where = f"the variable {self.environment}" if self.environment else f"the file {self.file}"
            raise SettingsError(f"the secret that {where} should hold is not there.", fix=f"put it into {where}")
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class OAuth:
    """An OAuth provider: GitHub, or any that speaks OpenID Connect (addresses from its discovery page)."""

    provider: str
    client_id: str
    client_secret: Secret
    title: str = ""
    callback_url: str = ""
    authorize_url: str = ""
    token_url: str = ""
    userdata_url: str = ""
    username_claim: str = "preferred_username"
    scope: tuple[str, ...] = ("openid", "profile", "email")
    organizations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.provider not in PROVIDERS:
            raise SettingsError(f"provider = {self.provider!r} is not known.", fix=f"use one of {', '.join(PROVIDERS)}")
        if self.provider == "openid":
            for name in ("authorize_url", "token_url", "userdata_url"):
                _require_url(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Lti13:
    """A learning platform (Moodle, Canvas, ...) that launches the Hub by LTI 1.3."""

    issuer: str
    client_ids: tuple[str, ...]
    authorize_url: str
    jwks_url: str
    username_claim: str = "email"

    def __post_init__(self) -> None:
        if not self.client_ids:
            raise SettingsError("client_ids = [] lets no platform in.", fix="add the id that the platform shows")
        for name in ("issuer", "authorize_url", "jwks_url"):
            _require_url(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """How people log in.

    Parameters
    ----------
    kind : str
        ``"shared-password"``: one password for the class; ``"native"``: sign-up, an instructor approves; ``"oauth"``;
        ``"lti13"``.
    who : str
        ``"everybody"`` who can log in, or only those of the ``"roster"`` and instructors. When empty: the roster with
        OAuth, for a provider knows more people than a class has; everybody with the others.
    oauth, lti13
        What these kinds need.
    """

    kind: str = "shared-password"
    who: str = ""
    oauth: OAuth | None = field(default=None)
    lti13: Lti13 | None = field(default=None)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SettingsError(f"kind = {self.kind!r} is no way to log in.", fix=f"use one of {', '.join(KINDS)}")
        if self.who and self.who not in _WHO:
            raise SettingsError(f"who = {self.who!r} names nobody.", fix=f"use one of {', '.join(_WHO)}")
        if self.kind in ("oauth", "lti13") and getattr(self, self.kind) is None:
            raise SettingsError(
                f"kind = {self.kind!r} needs to know where people log in.", fix=f"add a table [login.{self.kind}]"
            )

    @property
    def only_roster(self) -> bool:
        """Whether only those of the roster, and instructors, are let in."""
        return (self.who or ("roster" if self.kind == "oauth" else "everybody")) == "roster"


def read_login(table: Any, keys: Keys) -> Login:
    """Read how people log in.

    Raises
    ------
    MisfitError
        If there is a key or a value that cannot be.
    """
    return build(Login, table, keys, readers={"oauth": _read_oauth, "lti13": _read_lti13})


def _read_oauth(table: Any, keys: Keys) -> OAuth:
    _require_keys(table, keys, ("provider", "client_id", "client_secret"))
    return build(OAuth, table, keys, readers={"client_secret": _read_secret})


def _read_lti13(table: Any, keys: Keys) -> Lti13:
    _require_keys(table, keys, ("issuer", "client_ids", "authorize_url", "jwks_url"))
    return build(Lti13, table, keys, readers={})


def _read_secret(value: Any, keys: Keys) -> Secret:
    if not isinstance(value, dict):
        raise MisfitError(
            keys,
            f"{keys[-1]} stands in the file, which everybody who has the course can read.",  # and is not repeated here
            'write { environment = "NAME" } or { file = "/run/secrets/name" }, and change the secret',
        )
    return build(Secret, value, keys, readers={})


def _require_keys(table: Any, keys: Keys, needed: tuple[str, ...]) -> None:
    values = require_table(table, keys)
    for key in needed:
        if key not in values:
            raise MisfitError(keys, f"{'.'.join(keys)} does not say {key}.", f"add a line {key} = ...")


def _require_url(name: str, value: str) -> None:
    if not value.startswith(("https://", "http://")):
        raise SettingsError(f"{name} = {value!r} is not an address.", fix="write one that begins with https://")
