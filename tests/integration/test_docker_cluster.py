"""Spark clusters as containers of a real Docker daemon: the same calls, and the walls around them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator

import nbformat
import pytest
from docker_fixtures import require_docker
from nbformat.v4 import new_code_cell, new_notebook
from waiting import until

from coursekit import GiB, SparkCluster
from coursekit.cluster import LocalProvisioner
from coursekit.config import image_tag
from coursekit.engine.daemon import connect
from coursekit.engine.docker import DockerEngine
from coursekit.errors import ImageMissingError, MasterDiedError, WorkerDiedError

pytestmark = [pytest.mark.spark, pytest.mark.docker, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def realm() -> Iterator[str]:
    require_docker("spark")
    realm = f"test-{uuid.uuid4().hex[:8]}"
    yield realm
    client = connect()
    chosen = {"label": f"org.coursekit.realm={realm}"}
    assert client.containers.list(all=True, filters=chosen) == []
    assert client.networks.list(filters=chosen) == []


@pytest.fixture(scope="module")
def cluster(realm: str) -> Iterator[SparkCluster]:
    provisioner = LocalProvisioner(DockerEngine(realm=realm))
    with SparkCluster(workers=2, memory=GiB, name="boxes", provisioner=provisioner) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def whole_again(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "cluster" in request.fixturenames:
        request.getfixturevalue("cluster").repair()


def test_tasks_run_in_distinct_containers_that_are_not_this_host(cluster):
    spark = cluster.session("where")
    hosts = set(spark.sparkContext.parallelize(range(40), 8).map(lambda _: socket.gethostname()).collect())
    assert hosts == {worker.name for worker in cluster.status().workers}
    assert socket.gethostname() not in hosts


def test_a_task_is_not_root_and_has_no_capabilities(cluster):
    def look(_: int) -> tuple[int, str]:
        with open("/proc/self/status") as status:  # noqa: PTH123
            return os.getuid(), next(line.split()[1] for line in status if line.startswith("CapEff"))

    spark = cluster.session("walls")
    assert set(spark.sparkContext.parallelize(range(2), 2).map(look).collect()) == {(1000, "0000000000000000")}


@pytest.fixture
def neighbour(realm: str) -> Iterator[str]:
    """The address of somebody else's container, which listens on port 8000 of Docker's default network."""
    command = ["python", "-m", "http.server", "8000"]
    labels = {"org.coursekit.test": realm}
    container = connect().containers.run(image_tag("base"), command, detach=True, labels=labels)
    container.reload()
    yield container.attrs["NetworkSettings"]["IPAddress"]
    container.remove(force=True)


def test_a_task_reaches_no_container_of_another_network(cluster, neighbour):
    def is_open(address: str) -> bool:
        try:
            socket.create_connection((address, 8000), timeout=3).close()
        except OSError:
            return False
        return True

    until(lambda: is_open(neighbour), within_s=30)  # the host reaches it, so it is there to be reached
    spark = cluster.session("network")
    assert spark.sparkContext.parallelize([neighbour], 1).map(is_open).collect() == [False]


def test_the_kernel_enforces_what_was_asked_for(cluster):
    for worker in cluster.status().workers:
        limits = connect().containers.get(worker.name).attrs["HostConfig"]
        assert (limits["Memory"], limits["MemorySwap"], limits["NanoCpus"]) == (GiB, GiB, 10**9)
        assert limits["PidsLimit"] == 1024


def test_a_killed_container_is_named_with_its_cause_and_replaced(cluster):
    spark = cluster.session("kill")
    victim = cluster.status().workers[0].name
    connect().containers.get(victim).kill()
    until(lambda: cluster.status().state == "degraded", within_s=30)
    with pytest.raises(WorkerDiedError, match=f"{victim}.*signal 9"):
        cluster.session("next call")
    assert spark.range(1000).selectExpr("sum(id)").first()[0] == 499_500
    assert [worker.name for worker in cluster.repair().replaced] == [victim]
    assert cluster.executors == 2


def test_containers_removed_behind_our_back_are_told_of_and_made_again(cluster, realm):
    cluster.session("gone")
    for container in connect().containers.list(filters={"label": f"org.coursekit.realm={realm}"}):
        container.remove(force=True)
    with pytest.raises(MasterDiedError, match="is gone"):
        cluster.session("next call")
    cluster.repair()
    assert cluster.session("after").range(10).count() == 10


def test_a_killed_scripts_containers_and_network_are_removed(realm):
    code = """
    import time
    from coursekit import GiB, SparkCluster
    SparkCluster(workers=1, memory=GiB, name="abandoned")
    print("ready", flush=True)
    time.sleep(600)
    """
    environment = {**os.environ, "COURSEKIT_ENGINE": "docker", "COURSEKIT_REALM": realm, "COURSEKIT_LINGER_S": "0.5"}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    script = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert script.stdout.readline() == "ready\n"
    engine = DockerEngine(realm=realm)
    assert len(engine.nodes(group="abandoned")) == 2
    script.kill()
    script.communicate()
    chosen = {"label": [f"org.coursekit.realm={realm}", "org.coursekit.group=abandoned"]}
    until(lambda: not engine.nodes(group="abandoned") and not connect().networks.list(filters=chosen), within_s=30)


def test_an_image_that_is_not_there_is_named_and_nothing_is_left(realm):
    provisioner = LocalProvisioner(DockerEngine(realm=realm, image="coursekit/nothing:latest"))
    with pytest.raises(ImageMissingError, match="coursekit/nothing"):
        SparkCluster(workers=1, memory=GiB, name="imageless", provisioner=provisioner)
    chosen = {"label": [f"org.coursekit.realm={realm}", "org.coursekit.group=imageless"]}
    assert connect().networks.list(filters=chosen) == []


def test_executors_have_what_the_image_of_the_notebook_has(open_folder):
    require_docker("tensorflow")
    code = """
    from coursekit import GiB, SparkCluster
    cluster = SparkCluster(workers=1, memory=GiB, name="deep")
    spark = cluster.session("deep")
    print("keras", spark.sparkContext.parallelize([0], 1).map(lambda _: __import__("keras").__name__).collect())
    cluster.close()
    """
    cell = new_code_cell(textwrap.dedent(code))
    contract = {"title": "Deep", "minutes": 2, "runtime": "tensorflow", "workers": 1, "memory": "1g", "cores": 1}
    source, out = open_folder / "deep.ipynb", open_folder / "out"
    nbformat.write(new_notebook(cells=[cell], metadata={"coursekit": contract}), source)
    command = [sys.executable, "-m", "coursekit", "notebook", "run", "--engine", "docker", "--out", str(out)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "keras ['keras']" in (out / "deep.ipynb").read_text()
