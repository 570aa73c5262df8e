"""A class with its gateway: students' servers in containers, and clusters of their own beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from class_fixtures import ClassHub, class_hub
from docker_fixtures import require_docker
from waiting import until

from coursekit.engine.daemon import connect, filters
from coursekit.gateway.records import Records
from coursekit.gateway.tables import database_url, usage_database
from coursekit.hub.processes import hub_processes

pytestmark = [pytest.mark.hub, pytest.mark.docker, pytest.mark.spark, pytest.mark.timeout(900)]
SETTINGS = 'capacity = { cores = 4, memory = "8g" }\n'
QUOTAS = """
[quotas]
guarantee = { cores = 2, memory = "3g" }
cap = { cores = 4, memory = "8g" }

"""
JOB = """
import json, sys, time
from coursekit import GiB, SparkCluster
workers = int(sys.argv[1])
cluster = SparkCluster(workers=workers, memory=GiB, name="own")
spark = cluster.session("own")
print(json.dumps({"executors": cluster.executors}), flush=True)
seconds = float(sys.argv[2])
rows = spark.sparkContext.parallelize(range(24), 24).map(lambda row: (time.sleep(seconds), row)[1])
print(json.dumps({"total": rows.reduce(lambda a, b: a + b)}), flush=True)
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassHub]:
    require_docker("spark")

    def edit(text: str) -> str:
        text = re.sub(r"(?ms)^\[quotas\].*?(?=^# class_cap)", QUOTAS, text)
        return SETTINGS + text

    with class_hub(tmp_path_factory.mktemp("hub") / "course", edit) as running:
        yield running


class Notebook:
    """What a student runs in their server's container, which says what it has found as lines of JSON."""

    def __init__(self, hub: ClassHub, student: str, *words: str) -> None:
        self._api = connect().api
        command = ["python", "-c", JOB, *words]
        container = hub.container(student).id
        self._id = self._api.exec_create(container, command, workdir="/tmp")["Id"]
        self._output = self._api.exec_start(self._id, stream=True)
        self.said = ""

    def hear(self, key: str) -> Any:
        """Wait until it says something, and give it."""
        for chunk in self._output:
            self.said += chunk.decode(errors="replace")
            for line in self.said.splitlines():
                if line.startswith("{") and line.endswith("}") and key in json.loads(line):
                    return json.loads(line)[key]
        raise AssertionError(self.said)

    def end(self) -> int:
        """Wait until it has ended, and give its exit code."""
        for chunk in self._output:
            self.said += chunk.decode(errors="replace")
        return int(self._api.exec_inspect(self._id)["ExitCode"])


def nodes(hub: ClassHub, student: str) -> list[str]:
    found = connect().containers.list(filters=filters(hub.settings.realm, student, "own"))
    return sorted(container.name for container in found)


def test_a_student_gets_a_cluster_beside_their_server_and_it_goes_with_the_server(hub: ClassHub) -> None:
    hub.start("ada", "spark")
    job = Notebook(hub, "ada", "2", "0.1")
    assert job.hear("executors") == 2
    assert job.hear("total") == sum(range(24))
    assert job.end() == 0, job.said
    hub.stop("ada")
    until(lambda: not nodes(hub, "ada"), within_s=120)
    until(lambda: not connect().networks.list(filters=filters(hub.settings.realm, "ada", "own")), within_s=60)


def test_who_is_below_their_guarantee_gets_it_and_the_others_job_ends_right(hub: ClassHub) -> None:
    hub.start("ben", "spark")
    hub.start("cleo", "spark")
    large = Notebook(hub, "ben", "4", "2")
    assert large.hear("executors") == 4, "what is idle is lent"
    small = Notebook(hub, "cleo", "2", "0.1")
    assert small.hear("executors") == 2
    assert small.hear("total") == sum(range(24))
    assert large.hear("total") == sum(range(24))
    assert large.end() == 0, large.said
    assert "2 of your 4 workers go back to the class" in large.said
    assert small.end() == 0
    hub.stop("ben")
    hub.stop("cleo")
    until(lambda: not nodes(hub, "ben") and not nodes(hub, "cleo"), within_s=120)


def test_what_the_class_used_is_known_to_prometheus_and_to_the_instructor(hub: ClassHub) -> None:
    page = httpx.get(f"{hub.running.url}/services/gateway/metrics", trust_env=False).text
    assert re.search(r"coursekit_reclaimed_workers_total [1-9]", page)
    assert 'coursekit_request_seconds_count{method="PUT",route="Cluster",status="202"}' in page
    assert "cleo" not in page
    used = usage(Records(database_url(usage_database(hub.settings.state)), create=False))
    assert used["ben"] > used["cleo"] > 0


def usage(records: Records) -> dict[str, float]:
    """Core-seconds by student."""
    found = records.usage(by=("owner",))
    records.close()
    return {str(total.owner): total.core_seconds for total in found}


def test_a_gateway_that_is_killed_comes_back_and_finds_the_clusters(hub: ClassHub) -> None:
    hub.start("dan", "spark")
    job = Notebook(hub, "dan", "2", "1")
    assert job.hear("executors") == 2
    before = nodes(hub, "dan")
    [gateway] = [one.process for one in hub_processes(hub.settings) if one.part == "gateway"]
    gateway.kill()
    assert job.hear("total") == sum(range(24)), "the job does not notice"
    assert job.end() == 0

    def is_there() -> bool:
        try:
            return hub.ask("dan", "clusters").json()["clusters"][0]["name"] == "own"
        except (httpx.HTTPError, KeyError, IndexError, ValueError):
            return False

    until(is_there, within_s=120)
    assert nodes(hub, "dan") == before
    hub.stop("dan")
    until(lambda: not nodes(hub, "dan"), within_s=120)
