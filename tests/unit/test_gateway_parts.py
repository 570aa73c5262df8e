"""The gateway's pure parts."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.cluster import ClusterSpec, wire
from coursekit.cluster.provisioner import Change, ClusterStatus, QueuePlace, WorkerStatus
from coursekit.config import GiB, host_part
from coursekit.errors import CoursekitError, SettingsError, TooManyRequestsError
from coursekit.gateway.identity import RateLimit
from coursekit.gateway.ledger import Entry
from coursekit.gateway.lifetime import Verdict, judge
from coursekit.gateway.quota_text import read_quotas, write_quotas
from coursekit.gateway.quotas import Hours, Quota, Quotas, Resources
from coursekit.gateway.requests import read_cluster
from coursekit.gateway.settings import GatewaySettings, Limits, read_settings
from coursekit.gateway.steps import Standing, next_steps
from coursekit.gateway.store import Wanted, WantedStore

CHOSEN = GatewaySettings(engine="fake", images=("coursekit/spark:latest", "coursekit/tensorflow:latest"))


@st.composite
def standings(draw: Any) -> tuple[list[Standing], Resources]:
    """Clusters that fit now, and targets that fit together."""
    found, now, later = [], 0, 0
    for number in range(draw(st.integers(0, 6))):
        cores = draw(st.integers(1, 3))
        here, target = draw(st.integers(0, 5)), draw(st.integers(0, 5))
        is_busy = draw(st.booleans())
        promised = draw(st.integers(0, 5)) if is_busy else 0
        found.append(
            Standing(
                cluster=f"u{number}/c",
                worker=Resources(cores=cores),
                here=here,
                promised=promised,
                target=target,
                is_busy=is_busy,
                is_asked=draw(st.booleans()),
                has_nodes=here > 0,
                since=draw(st.floats(0, 10)),
            )
        )
        now += cores * max(here, promised)
        later += cores * target
    return found, Resources(cores=max(now, later) + draw(st.integers(0, 3)))


@given(standings())
def test_no_step_takes_more_than_there_is_and_nobody_who_is_busy_is_changed(given_):
    clusters, capacity = given_
    by_name = {one.cluster: one for one in clusters}
    steps = {step.cluster: step.workers for step in next_steps(clusters, capacity)}
    assert not any(by_name[cluster].is_busy for cluster in steps)
    used = sum(one.worker.cores * max(one.here, one.promised, steps.get(one.cluster, 0)) for one in clusters)
    assert used <= capacity.cores


@given(standings())
def test_steps_that_are_done_lead_to_the_targets(given_):
    clusters, capacity = given_
    here = {one.cluster: one.here for one in clusters}
    for _ in range(20):
        now = [
            Standing(
                cluster=one.cluster,
                worker=one.worker,
                here=here[one.cluster],
                promised=0,
                target=one.target,
                is_busy=False,
                is_asked=False,
                has_nodes=True,
                since=one.since,
            )
            for one in clusters
        ]
        steps = next_steps(now, capacity)
        if not steps:
            break
        here.update((step.cluster, step.workers) for step in steps)
    assert here == {one.cluster: one.target for one in clusters}


@given(st.text(), st.text())
def test_two_names_never_become_one_part_of_a_host_name(first, second):
    assert (host_part(first) == host_part(second)) == (first == second)


@given(st.text())
def test_a_part_of_a_host_name_is_short_and_plain_and_plain_names_stay(name):
    part = host_part(name)
    assert part.isascii()
    assert part.isalnum()
    assert part == part.lower()
    assert len(part) <= 29
    assert host_part("ada") == "ada"
    assert host_part(part) != part or part == name or len(part) <= 20


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists, max_leaves=5))
def test_whatever_is_sent_becomes_a_cluster_within_the_limits_or_a_refusal(value):
    keys = ("workers", "cores", "memory", "image", "assignment", "owner")
    for key in keys:
        body = json.dumps({"workers": 1, key: value}).encode()
        try:
            spec = read_cluster("mine", body, CHOSEN).spec
        except SettingsError:
            continue
        assert key != "owner"
        assert 1 <= spec.workers <= CHOSEN.limits.workers
        assert 1 <= spec.cores <= CHOSEN.limits.cores
        assert GiB <= spec.memory <= CHOSEN.limits.memory
        assert spec.image in ("", *CHOSEN.images)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body):
    with contextlib.suppress(SettingsError):
        read_cluster("mine", body, CHOSEN)


def test_the_first_image_is_what_nodes_run_when_none_is_named():
    assert read_cluster("mine", b'{"workers": 1, "image": "coursekit/spark:latest"}', CHOSEN).spec.image == ""
    assert read_cluster("mine", b'{"workers": 1, "image": "coursekit/tensorflow:latest"}', CHOSEN).spec.image != ""


def entry(**more: Any) -> Entry:
    return Entry(owner="ada", spec=ClusterSpec(workers=2), has_nodes=True, **more)


@pytest.mark.parametrize(
    ("unused_s", "says"),
    [(0, Verdict()), (3000, Verdict()), (3400, "warning"), (3700, "ends_for")],
)
def test_an_idle_cluster_is_warned_of_and_then_ended(unused_s, says):
    verdict = judge(entry(last_used=1000.0), GatewaySettings(engine="fake"), now=1000.0 + unused_s)
    assert verdict == says or (isinstance(says, str) and getattr(verdict, says))


@pytest.mark.parametrize(
    ("unused_s", "says"),
    [(0, Verdict()), (200, Verdict()), (280, "warning"), (310, "ends_for")],
)
def test_an_idle_cluster_goes_sooner_while_others_wait(unused_s, says):
    verdict = judge(entry(last_used=1000.0), GatewaySettings(engine="fake"), now=1000.0 + unused_s, is_wanted=True)
    assert verdict == says or (isinstance(says, str) and getattr(verdict, says))


def test_a_place_that_nobody_asks_for_is_given_up_but_that_of_a_lesson_not_before_it_has_begun():
    for is_prepared, least_s, most_s in ((False, 590, 610), (True, 1490, 1510)):
        waits = Entry(owner="ada", spec=ClusterSpec(workers=2), last_used=1000.0, is_prepared=is_prepared)
        assert judge(waits, GatewaySettings(engine="fake"), now=1000.0 + least_s) == Verdict()
        assert judge(waits, GatewaySettings(engine="fake"), now=1000.0 + most_s).ends_for


def test_a_cluster_outlives_its_owners_server_for_a_moment_only():
    chosen = GatewaySettings(engine="fake", absent_s=60)
    absent = entry(last_used=1000.0, absent_since=1000.0)
    assert judge(absent, chosen, now=1050.0) == Verdict()
    assert judge(absent, chosen, now=1061.0).ends_for == "its owner's server has ended"


def test_a_bucket_of_requests_fills_again_with_time():
    rate = RateLimit(Limits(burst=2, requests_per_s=1))
    rate.take("ada", now=100.0)
    rate.take("ada", now=100.0)
    with pytest.raises(TooManyRequestsError):
        rate.take("ada", now=100.5)
    rate.take("ada", now=101.5)
    rate.take("ben", now=100.0)


def test_errors_cross_the_wire_as_what_they_are():
    error = SettingsError("workers = -1 cannot be.", fix="use 1")
    again = wire.read_error(json.loads(json.dumps(wire.error_as_json(error))))
    assert (type(again), str(again)) == (SettingsError, str(error))
    for name in ("SystemExit", "annotations", "CoursekitError.__init__", None, 3):
        assert isinstance(wire.read_error({"code": name, "message": "m", "fix": "f"}), CoursekitError)


def test_a_status_crosses_the_wire():
    worker = WorkerStatus(name="w", state="died", cores=1, memory=GiB, uptime_s=1.5, exit_code=137, host="h")
    status = ClusterStatus(
        name="c",
        owner="ada",
        state="degraded",
        master_url="spark://m:7077",
        ui_url="http://m:8080",
        registered=0,
        applications=0,
        workers=(worker,),
        granted=1,
        queue=QueuePlace(position=2, missing=3, reason="busy"),
    )
    assert wire.read_status(json.loads(json.dumps(wire.status_as_json(status)))) == status
    change = {"started": ["a"], "stopped": [], "replaced": [], "master_replaced": True}
    assert wire.read_change(change) == Change(started=("a",), master_replaced=True)


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///{}/wanted.sqlite"])
def test_what_is_wanted_is_remembered(address, tmp_path):
    store = WantedStore(address.format(tmp_path))
    assert store.load() == ()
    wanted = Wanted(owner="ada", spec=ClusterSpec(workers=4), since=time.time(), granted=2, assignment="a1")
    store.replace([wanted])
    assert store.load() == (wanted,)
    store.replace([])
    assert store.load() == ()
    store.close()


def test_a_database_that_cannot_be_used_is_done_without(tmp_path, caplog):
    store = WantedStore(f"sqlite:///{tmp_path}/not/there.sqlite")
    assert store.load() == ()
    store.replace([])
    assert "lost if the gateway ends now" in caplog.text


@given(st.integers(0, 99), st.floats(0.1, 10), st.booleans())
def test_quotas_survive_the_way_from_the_hub_to_its_service(cores, weight, is_capped):
    hours = Hours(days=("mon", "fri"), begin=datetime.time(9), end=datetime.time(13, 30), zone="Europe/Rome")
    quota = Quota(guarantee=Resources(cores=cores / 2), cap=Resources(cores=cores, memory=GiB), weight=weight)
    quotas = Quotas(
        default=quota,
        users={"ada@x.org": quota},
        class_cap=Resources(cores=cores) if is_capped else None,
        course_hours=(hours,),
        cap_outside_hours=Resources(cores=2 * cores) if is_capped else None,
    )
    assert read_quotas(write_quotas(quotas)) == quotas


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"default": 3}', '{"default": {"guarantee": {"x": 1}, "cap": {}}}'])
def test_what_are_no_quotas_is_refused(text):
    with pytest.raises(SettingsError, match="are no quotas"):
        read_quotas(text)


def test_settings_are_read_from_the_environment():
    found = read_settings(
        {
            "COURSEKIT_ENGINE": "swarm",
            "COURSEKIT_REALM": "ml26",
            "COURSEKIT_GATEWAY_DATABASE": "sqlite://",
            "COURSEKIT_GATEWAY_IMAGES": "a, b",
            "COURSEKIT_GATEWAY_INSTRUCTORS": "teachers",
            "COURSEKIT_GATEWAY_CORES": "8",
            "COURSEKIT_GATEWAY_MEMORY": "32g",
            "COURSEKIT_GATEWAY_GPUS": "2",
        }
    )
    assert (found.engine, found.realm, found.images, found.has_servers) == ("swarm", "ml26", ("a", "b"), True)
    assert found.capacity == Resources(cores=8, memory=32 * GiB, gpus=2)
    with pytest.raises(SettingsError, match="COURSEKIT_GATEWAY_GPUS = 'two'"):
        read_settings({"COURSEKIT_GATEWAY_GPUS": "two"})
    assert read_settings({"COURSEKIT_GATEWAY_ABSENT_S": "5", "COURSEKIT_GATEWAY_DATABASE": "sqlite://"}).absent_s == 5
    with pytest.raises(SettingsError, match="COURSEKIT_GATEWAY_ABSENT_S = 'soon'"):
        read_settings({"COURSEKIT_GATEWAY_ABSENT_S": "soon", "COURSEKIT_GATEWAY_DATABASE": "sqlite://"})
    with pytest.raises(SettingsError, match="set both or none"):
        read_settings({"COURSEKIT_GATEWAY_CORES": "8", "COURSEKIT_GATEWAY_DATABASE": "sqlite://"})
