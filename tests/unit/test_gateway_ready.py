"""Clusters that are there before their owners ask."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from gateway_fixtures import running_gateway
from waiting import until

from coursekit.cluster import ClusterSpec
from coursekit.cluster.fakes import seeming_masters
from coursekit.config import GiB
from coursekit.engine import FakeEngine
from coursekit.gateway.quota_text import read_quotas, write_quotas
from coursekit.gateway.quotas import DAYS, Hours, Quota, Quotas, Resources
from coursekit.gateway.ready import Preparation
from coursekit.gateway.servers import FakeServers
from coursekit.gateway.settings import GatewaySettings

LESSON = ClusterSpec(name="lesson-06", workers=2, memory=GiB)
WEDNESDAY = Hours(days=("wed",), begin=time(14), end=time(16), cluster=LESSON)
QUOTA = Quota(guarantee=Resources(cores=2, memory=8 * GiB), cap=Resources(cores=4, memory=16 * GiB))
CLASS = Quotas(default=QUOTA, course_hours=(WEDNESDAY,))
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def owners_at(preparation: Preparation, moment: datetime, *owners: str) -> list[str]:
    return [owner for owner, spec in preparation.due(CLASS, owners, moment) if spec == LESSON]


def test_a_quarter_of_an_hour_before_the_class_whose_server_runs_gets_the_lessons_cluster_once():
    preparation = Preparation()
    assert owners_at(preparation, NOON + timedelta(minutes=104), "ada") == []
    assert owners_at(preparation, NOON + timedelta(minutes=106), "ada") == ["ada"]
    assert owners_at(preparation, NOON + timedelta(minutes=107), "ada", "ben") == ["ben"]
    assert owners_at(preparation, NOON + timedelta(hours=3), "ada", "ben") == []
    assert owners_at(preparation, NOON + timedelta(hours=5), "cyd") == []


def test_a_week_later_it_is_made_again():
    preparation = Preparation()
    assert owners_at(preparation, NOON + timedelta(hours=2), "ada") == ["ada"]
    assert owners_at(preparation, NOON + timedelta(days=7, hours=2), "ada") == ["ada"]


def test_a_meeting_over_midnight_of_the_gateways_own_clock_is_one_meeting():
    hours = Hours(days=("wed",), begin=time(11), end=time(14), zone="Pacific/Auckland", cluster=LESSON)  # 22 to 1 UTC
    quotas, preparation = Quotas(default=QUOTA, course_hours=(hours,)), Preparation()
    begin = datetime(2026, 11, 24, 22, tzinfo=UTC)
    assert preparation.due(quotas, ["ada"], begin) == [("ada", LESSON)]
    assert preparation.due(quotas, ["ada"], begin + timedelta(minutes=150)) == []


def test_the_cluster_of_a_lesson_goes_to_the_gateway_with_the_quotas():
    assert read_quotas(write_quotas(CLASS)) == CLASS


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine(cores=64, memory=256 * GiB)
    with seeming_masters(engine):
        yield engine


def always(cluster: ClusterSpec, *, database: str = "sqlite://") -> GatewaySettings:
    hours = Hours(days=DAYS, begin=time(0), end=time.max, cluster=cluster)
    quotas = Quotas(default=QUOTA, course_hours=(hours,))
    return GatewaySettings(engine="fake", quotas=quotas, every_s=0.1, database=database)


def let_it_look(seconds: float = 0.5) -> None:
    looks = clock.monotonic() + seconds
    until(lambda: clock.monotonic() > looks)


def workers_of(engine: FakeEngine, owner: str) -> set[str]:
    return {node.name for node in engine.nodes(owner=owner, group="lesson-06") if node.role == "worker"}


def test_the_first_cell_of_a_lesson_finds_its_cluster_there(engine):
    servers = FakeServers({"ada": "server-ada"})
    with running_gateway(always(LESSON), engine, servers=servers) as gateway:
        until(lambda: len(workers_of(engine, "ada")) == 2)
        before = workers_of(engine, "ada")
        change = gateway.client("ada").apply(LESSON)
        assert change.started == ()
        assert workers_of(engine, "ada") == before
        assert workers_of(engine, "ben") == set()
        servers.there["ben"] = "server-ben"
        until(lambda: len(workers_of(engine, "ben")) == 2)


def test_who_wants_other_workers_gets_those_in_place_of_what_was_made_ready(engine):
    with running_gateway(always(LESSON), engine, servers=FakeServers({"ada": "server-ada"})) as gateway:
        until(lambda: len(workers_of(engine, "ada")) == 2)
        gateway.client("ada").apply(ClusterSpec(name="lesson-06", workers=1, memory=2 * GiB))
        found = [node for node in engine.nodes(owner="ada", group="lesson-06") if node.role == "worker"]
        assert [node.memory for node in found] == [2 * GiB]


def test_who_has_closed_it_is_given_no_other(engine):
    with running_gateway(always(LESSON), engine, servers=FakeServers({"ada": "server-ada"})) as gateway:
        until(lambda: len(workers_of(engine, "ada")) == 2)
        gateway.client("ada").delete("lesson-06")
        let_it_look()
        assert engine.nodes(owner="ada") == ()


def test_a_gateway_that_starts_again_in_a_lesson_leaves_the_clusters_of_the_class_as_their_owners_made_them(
    engine, tmp_path
):
    settings = always(LESSON, database=f"sqlite:///{tmp_path / 'gateway.sqlite'}")
    servers = FakeServers({"ada": "server-ada"})
    with running_gateway(settings, engine, servers=servers) as gateway:
        until(lambda: len(workers_of(engine, "ada")) == 2)
        gateway.client("ada").apply(replace(LESSON, workers=4))
        until(lambda: len(workers_of(engine, "ada")) == 4)
        let_it_look()  # what is wanted is written down a moment later
    before = workers_of(engine, "ada")
    with running_gateway(settings, engine, servers=servers):
        let_it_look(1)
        assert workers_of(engine, "ada") == before


def test_a_cluster_that_nobody_may_have_is_not_begun(engine, caplog):
    large = replace(LESSON, memory=32 * GiB)
    with running_gateway(always(large), engine, servers=FakeServers({"ada": "server-ada"})) as gateway:
        until(lambda: "is given no cluster" in caplog.text)
        assert gateway.client("ada").clusters() == ()
