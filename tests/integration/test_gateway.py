"""The gateway as a process of its own, with real containers: students' servers, clusters, jobs, and its own death."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from docker_fixtures import require_docker
from gateway_fixtures import FakeHub, hub_in_a_thread
from waiting import until

from coursekit.cluster import ClusterSpec, GatewayClient
from coursekit.config import GiB, image_tag
from coursekit.engine.daemon import connect
from coursekit.errors import ClusterNotFoundError
from coursekit.gateway.service import PREFIX
from coursekit.ports import free_port

pytestmark = [pytest.mark.spark, pytest.mark.docker, pytest.mark.timeout(1200)]

JOB = """
import time
from coursekit import GiB, SparkCluster

cluster = SparkCluster(workers={workers}, memory=GiB)
spark = cluster.session("job")
print("executors", cluster.executors, flush=True)

def slow(number):
    time.sleep(0.5)
    return number % 7, number

pairs = spark.sparkContext.parallelize(range({tasks}), {tasks}).map(slow)
sums = dict(pairs.reduceByKey(lambda one, other: one + other, 7).collect())
assert sums == {{rest: sum(range(rest, {tasks}, 7)) for rest in range(7)}}, sums
print("right", flush=True)
"""


@dataclass(kw_only=True)
class Run:
    """A program that runs in a student's server."""

    lines: list[str] = field(default_factory=list)
    thread: threading.Thread | None = None

    def says(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@dataclass(kw_only=True)
class Classroom:
    """A gateway that can be killed, its Hub, and servers of students."""

    realm: str
    hub: FakeHub
    url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    servers: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "coursekit.gateway"], env=self.environment)
        until(lambda: self.client("nobody").capacity()["total"]["cores"], within_s=120)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self, name: str) -> GatewayClient:
        return GatewayClient(self.url, self.hub.student(name), tell=lambda _: None)

    def server(self, name: str) -> Any:
        """Start what plays a student's server: a container without the engine's socket, which idles."""
        if name not in self.servers:
            self.servers[name] = connect().containers.run(
                image_tag("spark"),
                ["sleep", "infinity"],
                name=f"coursekit-{self.realm}-server-{name}",
                labels={
                    "org.coursekit.realm": self.realm,
                    "org.coursekit.owner": name,
                    "org.coursekit.role": "server",
                },
                environment={
                    "COURSEKIT_GATEWAY_URL": self.url,
                    "JUPYTERHUB_API_TOKEN": self.hub.student(name),
                    "JUPYTERHUB_USER": name,
                },
                network=f"coursekit-{self.realm}-hub",
                user="1000:1000",
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                detach=True,
            )
        return self.servers[name]

    def run(self, name: str, code: str) -> Run:
        """Run a program in a student's server."""
        server, run = self.server(name), Run()

        def read() -> None:
            _, parts = server.exec_run(["python", "-c", textwrap.dedent(code)], stream=True)
            for part in parts:
                run.lines.extend(part.decode(errors="replace").splitlines())

        run.thread = threading.Thread(target=read)
        run.thread.start()
        return run

    def workers(self, name: str) -> int:
        chosen = [f"org.coursekit.{key}={value}" for key, value in (("owner", name), ("role", "worker"))]
        return len(connect().containers.list(filters={"label": [*chosen, f"org.coursekit.realm={self.realm}"]}))


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    require_docker("spark")
    realm, hub, client = f"test-{uuid.uuid4().hex[:8]}", FakeHub(), connect()
    network = client.networks.create(
        f"coursekit-{realm}-hub",
        driver="bridge",
        options={"com.docker.network.bridge.enable_icc": "false"},
        labels={"org.coursekit.realm": realm},
    )
    network.reload()
    host, port = network.attrs["IPAM"]["Config"][0]["Gateway"], free_port()
    with contextlib.ExitStack() as undo:
        undo.callback(_remove_all, realm)
        environment = {
            **os.environ,
            "COURSEKIT_ENGINE": "docker",
            "COURSEKIT_REALM": realm,
            "COURSEKIT_GATEWAY_ABSENT_S": "10",
            "COURSEKIT_GATEWAY_CORES": "4",
            "COURSEKIT_GATEWAY_MEMORY": "4g",
            "COURSEKIT_GATEWAY_DATABASE": f"sqlite:///{tmp_path_factory.mktemp('gateway')}/wanted.sqlite",
            "JUPYTERHUB_SERVICE_NAME": "gateway",
            "JUPYTERHUB_SERVICE_URL": f"http://{host}:{port}",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_API_TOKEN": "gateway",
            "JUPYTERHUB_API_URL": undo.enter_context(hub_in_a_thread(hub)),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        classroom = Classroom(realm=realm, hub=hub, url=f"http://{host}:{port}{PREFIX}", environment=environment)
        classroom.start()
        undo.callback(classroom.kill)
        yield classroom


def _remove_all(realm: str) -> None:
    client, chosen = connect(), {"label": f"org.coursekit.realm={realm}"}
    for container in client.containers.list(all=True, filters=chosen):
        container.remove(force=True)
    for network in client.networks.list(filters=chosen):
        network.remove()


def finish(run: Run) -> None:
    assert run.thread is not None
    run.thread.join(300)
    assert run.says("right"), "\n".join(run.lines)


def test_what_is_lent_goes_back_while_a_job_runs_and_the_job_ends_right(classroom):
    classroom.server("ben")
    ada = classroom.run("ada", JOB.format(workers=4, tasks=160))
    until(lambda: ada.says("executors 4"), within_s=120)
    started = time.monotonic()
    ben = classroom.client("ben")
    ben.apply(ClusterSpec(workers=2, memory=GiB))
    assert (classroom.workers("ada"), classroom.workers("ben")) == (2, 2)
    ben.wait_ready("default")
    print(f"the one below their guarantee had two workers after {time.monotonic() - started:.1f} s")
    finish(ada)
    assert ada.says("2 of your 4 workers go back to the class; your job goes on."), "\n".join(ada.lines)
    ben.delete("default")
    classroom.client("ada").delete("default")


def test_a_job_survives_the_gateways_death_and_the_next_gateway_finds_the_cluster(classroom):
    ada = classroom.run("ada", JOB.format(workers=2, tasks=80))
    until(lambda: ada.says("executors 2"), within_s=120)
    before = classroom.client("ada").access("default").secret
    classroom.kill()
    classroom.start()
    client = classroom.client("ada")
    status = client.status("default")
    assert (status.state, status.registered, status.granted) == ("running", 2, 2)
    assert client.access("default").secret == before
    finish(ada)
    client.apply(ClusterSpec(workers=3, memory=GiB))
    assert client.wait_ready("default").registered == 3
    client.delete("default")
    assert classroom.workers("ada") == 0


def test_a_server_is_on_its_own_clusters_network_only_and_nowhere_when_it_is_gone(classroom):
    client = classroom.client("ada")
    classroom.server("ada")
    client.apply(ClusterSpec(workers=1, memory=GiB))
    host = client.access("default").driver_host
    server = classroom.server("ada")
    server.reload()
    networks = server.attrs["NetworkSettings"]["Networks"]
    hub, own = f"coursekit-{classroom.realm}-hub", f"coursekit-{classroom.realm}-ada-default"
    assert networks[own]["IPAddress"] == host
    assert set(networks) == {hub, own}
    client.delete("default")
    server.reload()
    assert set(server.attrs["NetworkSettings"]["Networks"]) == {f"coursekit-{classroom.realm}-hub"}


def test_a_student_has_no_way_to_the_engine(classroom):
    server = classroom.server("ada")
    assert server.exec_run(["ls", "/var/run/docker.sock"]).exit_code != 0


def test_a_cluster_ends_with_its_owners_server(classroom):
    client = classroom.client("carl")
    classroom.server("carl")
    client.apply(ClusterSpec(workers=1, memory=GiB))
    classroom.servers.pop("carl").remove(force=True)
    until(lambda: classroom.workers("carl") == 0, within_s=120)
    with pytest.raises(ClusterNotFoundError, match="its owner's server has ended"):
        client.status("default")
