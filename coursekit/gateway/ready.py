"""Clusters that are made before their owners ask, so that nobody waits in the first minute of a lesson."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from coursekit.cluster import ClusterSpec
from coursekit.gateway.quotas import Hours, Quotas

EARLY = timedelta(minutes=15)
"""How long before the class meets."""
_REMEMBERED = timedelta(days=2)


class Preparation:
    """Says which clusters are to be made: one for each user and lesson on each day that the class meets.

    A user who has closed the cluster, or let it go idle, does not get another before they ask, unless the gateway was
    started anew in between: it remembers this in its process alone.
    """

    def __init__(self) -> None:
        self._made: set[tuple[date, str, str]] = set()

    def due(self, quotas: Quotas, owners: Iterable[str], moment: datetime) -> list[tuple[str, ClusterSpec]]:
        """Give owner and cluster of what nobody was given on this day.

        Parameters
        ----------
        quotas : Quotas
            With the hours in which the class meets, and the cluster of each lesson.
        owners : iterable of str
            Users whose servers run.
        moment : datetime
            Now, with an offset from UTC.
        """
        meetings = [(day, hours.cluster) for hours in quotas.course_hours if (day := _meets_on(hours, moment))]
        self._made = {one for one in self._made if moment.date() - one[0] < _REMEMBERED}
        found = []
        for owner in sorted(owners):
            for day, spec in meetings:
                if spec is not None and (day, owner, spec.name) not in self._made:
                    self._made.add((day, owner, spec.name))
                    found.append((owner, spec))
        return found


def _meets_on(hours: Hours, moment: datetime) -> date | None:
    """Give the day, on the clock of the class, of the meeting that goes on or begins soon; None without one.

    The gateway's own clock may be of another zone, whose midnight can be in the middle of a meeting.
    """
    for at in (moment, moment + EARLY):
        if hours.hold_at(at):
            return at.astimezone(ZoneInfo(hours.zone)).date()
    return None
