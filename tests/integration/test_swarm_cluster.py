"""Spark on a real Swarm of several real daemons: nodes on other hosts, and hosts that go away in mid-job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from swarm_hosts import Host, SwarmHosts
from waiting import until

from coursekit.config import image_tag
from coursekit.engine.swarm import SwarmEngine

pytestmark = [pytest.mark.spark, pytest.mark.docker, pytest.mark.timeout(900)]

PREAMBLE = """
import json, socket, sys, threading, time
from coursekit import GiB, SparkCluster

def tell(**facts):
    print(json.dumps(facts), flush=True)

def where(_):
    time.sleep(0.2)
    return socket.gethostname()

"""


class Driver:
    """A Python program in a container of one of the hosts, which says what it has found as lines of JSON."""

    def __init__(self, host: Host, manager: Host, realm: str, code: str) -> None:
        self.name = f"driver-{uuid.uuid4().hex[:8]}"
        self._host = host
        sockets = ((manager.socket, "/run/manager.sock"), (host.socket, "/run/local.sock"))
        environment = {
            "COURSEKIT_ENGINE": "swarm",
            "COURSEKIT_CONTAINER": self.name,
            "COURSEKIT_REALM": realm,
            "COURSEKIT_LINGER_S": "0",
            "DOCKER_HOST": "unix:///run/manager.sock",
            "COURSEKIT_LOCAL_DOCKER": "unix:///run/local.sock",
        }
        command = ["docker", "-H", host.url, "run", "--interactive", "--rm", "--name", self.name]
        command += ["--group-add", str(host.socket.stat().st_gid)]
        command += [word for source, target in sockets for word in ("--volume", f"{source}:{target}")]
        command += [word for item in environment.items() for word in ("--env", "=".join(item))]
        command += [image_tag("spark"), "python", "-c", PREAMBLE + textwrap.dedent(code)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self) -> dict[str, Any]:
        """Wait for the next thing that it says."""
        line = self._process.stdout.readline()
        assert line, f"the driver ended with {self._process.wait()}"
        return json.loads(line)

    def go_on(self) -> None:
        """Let it go on: it waits at each ``input()``."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def remove(self) -> None:
        """Remove its container, whatever it does."""
        subprocess.run(["docker", "-H", self._host.url, "rm", "--force", self.name], capture_output=True, check=False)
        self._process.communicate()


