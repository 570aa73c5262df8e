"""Clusters that change under a running job, and faults on demand: the result is right, and nothing is lost for good."""

from __future__ import annotations

import json
import statistics
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker_fixtures import require_docker
from waiting import until

from coursekit import GiB, SparkCluster, faults
from coursekit.cluster import LocalProvisioner
from coursekit.engine import ProcessEngine
from coursekit.engine.docker import DockerEngine
from coursekit.errors import MasterDiedError, SettingsError

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", params=["process", "docker"])
def cluster(request: pytest.FixtureRequest) -> Iterator[SparkCluster]:
    if request.param == "docker":
        require_docker("spark")
        engine: Any = DockerEngine(realm=f"scaling-{uuid.uuid4().hex[:8]}")
    else:
        engine = ProcessEngine()
    with SparkCluster(workers=2, memory=GiB, name="scaling", provisioner=LocalProvisioner(engine)) as cluster:
        yield cluster
    assert engine.nodes() == ()


@pytest.fixture(autouse=True)
def two_workers(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "cluster" in request.fixturenames:
        cluster = request.getfixturevalue("cluster")
        cluster.repair()
        if cluster.spec.workers != 2:
            cluster.scale(2)


def finished_tasks(spark: Any) -> int:
    """Tasks of the running stages that have ended."""
    tracker = spark.sparkContext.statusTracker()
    return sum(tracker.getStageInfo(stage).numCompletedTasks for stage in tracker.getActiveStageIds())


def stages(spark: Any) -> list[dict[str, Any]]:
    context = spark.sparkContext
    url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/stages"
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


class InBackground:
    """A job that runs while the test does something else."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self._result: Any = None
        self._thread = threading.Thread(target=self._run, args=(action,))
        self._thread.start()

    def _run(self, action: Callable[[], Any]) -> None:
        self._result = action()

    def result(self) -> Any:
        self._thread.join(timeout=240)
        assert not self._thread.is_alive(), "the job did not end"
        return self._result


def test_a_job_scaled_from_two_to_four_to_one_is_right_and_loses_no_task_and_no_cached_block(cluster):
    spark = cluster.session("scaling")
    made = spark.sparkContext.accumulator(0)

    def make(row: int) -> int:
        made.add(1)
        return 2 * row

    cached = spark.sparkContext.parallelize(range(100), 4).map(make).cache()
    assert cached.sum() == 9900

    def slow(row: int) -> tuple[int, int]:
        time.sleep(0.25)
        return row % 3, row

    pairs = spark.sparkContext.parallelize(range(80), 80).map(slow)
    job = InBackground(lambda: dict(pairs.reduceByKey(lambda a, b: a + b, 12).collect()))
    until(lambda: finished_tasks(spark) >= 3, within_s=60)
    cluster.scale(4)
    assert cluster.executors == 4
    # The second stage's tasks may be the ones that run when workers leave: what they fetch has to be there.
    until(lambda: finished_tasks(spark) >= 12, within_s=60)
    cluster.scale(1)
    assert job.result() == {rest: sum(range(rest, 80, 3)) for rest in range(3)}
    assert cached.sum() == 9900
    assert made.value == 100, "cached blocks went to the worker that stayed: nothing was made anew"
    assert [(stage["numFailedTasks"], stage["attemptId"]) for stage in stages(spark)] == [(0, 0)] * len(stages(spark))
    assert [worker.state for worker in cluster.status().workers] == ["running"]


def test_a_killed_executor_is_replaced_by_its_worker_and_the_job_ends_right(cluster):
    spark = cluster.session("executor")
    job = InBackground(
        lambda: spark.sparkContext.parallelize(range(20), 20).map(lambda row: (time.sleep(0.2), row)[1]).sum()
    )
    until(lambda: finished_tasks(spark) >= 2, within_s=60)
    victim = faults.kill_executor(spark)
    assert job.result() == sum(range(20))
    until(lambda: cluster.executors == 2, within_s=60)
    assert victim not in faults._executor_ids(spark.sparkContext._jsc.sc())
    assert [worker.state for worker in cluster.status().workers] == ["running", "running"]


def test_a_worker_that_is_cut_off_goes_on_where_it_was_when_it_is_back(cluster):
    spark = cluster.session("cut off")
    job = InBackground(
        lambda: spark.sparkContext.parallelize(range(24), 24).map(lambda row: (time.sleep(0.1), row)[1]).sum()
    )
    until(lambda: finished_tasks(spark) >= 2, within_s=60)
    with faults.cut_off(cluster, 0):
        before = finished_tasks(spark)
        until(lambda: finished_tasks(spark) >= min(before + 4, 22), within_s=60)
    assert job.result() == sum(range(24))
    assert cluster.executors == 2


def test_a_slowed_down_worker_is_a_straggler(cluster):
    spark = cluster.session("straggler")

    def work(_: int) -> float:
        begin = time.monotonic()
        sum(number * number for number in range(6_000_000))  # longer than the worker's pauses
        return time.monotonic() - begin

    def ratio() -> float:
        faster, slower = sorted(spark.sparkContext.parallelize(range(2), 2).map(work).collect())
        return slower / faster

    ratio()
    with faults.slowed_down(cluster, 0, speed=0.2):
        # Other programs slow either worker down now and then: one try says little, in either direction.
        assert statistics.median(ratio() for _ in range(3)) > 1.8, "the same work, one task of it on the slow worker"


def test_a_straggling_partition_is_late_and_complete(cluster):
    spark = cluster.session("late")
    rows = spark.sparkContext.parallelize(range(8), 4).mapPartitionsWithIndex(faults.straggler(1, seconds=1.0))
    began = time.monotonic()
    assert sorted(rows.collect()) == list(range(8))
    assert time.monotonic() - began >= 1.0


def test_a_skewed_table_is_the_same_on_any_number_of_partitions(cluster):
    spark = cluster.session("skew")
    table = faults.skewed(spark, 20_000, keys=50, share=0.7, seed=3)
    counts = {row["key"]: row["count"] for row in table.groupBy("key").count().collect()}
    assert abs(counts[0] / 20_000 - 0.7) < 0.02
    assert set(counts) == set(range(50))
    again = faults.skewed(spark, 20_000, keys=50, share=0.7, seed=3).repartition(7)
    assert {row["key"]: row["count"] for row in again.groupBy("key").count().collect()} == counts
    low, high = table.selectExpr("min(value)", "max(value)").first()
    assert 0 <= low < 0.01
    assert 0.99 < high < 1


@pytest.mark.parametrize("speed", [0, 1, -0.5, 2])
def test_a_speed_that_slows_nothing_down_is_refused(cluster, speed):
    with pytest.raises(SettingsError, match="speed"), faults.slowed_down(cluster, 0, speed=speed):
        pass


def test_an_idle_cluster_stops_and_the_next_call_says_why(monkeypatch):
    monkeypatch.setenv("COURSEKIT_IDLE_S", "10")
    engine = ProcessEngine()
    cluster = SparkCluster(workers=1, memory=GiB, name="idle", provisioner=LocalProvisioner(engine))
    spark = cluster.session("idle")
    busy = spark.sparkContext.parallelize([1], 1).map(lambda row: (time.sleep(14), row)[1])
    assert busy.count() == 1, "a job that takes longer than the limit is not idle"
    until(lambda: not engine.nodes(group="idle"), within_s=60)
    with pytest.raises(MasterDiedError, match="no job for 10 s"):
        cluster.session("next")
    cluster.close()


def test_one_users_notebooks_share_a_cluster_by_name_or_have_separate_ones():
    provisioner = LocalProvisioner(ProcessEngine())
    with (
        SparkCluster(workers=1, memory=GiB, name="ours", provisioner=provisioner) as first,
        SparkCluster(workers=1, memory=GiB, name="mine", provisioner=provisioner) as other,
    ):
        same = SparkCluster(workers=1, memory=GiB, name="ours", provisioner=LocalProvisioner(ProcessEngine()))
        assert same.status().master_url == first.status().master_url
        assert other.status().master_url != first.status().master_url
        assert same.last_change.started == ()
