"""What is decided about a user's clusters, told to whoever of theirs listens."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Kind = Literal["queued", "granted", "reclaimed", "warning", "stopped", "failed"]
KINDS: Final = ("queued", "granted", "reclaimed", "warning", "stopped", "failed")
_STILL_HERE_S: Final = 15.0
_REMEMBERED: Final = 50  # of each user, for a client that was away for a moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that was decided: about which cluster, when (seconds since the epoch), and in words."""

    number: int
    kind: Kind
    cluster: str
    message: str
    at: float

    def as_json(self) -> dict[str, Any]:
        """Write it for a client."""
        return asdict(self)


class Events:
    """Events of all users; each is told their own only. Belongs to one event loop."""

    def __init__(self) -> None:
        # Numbers go on rising when the gateway starts again, so a client's "last that I saw" stays true.
        self._numbers = itertools.count(int(time.time() * 1000))
        self._past: dict[str, deque[Event]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
        self._arrived: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def tell(self, user: str, kind: Kind, cluster: str, message: str) -> Event:
        """Tell a user."""
        event = Event(number=next(self._numbers), kind=kind, cluster=cluster, message=message, at=time.time())
        self._past[user].append(event)
        self._arrived.pop(user, asyncio.Event()).set()
        return event

    def latest(self, user: str, cluster: str, kind: Kind) -> Event | None:
        """Give the last event of a kind about a cluster."""
        return next((one for one in reversed(self._past[user]) if (one.cluster, one.kind) == (cluster, kind)), None)

    @property
    def now(self) -> int:
        """The number after which everything is yet to come."""
        return max((past[-1].number for past in self._past.values() if past), default=0)

    async def after(self, user: str, number: int, *, within_s: float) -> AsyncIterator[Event | None]:
        """Give a user's events after a number as they come, and None now and then when there is none.

        Parameters
        ----------
        user : str
            Whose.
        number : int
            That of the last event that is known.
        within_s : float
            For how long, s.
        """
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            arrived = self._arrived[user]
            for event in [one for one in self._past[user] if one.number > number]:
                number = event.number
                yield event
            try:
                async with asyncio.timeout(min(_STILL_HERE_S, max(0.0, deadline - time.monotonic()))):
                    await arrived.wait()
            except TimeoutError:
                yield None
