"""Who may start which server now. What does not fit is refused with what is free; GPUs are waited for in line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tornado.log import app_log
from tornado.web import HTTPError

from coursekit.config import format_memory
from coursekit.engine.devices import choose_devices
from coursekit.errors import EngineError, SettingsError
from coursekit.hub.clock import passing_seconds
from coursekit.hub.line import Line, read_line, write_line
from coursekit.hub.servers import Free, free_now
from coursekit.hub.settings import HubSettings, Profile

_LATER: Final = 409


class NotNowError(HTTPError):
    """A server that cannot start now; JupyterHub shows ``jupyterhub_message`` above its form."""

    def __init__(self, message: str, *, status: int = _LATER) -> None:
        super().__init__(status, message.replace("%", "%%"))
        self.jupyterhub_message = message


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a user who may start gets: a profile, and GPUs for them alone."""

    profile: Profile
    devices: tuple[str, ...] = ()


class Admission:
    """The door of a Hub's servers on one host.

    Parameters
    ----------
    settings : HubSettings
        The Hub.
    look : callable
        Tells what the host has left.
    clock : callable, optional
        Seconds since the epoch; such as only pass when not given, so that nobody loses their place by a clock that
        is set.
    """

    def __init__(
        self,
        settings: HubSettings,
        *,
        look: Callable[[HubSettings], Free] = free_now,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._settings = settings
        self._look = look
        self._clock = clock or passing_seconds()
        self._path = settings.state / "line.json"
        self._line = read_line(self._path)
        # Those who were let in, until their containers are there and say it by their labels.
        self._entering: dict[str, Entry] = {}
        self._one_at_a_time = asyncio.Lock()

    async def enter(self, user: str, name: str) -> Entry:
        """Let a user start a server, or say why not now.

        Raises
        ------
        NotNowError
            If there is no such profile, it does not fit, or it is not the user's turn: then they are in line.
        """
        try:
            profile = self._settings.profile(name) if name else self._settings.profiles[0]
        except SettingsError as error:
            raise NotNowError(error.message, status=400) from None
        async with self._one_at_a_time:
            self._entering.pop(user, None)  # of an earlier try
            free = await self.free()
            if free is None:
                raise NotNowError("Servers cannot be started at the moment. Try again in a minute.", status=503)
            if profile.set_aside > free.free_memory:
                raise NotNowError(
                    f"{profile.title} needs {format_memory(profile.set_aside)} of memory, and "
                    f"{format_memory(max(0, free.free_memory))} are free now. Choose a smaller server, or try later."
                )
            entry = Entry(profile=profile, devices=self._devices(user, profile, free))
            self._entering[user] = entry
            return entry

    def leave(self, user: str) -> None:
        """Forget that a user was let in: their server has ended, or did not start."""
        self._entering.pop(user, None)

    async def free(self) -> Free | None:
        """Tell what is free, with those counted who are just starting; None while the engine does not answer."""
        try:
            free = await asyncio.to_thread(self._look, self._settings)
        except EngineError as error:
            app_log.error("%s", error)
            return None
        return without(free, {user: entry for user, entry in self._entering.items() if user not in free.users})

    def look(self, user: str) -> Line:
        """Give the line to a user who looks at it, which keeps their place."""
        self._remember(self._line.fresh(self._clock()).looked(user, self._clock()))
        return self._line

    def _devices(self, user: str, profile: Profile, free: Free) -> tuple[str, ...]:
        """Give a user GPUs when it is their turn."""
        if not profile.gpus:
            return ()
        line = self._line.fresh(self._clock())
        turns = len(free.devices) // profile.gpus
        chosen = choose_devices(self._settings.gpus, set(self._settings.gpus) - set(free.devices), profile.gpus)
        if chosen is None or not line.may_start(user, turns):
            self._remember(line.joined(user, self._clock()))
            raise NotNowError(
                f"All GPUs are taken. You are number {self._line.position(user)} in line: leave this page open, "
                "it tells you when it is your turn."
            )
        self._remember(line.without(user))
        return chosen

    def _remember(self, line: Line) -> None:
        if line != self._line:
            self._line = line
            write_line(self._path, line)


def without(free: Free, entering: Mapping[str, Entry]) -> Free:
    """Take what servers will have that are just starting."""
    devices = {device for entry in entering.values() for device in entry.devices}
    return replace(
        free,
        free_memory=free.free_memory - sum(entry.profile.set_aside for entry in entering.values()),
        devices=tuple(device for device in free.devices if device not in devices),
        users=tuple(sorted({*free.users, *entering})),
    )
