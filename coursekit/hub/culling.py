"""Stops servers that nobody uses: jupyterhub-idle-culler, with the limits of each server's profile.

``python -m coursekit.hub.culling`` is a service of the Hub. A server tells the Hub when it was last used; one in which
a cell, a Spark job or a terminal's command runs says that it is in use (``coursekit.server``), so nothing here has to
know of them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from coursekit.config import find_course
from coursekit.hub.clock import SteadyClock, keep_timers_steady
from coursekit.hub.settings import HubSettings, Profile, read_settings

SERVICE: Final = "idle-culler"
SCOPES: Final = ("list:users", "read:users:activity", "read:servers", "delete:servers")
COMMAND: Final = (sys.executable, "-m", "coursekit.hub.culling")
_EVERY_S: Final = 30

Arbiter = Callable[..., bool]


def arbiter(settings: HubSettings, *, clock: SteadyClock | None = None) -> Arbiter:
    """Make what decides whether a server is stopped now.

    Parameters
    ----------
    settings : HubSettings
        Has the profiles.
    clock : SteadyClock, optional
        The time; by which it was put ahead is no time in which a server was not used.
    """
    clock = clock or SteadyClock()

    def decide(inactive: timedelta | None, inactive_limit: int, server: Mapping[str, Any]) -> bool:
        del inactive_limit  # of all servers alike
        profile = profile_of(settings, server)
        used = clock.look() - (inactive or timedelta())
        started = _started(server)
        age_s = clock.seconds_since(started) if started else 0.0
        return is_due(profile, inactive_s=clock.seconds_since(used), age_s=age_s)

    return decide


def is_due(profile: Profile, *, inactive_s: float, age_s: float) -> bool:
    """Whether a server has been idle for too long, or has reached its time limit; s."""
    return inactive_s >= profile.idle_s or age_s >= profile.limit_s


def profile_of(settings: HubSettings, server: Mapping[str, Any]) -> Profile:
    """Give the profile of a server, as the Hub's interface describes it; the first for one that is no longer there."""
    name = (server.get("user_options") or {}).get("profile")
    return next((profile for profile in settings.profiles if profile.name == name), settings.profiles[0])


def _started(server: Mapping[str, Any]) -> datetime | None:
    started = server.get("started")
    if not started:
        return None
    moment = datetime.fromisoformat(str(started).replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def main() -> None:
    """Run the culler until the Hub ends it."""
    from jupyterhub_idle_culler import IdleCuller

    keep_timers_steady()
    settings = read_settings(find_course())
    finite = [profile.idle_s for profile in settings.profiles if profile.idle_s < math.inf]
    culler = IdleCuller.instance(cull_arbiter_hook=arbiter(settings), cull_every=_EVERY_S, config_file="")
    culler.timeout = int(min(finite, default=3600))
    culler.initialize([])
    culler.start()


if __name__ == "__main__":
    main()
