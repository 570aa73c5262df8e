"""What the gateway decides is in the database of usage."""

from __future__ import annotations

import time

from gateway_fixtures import running_gateway

from coursekit.cluster import ClusterSpec
from coursekit.cluster.fakes import seeming_masters
from coursekit.config import GiB
from coursekit.engine import FakeEngine
from coursekit.gateway.fairshare import Claim, Decision, Waiting
from coursekit.gateway.history import read_intervals
from coursekit.gateway.picture import Picture
from coursekit.gateway.quotas import Quota, Quotas, Resources
from coursekit.gateway.recording import recording, usages
from coursekit.gateway.settings import GatewaySettings, read_settings

WORKER = Resources(cores=2, memory=GiB)


def test_usage_is_what_runs_and_who_waits_for_others_waits():
    claims = [
        Claim(cluster=f"{owner}/a", owner=owner, wanted=3, running=running, worker=WORKER, since=0)
        for owner, running in (("ada", 2), ("ben", 0), ("cleo", 1))
    ]
    waiting = (
        Waiting(cluster="ben/a", position=1, missing=3, reason="the class has nothing free now"),
        Waiting(cluster="cleo/a", position=0, missing=2, reason="your cap"),
    )
    decision = Decision(targets={"ada/a": 2, "ben/a": 0, "cleo/a": 1}, waiting=waiting, reclaims={})
    picture = Picture(at=1, claims=tuple(claims), decision=decision, capacity=WORKER, assignments={"ada/a": "a1"})
    found = {one.owner: (one.resources.cores, one.is_waiting, one.assignment) for one in usages(picture)}
    assert found == {"ada": (4, False, "a1"), "ben": (0, True, ""), "cleo": (2, False, "")}


def test_a_cluster_that_runs_is_in_the_database(tmp_path):
    place = str(tmp_path / "usage.sqlite")
    engine = FakeEngine(cores=64, memory=256 * GiB)
    plenty = Resources(cores=8, memory=32 * GiB)
    chosen = GatewaySettings(
        engine="fake",
        quotas=Quotas(default=Quota(guarantee=plenty, cap=plenty)),
        capacity=plenty,
        every_s=0.05,
        has_servers=False,
    )
    with (
        seeming_masters(engine),
        recording(place) as watch,
        running_gateway(chosen, engine, watch=watch) as gateway,
    ):
        gateway.client("ada").apply(ClusterSpec(workers=2, memory=GiB))
        deadline = time.monotonic() + 10
        while not any(one.cores == 2 and one.ended > one.began for one in read_intervals(place, since=0)):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)


def picture(at: float) -> Picture:
    claim = Claim(cluster="ada/a", owner="ada", wanted=1, running=1, worker=WORKER, since=0)
    return Picture(
        at=at, claims=(claim,), decision=Decision(targets={}, waiting=(), reclaims={}), capacity=WORKER, assignments={}
    )


def test_where_nothing_can_be_recorded_the_gateway_goes_on_and_says_so_once(caplog):
    with recording("") as watch:
        assert watch is None
    with recording("/proc/nowhere/usage.sqlite") as watch:
        assert [watch(picture(at)) for at in (1, 2)] == [False, False]
    assert caplog.text.count("usage is not recorded until this is mended") == 1


def test_a_database_that_cannot_be_used_when_the_gateway_begins_is_used_as_soon_as_it_can_be(tmp_path):
    folder = tmp_path / "disk"
    folder.write_text("no folder yet")
    with recording(str(folder / "usage.sqlite")) as watch:
        assert not watch(picture(0))
        folder.unlink()
        folder.mkdir()
        assert [watch(picture(at)) for at in (10, 20)] == [True, True]
    [interval] = read_intervals(folder / "usage.sqlite", since=0)
    assert (interval.began, interval.ended) == (10, 20)


def test_the_database_is_the_hubs_unless_another_is_named():
    assert read_settings({"COURSEKIT_HUB": "/srv/hub"}).usage == "/srv/hub/usage.sqlite"
    assert (
        read_settings({"COURSEKIT_HUB": "/srv/hub", "COURSEKIT_USAGE": "postgresql://x/y"}).usage == "postgresql://x/y"
    )
    assert read_settings({}).usage == ""
