"""Usage in a database: nothing is counted twice, and little is lost whatever happens to who records it."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.config import GiB
from coursekit.errors import MissingPackageError, RecordsError, SettingsError
from coursekit.gateway.quotas import Resources
from coursekit.gateway.records import Records, Usage
from coursekit.gateway.tables import database_url, intervals

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
DAY = 24 * 3600
GAP = 300.0


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "usage.sqlite"


@pytest.fixture
def records(path):
    records = Records(database_url(path))
    yield records
    records.close()


def use(owner: str = "ann", cores: float = 2, *, name: str = "default", **more) -> Usage:
    resources = Resources(cores=cores, memory=more.pop("memory", 0), gpus=more.pop("gpus", 0))
    return Usage(cluster=f"{owner}/{name}", owner=owner, resources=resources, **more)


def test_what_is_used_between_two_ticks_is_counted(records):
    for seconds in (0, 10, 20):
        assert records.tick(NOON + seconds, [use(cores=2, memory=GiB, gpus=1)])
    records.tick(NOON + 30, [])
    (total,) = records.usage()
    assert (total.owner, total.day) == ("ann", date(2026, 11, 25))
    assert (total.core_seconds, total.gpu_seconds, total.memory_byte_seconds) == (60, 30, 30 * GiB)
    assert total.waiting_seconds == 0


def test_usage_is_told_apart_by_owner_assignment_and_day(records):
    for seconds in (0, 100):
        records.tick(NOON + seconds, [use(assignment="a1"), use(name="other"), use("bob", 1, assignment="a1")])
    by_both = {(one.owner, one.assignment): one.core_seconds for one in records.usage(by=("owner", "assignment"))}
    assert by_both == {("ann", ""): 200, ("ann", "a1"): 200, ("bob", "a1"): 100}
    assert [(one.assignment, one.core_seconds) for one in records.usage(by=("assignment",))] == [("", 200), ("a1", 300)]
    assert [one.core_seconds for one in records.usage(by=())] == [500]
    with pytest.raises(SettingsError, match="'cluster'"):
        records.usage(by=("cluster",))


def test_usage_between_two_moments_is_cut_at_them(records):
    for seconds in (0, 100, 200):
        records.tick(NOON + seconds, [use(cores=1)])
    assert records.usage(NOON + 50, NOON + 120, by=())[0].core_seconds == 70
    assert records.usage(NOON + 200, by=("owner",)) == ()
    assert records.usage(NOON + 200, by=()) == ()


def test_waiting_is_time_in_the_queue(records):
    records.tick(NOON, [use(cores=0, is_waiting=True)])
    records.tick(NOON + 30, [use(cores=2, is_waiting=True)])
    records.tick(NOON + 40, [use(cores=2)])
    records.tick(NOON + 50, [use(cores=2)])
    (total,) = records.usage(by=("owner",))
    assert (total.waiting_seconds, total.core_seconds) == (40, 40)


@settings(deadline=None)
@given(st.text(st.characters()))
def test_whatever_a_student_calls_an_assignment_is_recorded(label):
    records = Records("sqlite://")
    for seconds in (0, 10):
        assert records.tick(NOON + seconds, [use(assignment=label)])
    (total,) = records.usage(by=("assignment",))
    assert total.core_seconds == 20
    assert total.assignment == "" or total.assignment.isprintable()
    records.close()


def test_a_night_is_divided_between_its_days_where_the_course_is(path):
    records = Records(database_url(path), zone=ZoneInfo("Europe/Rome"))
    midnight = datetime(2026, 11, 25, 23, tzinfo=UTC).timestamp()
    for seconds in (-60, -20, 40, 100):
        records.tick(midnight + seconds, [use(cores=1)])
    assert {one.day: one.core_seconds for one in records.usage(by=("day",))} == {
        date(2026, 11, 25): 60,
        date(2026, 11, 26): 100,
    }


def test_a_time_in_which_nobody_looked_is_not_counted(records):
    records.tick(NOON, [use(cores=1)])
    records.tick(NOON + 10, [use(cores=1)])
    records.tick(NOON + 10 + GAP + 1, [use(cores=1)])
    records.tick(NOON + 10 + GAP + 6, [use(cores=1)])
    assert records.usage(by=())[0].core_seconds == 15


def test_a_clock_that_is_set_is_survived_both_ways(records):
    records.tick(NOON, [use(cores=1)])
    records.tick(NOON + 10, [use(cores=1)])
    records.tick(NOON + 365 * DAY, [use(cores=1)])  # a year ahead: not a year of use
    for seconds in (20, 30):
        records.tick(NOON + seconds, [use(cores=1)])  # and put right: counting goes on
    records.tick(NOON + 25, [use(cores=1)])  # a little back: not twice
    records.tick(NOON + 40, [use(cores=1)])
    assert records.usage(by=())[0].core_seconds == 10 + 20


class Killed(BaseException):
    """What a killed process does not live to see."""


def die_after(records: Records, statements: int) -> None:
    """Let the process "die" in the middle of its next transaction."""
    left = [statements]

    @sa.event.listens_for(records._engine, "before_cursor_execute")
    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[float, dict[str, float], int | None]]:
    """Draw ticks: seconds since the one before, cores of each cluster, and the statement before which it is killed."""
    step = st.sampled_from([0.0, 1.0, 10.0, 60.0, GAP, GAP + 1, 5000.0, -5.0])
    clusters = st.dictionaries(st.sampled_from(["ann/a", "ann/b", "bob/a"]), st.sampled_from([0, 1, 2.5]))
    death = st.none() | st.none() | st.integers(0, 6)
    return draw(st.lists(st.tuples(step, clusters, death), min_size=1, max_size=15))


@settings(deadline=None, max_examples=50)
@given(lives())
def test_whenever_it_is_killed_nothing_is_counted_twice_and_at_most_one_tick_is_missing(life):
    with tempfile.TemporaryDirectory() as folder:
        url = database_url(Path(folder) / "usage.sqlite")
        records = Records(url)
        now, last, before = NOON - 3600, None, {}
        expected: dict[str, float] = defaultdict(float)
        for step, clusters, death in life:
            now += step
            usages = [use(cluster[:3], cores, name=cluster[4:]) for cluster, cores in clusters.items()]
            if death is not None:
                die_after(records, death)
            try:
                records.tick(now, usages)
            except Killed:  # nothing of this tick is there; the next process makes up for it
                records.close()
                records = Records(url)
                continue
            if death is not None:  # it was done before it was killed
                records.close()
                records = Records(url)
            if last is not None and 0 <= now - last <= GAP:
                for cluster, cores in before.items():
                    expected[cluster[:3]] += cores * (now - last)
            last = now if last is None or not last - GAP <= now < last else last
            before = clusters
        found = {one.owner: one.core_seconds for one in records.usage(by=("owner",)) if one.core_seconds}
        assert found == {owner: pytest.approx(amount) for owner, amount in expected.items() if amount}
        with records._engine.connect() as connection:
            rows = list(connection.execute(sa.select(intervals).order_by(intervals.c.cluster, intervals.c.began)))
        for one, following in itertools.pairwise(rows):
            assert one.cluster != following.cluster or one.ended <= following.began
        records.close()


TICKER = """
import sys
from coursekit.gateway.quotas import Resources
from coursekit.gateway.records import Records, Usage

