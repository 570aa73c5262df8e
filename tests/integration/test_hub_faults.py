"""A class at work whose gateway is killed, its databases locked, its disk full.

The class has a host of its own: a network namespace with a Docker daemon, and a small disk for the gateway's databases.
Two students' servers run all the time. Both keep asking, and one runs Spark jobs.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from class_fixtures import ClassHub, class_hub
from load_fixtures import Job, Load, containers, network_of, until
from swarm_hosts import Host, SwarmHosts

from coursekit.cluster import ClusterSpec
from coursekit.config import GiB
from coursekit.hub.processes import hub_processes

pytestmark = [pytest.mark.hub, pytest.mark.docker, pytest.mark.spark, pytest.mark.timeout(600)]
SLACK_S = 8.0  # usage is recorded every two seconds, on a machine that does other work too
COURSE = """capacity = { cores = 2, memory = "4g" }
"""
PROFILES = """
[profiles.spark]
title = "Spark"
memory = "2g"
image = "spark"
idle_minutes = 30

[quotas]
guarantee = { cores = 1, memory = "2g" }
cap = { cores = 2, memory = "4g" }

"""
# What JupyterHub's configuration gets besides: where the gateway's databases are.
BESIDES = """
for service in get_config().JupyterHub.services:
    if service["name"] == "gateway":
        service["environment"].update({environment!r})
"""


@dataclass(kw_only=True)
class Classroom:
    """A class at work on a host of its own."""

    host: Host
    hub: ClassHub
    disk: Path
    load: Load
    job: Job

    def part(self, name: str) -> int:
        """The process of a part of the Hub."""
        [found] = [one.process.pid for one in hub_processes(self.hub.settings) if one.part == name]
        return found


@pytest.fixture(scope="module")
def classroom(swarm: SwarmHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    host, folder = swarm.hosts[2], tmp_path_factory.mktemp("faults")
    disk = folder / "disk"

    def edit(text: str) -> str:
        services = folder / "course" / "hub" / "jupyterhub_config.py"
        services.write_text(services.read_text() + BESIDES.format(environment=environment_of(disk)))
        return COURSE + re.sub(r"(?ms)^\[profiles\.spark\].*?(?=^# class_cap)", PROFILES, text)

    with contextlib.ExitStack() as undo:
        undo.enter_context(small_disk(disk))
        undo.enter_context(network_of(host.namespace))
        undo.enter_context(pytest.MonkeyPatch.context()).setenv("DOCKER_HOST", host.url)
        hub = undo.enter_context(class_hub(folder / "course", edit))
        for name in ("ada", "ben"):
            hub.start(name)
        load = Load(hub=hub, usage=disk / "usage.sqlite")
        load.start("ada", "ben")
        undo.callback(load.stop)
        job = Job(hub, "ada")
        job.goes_on()
        until(lambda: load.counted("ada") > 0)
        yield Classroom(host=host, hub=hub, disk=disk, load=load, job=job)


def environment_of(disk: Path) -> dict[str, str]:
    """Where the databases of this class's gateway are."""
    return {
        "COURSEKIT_USAGE": str(disk / "usage.sqlite"),
        "COURSEKIT_GATEWAY_DATABASE": f"sqlite:///{disk}/gateway.sqlite",
    }


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 4 MiB."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Keep a database from everybody else, as a backup of it might."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@contextlib.contextmanager
def counting(load: Load) -> Iterator[None]:
    """In the end all that Ada's one core did meanwhile is counted, and nothing twice."""
    before, began = load.counted("ada"), time.monotonic()
    yield
    until(lambda: load.counted("ada") - before >= time.monotonic() - began - SLACK_S)
    assert load.counted("ada") - before <= time.monotonic() - began + SLACK_S


@contextlib.contextmanager
def unharmed(classroom: Classroom) -> Iterator[None]:
    """In the end the same containers run, the job has gone on, and everybody is answered."""
    before = containers(classroom.hub)
    yield
    for who in ("gateway", "proxy"):
        classroom.load.is_answered(who)
    classroom.job.goes_on()
    after = containers(classroom.hub)
    assert {name: after.get(name) for name in before} == before


def test_while_the_databases_are_locked_everybody_is_answered_and_gets_what_they_ask_for(classroom):
    load, began = classroom.load, time.monotonic()
    with unharmed(classroom), counting(load):
        with locked(classroom.disk / "usage.sqlite"), locked(classroom.disk / "gateway.sqlite"):
            load.client("ben").apply(ClusterSpec(name="own", workers=2, memory=GiB))
            assert load.client("ben").wait_ready("own").registered == 1
            until(lambda: load.unrecorded() > 0)
        until(lambda: wanted_on(classroom.disk) == {"ada": 1, "ben": 2})
    assert load.statuses("gateway", began) == {200}


def wanted_on(disk: Path) -> dict[str, int]:
    """How many workers each wants, as the gateway has written it down."""
    with contextlib.closing(sqlite3.connect(disk / "gateway.sqlite", timeout=20)) as database:
        return dict(database.execute("select owner, workers from wanted_clusters"))


def test_a_gateway_that_is_killed_comes_back_by_itself_and_knows_what_runs_and_who_waits_for_more(classroom):
    before, began = classroom.load.wanted("ben"), time.monotonic()
    assert (before["workers"], before["running"], before["queue"]["position"]) == (2, 1, 1)
    with unharmed(classroom), counting(classroom.load):
        os.kill(classroom.part("gateway"), signal.SIGKILL)
        until(lambda: 0 in classroom.load.statuses("gateway", began))
        until(lambda: (classroom.load.wanted("ben") or {}).get("queue"))
        after = classroom.load.wanted("ben")
        assert {key: after[key] for key in ("workers", "running", "queue")} == {
            key: before[key] for key in ("workers", "running", "queue")
        }
    assert classroom.load.statuses("gateway", began) <= {0, 200, 503}


def test_a_full_disk_is_told_of_and_what_was_used_is_counted_when_there_is_room_again(classroom):
    load, began = classroom.load, time.monotonic()
    with unharmed(classroom), counting(load):
        fill(classroom.disk)
        before = load.unrecorded()
        until(lambda: load.unrecorded() > before)
        assert load.statuses("gateway", began) == {200}
        os.kill(classroom.part("gateway"), signal.SIGKILL)  # one that begins on a full disk
        until(lambda: load.wanted("ben"))
        until(lambda: load.unrecorded() > 0)
        (classroom.disk / "ballast").unlink()
    assert wanted_on(classroom.disk) == {"ada": 1, "ben": 2}


def fill(disk: Path) -> None:
    """Take all room that is left."""
    with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0
