"""What goes wrong around a class at work: its Hub, its gateway, its proxy, its disk, its clock, its daemon.

The class has a host of its own: a network namespace with a Docker daemon that can be stopped, a small disk for the
gateway's databases, and a clock for the services that look at it. Two students' servers run all the time. Both keep
asking, and one runs Spark jobs.
"""

from __future__ import annotations

import contextlib
import dataclasses
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
from load_fixtures import Job, Load, containers, network_of, of_realm, until
from swarm_hosts import Host, SwarmHosts

from coursekit.cluster import ClusterSpec
from coursekit.config import GiB
from coursekit.engine.daemon import connect
from coursekit.hub.processes import hub_processes
from coursekit.hub.server import up

pytestmark = [pytest.mark.hub, pytest.mark.docker, pytest.mark.spark, pytest.mark.timeout(600)]
SLACK_S = 8.0  # usage is recorded every two seconds, on a machine that does other work too
CC = shutil.which("cc")
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
# What JupyterHub's configuration gets besides: where the gateway's databases are, and whose clock can be set.
BESIDES = """
for service in get_config().JupyterHub.services:
    if service["name"] in ("gateway", "idle-culler"):
        service["environment"].update({environment!r})
"""


@dataclass(kw_only=True)
class Classroom:
    """A class at work on a host of its own."""

    host: Host
    hub: ClassHub
    disk: Path
    clock: Path
    load: Load
    job: Job

    def part(self, name: str) -> int:
        """The process of a part of the Hub."""
        [found] = [one.process.pid for one in hub_processes(self.hub.settings) if one.part == name]
        return found


@pytest.fixture(scope="module")
def classroom(swarm: SwarmHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    host, folder = swarm.hosts[2], tmp_path_factory.mktemp("faults")
    disk, clock = folder / "disk", folder / "clock"
    clock.write_text("0")

    def edit(text: str) -> str:
        services = folder / "course" / "hub" / "jupyterhub_config.py"
        services.write_text(services.read_text() + BESIDES.format(environment=environment_of(disk, clock)))
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
        yield Classroom(host=host, hub=hub, disk=disk, clock=clock, load=load, job=job)


def environment_of(disk: Path, clock: Path) -> dict[str, str]:
    """What the services of this class see: databases on a small disk, and a clock that a file sets."""
    places = {
        "COURSEKIT_USAGE": str(disk / "usage.sqlite"),
        "COURSEKIT_GATEWAY_DATABASE": f"sqlite:///{disk}/gateway.sqlite",
    }
    if CC is None:
        return places
    library = clock.with_suffix(".so")
    source = Path(__file__).parents[1] / "set_clock.c"
    subprocess.run([CC, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return {**places, "CLOCK_AHEAD": str(clock), "LD_PRELOAD": str(library)}


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


@pytest.mark.skipif(CC is None, reason="no C compiler, for a clock that can be set: apt-get install gcc")
def test_a_clock_that_jumps_an_hour_ends_no_server_and_no_cluster_and_counts_no_hour(classroom):
    began = time.monotonic()
    with unharmed(classroom), counting(classroom.load):
        for jump in ("3600", "-3600", "0"):
            classroom.clock.write_text(jump)
            asked = culler_asked(classroom.hub)
            until(lambda asked=asked: culler_asked(classroom.hub) > asked)
    assert classroom.load.statuses("gateway", began) == {200}


def culler_asked(hub: ClassHub) -> int:
    """How often what stops idle servers has looked for them."""
    log = (hub.settings.state / "hub.log").read_text(errors="replace")
    return len(re.findall(r"GET /hub/api/users\S* \(idle-culler@", log))


def test_a_proxy_that_is_killed_comes_back_by_itself_and_leads_to_the_same_servers(classroom):
    began = time.monotonic()
    with unharmed(classroom), counting(classroom.load):
        os.kill(classroom.part("proxy"), signal.SIGKILL)
        until(lambda: 0 in classroom.load.statuses("proxy", began))
    assert classroom.load.statuses("gateway", began) == {200}


def test_a_hub_that_is_killed_takes_nothing_along_and_finds_all_when_it_is_started_again(classroom):
    hub, load, began = classroom.hub, classroom.load, time.monotonic()
    with unharmed(classroom), counting(load):
        os.kill(classroom.part("hub"), signal.SIGKILL)
        time.sleep(3)
        assert load.statuses("gateway", began) <= {200, 503}
        classroom.job.goes_on()
        up(dataclasses.replace(hub.settings, port=int(hub.running.url.rpartition(":")[2])))
    assert load.wanted("ben")["workers"] == 2


def test_the_job_that_went_through_all_of_it_ends_right(classroom):
    assert classroom.job.end() == 0, classroom.job.said[-3000:]
    assert "right" in classroom.job.said


def test_a_daemon_that_is_restarted_is_told_of_and_students_find_their_homes_and_get_clusters_again(classroom):
    hub, load, host = classroom.hub, classroom.load, classroom.host
    assert hub.run("ada", "echo kept > ~/note")[0] == 0
    classroom.job = Job(hub, "ada")
    classroom.job.goes_on()
    began = time.monotonic()
    host.stop_daemon()
    until(lambda: any("no Docker daemon answers" in one.said for one in load.answers if one.at > began))
    host.boot(gpus=1)
    classroom.job.wait()
    assert load.statuses("gateway", began) <= {0, 200, 404, 503}
    for name in ("ada", "ben"):
        hub.stop(name)
        hub.start(name)
    assert hub.run("ada", "cat ~/note") == (0, "kept\n")
    assert load.unrecorded() >= 0
    classroom.job = Job(hub, "ada")
    classroom.job.goes_on()
    assert classroom.job.end() == 0, classroom.job.said[-3000:]


def test_in_the_end_nothing_is_left_but_what_somebody_uses(classroom):
    classroom.load.stop()
    for name in ("ada", "ben"):
        classroom.hub.stop(name)
    ours = of_realm(classroom.hub)
    until(lambda: not connect().containers.list(all=True, filters=ours))
    until(lambda: len(connect().networks.list(filters=ours)) == 1)  # the servers' own
    assert connect().volumes.list() == []
