"""Quotas as one line of JSON: the Hub reads them from the course's settings, and gives them to its service so."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import time
from typing import Any

from coursekit.cluster import ClusterSpec
from coursekit.errors import SettingsError
from coursekit.gateway.quotas import Hours, Quota, Quotas, Resources


def write_quotas(quotas: Quotas) -> str:
    """Write quotas in one line, for ``COURSEKIT_GATEWAY_QUOTAS``."""
    return json.dumps(asdict(quotas), default=str)


def read_quotas(text: str) -> Quotas:
    """Read what `write_quotas` wrote.

    Raises
    ------
    SettingsError
        If it is something else.
    """
    try:
        given = json.loads(text)
        return Quotas(
            default=_quota(given["default"]),
            users={user: _quota(one) for user, one in given.get("users", {}).items()},
            class_cap=_resources(given.get("class_cap")),
            course_hours=tuple(_hours(one) for one in given.get("course_hours", ())),
            cap_outside_hours=_resources(given.get("cap_outside_hours")),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(
            f"COURSEKIT_GATEWAY_QUOTAS = {text[:100]!r} are no quotas ({error}).",
            fix="let the Hub set it, or write it with coursekit.gateway.quota_text.write_quotas",
        ) from None


def _quota(given: dict[str, Any]) -> Quota:
    return Quota(
        guarantee=Resources(**given["guarantee"]), cap=Resources(**given["cap"]), weight=given.get("weight", 1.0)
    )


def _resources(given: dict[str, Any] | None) -> Resources | None:
    return None if given is None else Resources(**given)


def _hours(given: dict[str, Any]) -> Hours:
    begin, end = (time.fromisoformat(given[key]) for key in ("begin", "end"))
    cluster = ClusterSpec(**given["cluster"]) if given.get("cluster") else None
    return Hours(days=tuple(given["days"]), begin=begin, end=end, zone=given.get("zone", "UTC"), cluster=cluster)
