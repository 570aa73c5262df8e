"""Quotas that instructors give to single users, through the interface."""

from __future__ import annotations

from dataclasses import asdict

from coursekit.gateway.overview import Instructors
from coursekit.gateway.quota_book import Given
from coursekit.gateway.requests import read_quota


class UserQuota(Instructors):
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
