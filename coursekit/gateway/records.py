"""What was used, by whom, for which assignment, on which day: intervals in a database.

An interval is a stretch of time in which one cluster used the same resources. While it goes on its row is open and each
`Records.tick` moves its end forward: what a killed gateway had recorded is there, and at most the time since its last
tick is in doubt. Nothing is remembered between ticks but in the database, and a tick is one transaction: it is recorded
or it is not, and no moment of a cluster is counted twice. Where the next gateway finds the cluster unchanged, and soon
enough, the interval goes on, for the cluster did so too.

No row reaches over midnight, so a database can add up days without knowing about time zones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any, Final, Literal

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from coursekit.errors import RecordsError, SettingsError
from coursekit.gateway.quotas import Resources
from coursekit.gateway.tables import SCHEMA, intervals, metadata, open_database, sa, state

Key = Literal["owner", "assignment", "day"]
KEYS: Final[tuple[Key, ...]] = ("owner", "assignment", "day")

_log = logging.getLogger(__name__)
_PASSING: Final = ("locked", "busy", "deadlock", "could not serialize")


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What one cluster uses now.

    Parameters
    ----------
    cluster : str
        ``"owner/name"``, unique.
    owner : str
        Whose it is.
    resources : Resources
        Of all its workers together.
    assignment : str
        What it is used for, as its owner says; may be empty. Recorded are its printable characters, at most 255:
        whatever a student writes there, databases and terminals can bear it.
    is_waiting : bool
        Whether it stands in the queue for more.
    """

    cluster: str
    owner: str
    resources: Resources
    assignment: str = ""
    is_waiting: bool = False

    @property
    def row(self) -> dict[str, Any]:
        """What a row of the database has of it."""
        used = self.resources
        return {
            "cluster": self.cluster,
            "owner": self.owner,
            "assignment": "".join(filter(str.isprintable, self.assignment))[:255],
            "cores": float(used.cores),
            "memory": used.memory,
            "gpus": used.gpus,
            "is_waiting": self.is_waiting,
        }

    @property
    def is_worth_recording(self) -> bool:
        """Whether anything is used or waited for."""
        return self.is_waiting or not self.resources.fits_in(Resources())


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageTotal:
    """What was used by one owner, for one assignment, on one day; None where these are added up."""

    owner: str | None = None
    assignment: str | None = None
    day: date | None = None
    core_seconds: float = 0
    gpu_seconds: float = 0
    memory_byte_seconds: float = 0
    waiting_seconds: float = 0


