"""How many cores a class used over the last hours, read from the database of usage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coursekit.errors import RecordsError
from coursekit.gateway.tables import database_url, intervals, open_database, sa

_BUSY_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A stretch of time in which one cluster used the same cores; seconds since the epoch."""

    began: float
    ended: float
    cores: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Cores in use on average up to a moment, seconds since the epoch."""

    at: float
    cores: float


def cores_over_time(found: Iterable[Interval], *, since: float, until: float, points: int) -> tuple[Sample, ...]:
    """Average the cores in use over equal steps of time; pure.

    Parameters
    ----------
    found : iterable of Interval
        What was used; what lies outside the time counts nothing.
    since, until : float
        Seconds since the epoch, in this order.
    points : int
        How many steps.

    Returns
    -------
    tuple of Sample
        Each at the end of its step. Their mean, times the whole time, is what was used in it, in core-seconds.
    """
    width = (until - since) / points
    sums = [0.0] * points
    for one in found:
        begin, end = max(one.began, since), min(one.ended, until)
        if end <= begin:
            continue
        first, last = int((begin - since) / width), min(points - 1, int((end - since) / width))
        for place in range(min(first, points - 1), last + 1):
            left, right = since + place * width, since + (place + 1) * width
            sums[place] += one.cores * max(0.0, min(end, right) - max(begin, left))
    return tuple(Sample(since + (place + 1) * width, total / width) for place, total in enumerate(sums))


def read_intervals(database: str | Path, *, since: float) -> tuple[Interval, ...]:
    """Read what was used since a moment.

    Parameters
    ----------
    database : str or Path
        Its address, or its file.
    since : float
        Seconds since the epoch.

    Raises
    ------
    RecordsError
        If there is no such database, or it cannot be read.
    """
    engine = open_database(database_url(database), busy_s=_BUSY_S, create=False)
    row = intervals.c
    query = sa.select(row.began, row.ended, row.cores).where(row.ended > since)
    try:
        with engine.connect().execution_options(reads=True) as connection:
            return tuple(
                Interval(began=began, ended=ended, cores=cores) for began, ended, cores in connection.execute(query)
            )
    except sa.exc.SQLAlchemyError as error:
        raise RecordsError(
            f"the usage of the class cannot be read: {getattr(error, 'orig', error)}.",
            fix="look whether the database is there and readable",
        ) from None
    finally:
        engine.dispose()