records = Records(sys.argv[1])
used = Usage(cluster="ann/default", owner="ann", resources=Resources(cores=1))
now = float(sys.argv[2])
while True:
    assert records.tick(now, [used])
    print(now, flush=True)
    now += 1
"""


def test_a_process_that_is_killed_loses_at_most_one_tick(path):
    url, now = database_url(path), NOON
    for ticks in (1, 4, 2, 9):
        command = [sys.executable, "-c", TICKER, url, str(now)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(ticks):
                now = float(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            now = max([now, *map(float, process.stdout.read().split())])
        recorded = sum(one.core_seconds for one in Records(url).usage(by=()))
        assert now - NOON <= recorded <= now - NOON + 1
        now = NOON + recorded + 1
    assert sqlite3.connect(path).execute("pragma integrity_check").fetchone() == ("ok",)


def test_two_gateways_at_once_count_once(path):
    first, second = Records(database_url(path)), Records(database_url(path))

    assert first.tick(NOON, [use(cores=1)])

    def tick(records: Records, offset: float) -> list[bool]:
        return [records.tick(NOON + seconds + offset, [use(cores=1)]) for seconds in range(20)]

    with ThreadPoolExecutor() as threads:
        assert all(all(done) for done in threads.map(tick, (first, second), (0.0, 0.5)))
    assert first.usage(by=())[0].core_seconds == pytest.approx(19.5)


def test_a_locked_database_is_reported_and_made_up_for(path, caplog):
    records = Records(database_url(path), patience_s=0.2)
    records.tick(NOON, [use(cores=1)])
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        assert not records.tick(NOON + 10, [use(cores=1)])
        assert "locked" in caplog.text
        other.execute("rollback")
    assert records.tick(NOON + 20, [use(cores=1)])
    assert records.usage(by=())[0].core_seconds == 20


def test_a_lock_that_passes_is_waited_for(path):
    records = Records(database_url(path), patience_s=20)
    records.tick(NOON, [use(cores=1)])
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    release = threading.Timer(0.3, lambda: other.execute("rollback"))
    release.start()
    assert records.tick(NOON + 10, [use(cores=1)])
    release.join()
    other.close()


def test_a_full_disk_is_reported_and_not_fatal(path, caplog):
    records = Records(database_url(path))
    records.tick(NOON, [use(cores=1)])
    with records._engine.connect() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar()
    records.close()

    @sa.event.listens_for(records._engine, "connect")
    def fill(connection, _):
        connection.execute(f"pragma max_page_count={pages}")  # what SQLite has for a disk without room

    crowd = [use(f"student-{number}", 1) for number in range(500)]
    assert not records.tick(NOON + 10, crowd)
    assert "full" in caplog.text
    assert records.tick(NOON + 20, [use(cores=1)])
    assert records.usage(by=())[0].core_seconds == 20


def test_only_the_owner_of_the_database_can_read_it(path, records):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_database_of_another_version_is_refused_with_the_versions(path, records):
    records.close()
    for version, words in ((99, "a newer coursekit.*99.*upgrade"), (0, "an older coursekit.*0.*coursekit usage --csv")):
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("update coursekit_usage_state set version = ?", (version,))
        with pytest.raises(RecordsError, match=f"(?s){words}"):
            Records(database_url(path))


def test_places_without_usage_are_refused_in_words(path):
    with pytest.raises(RecordsError, match="there is no usage at"):
        Records(database_url(path), create=False)
    sqlite3.connect(path).execute("create table other (x)").connection.close()
    with pytest.raises(RecordsError, match="holds no usage"):
        Records(database_url(path), create=False)
    path.write_text("something else, long enough to be no header of a database" * 20)
    with pytest.raises(RecordsError, match="not a database"):
        Records(database_url(path))
    with pytest.raises(RecordsError, match="cannot be made"):
        Records(database_url(path / "below" / "a file"))
    with pytest.raises(SettingsError, match="not the address"):
        Records("mine://")


def test_a_kind_of_database_without_its_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(MissingPackageError, match="pg8000"):
        Records("postgresql+pg8000://user:secret@localhost/usage")


@pytest.mark.skipif("COURSEKIT_POSTGRESQL" not in os.environ, reason="COURSEKIT_POSTGRESQL names no database to try")
def test_postgresql_keeps_usage_as_sqlite_does():
    records = Records(os.environ["COURSEKIT_POSTGRESQL"])
    with records._engine.begin() as connection:
        connection.execute(sa.delete(intervals))
        connection.exec_driver_sql("update coursekit_usage_state set ticked = null")
    midnight = datetime(2026, 11, 26, tzinfo=UTC).timestamp()
    for seconds in (-20, 10, 20):
        assert records.tick(midnight + seconds, [use(memory=GiB, gpus=1), use("bob", 0, is_waiting=True)])
    found = {(one.owner, one.day): one for one in records.usage()}
    assert found["ann", date(2026, 11, 25)].core_seconds == 40
    assert found["ann", date(2026, 11, 26)].memory_byte_seconds == 20 * GiB
    assert found["bob", date(2026, 11, 26)].waiting_seconds == 20
    records.close()
