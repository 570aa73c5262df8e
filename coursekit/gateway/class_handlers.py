"""What instructors may ask of the gateway: the class at a glance, the end of a cluster, another quota for a user.

Whether somebody is an instructor is the Hub's to say: their token has the scope, or they are in the group.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from coursekit.errors import NotAllowedError
from coursekit.gateway.api import Api
from coursekit.gateway.ledger import Entry
from coursekit.gateway.quota_book import Given
from coursekit.gateway.requests import read_quota


class ForInstructors(Api):
    """What students may not ask."""

    async def prepare(self) -> None:
        """Refuse everybody else.

        Raises
        ------
        NotAllowedError
            If the caller is no instructor.
        """
        await super().prepare()
        if not self.caller.sees_class:
            raise NotAllowedError(f"{self.caller.name} is no instructor.", fix="look at your own: api/v1/clusters")


class WholeClass(ForInstructors):
    """Everybody's clusters."""

    async def get(self) -> None:
        """Give all clusters with their owners, and whose servers run."""
        self.check_query()
        entries = await self.clusters.entries()
        self.write({"clusters": [_seen(one) for one in entries], "servers": await self.clusters.servers()})


class ClassCluster(ForInstructors):
    """One cluster of somebody else."""

    async def delete(self, user: str, name: str) -> None:
        """Stop it, and tell its owner; one that is not there is no error."""
        self.check_query()
        await self.clusters.end(user, name, why=f"an instructor ({self.caller.name}) ended it")
        self.finish_empty()


class UserQuota(ForInstructors):
    """What one user may have."""

    async def get(self, user: str) -> None:
        """Give it, what the course's settings say of it, and who gave another."""
        self.check_query()
        await self._show(user)

    async def put(self, user: str) -> None:
        """Give a user another quota, from now on."""
        self.check_query()
        self.check_json()
        quota = read_quota(self.request.body, self.clusters.course_quota(user))
        await self.clusters.give_quota(user, Given(quota=quota, by=self.caller.name))
        await self._show(user)

    async def delete(self, user: str) -> None:
        """Let what the course's settings say hold again."""
        self.check_query()
        await self.clusters.give_quota(user, None)
        self.finish_empty()

    async def _show(self, user: str) -> None:
        quota, course = await self.clusters.quota(user), self.clusters.course_quota(user)
        given = self.clusters.given(user)
        self.write({"user": user, **asdict(quota), "course": asdict(course), "given_by": given.by if given else None})


def _seen(entry: Entry) -> dict[str, Any]:
    """Write a cluster for an instructor: who has waited, and what has died, is seen there."""
    return {
        "owner": entry.owner,
        "since": entry.since,
        "died": max(0, entry.here - entry.alive),
        "unused_s": max(0.0, time.monotonic() - entry.last_used),
        **entry.as_json(),
    }
