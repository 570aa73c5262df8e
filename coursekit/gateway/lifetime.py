"""How long a cluster lives: as long as its owner's server, and not idle for longer than its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coursekit.config import format_time
from coursekit.gateway.ledger import Entry
from coursekit.gateway.ready import EARLY
from coursekit.gateway.settings import GatewaySettings

QUEUE_S: Final = 600.0  # who waits asks again and again; a place that nobody asks for is given up
_WARN_S: Final = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a cluster ends now, and why; or what its owner is warned of."""

    ends_for: str = ""
    warning: str = ""


def judge(entry: Entry, settings: GatewaySettings, *, now: float, is_wanted: bool = False) -> Verdict:
    """Say whether a cluster may stay.

    Parameters
    ----------
    entry : Entry
        The cluster; ``absent_since`` says since when its owner's server is gone.
    settings : GatewaySettings
        The limits.
    now : float
        `time.monotonic`.
    is_wanted : bool
        Whether somebody else waits for workers: then an idle cluster has to go sooner.
    """
    unused = now - entry.last_used
    limit = min(settings.idle_s, settings.wanted_idle_s) if is_wanted else settings.idle_s
    if entry.absent_since is not None and now - entry.absent_since > settings.absent_s:
        return Verdict(ends_for="its owner's server has ended")
    if not entry.has_nodes:
        patience = QUEUE_S + EARLY.total_seconds() if entry.is_prepared else QUEUE_S
        return Verdict(ends_for="nobody waited for it any longer") if unused > patience else Verdict()
    if unused > limit:
        others = "others wait for" if is_wanted else "others can use"
        return Verdict(ends_for=f"it had run no job for {format_time(limit)}, and {others} what it held")
    if unused > limit - min(_WARN_S, limit / 4) and not entry.is_warned:
        left = format_time(limit - unused)
        name = entry.spec.name
        return Verdict(warning=f"Your cluster {name!r} runs no job and will be stopped in {left}; any job keeps it.")
    return Verdict()
