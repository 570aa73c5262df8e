"""The page's drawings as SVG; pure. Colours come from classes of the style sheet, so that they suit light and dark."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from coursekit.gateway.history import Sample

_WIDTH: Final = 560
_HEIGHT: Final = 220
_LEFT: Final = 44
_RIGHT: Final = 12
_TOP: Final = 14
_BOTTOM: Final = 28
_HOUR_S: Final = 3600.0
_TICKS: Final = 6


def usage_plot(samples: Sequence[Sample], capacity: float) -> str:
    """Draw the cores in use over time, beside what there is.

    Parameters
    ----------
    samples : sequence of Sample
        At least two, in the order of time.
    capacity : float
        Cores that all workers may use together; 0 or infinite draws no line for it.

    Returns
    -------
    str
        An ``svg`` element with a title and a description for those who do not see it.
    """
    since, until = samples[0].at, samples[-1].at
    most = max(sample.cores for sample in samples)
    has_limit = math.isfinite(capacity) and capacity > 0
    top = nice_top(max(most, capacity if has_limit else 0.0))

    def x(at: float) -> float:
        return round(_LEFT + (at - since) / (until - since) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(cores: float) -> float:
        return round(_HEIGHT - _BOTTOM - cores / top * (_HEIGHT - _TOP - _BOTTOM), 1)

    line = " ".join(f"{x(sample.at)},{y(sample.cores)}" for sample in samples)
    parts = [
        *(_level(y(level), f"{level:g}") for level in (0, top / 2, top)),
        *(_hour(x(at), text) for at, text in hours(since, until)),
        f'<polygon class="area" points="{x(since)},{y(0)} {line} {x(until)},{y(0)}"/>',
        f'<polyline class="curve" points="{line}"/>',
    ]
    if has_limit:
        parts.append(f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(capacity)}" y2="{y(capacity)}"/>')
    now = samples[-1].cores
    said = f"{now:.3g} cores in use now, {most:.3g} at most" + (f", of {capacity:g}." if has_limit else ".")
    return _svg(_WIDTH, _HEIGHT, "Cores in use over the last hours", said, "".join(parts))


def share_bar(used: float, guarantee: float, cap: float) -> str:
    """Draw what somebody uses, beside what they are guaranteed and may have at most."""
    width, height = 360, 34
    top = max(used, guarantee, cap if math.isfinite(cap) else 0.0, 1e-9)

    def x(cores: float) -> float:
        return round(min(1.0, cores / top) * width, 1)

    lent = max(0.0, used - guarantee)
    parts = [
        f'<rect class="rest" x="0" y="8" width="{width}" height="14" rx="4"/>',
        f'<rect class="used" x="0" y="8" width="{x(min(used, guarantee))}" height="14" rx="4"/>',
        f'<rect class="lent" x="{x(guarantee)}" y="8" width="{x(lent)}" height="14" rx="4"/>' if lent else "",
        f'<line class="mark" x1="{_inside(x(guarantee), width)}" x2="{_inside(x(guarantee), width)}" y1="3" y2="27"/>',
    ]
    said = f"{used:g} cores in use, {guarantee:g} guaranteed, {_amount(cap)} at most."
    return _svg(width, height, "Your share of the class", said, "".join(parts), kind="bar")


def nice_top(most: float) -> float:
    """Give the end of an axis: the next of 2, 3, 4, 6, 8, 10, 12, 16, 20, 30 ... that is no less."""
    if not most > 2:
        return 2.0
    step = 10.0 ** math.floor(math.log10(most))
    return next(one * step for one in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if one * step >= most * (1 - 1e-12))


def hours(since: float, until: float) -> list[tuple[float, str]]:
    """Give full hours in a stretch of time, at most a handful, with how they are written on this machine's clock."""
    every = _HOUR_S * max(1, math.ceil((until - since) / _HOUR_S / _TICKS))
    offset = (datetime.fromtimestamp(since).astimezone().utcoffset() or timedelta()).total_seconds()
    first = math.ceil((since + offset) / every) * every - offset
    found = []
    at = first
    while at <= until:
        found.append((at, f"{datetime.fromtimestamp(at).astimezone():%H:%M}"))
        at += every
    return found


def _level(y: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{text}</text>'
    )


def _hour(x: float, text: str) -> str:
    anchor = "end" if x > _WIDTH - 40 else "middle"
    return f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{text}</text>'


def _inside(x: float, width: float) -> float:
    return min(max(x, 1.0), width - 1.0)


def _amount(cores: float) -> str:
    return f"{cores:g}" if math.isfinite(cores) else "any number"


def _svg(width: int, height: int, title: str, said: str, inner: str, *, kind: str = "plot") -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}: '
        f'{html.escape(said)}">{inner}</svg>'
    )
