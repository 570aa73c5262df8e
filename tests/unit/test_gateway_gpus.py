"""A gateway that hands out GPUs, on the fake engine: whole ones, each once, over real HTTP."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from gateway_fixtures import running_gateway
from waiting import until

from coursekit.cluster import ClusterSpec
from coursekit.cluster.fakes import seeming_masters
from coursekit.cluster.http import GatewayConnection
from coursekit.config import GiB
from coursekit.engine import FakeEngine
from coursekit.errors import CapacityError, ClusterDiffersError
from coursekit.gateway.quotas import Quota, Quotas, Resources
from coursekit.gateway.settings import GatewaySettings

WANTED = {"workers": 1, "cores": 1, "memory": GiB, "gpus": 1}
STUDENTS = tuple(f"student{number}" for number in range(6))


def settings(tmp_path, *, cap=1):
    each = Quota(guarantee=Resources(), cap=Resources(cores=8, memory=16 * GiB, gpus=cap))
    return GatewaySettings(
        engine="fake",
        database=f"sqlite:///{tmp_path}/gateway.sqlite",
        quotas=Quotas(default=each),
        every_s=0.05,
        has_servers=False,
    )


@pytest.fixture
def engine():
    engine = FakeEngine(cores=64, memory=256 * GiB, gpus=3)
    with seeming_masters(engine):
        yield engine


def given(engine):
    """Count the holders of each GPU that is in use."""
    return Counter(device for node in engine.nodes() if node.is_running for device in node.devices)


def student(gateway, name):
    return GatewayConnection(gateway.url, gateway.hub.student(name), patience_s=0)


def test_of_twice_as_many_students_as_gpus_half_get_one_each_and_the_others_follow_in_turn(engine, tmp_path):
    with running_gateway(settings(tmp_path), engine) as gateway:
        connections = {name: student(gateway, name) for name in STUDENTS}
        with ThreadPoolExecutor(len(STUDENTS)) as pool:
            list(pool.map(lambda name: connections[name].ask("PUT", "clusters/deep", WANTED), STUDENTS))
        until(lambda: len(given(engine)) == 3)
        served = set()
        while len(served) < len(STUDENTS):
            assert set(given(engine).values()) == {1}
            holding = {node.owner for node in engine.nodes() if node.devices}
            served |= holding
            first = sorted(holding)[0]
            connections[first].ask("DELETE", "clusters/deep")
            waiting = len(STUDENTS) - len(served)
            until(lambda: len(given(engine)) == 3 if waiting else len(given(engine)) < 3)  # noqa: B023
        assert max(given(engine).values()) == 1


def test_a_gateway_that_starts_again_gives_nobody_a_gpu_that_somebody_has(engine, tmp_path):
    with running_gateway(settings(tmp_path), engine) as gateway:
        for name in STUDENTS[:4]:
            student(gateway, name).ask("PUT", "clusters/deep", WANTED)
        until(lambda: len(given(engine)) == 3)
        before = {node.name: node.devices for node in engine.nodes() if node.devices}
    with running_gateway(settings(tmp_path), engine) as gateway:
        ada = student(gateway, "ada")
        ada.ask("PUT", "clusters/deep", WANTED)
        until(lambda: ada.ask("GET", "clusters/deep")["queue"])
        assert {node.name: node.devices for node in engine.nodes() if node.devices} == before
        owner = engine.nodes()[0].owner
        student(gateway, owner).ask("DELETE", "clusters/deep")
        until(lambda: len(given(engine)) == 3)
        assert set(given(engine).values()) == {1}
        (newcomer,) = {node.owner for node in engine.nodes() if node.devices and node.name not in before}
        assert newcomer == STUDENTS[3], "who waited before the restart comes first"


def test_gpus_that_servers_of_the_hub_have_are_none_that_workers_can_get(engine, tmp_path, monkeypatch):
    from dataclasses import replace

    whole = engine.capacity
    monkeypatch.setattr(engine, "capacity", lambda: replace(whole(), free_gpus=whole().free_gpus - 2))
    with running_gateway(settings(tmp_path), engine) as gateway:
        ada, ben = student(gateway, "ada"), student(gateway, "ben")
        ada.ask("PUT", "clusters/deep", WANTED)
        until(lambda: len(given(engine)) == 1)
        ben.ask("PUT", "clusters/deep", WANTED)
        until(lambda: ben.ask("GET", "clusters/deep")["queue"])
        assert len(given(engine)) == 1


def test_more_gpus_than_ones_cap_or_another_number_than_the_cluster_has_is_refused(engine, tmp_path):
    with running_gateway(settings(tmp_path), engine) as gateway:
        client = gateway.client("ada")
        with pytest.raises(CapacityError, match="2 GPUs is more than you may have in all"):
            client.apply(ClusterSpec(name="deep", workers=1, memory=GiB, gpus=2))
        client.apply(ClusterSpec(name="deep", workers=1, memory=GiB, gpus=1))
        assert client.spec("deep").gpus == 1
        with pytest.raises(ClusterDiffersError, match="1 GPU per worker, not with 1 cores and 1"):
            client.apply(ClusterSpec(name="deep", workers=1, memory=GiB))
