"""A Docker daemon that is restarted under a cluster: the next call says so, and nothing is left in the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from swarm_hosts import Host, SwarmHosts
from waiting import until

pytestmark = [pytest.mark.spark, pytest.mark.docker, pytest.mark.timeout(600)]

PREAMBLE = """
import json
from coursekit import GiB, SparkCluster
from coursekit.errors import CoursekitError

def tell(**facts):
    print(json.dumps(facts), flush=True)

def attempt(call):
    try:
        tell(given=str(call()))
    except CoursekitError as error:
        tell(kind=type(error).__name__, said=str(error))

cluster = SparkCluster(workers=1, memory=GiB, name="restarted")
spark = cluster.session("before")
tell(count=spark.range(100).count())
input()
"""


class Driver:
    """A Python program beside a host's daemon, which says what it has found as lines of JSON."""

    def __init__(self, host: Host, realm: str, code: str) -> None:
        self.environment = {
            **os.environ,
            "COURSEKIT_ENGINE": "docker",
            "COURSEKIT_REALM": realm,
            "COURSEKIT_LINGER_S": "0",
            "DOCKER_HOST": host.url,
        }
        self.enter = ["nsenter", f"--net=/run/netns/{host.namespace}"]
        command = [*self.enter, sys.executable, "-c", PREAMBLE + textwrap.dedent(code)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=self.environment, text=True, **pipes)

    def hear(self) -> dict[str, Any]:
        """Wait for the next thing that it says."""
        line = self._process.stdout.readline()
        assert line, f"the driver ended with {self._process.wait()}"
        return json.loads(line)

    def go_on(self) -> None:
        """Let it go on: it waits at each ``input()``."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run coursekit's command where the program runs."""
        command = [*self.enter, sys.executable, "-m", "coursekit", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def end(self) -> None:
        """Kill it, whatever it does."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def host(swarm: SwarmHosts) -> Iterator[Host]:
    """A host whose daemon is restarted, and which has to be empty in the end."""
    host = swarm.hosts[2]
    yield host
    if not host.socket.exists() or host.name not in swarm.ready():
        host.boot(gpus=1)
        until(lambda: host.name in swarm.ready(), "the host is back", within_s=60)


@pytest.fixture
def drive(host: Host) -> Iterator[Callable[[str], Driver]]:
    realm = f"restart-{uuid.uuid4().hex[:8]}"
    drivers: list[Driver] = []

    def start(code: str) -> Driver:
        drivers.append(Driver(host, realm, code))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.end()


def left(host: Host) -> list[str]:
    """What carries coursekit's labels, and every volume."""
    client, ours = host.client, {"label": "org.coursekit.realm"}
    found = [*client.containers.list(all=True, filters=ours), *client.networks.list(filters=ours)]
    return [one.name for one in (*found, *client.volumes.list())]


def test_a_daemon_that_was_restarted_is_told_of_and_the_cluster_is_made_again(host, drive):
    driver = drive("""
    attempt(cluster.status)
    attempt(lambda: cluster.session("meanwhile"))
    tell(shown=cluster._repr_html_())
    input()
    attempt(lambda: cluster.session("next call"))
    cluster.repair()
    tell(count=cluster.session("again").range(100).count())
    cluster.close()
    tell(closed=True)
    """)
    assert driver.hear() == {"count": 100}
    assert len(left(host)) == 3  # master, worker, network
    host.stop_daemon()
    driver.go_on()
    for _ in ("status", "session"):
        found = driver.hear()
        assert found["kind"] == "EngineUnavailableError"
        assert "no Docker daemon answers" in found["said"]
        assert "Fix: start it" in found["said"]
    assert "no Docker daemon answers" in driver.hear()["shown"]
    refused = driver.command("cluster", "status")
    assert (refused.returncode, "Traceback" in refused.stderr) == (21, False)
    host.boot(gpus=1)
    driver.go_on()
    found = driver.hear()
    assert found["kind"] == "MasterDiedError"
    assert "the master of cluster 'restarted' has died" in found["said"]
    assert "cluster.repair()" in found["said"]
    assert driver.hear() == {"count": 100}
    assert driver.hear() == {"closed": True}
    assert left(host) == []


def test_a_cluster_whose_daemon_was_restarted_can_be_stopped_from_a_terminal(host, drive):
    driver = drive("input()")
    assert driver.hear() == {"count": 100}
    host.stop_daemon()
    host.boot(gpus=1)
    shown = driver.command("cluster", "status")
    assert "is dead" in shown.stdout, shown.stderr
    stopped = driver.command("cluster", "down", "--all")
    assert stopped.stdout == "Stopped: restarted.\n", stopped.stderr
    assert left(host) == []


def test_a_network_whose_containers_were_removed_goes_with_its_cluster(host, drive):
    driver = drive("cluster.close(); tell(closed=True)")
    assert driver.hear() == {"count": 100}
    for container in host.client.containers.list(filters={"label": "org.coursekit.realm"}):
        container.remove(force=True)
    driver.go_on()
    assert driver.hear() == {"closed": True}
    assert left(host) == []
