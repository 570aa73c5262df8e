from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.cluster import ClusterSpec, plan
from coursekit.cluster.plan import Launch, launch_of
from coursekit.cluster.runtime import Runtime
from coursekit.config import GiB, MiB
from coursekit.engine import FakeEngine
from coursekit.errors import SettingsError

LAUNCH = Launch(
    owner="ada",
    runtime=Runtime(java="/opt/java/bin/java", spark_home="/opt/spark", python="/opt/python", python_version="3.11"),
    master_host="ada-default-master",
    listen=None,
    port=7077,
    ui_port=8080,
    secret="s3cret",
)
specs = st.builds(
    ClusterSpec,
    workers=st.integers(0, 40),
    cores=st.integers(1, 16),
    memory=st.integers(GiB, 64 * GiB),
    name=st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True),
)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"workers": -1}, "workers = -1"),
        ({"cores": 0}, "cores = 0"),
        ({"memory": 512 * MiB}, "512 MiB"),
        ({"name": "Über"}, "'Über'"),
        ({"name": "-x"}, "'-x'"),
        ({"name": "x" * 31}, "x" * 31),
    ],
)
def test_a_specification_that_cannot_be_is_refused_with_its_value(settings, complaint):
    with pytest.raises(SettingsError, match=complaint):
        ClusterSpec(**settings)


@given(specs)
def test_a_cluster_is_one_master_and_its_workers_or_nothing(spec):
    roles = [node.role for node in plan(spec, LAUNCH)]
    assert roles == (["master"] + ["worker"] * spec.workers if spec.workers else [])


@given(specs)
def test_names_are_unique_and_every_worker_gets_what_was_asked_for(spec):
    nodes = plan(spec, LAUNCH)
    assert len({node.name for node in nodes}) == len(nodes)
    assert all((n.cores, n.memory) == (spec.cores, spec.memory) for n in nodes if n.role == "worker")


@given(specs, st.integers(1, 40))
def test_scaling_keeps_the_nodes_that_both_sizes_have(spec, workers):
    if spec.workers == 0:
        return
    other = ClusterSpec(name=spec.name, workers=workers, cores=spec.cores, memory=spec.memory)
    common = min(spec.workers, workers) + 1
    assert plan(spec, LAUNCH)[:common] == plan(other, LAUNCH)[:common]


@given(specs)
def test_the_executors_heap_leaves_room_for_python_and_is_enough_for_spark(spec):
    assert 450 * MiB < spec.executor_heap < spec.memory


def test_the_secret_is_on_no_command_line():
    for node in plan(ClusterSpec(), LAUNCH):
        assert "s3cret" not in " ".join(node.command)
        assert node.environment["_SPARK_AUTH_SECRET"] == "s3cret"


def test_a_launch_is_read_back_from_the_masters_labels():
    master = FakeEngine().start(plan(ClusterSpec(), LAUNCH)[0])
    assert launch_of(master, LAUNCH.runtime) == LAUNCH
