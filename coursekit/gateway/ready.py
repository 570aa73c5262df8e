"""Clusters that are made before their owners ask, so that nobody waits in the first minute of a lesson."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from coursekit.cluster import ClusterSpec
from coursekit.gateway.quotas import Quotas

EARLY = timedelta(minutes=15)
"""How long before the class meets."""


class Preparation:
    """Says which clusters are to be made: one for each user and lesson, once a day.

    A user who has closed the cluster, or let it go idle, does not get another before they ask.
    """

    def __init__(self) -> None:
        self._made: set[tuple[date, str, str]] = set()

    def due(self, quotas: Quotas, owners: Iterable[str], moment: datetime) -> list[tuple[str, ClusterSpec]]:
        """Give owner and cluster of what nobody was given today.

        Parameters
        ----------
        quotas : Quotas
            With the hours in which the class meets, and the cluster of each lesson.
        owners : iterable of str
            Users whose servers run.
        moment : datetime
            Now, with an offset from UTC.
        """
        specs = [
            hours.cluster
            for hours in quotas.course_hours
            if hours.cluster is not None and (hours.hold_at(moment) or hours.hold_at(moment + EARLY))
        ]
        if not specs:
            return []
        today = moment.date()
        self._made = {one for one in self._made if one[0] == today}
        wanted = [(owner, spec) for owner in sorted(owners) for spec in specs]
        found = [(owner, spec) for owner, spec in wanted if (today, owner, spec.name) not in self._made]
        self._made |= {(today, owner, spec.name) for owner, spec in found}
        return found
