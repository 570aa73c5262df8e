"""What one may have and uses, what the class has, and, for instructors, everybody's clusters."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from coursekit.errors import NotAllowedError
from coursekit.gateway.api import Api
from coursekit.gateway.ledger import Entry


class MyQuota(Api):
    """What the caller may have."""

    async def get(self) -> None:
        """Give guarantee, cap, limits and images."""
        self.check_query()
        quota = await self.clusters.quota(self.owner)
        limits = self.clusters.settings.limits
        self.write(
            {
                "guarantee": asdict(quota.guarantee),
                "cap": asdict(quota.cap),
                "weight": quota.weight,
                "idle_s": self.clusters.settings.idle_s,
                "images": list(self.clusters.settings.images),
                "limits": {key: getattr(limits, key) for key in ("workers", "cores", "memory", "gpus", "clusters")},
            }
        )


class Usage(Api):
    """What the caller uses now."""

    async def get(self) -> None:
        """Give cores, memory, workers and clusters."""
        self.check_query()
        entries = await self.clusters.entries(self.owner)
        self.write(
            {
                **asdict(self.clusters.used(self.owner)),
                "workers": sum(one.alive for one in entries),
                "clusters": len(entries),
            }
        )


class Capacities(Api):
    """What the class has: totals, and nobody's name."""

    async def get(self) -> None:
        """Give what there is, what is used, and what is free."""
        self.check_query()
        total, used = await self.clusters.total(), self.clusters.used()
        entries = await self.clusters.entries()
        self.write(
            {
                "total": asdict(total),
                "used": asdict(used),
                "free": {key: max(0, value) for key, value in asdict(total - used).items()},
                "waiting": sum(one.queue is not None for one in entries),
            }
        )


class Instructors(Api):
    """What only instructors may do."""

    async def prepare(self) -> None:
        """Refuse everybody else."""
        await super().prepare()
        if not self.caller.sees_class:
            raise NotAllowedError(f"{self.caller.name} is no instructor.", fix="look at your own: api/v1/clusters")


class WholeClass(Instructors):
    """Everybody's clusters."""

    async def get(self) -> None:
        """Give all clusters with their owners, and whose servers run."""
        self.check_query()
        entries = await self.clusters.entries()
        self.write({"clusters": [_seen(one) for one in entries], "servers": await self.clusters.servers()})


class SomebodysCluster(Instructors):
    """One cluster of anybody's."""

    async def delete(self, owner: str, name: str) -> None:
        """Stop it, and tell its owner."""
        self.check_query()
        await self.clusters.end(owner, name, why=f"{self.caller.name} stopped it")
        self.finish_empty()


def _seen(entry: Entry) -> dict[str, Any]:
    """Write a cluster for an instructor: who has waited, and what has died, is seen there."""
    return {
        "owner": entry.owner,
        "since": entry.since,
        "died": max(0, entry.here - entry.alive),
        "unused_s": max(0.0, time.monotonic() - entry.last_used),
        **entry.as_json(),
    }
