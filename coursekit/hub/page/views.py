"""Gathers what each of the two pages shows; what cannot be had is told in its place, and the rest is shown."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from coursekit.errors import CoursekitError
from coursekit.gateway.history import cores_over_time, read_intervals
from coursekit.grading.extensions import all_deadlines
from coursekit.hub.page.coursework import ClassWork, Work, known_students, work_of, work_of_class
from coursekit.hub.page.gateway import Gateway, Mine, WholeClass
from coursekit.hub.page.needs import Need, who_needs_help
from coursekit.hub.page.plots import share_bar, usage_plot
from coursekit.hub.page.settings import PageSettings
from coursekit.hub.roster import roster_names

_POINTS = 120
NO_GATEWAY = "This Hub has no gateway: each cluster runs beside its notebook, and the page does not see it."


@dataclass(frozen=True, kw_only=True, slots=True)
class StudentView:
    """What a student sees: their clusters and share, and their assignments; or why not."""

    mine: Mine | None
    trouble: str
    bar: str
    work: tuple[Work, ...]
    work_trouble: str
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassView:
    """What an instructor sees."""

    whole: WholeClass | None
    trouble: str
    plot: str
    plot_trouble: str
    needs: tuple[Need, ...]
    work: tuple[ClassWork, ...]
    work_trouble: str
    students: tuple[str, ...]
    now: datetime


async def view_of_student(settings: PageSettings, gateway: Gateway | None, student: str) -> StudentView:
    """Gather what one student sees."""
    (mine, trouble), (work, work_trouble) = await asyncio.gather(
        _mine(gateway), asyncio.to_thread(_work, settings, student)
    )
    bar = ""
    if mine is not None:
        share = mine.share
        bar = share_bar(share.used.cores, share.guarantee.cores, share.cap.cores)
    return StudentView(mine=mine, trouble=trouble, bar=bar, work=work, work_trouble=work_trouble, now=datetime.now(UTC))


async def view_of_class(settings: PageSettings, gateway: Gateway | None) -> ClassView:
    """Gather what an instructor sees."""
    (whole, trouble), (work, work_trouble) = await asyncio.gather(
        _whole(gateway), asyncio.to_thread(_class_work, settings)
    )
    plot, plot_trouble = await asyncio.to_thread(_plot, settings, whole.total.cores if whole else 0.0)
    clusters = whole.clusters if whole else ()
    return ClassView(
        whole=whole,
        trouble=trouble,
        plot=plot,
        plot_trouble=plot_trouble,
        needs=who_needs_help(clusters, (one for each in work for one in each.struggles), now=time.time()),
        work=work,
        work_trouble=work_trouble,
        students=await _students(settings, whole),
        now=datetime.now(UTC),
    )


async def students_of_class(settings: PageSettings, gateway: Gateway | None) -> tuple[str, ...]:
    """Name everybody who is on the roster, has handed something in, or runs a server or a cluster."""
    whole, _ = await _whole(gateway)
    return await _students(settings, whole)


async def _students(settings: PageSettings, whole: WholeClass | None) -> tuple[str, ...]:
    there = {one.owner for one in whole.clusters} | set(whole.servers) if whole else set()
    enrolled = await asyncio.to_thread(roster_names, settings.roster) if settings.roster else frozenset()
    return tuple(sorted(there | enrolled | await asyncio.to_thread(known_students, settings.grading)))


async def _mine(gateway: Gateway | None) -> tuple[Mine | None, str]:
    if gateway is None:
        return None, NO_GATEWAY
    try:
        return await gateway.mine(), ""
    except CoursekitError as error:
        return None, error.message


async def _whole(gateway: Gateway | None) -> tuple[WholeClass | None, str]:
    if gateway is None:
        return None, NO_GATEWAY
    try:
        return await gateway.whole_class(), ""
    except CoursekitError as error:
        return None, error.message


def _work(settings: PageSettings, student: str) -> tuple[tuple[Work, ...], str]:
    try:
        deadlines = all_deadlines(settings.grading.course_file, settings.grading.extensions_file)
    except CoursekitError:  # what is wrong in the instructor's file is told to instructors
        return work_of(settings.grading, {}, student), "The deadlines cannot be read; your instructors see why."
    return work_of(settings.grading, deadlines, student), ""


def _class_work(settings: PageSettings) -> tuple[tuple[ClassWork, ...], str]:
    try:
        deadlines = all_deadlines(settings.grading.course_file, settings.grading.extensions_file)
    except CoursekitError as error:
        return work_of_class(settings.grading, {}), str(error)
    return work_of_class(settings.grading, deadlines), ""


def _plot(settings: PageSettings, capacity: float) -> tuple[str, str]:
    now = time.time()
    since = now - settings.hours * 3600
    try:
        found = read_intervals(settings.usage, since=since)
    except CoursekitError:
        return "", "No usage has been recorded yet."
    return usage_plot(cores_over_time(found, since=since, until=now, points=_POINTS), capacity), ""
