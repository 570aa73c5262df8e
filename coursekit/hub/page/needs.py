"""Who of a class may need help, and why; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coursekit.config import format_time
from coursekit.hub.page.coursework import Struggle
from coursekit.hub.page.gateway import ClassCluster

WAITS_LONG_S: Final = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Somebody, what in a word, and in a sentence."""

    student: str
    kind: str
    what: str


def who_needs_help(clusters: Iterable[ClassCluster], struggles: Iterable[Struggle], *, now: float) -> tuple[Need, ...]:
    """List those who seem to be stuck, the most urgent first.

    Parameters
    ----------
    clusters : iterable of ClassCluster
        Of the whole class.
    struggles : iterable of Struggle
        Who fails most tests.
    now : float
        Seconds since the epoch.
    """
    found = [need for one in clusters if (need := _of_cluster(one, now))]
    order = {"failed": 0, "degraded": 1, "cannot start": 2, "waits": 3}
    found.sort(key=lambda need: (order[need.kind], need.student))
    return (*found, *(_of_tests(one) for one in struggles))


def _of_cluster(one: ClassCluster, now: float) -> Need | None:
    if one.error:
        return Need(student=one.owner, kind="failed", what=f"Cluster {one.name} did not start: {one.error}")
    if one.died:
        there = one.died + one.running
        what = f"{one.died} of {there} workers of cluster {one.name} died; cluster.repair() starts them again."
        return Need(student=one.owner, kind="degraded", what=what)
    if one.queue is None or one.running:
        return None
    if not one.queue.position:
        return Need(
            student=one.owner, kind="cannot start", what=f"Cluster {one.name} gets no worker: {one.queue.reason}."
        )
    waited = now - one.since
    if waited < WAITS_LONG_S:
        return None
    what = f"Cluster {one.name} has waited {format_time(waited)} for its first worker, at place {one.queue.position}."
    return Need(student=one.owner, kind="waits", what=what)


def _of_tests(one: Struggle) -> Need:
    ends = {"timeout": "most take too long", "died": "most lose their kernel", "skipped": "most never ran"}
    more = f" ({ends[one.worst]})" if one.worst in ends else ""
    what = f"{one.failing} of {one.tests} tests of {one.assignment} fail{more}."
    return Need(student=one.student, kind="tests fail", what=what)
