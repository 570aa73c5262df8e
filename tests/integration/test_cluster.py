"""Real Spark on the process engine: what a notebook does with a cluster, and what happens when parts of it die."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from waiting import until

from coursekit import GiB, SparkCluster
from coursekit.cluster import LocalProvisioner
from coursekit.cluster.runtime import python_version
from coursekit.engine import ProcessEngine
from coursekit.errors import (
    CapacityError,
    ClusterError,
    MasterDiedError,
    PortTakenError,
    PythonMismatchError,
    WorkerDiedError,
)

pytestmark = pytest.mark.spark


def java_of(node: str) -> list[psutil.Process]:
    """The node's daemon (and its executor), by the label that they inherited."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if f'"{node}"' in process.environ().get("COURSEKIT_NODE", "") and process.name() == "java":
                found.append(process)
    return found


def kill_node(node: str) -> None:
    for process in java_of(node):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[SparkCluster]:
    with SparkCluster(workers=2, memory=GiB, name="shared") as cluster:
        yield cluster
    assert ProcessEngine().nodes() == ()


@pytest.fixture(autouse=True)
def whole_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test that shares the cluster finds it with two living workers."""
    yield
    if "cluster" in request.fixturenames:
        cluster = request.getfixturevalue("cluster")
        cluster.repair()
        if cluster.spec.workers != 2:
            cluster.scale(2)


def test_tasks_of_a_job_run_on_every_worker(cluster):
    spark = cluster.session("where")

    def node_name() -> str:  # inside, so that it travels to the executors, which cannot import this file
        return json.loads(os.environ["COURSEKIT_NODE"])["name"]

    names = set(spark.sparkContext.parallelize(range(40), 8).map(lambda _: node_name()).collect())
    assert names == {f"{status.name}" for status in cluster.status().workers}
    assert cluster.executors == 2


def test_tasks_run_the_python_that_has_the_drivers_packages(cluster):
    spark = cluster.session("python")
    (theirs,) = set(spark.sparkContext.parallelize(range(2), 2).map(lambda _: sys.prefix).collect())
    assert theirs == sys.prefix


def test_the_driver_writes_nothing_to_the_notebooks_stderr():
    code = """
    from coursekit import SparkCluster
    with SparkCluster(workers=0) as cluster:
        print(cluster.session("quiet").range(10).count())
    """
    shown = run_python(code)
    assert (shown.stdout, shown.stderr) == ("10\n", "")


def test_no_secret_stands_on_a_command_line(cluster):
    cluster.session("secret")
    secret = LocalProvisioner().access("shared").secret
    lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            lines.append(" ".join(process.cmdline()))
    assert not [line for line in lines if secret in line]


def test_a_driver_without_the_secret_is_turned_away(cluster):
    code = f"""
    from pyspark.sql import SparkSession
    builder = SparkSession.builder.master("{cluster.status().master_url}").config("spark.driver.host", "127.0.0.1")
    builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false").getOrCreate()
    """
    stranger = start_python(code)
    try:
        said = next((line for line in stranger.stderr if "Failed to connect to master" in line), None)
        assert said is not None
        applications = json.load(urllib.request.urlopen(f"{cluster.status().ui_url}/json/"))["activeapps"]
        assert len(applications) <= 1, "only the one of the tests that share this cluster"
    finally:
        stranger.kill()
        stranger.communicate()


def test_scaling_keeps_the_session_and_its_running_executors(cluster):
    spark = cluster.session("scale")
    first = {(node.name, node.started) for node in ProcessEngine().nodes(group="shared")}
    cluster.scale(3)
    assert cluster.executors == 3
    assert first <= {(node.name, node.started) for node in ProcessEngine().nodes(group="shared")}
    assert spark.range(1000).selectExpr("sum(id)").first()[0] == 499_500
    cluster.scale(2)
    assert len(cluster.status().workers) == 2


def test_a_second_start_attaches_and_says_so(cluster):
    again = SparkCluster(workers=2, memory=GiB, name="shared")
    assert again.last_change.started == ()
    assert again.status().state == "running"


def test_a_killed_worker_is_named_with_its_cause_and_repaired(cluster):
    spark = cluster.session("killed worker")
    victim = cluster.status().workers[0].name
    kill_node(victim)
    until(lambda: cluster.status().state == "degraded", within_s=30)
    with pytest.raises(WorkerDiedError, match=f"{victim}.*signal 9") as caught:
        cluster.session("next call")
    assert "cluster.repair()" in caught.value.fix
    assert spark.range(1000).selectExpr("sum(id)").first()[0] == 499_500, "the other worker goes on"
    assert [worker.name for worker in cluster.repair().replaced] == [victim]
    cluster.session("after")
    assert cluster.status().state == "running"


def test_a_job_survives_the_death_of_a_worker_in_its_middle(cluster):
    spark = cluster.session("lineage")
    marks = spark.sparkContext.accumulator(0)

    def slow(row: int) -> tuple[int, int]:
        marks.add(1)
        time.sleep(0.05)
        return row % 3, row

    job = spark.sparkContext.parallelize(range(60), 12).map(slow).reduceByKey(lambda a, b: a + b)
    killer = subprocess.Popen(["sleep", "0.8"])
    victim = cluster.status().workers[1].name

    import threading

    def kill_in_mid_job() -> None:
        killer.wait()
        kill_node(victim)

    thread = threading.Thread(target=kill_in_mid_job)
    thread.start()
    result = dict(job.collect())
    thread.join()
    assert result == {rest: sum(range(rest, 60, 3)) for rest in range(3)}


def test_a_killed_master_is_named_and_repaired(cluster):
    cluster.session("killed master")
    kill_node(f"{cluster.status().owner}-shared-master")
    until(lambda: cluster.status().state == "dead", within_s=30)
    with pytest.raises(MasterDiedError, match="master of cluster 'shared' has died"):
        cluster.session("next call")
    cluster.repair()
    assert cluster.session("after").range(10).count() == 10


def test_a_killed_driver_process_is_replaced_by_the_next_session(cluster):
    from pyspark import SparkContext

    cluster.session("killed driver")
    SparkContext._gateway.proc.kill()
    SparkContext._gateway.proc.wait()
    assert cluster.session("after").range(10).count() == 10


def test_nodes_stopped_from_outside_are_told_of(cluster):
    for node in ProcessEngine().nodes(group="shared"):
        ProcessEngine().stop(node.name)
    with pytest.raises(MasterDiedError, match="is gone"):
        cluster.session("next call")


def test_a_killed_kernels_cluster_is_found_again_by_the_next(cluster):
    code = """
    import time
    from coursekit import GiB, SparkCluster
    cluster = SparkCluster(workers=1, memory=GiB, name="orphan")
    cluster.session("first")
    print("ready", flush=True)
    time.sleep(600)
    """
    first = start_python(code, COURSEKIT_LINGER_S="60")
    assert first.stdout.readline() == "ready\n"
    first.kill()
    first.communicate()
    with SparkCluster(workers=1, memory=GiB, name="orphan") as again:
        assert again.last_change.started == ()
        assert again.session("second").range(10).count() == 10


def test_a_killed_scripts_cluster_stops_by_itself():
    code = """
    import time
    from coursekit import GiB, SparkCluster
    SparkCluster(workers=1, memory=GiB, name="abandoned")
    print("ready", flush=True)
    time.sleep(600)
    """
    script = start_python(code, COURSEKIT_LINGER_S="0.5")
    assert script.stdout.readline() == "ready\n"
    assert len(ProcessEngine().nodes(group="abandoned")) == 2
    script.kill()
    script.communicate()
    until(lambda: not ProcessEngine().nodes(group="abandoned"), within_s=30)


def test_a_cluster_ends_with_the_server_of_its_notebook():
    server = subprocess.Popen(["sleep", "600"])
    code = """
    from coursekit import GiB, SparkCluster
    SparkCluster(workers=1, memory=GiB, name="served")
    """
    shown = run_python(code, JPY_PARENT_PID=str(server.pid))
    assert shown.returncode == 0, shown.stderr
    assert len(ProcessEngine().nodes(group="served")) == 2, "the kernel may come back: ten minutes' grace"
    server.kill()
    server.wait()
    until(lambda: not ProcessEngine().nodes(group="served"), within_s=30)


def test_a_master_port_that_is_taken_is_named(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("COURSEKIT_MASTER_PORT", str(port))
        with pytest.raises(PortTakenError, match=str(port)):
            SparkCluster(workers=1, memory=GiB, name="taken")
    assert ProcessEngine().nodes(group="taken") == ()


def test_more_memory_than_the_machine_has_starts_nothing():
    with pytest.raises(CapacityError, match="free here"):
        SparkCluster(workers=2, memory=1024 * GiB, name="huge")
    assert ProcessEngine().nodes(group="huge") == ()


def test_local_mode_has_no_nodes_and_cannot_be_scaled():
    cluster = SparkCluster(workers=0, cores=2, name="local")
    assert ProcessEngine().nodes(group="local") == ()
    with pytest.raises(ClusterError, match="local mode"):
        cluster.scale(2)


def test_a_python_that_differs_in_its_minor_version_is_refused(monkeypatch):
    other = next(iter(other_pythons()), None)
    if other is None:
        pytest.skip("no Python of another minor version on this machine")
    monkeypatch.setenv("PYSPARK_PYTHON", other)
    with pytest.raises(PythonMismatchError, match="PYSPARK_PYTHON"):
        SparkCluster(workers=1, memory=GiB, name="mismatch")


def test_the_command_starts_scales_shows_and_stops_a_cluster():
    def coursekit(*words: str) -> str:
        command = [sys.executable, "-m", "coursekit", "cluster", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=200).stdout

    def names() -> set[str]:
        return {one["name"] for one in json.loads(coursekit("status", "--json"))}

    try:
        up = json.loads(coursekit("up", "cli", "--workers", "1", "--memory", "1g", "--json"))
        assert (up["state"], up["registered"]) == ("running", 1)
        assert "secret" not in json.dumps(up)
        assert len(json.loads(coursekit("scale", "cli", "2", "--json"))["workers"]) == 2
        assert "cli" in names()
        assert "Registering worker" in coursekit("logs", "cli")
    finally:
        assert "cli" in coursekit("down", "cli")
    assert "cli" not in names()


def other_pythons() -> Iterator[str]:
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    for folder in (*map(Path, os.environ["PATH"].split(os.pathsep)), *pyenv.glob("versions/*/bin")):
        for path in folder.glob("python3.*[0-9]"):
            with contextlib.suppress(PythonMismatchError):
                if python_version(str(path)) not in (ours, ""):
                    yield str(path)


def start_python(code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    process = start_python(code, **environment)
    out, err = process.communicate(timeout=200)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
