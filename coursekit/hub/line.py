"""The line for GPUs: first come, first served; a place is kept for those who keep looking at it. Pure, but its file.

Nobody's spawn is held back meanwhile: a student who waits has a page that shows their place, and starts when it is
their turn.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

KEPT_S: Final = 600.0
"""How long a place is kept for somebody who does not look, s."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One place: whose, since when, and when they last looked (seconds since the epoch)."""

    user: str
    since: float
    seen: float


@dataclass(frozen=True, slots=True)
class Line:
    """Those who wait, in the order in which they came."""

    tickets: tuple[Ticket, ...] = ()

    def __len__(self) -> int:
        return len(self.tickets)

    def position(self, user: str) -> int:
        """Give a user's place, from 1; 0 for one who does not wait."""
        users = [ticket.user for ticket in self.tickets]
        return users.index(user) + 1 if user in users else 0

    def fresh(self, now: float) -> Line:
        """Leave out those who have not looked for too long."""
        return Line(tuple(ticket for ticket in self.tickets if now - ticket.seen <= KEPT_S))

    def joined(self, user: str, now: float) -> Line:
        """Put a user at the end; one who waits keeps their place, and has looked."""
        if self.position(user):
            return self.looked(user, now)
        return Line((*self.tickets, Ticket(user, now, now)))

    def looked(self, user: str, now: float) -> Line:
        """Write down that a user has looked, if they wait."""
        return Line(tuple(replace(each, seen=now) if each.user == user else each for each in self.tickets))

    def without(self, user: str) -> Line:
        """Let a user leave."""
        return Line(tuple(ticket for ticket in self.tickets if ticket.user != user))

    def may_start(self, user: str, free: int) -> bool:
        """Whether it is a user's turn when so many servers can start; nobody passes those who wait."""
        place = self.position(user) or len(self) + 1
        return place <= free


def read_line(path: Path) -> Line:
    """Read the line; one that cannot be read is empty, and everybody in it comes again."""
    try:
        return Line(tuple(Ticket(**ticket) for ticket in json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError):
        return Line()


def write_line(path: Path, line: Line) -> None:
    """Write the line, so that a Hub that is started again knows who waits; never half of it."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps([asdict(ticket) for ticket in line.tickets]), encoding="utf-8")
    draft.replace(path)