class Records:
    """The database of usage.

    Parameters
    ----------
    url : str
        As SQLAlchemy reads it: ``sqlite:////path/to/usage.sqlite`` or ``postgresql+psycopg://user@host/name``.
    zone : tzinfo, optional
        Where days begin and end.
    longest_gap_s : float, optional
        Between two ticks further apart than this nobody knows what was used, and nothing is counted: the gateway was
        down for long, or the clock was set.
    patience_s : float, optional
        How long a tick tries to get at a database that another program keeps locked, s.
    create : bool, optional
        Whether to make the database where there is none.

    Raises
    ------
    RecordsError
        If the database cannot be reached, was written by another version, or is not there and must not be made.
    SettingsError
        If the address is not one.
    MissingPackageError
        If the package for that kind of database is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        zone: tzinfo = UTC,
        longest_gap_s: float = 300.0,
        patience_s: float = 5.0,
        create: bool = True,
    ) -> None:
        self.zone = zone
        self.longest_gap_s = longest_gap_s
        self.patience_s = patience_s
        self._engine = open_database(url, busy_s=patience_s / 2, create=create)
        with self._in_words():
            self._retry(lambda: self._prepare(create=create))

    def tick(self, now: float, usages: Iterable[Usage]) -> bool:
        """Record what is used now, and that what was used at the last tick was used until now.

        A database that cannot be written is no reason to stop giving out clusters: it is logged, and the next tick
        makes up for this one.

        Parameters
        ----------
        now : float
            Seconds since the epoch.
        usages : iterable of Usage
            One for each cluster.

        Returns
        -------
        bool
            Whether it was recorded.
        """
        found = {usage.cluster: usage for usage in usages if usage.is_worth_recording}
        try:
            self._retry(lambda: self._write(now, found))
        except sa.exc.SQLAlchemyError as error:
            _log.warning("Usage could not be recorded; the next tick tries again: %s", getattr(error, "orig", error))
            return False
        return True

    def usage(
        self, since: float | None = None, until: float | None = None, by: Collection[Key] = ("owner", "day")
    ) -> tuple[UsageTotal, ...]:
        """Add up what was used.

        Parameters
        ----------
        since, until : float, optional
            Only between these moments, seconds since the epoch; all when not given. What goes on is counted until the
            last tick.
        by : collection of {"owner", "assignment", "day"}
            What to tell apart; nothing gives one total.

        Returns
        -------
        tuple of UsageTotal
            In the order of what is told apart.

        Raises
        ------
        SettingsError
            If something cannot be told apart.
        RecordsError
            If the database cannot be read.
        """
        keys = [key for key in KEYS if key in by]
        if unknown := set(by) - set(KEYS):
            raise SettingsError(f"by = {sorted(unknown)} cannot be told apart.", fix=f"use some of {', '.join(KEYS)}")
        row = intervals.c
        begin = row.began if since is None else sa.case((row.began < since, since), else_=row.began)
        end = row.ended if until is None else sa.case((row.ended > until, until), else_=row.ended)
        amounts = {
            "core_seconds": row.cores,
            "gpu_seconds": row.gpus,
            "memory_byte_seconds": row.memory,
            "waiting_seconds": sa.case((row.is_waiting, 1), else_=0),
        }
        told_apart = [row[key] for key in keys]
        sums = [sa.func.sum((end - begin) * amount).label(name) for name, amount in amounts.items()]
        query = sa.select(*told_apart, *sums).where(end > begin).group_by(*told_apart).order_by(*told_apart)
        with self._in_words(), self._engine.connect().execution_options(reads=True) as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(UsageTotal(**row) for row in rows if row["core_seconds"] is not None)

    def close(self) -> None:
        """Give up the connections; what is recorded is recorded already."""
        self._engine.dispose()

    def _write(self, now: float, usages: Mapping[str, Usage]) -> None:
        is_open = intervals.c.is_open
        with self._engine.begin() as connection:
            # Whoever holds this row ticks: a second gateway waits here. SQLite has one writer anyway.
            last = connection.scalar(sa.select(state.c.ticked).with_for_update())
            if last is not None and last - self.longest_gap_s <= now < last:
                now = last  # the clock was put right a little: no moment is counted twice
            goes_on = last is not None and 0 <= now - last <= self.longest_gap_s
            connection.execute(sa.update(state).values(ticked=now))
            if last is not None and goes_on:
                self._extend(connection, last, now)
            unchanged = set()
            ended = []
            for row in connection.execute(sa.select(intervals).where(is_open)).mappings():
                usage = usages.get(row["cluster"])
                if goes_on and usage is not None and usage.row.items() <= dict(row).items():
                    unchanged.add(usage.cluster)
                else:
                    ended.append({"row": row["id"]})
            if ended:
                this = intervals.c.id == sa.bindparam("row")
                connection.execute(sa.update(intervals).where(this).values(is_open=False), ended)
            begun = [usage.row for cluster, usage in usages.items() if cluster not in unchanged]
            self._begin(connection, begun, began=now, ended=now)

    def _extend(self, connection: sa.Connection, last: float, now: float) -> None:
        """Let open intervals reach until now; over midnight they go on in rows of the new day."""
        is_open = intervals.c.is_open
        midnight = datetime.combine(self._day(now), time(), self.zone).timestamp()
        if midnight <= last:
            connection.execute(sa.update(intervals).where(is_open).values(ended=now))
            return
        rows = [dict(row) for row in connection.execute(sa.select(intervals).where(is_open)).mappings()]
        connection.execute(sa.update(intervals).where(is_open).values(ended=midnight, is_open=False))
        for row in rows:
            del row["id"]
        self._begin(connection, rows, began=midnight, ended=now)

    def _begin(self, connection: sa.Connection, rows: list[dict[str, Any]], *, began: float, ended: float) -> None:
        times = {"day": self._day(began), "began": began, "ended": ended, "is_open": True}
        if rows:
            connection.execute(sa.insert(intervals), [row | times for row in rows])

    def _day(self, moment: float) -> date:
        return datetime.fromtimestamp(moment, self.zone).date()

    def _prepare(self, *, create: bool) -> None:
        """Make the tables where there are none, and refuse those of another version."""
        with self._engine.begin() as connection:
            if not sa.inspect(connection).has_table(state.name):
                if not create:
                    raise RecordsError(f"{self._place} holds no usage.", fix="name the database of the gateway")
                metadata.create_all(connection)
                connection.execute(sa.insert(state).values(version=SCHEMA))
            version = connection.scalar(sa.select(state.c.version))
        if version != SCHEMA:
            writer, fix = (
                ("a newer", "upgrade coursekit")
                if (version or 0) > SCHEMA
                else ("an older", "save it with the coursekit that wrote it (coursekit usage --csv) and name a new one")
            )
            raise RecordsError(
                f"{self._place} was written by {writer} coursekit: its tables have version {version}, not {SCHEMA}.",
                fix=fix,
            )

    @property
    def _place(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Say which database cannot be used, without a trace."""
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise RecordsError(
                f"the usage database {self._place} cannot be used: {getattr(error, 'orig', error)}.",
                fix="look whether it is there, readable and not full, or name another one",
            ) from error

    def _retry(self, work: Callable[[], None]) -> None:
        """Try again while it is only that somebody else has the database."""
        wait = wait_random_exponential(multiplier=0.05, max=1)
        stop = stop_after_delay(self.patience_s)
        Retrying(retry=retry_if_exception(_is_passing), stop=stop, wait=wait, reraise=True)(work)


def _is_passing(error: BaseException) -> bool:
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    return error.connection_invalidated or any(word in str(error.orig) for word in _PASSING)
