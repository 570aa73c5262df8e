"""How long a cluster lives: as long as its owner's server, and not idle for longer than its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coursekit.config import format_time
from coursekit.gateway.ledger import Entry
from coursekit.gateway.settings import GatewaySettings

QUEUE_S: Final = 600.0  # who waits asks again and again; a place that nobody asks for is given up
_WARN_S: Final = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a cluster ends now, and why; or what its owner is warned of."""

    ends_for: str = ""
    warning: str = ""


def judge(entry: Entry, settings: GatewaySettings, *, now: float) -> Verdict:
    """Say whether a cluster may stay.

    Parameters
    ----------
    entry : Entry
        The cluster; ``absent_since`` says since when its owner's server is gone.
    settings : GatewaySettings
        The limits.
    now : float
        `time.monotonic`.
    """
    unused = now - entry.last_used
    if entry.absent_since is not None and now - entry.absent_since > settings.absent_s:
        return Verdict(ends_for="its owner's server has ended")
    if not entry.has_nodes:
        return Verdict(ends_for="nobody waited for it any longer") if unused > QUEUE_S else Verdict()
    if unused > settings.idle_s:
        idle = format_time(settings.idle_s)
        return Verdict(ends_for=f"it had run no job for {idle}, and others can use what it held")
    if unused > settings.idle_s - min(_WARN_S, settings.idle_s / 4) and not entry.is_warned:
        left = format_time(settings.idle_s - unused)
        name = entry.spec.name
        return Verdict(warning=f"Your cluster {name!r} runs no job and will be stopped in {left}; any job keeps it.")
    return Verdict()
