"""The page on which a user chooses a server: the profiles, and what is free now; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from coursekit.config import format_memory, format_time
from coursekit.hub.line import Line
from coursekit.hub.servers import Free
from coursekit.hub.settings import Profile

_LOOK_AGAIN_MS: Final = 15_000
# JupyterHub's page puts the form's fields between its own title and its own button.
_AGAIN: Final = f"<script>setTimeout(() => location.replace(location.pathname), {_LOOK_AGAIN_MS});</script>"


def render(profiles: Sequence[Profile], free: Free | None, line: Line, user: str) -> str:
    """Write the fields of the form.

    Parameters
    ----------
    profiles : sequence of Profile
        In the order of the settings; the first is chosen.
    free : Free or None
        What is free now; None where that is not known: a Swarm finds a place itself.
    line : Line
        Those who wait for a GPU.
    user : str
        Who looks at it.
    """
    choices = "\n".join(_choice(profile, free, line, user, checked=k == 0) for k, profile in enumerate(profiles))
    waits = any(profile.gpus for profile in profiles) and line.position(user)
    return f'<div id="coursekit-profiles">\n{_now(free)}\n{choices}\n</div>{_AGAIN if waits else ""}'


def chosen(form: Mapping[str, Any]) -> dict[str, str]:
    """Read what was chosen: the name of a profile, and nothing else that a browser may send."""
    values = form.get("profile") or [""]
    return {"profile": str(values[0])}


def _now(free: Free | None) -> str:
    if free is None:
        return ""
    memory = f"{format_memory(max(0, free.free_memory))} of {format_memory(free.memory)}"
    return f'<p class="text-muted">Free now: {memory} of memory. Servers that run: {len(free.users)}.</p>'


def _choice(profile: Profile, free: Free | None, line: Line, user: str, *, checked: bool) -> str:
    name, note = escape(profile.name), _note(profile, free, line, user)
    return f"""<div class="form-check mb-3">
  <input class="form-check-input border-secondary" type="radio" name="profile" id="profile-{name}" value="{name}"
         {"checked" if checked else ""}>
  <label class="form-check-label" for="profile-{name}">
    <strong>{escape(profile.title)}</strong> &middot; {_size(profile)}<br>
    {escape(profile.description)}<br>
    <span class="text-muted">{escape(_times(profile))}</span>
    {f'<br><span class="coursekit-now">{escape(note)}</span>' if note else ""}
  </label>
</div>"""


def _size(profile: Profile) -> str:
    cores = f"{profile.cores:g} core" + ("" if profile.cores == 1 else "s")
    gpus = f", {profile.gpus} GPU" + ("" if profile.gpus == 1 else "s") if profile.gpus else ""
    return f"{cores}, {format_memory(profile.memory)}{gpus}"


def _times(profile: Profile) -> str:
    idle = f"Stops when unused for {format_time(profile.idle_s)}" if profile.idle_minutes else "Stops when you stop it"
    return f"{idle}, at the latest after {format_time(profile.limit_s)}." if profile.limit_minutes else f"{idle}."


def _note(profile: Profile, free: Free | None, line: Line, user: str) -> str:
    """Say what stands in the way now, if anything does."""
    if free is None:
        return ""
    if profile.set_aside > free.free_memory:
        return f"Not now: {format_memory(max(0, free.free_memory))} of memory are free."
    if not profile.gpus:
        return ""
    turns, place = len(free.devices) // profile.gpus, line.position(user)
    if line.may_start(user, turns):
        return "It is your turn: start it now." if place else f"{len(free.devices)} free now."
    if place:
        return f"You are number {place} in line. Leave this page open; it looks again by itself."
    return f"All are taken; {len(line)} in line before you. Start it to stand in line."
