"""The provisioner's logic on the fake engine; the master's answer is faked too, for no master runs here."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coursekit.cluster import ClusterSpec, LocalProvisioner, local
from coursekit.config import GiB
from coursekit.engine import FakeEngine
from coursekit.errors import CapacityError, ClusterDiffersError, ClusterNotFoundError, ClusterStartError, SettingsError


@pytest.fixture(autouse=True)
def answering_master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "listens", lambda master: True)
    monkeypatch.setattr(local, "ask_master", lambda master: {"status": "ALIVE", "aliveworkers": 99})
    monkeypatch.setattr(local, "drain", lambda engine, master, workers: None)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(memory=64 * GiB)


@pytest.fixture
def provisioner(engine: FakeEngine) -> LocalProvisioner:
    return LocalProvisioner(engine, owner="ada")


def spec(workers: int, **more: Any) -> ClusterSpec:
    return ClusterSpec(workers=workers, memory=GiB, **more)


@given(sizes=st.lists(st.integers(1, 8), min_size=1, max_size=6), deaths=st.lists(st.integers(0, 8), max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_happened_before_the_nodes_are_those_that_are_wanted(answering_master, sizes, deaths):
    engine = FakeEngine(memory=64 * GiB)
    provisioner = LocalProvisioner(engine, owner="ada")
    for size in sizes:
        provisioner.apply(spec(size))
        for index in deaths:
            nodes = engine.nodes()
            engine.signal(nodes[index % len(nodes)].name, signal.SIGKILL)
    provisioner.apply(spec(sizes[-1]))
    assert [node.role for node in engine.nodes() if node.is_running] == ["master"] + ["worker"] * sizes[-1]
    assert all(node.is_running for node in engine.nodes())


def test_applying_twice_changes_nothing(engine, provisioner):
    provisioner.apply(spec(3))
    before = engine.nodes()
    change = provisioner.apply(spec(3))
    assert (change.started, change.stopped, engine.nodes()) == ((), (), before)


def test_scaling_keeps_running_workers(engine, provisioner):
    provisioner.apply(spec(2))
    before = engine.nodes()
    provisioner.apply(spec(4))
    assert all(node in engine.nodes() for node in before)
    provisioner.apply(spec(2))
    assert engine.nodes() == before


def test_a_dead_worker_is_replaced_and_told_of(engine, provisioner):
    provisioner.apply(spec(2))
    engine.signal("ada-default-worker-2", signal.SIGKILL)
    assert provisioner.status("default").state == "degraded"
    change = provisioner.apply(spec(2))
    assert change.started == ("ada-default-worker-2",)
    assert [(worker.name, worker.exit_code) for worker in change.replaced] == [("ada-default-worker-2", 137)]


def test_a_dead_master_takes_its_workers_with_it(engine, provisioner):
    provisioner.apply(spec(1))
    (old,) = {node.labels["secret"] for node in engine.nodes()}
    engine.signal("ada-default-master", signal.SIGKILL)
    assert provisioner.status("default").state == "dead"
    change = provisioner.apply(spec(1))
    assert change.master_replaced
    assert len(change.started) == 2
    assert {node.labels["secret"] for node in engine.nodes()}.isdisjoint({old})


def test_clusters_of_other_names_and_owners_are_left_alone(engine, provisioner):
    provisioner.apply(spec(1))
    provisioner.apply(spec(1, name="other"))
    LocalProvisioner(engine, owner="ben").apply(spec(1))
    provisioner.delete("default")
    assert {(node.owner, node.group) for node in engine.nodes()} == {("ada", "other"), ("ben", "default")}


def test_too_many_workers_are_refused_before_anything_starts(provisioner, engine):
    with pytest.raises(CapacityError, match="99 more workers"):
        provisioner.apply(spec(99))
    assert engine.nodes() == ()


def test_another_shape_under_the_same_name_is_refused(provisioner):
    provisioner.apply(spec(1))
    with pytest.raises(ClusterDiffersError, match="1 cores"):
        provisioner.apply(spec(1, cores=2))


def test_an_unknown_cluster_is_named_with_those_that_are_there(provisioner):
    with pytest.raises(ClusterNotFoundError, match="no cluster 'mine'"):
        provisioner.status("mine")
    provisioner.apply(spec(1))
    with pytest.raises(ClusterNotFoundError, match="default"):
        provisioner.status("mine")


def test_deleting_twice_is_harmless(provisioner, engine):
    provisioner.apply(spec(2))
    provisioner.delete("default")
    provisioner.delete("default")
    assert engine.nodes() == ()


def test_a_worker_that_ends_while_starting_is_reported_with_its_last_words(provisioner, engine, monkeypatch):
    provisioner.apply(spec(1))
    monkeypatch.setattr(local, "ask_master", lambda master: {"status": "ALIVE", "aliveworkers": 0})
    engine.signal("ada-default-worker-1", signal.SIGKILL)
    with pytest.raises(ClusterStartError, match="worker-1"):
        provisioner.wait_ready("default", timeout_s=5)
    assert engine.nodes() == ()


def test_a_worker_is_found_by_its_number_and_one_that_is_not_there_is_refused(provisioner, engine):
    provisioner.apply(spec(2))
    assert provisioner.worker("default", 1) == "ada-default-worker-2"
    with pytest.raises(SettingsError, match="no worker 2: it has 2"):
        provisioner.worker("default", 2)
