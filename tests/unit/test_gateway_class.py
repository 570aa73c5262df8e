"""What instructors may do through the gateway, over real HTTP, on the fake engine; and that nobody else may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_fixtures import FakeHub, RunningGateway, running_gateway
from waiting import until

from coursekit.cluster import ClusterSpec
from coursekit.cluster.fakes import seeming_masters
from coursekit.cluster.http import GatewayConnection
from coursekit.config import GiB
from coursekit.engine import FakeEngine
from coursekit.errors import ClusterNotFoundError, GatewayError, NotAllowedError, SettingsError
from coursekit.gateway.quota_book import Given, QuotaStore
from coursekit.gateway.quotas import Quota, Quotas, Resources
from coursekit.gateway.settings import GatewaySettings


def amount(cores: int) -> Resources:
    return Resources(cores=cores, memory=cores * 4 * GiB)


def settings(**more: Any) -> GatewaySettings:
    given = {
        "quotas": Quotas(default=Quota(guarantee=amount(2), cap=amount(4))),
        "capacity": amount(12),
        "every_s": 0.1,
        "has_servers": False,
    }
    return GatewaySettings(engine="fake", **{**given, **more})


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine(cores=64, memory=256 * GiB)
    with seeming_masters(engine):
        yield engine


@pytest.fixture
def gateway(engine: FakeEngine) -> Iterator[RunningGateway]:
    with running_gateway(settings(), engine) as gateway:
        yield gateway


def connection(gateway: RunningGateway, token: str) -> GatewayConnection:
    return GatewayConnection(gateway.url, token, patience_s=0)


def workers_of(engine: FakeEngine, owner: str) -> int:
    return sum(node.role == "worker" for node in engine.nodes(owner=owner))


def test_an_instructor_stops_a_students_cluster_and_the_student_is_told_why(gateway, engine):
    ada = gateway.client("ada")
    ada.apply(ClusterSpec(workers=2, memory=GiB))
    ira = connection(gateway, gateway.hub.instructor("ira"))
    ira.ask("DELETE", "class/ada/default")
    assert engine.nodes(owner="ada") == ()
    with pytest.raises(ClusterNotFoundError, match="ira stopped it"):
        connection(gateway, "token-ada").ask("GET", "clusters/default")
    ira.ask("DELETE", "class/ada/default")
    ira.ask("DELETE", "class/nobody/default")


def test_a_raised_cap_lets_a_waiting_cluster_grow(gateway, engine):
    gateway.client("ada").apply(ClusterSpec(workers=6, memory=GiB))
    assert workers_of(engine, "ada") == 4
    ira = connection(gateway, gateway.hub.instructor("ira"))
    found = ira.ask("PUT", "quota/ada", {"cap": {"cores": 8, "memory": 32 * GiB}})
    assert (found["cap"]["cores"], found["guarantee"]["cores"], found["given_by"]) == (8, 2, "ira")
    until(lambda: workers_of(engine, "ada") == 6)
    assert connection(gateway, "token-ada").ask("GET", "quota")["cap"]["cores"] == 8


def test_a_quota_that_is_taken_back_is_the_courses_again(gateway):
    ira = connection(gateway, gateway.hub.instructor("ira"))
    ira.ask("PUT", "quota/ada", {"cap": {"cores": 8}})
    ira.ask("DELETE", "quota/ada")
    found = ira.ask("GET", "quota/ada")
    assert (found["cap"], found["given_by"]) == (found["course"]["cap"], None)


def test_a_given_quota_outlives_the_gateway(engine, tmp_path):
    chosen = settings(database=f"sqlite:///{tmp_path / 'gateway.sqlite'}")
    hub = FakeHub()
    for step in ("give", "look"):
        with running_gateway(chosen, engine, hub=hub) as gateway:
            ira = connection(gateway, hub.instructor("ira"))
            if step == "give":
                ira.ask("PUT", "quota/ada", {"cap": {"cores": 8}, "weight": 2})
            found = ira.ask("GET", "quota/ada")
            assert (found["cap"]["cores"], found["weight"], found["given_by"]) == (8, 2, "ira")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "class", None),
        ("GET", "quota/ben", None),
        ("PUT", "quota/ben", {"cap": {"cores": 64}}),
        ("DELETE", "quota/ben", None),
        ("DELETE", "class/ben/default", None),
    ],
)
def test_students_may_do_none_of_it_not_even_to_themselves(gateway, engine, method, path, body):
    gateway.client("ben").apply(ClusterSpec(workers=1, memory=GiB))
    for student in ("ada", "ben"):
        with pytest.raises(NotAllowedError, match="no instructor"):
            connection(gateway, gateway.hub.student(student)).ask(method, path, body)
    assert workers_of(engine, "ben") == 1
    assert gateway.client("ben").quota()["cap"]["cores"] == 4


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "names nothing"),
        ({"caps": {}}, "caps"),
        ({"cap": {}}, "no amount"),
        ({"cap": {"cores": -1}}, "cores"),
        ({"cap": {"cores": True}}, "cores"),
        ({"cap": {"memory": 0.5}}, "memory"),
        ({"cap": {"disk": 1}}, "no amount"),
        ({"weight": 0}, "weight"),
    ],
    ids=str,
)
def test_what_is_no_quota_is_refused_with_what_is_wrong(gateway, body, why):
    ira = connection(gateway, gateway.hub.instructor("ira"))
    with pytest.raises(SettingsError, match=why):
        ira.ask("PUT", "quota/ada", body)


def test_a_guarantee_above_the_cap_is_refused(gateway):
    ira = connection(gateway, gateway.hub.instructor("ira"))
    with pytest.raises(GatewayError, match="guaranteed more than they may have"):
        ira.ask("PUT", "quota/ada", {"guarantee": {"cores": 100}})


def test_an_instructor_sees_who_waits_since_when_and_what_has_died(gateway, engine):
    ada = gateway.client("ada")
    ada.apply(ClusterSpec(workers=2, memory=GiB))
    ada.engine.signal(ada.worker("default", 0), 9)
    url, headers = f"{gateway.url}api/v1/class", {"Authorization": f"Bearer {gateway.hub.instructor('ira')}"}
    until(lambda: httpx.get(url, headers=headers).json()["clusters"][0]["died"] == 1)
    (seen,) = httpx.get(url, headers=headers).json()["clusters"]
    assert (seen["owner"], seen["running"]) == ("ada", 1)
    assert time.time() - 60 < seen["since"] <= time.time()


def test_quotas_that_cannot_be_read_leave_the_courses_own(tmp_path: Path):
    place = tmp_path / "broken.sqlite"
    place.write_bytes(b"this is no database" * 100)
    store = QuotaStore(f"sqlite:///{place}")
    assert store.load() == {}
    with pytest.raises(GatewayError, match="could not be written"):
        store.write("ada", Given(quota=Quota(guarantee=amount(1), cap=amount(2)), by="ira"))
    store.close()
