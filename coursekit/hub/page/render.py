"""Lays the page out as HTML: all that comes from students is escaped, whatever it looks like."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

import jinja2
from markupsafe import Markup

from coursekit.config import format_memory, format_time
from coursekit.gateway.quotas import Resources


def render(template: str, **values: Any) -> str:
    """Fill a template."""
    return _environment().get_template(template).render(**values)


def drawing(svg: str) -> Markup:
    """Let a drawing of `coursekit.hub.page.plots` stand in a page: it escapes what it writes."""
    return Markup(svg)  # noqa: S704


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("coursekit.hub.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": moment,
        "from_now": from_now,
        "zone": lambda value: value.tzname() or "",
        "memory": format_memory,
        "time": format_time,
        "points": lambda value: f"{round(value, 2):g}",
        "amount": str,
        "cores": cores,
    }
    return environment


def moment(value: datetime) -> str:
    """Write a moment in its own time zone: ``"Tue 1 December, 23:59"``."""
    return f"{value:%a} {value.day} {value:%B, %H:%M}"


def from_now(value: datetime, now: datetime) -> str:
    """Write how far a moment is away: ``"in 3 days"``, ``"2 h ago"``."""
    seconds = (value - now.astimezone(UTC)).total_seconds()
    days = abs(seconds) / 86400
    far = f"{days:.0f} days" if days >= 2 else format_time(abs(seconds))
    return f"in {far}" if seconds > 0 else f"{far} ago"


def cores(value: Resources) -> str:
    """Write an amount of cores."""
    return str(Resources(cores=value.cores))