@pytest.fixture
def realm(swarm: SwarmHosts, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A realm of which nothing may be left."""
    monkeypatch.setenv("DOCKER_HOST", swarm.manager.url)
    realm = f"swarm-{uuid.uuid4().hex[:8]}"
    yield realm
    engine = SwarmEngine(realm=realm)
    for owner, group in {(node.owner, node.group) for node in engine.nodes()}:
        engine.remove(owner=owner, group=group)
    engine.sweep()
    chosen = {"label": f"org.coursekit.realm={realm}"}
    client = swarm.manager.client
    until(lambda: not client.services.list(filters=chosen) and not client.networks.list(filters=chosen), within_s=60)


@pytest.fixture
def drive(swarm: SwarmHosts, realm: str) -> Iterator[Callable[[Host, str], Driver]]:
    drivers: list[Driver] = []

    def start(host: Host, code: str) -> Driver:
        drivers.append(Driver(host, swarm.manager, realm, code))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.remove()


def test_tasks_run_on_several_daemons_with_the_driver_on_any_of_them(swarm, drive):
    code = """
    with SparkCluster(workers=3, memory=GiB, name="spread") as cluster:
        spark = cluster.session("spread")
        hosts = spark.sparkContext.parallelize(range(24), 12).map(where).collect()
        tell(tasks=sorted(set(hosts)), workers={w.name: w.host for w in cluster.status().workers})
    tell(closed=True)
    """
    driver = drive(swarm.hosts[1], code)
    found = driver.hear()
    assert found["tasks"] == sorted(found["workers"])
    assert len(set(found["workers"].values())) >= 2, "workers are on distinct daemons"
    assert set(found["workers"].values()) <= set(swarm.ready())
    assert driver.hear() == {"closed": True}


def test_a_lesson_runs_unchanged_on_a_swarm(swarm, realm, tmp_path):
    begun = int(time.time())
    command = [sys.executable, "-m", "coursekit", "notebook", "run", "01", "--engine", "swarm", "--out", str(tmp_path)]
    environment = {**os.environ, "COURSEKIT_REALM": realm, "COURSEKIT_LINGER_S": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.rglob("01-*.ipynb"))
    starts = {"type": "container", "event": "start"}
    until_now = int(time.time()) + 1
    used = [host for host in swarm.hosts if list(host.client.events(since=begun, until=until_now, filters=starts))]
    assert len(used) >= 2, "its clusters were on distinct daemons"


def test_a_host_cut_off_in_mid_job_costs_no_result_and_its_worker_is_replaced_elsewhere(swarm, drive):
    code = """
    cluster = SparkCluster(workers=3, memory=GiB, name="cut")
    spark = cluster.session("cut")
    tell(workers={w.name: w.host for w in cluster.status().workers})

    def slow(row):
        time.sleep(0.5)
        return row % 3, row

    rows = spark.sparkContext.parallelize(range(60), 60).map(slow)
    def watch():
        tracker = spark.sparkContext.statusTracker()
        while not any(tracker.getStageInfo(s).numCompletedTasks > 9 for s in tracker.getActiveStageIds()):
            time.sleep(0.1)
        tell(running=True)
    threading.Thread(target=watch).start()
    result = dict(rows.reduceByKey(lambda a, b: a + b, 3).collect())
    tell(result={str(key): value for key, value in result.items()})
    died = [w.cause for w in cluster.status().workers if w.state == "died"]
    tell(died=died, replaced=len(cluster.repair().replaced))
    tell(count=spark.range(1000).count(), hosts=[w.host for w in cluster.status().workers])
    cluster.close()
    tell(closed=True)
    """
    driver = drive(swarm.manager, code)
    workers = driver.hear()["workers"]
    victim = next(host for host in swarm.hosts[1:] if host.name in workers.values())
    assert driver.hear() == {"running": True}
    victim.unplug()
    try:
        until(lambda: victim.name not in swarm.ready(), within_s=60)
        assert driver.hear()["result"] == {str(rest): sum(range(rest, 60, 3)) for rest in range(3)}
        found = driver.hear()
        lost = sum(host == victim.name for host in workers.values())
        assert found["died"] == [f"its host {victim.name} is gone"] * lost
        assert found["replaced"] == lost
        after = driver.hear()
        assert after["count"] == 1000
        assert victim.name not in after["hosts"]
        assert driver.hear() == {"closed": True}
    finally:
        victim.plug()
        until(lambda: victim.name in swarm.ready(), within_s=60)


@pytest.mark.parametrize("number", [0, 1])
def test_the_master_is_on_the_drivers_host_so_that_no_other_host_takes_it_along(swarm, drive, realm, number):
    driver = drive(swarm.hosts[number], 'SparkCluster(workers=1, memory=GiB, name="beside"); tell(ready=True); input()')
    assert driver.hear() == {"ready": True}
    hosts = {node.role: node.host for node in SwarmEngine(realm=realm).nodes(group="beside")}
    assert hosts["master"] == swarm.hosts[number].name


def test_a_killed_drivers_cluster_is_swept_by_the_next(swarm, drive, realm):
    driver = drive(swarm.manager, 'SparkCluster(workers=1, memory=GiB, name="orphan"); tell(ready=True); input()')
    assert driver.hear() == {"ready": True}
    driver.remove()
    engine = SwarmEngine(realm=realm)
    assert len(engine.nodes(group="orphan")) == 2
    assert [group.split("/")[1] for group in engine.sweep()] == ["orphan"]
    assert engine.nodes() == ()


def test_a_host_that_loses_its_power_in_mid_job_costs_no_result_and_comes_back(swarm, drive):
    code = """
    with SparkCluster(workers=3, memory=GiB, name="power") as cluster:
        spark = cluster.session("power")
        tell(workers={w.name: w.host for w in cluster.status().workers})
        rows = spark.sparkContext.parallelize(range(30), 30).map(lambda row: (time.sleep(1), row)[1])
        tell(total=rows.sum())
        cluster.repair()
        tell(executors=cluster.executors)
    tell(closed=True)
    """
    driver = drive(swarm.manager, code)
    workers = driver.hear()["workers"]
    victim = next(host for host in swarm.hosts[1:] if host.name in workers.values())
    victim.kill()
    try:
        assert driver.hear() == {"total": sum(range(30))}
        assert driver.hear() == {"executors": 3}
        assert driver.hear() == {"closed": True}
    finally:
        victim.boot(gpus=1)
        until(lambda: victim.name in swarm.ready(), within_s=60)
