"""Time that has passed since a moment that somebody wrote down, also when the clock was set meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_LEAST_S: Final = 60.0
"""By less than this a clock is only put right."""


def passing_seconds() -> Callable[[], float]:
    """Give a clock of seconds since the epoch that only pass: the time of now, and what has passed since."""
    began = time.time() - time.monotonic()
    return lambda: began + time.monotonic()


def keep_timers_steady() -> None:
    """Let timers of Tornado in this process go by time that passes, as asyncio's do.

    Tornado's go by the time of day, so that whatever is done every half minute waits for an hour after the clock was
    put back by an hour: the culler's looks, the Hub's at its proxy and at servers.
    """
    from tornado.platform.asyncio import BaseAsyncIOLoop

    def passed_s(loop: Any) -> float:
        return float(loop.asyncio_loop.time())

    BaseAsyncIOLoop.time = passed_s  # type: ignore[assignment, method-assign]


class SteadyClock:
    """Tells jumps of the clock from time that passed; whoever uses it looks at least once in a minute.

    A clock jumps ahead when a machine had a wrong time, or slept: what was used a moment before then seems to have
    been unused for as long as the jump. Moments before a jump are told from those after it by their dates.

    Parameters
    ----------
    wall : callable
        The time, with its zone.
    steady : callable
        Seconds that only pass.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._seen = (wall(), steady())
        self._jumps: list[tuple[datetime, float]] = []

    def look(self) -> datetime:
        """Give the time, and remember by how much it jumped ahead since the last look."""
        now, steady = self._wall(), self._steady()
        before, passed = self._seen[0], steady - self._seen[1]
        jump = (now - before).total_seconds() - passed
        self._jumps = [one for one in self._jumps if one[0] <= now]  # others never were, now that it was put back
        if jump > max(_LEAST_S, passed):
            self._jumps.append((before + timedelta(seconds=jump), jump))
        self._seen = (now, steady)
        return now

    def seconds_since(self, moment: datetime) -> float:
        """Give how much time has passed since a moment, s; less than 0 for one that the clock has yet to reach."""
        now = self.look()
        jumped = sum(jump for landed, jump in self._jumps if moment < landed)
        return (now - moment).total_seconds() - jumped
