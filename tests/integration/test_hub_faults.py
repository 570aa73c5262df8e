"""A class at work, and faults: its Hub, proxy or gateway killed, databases locked, disk full, clock set, no daemon.

The class has a host of its own: a network namespace with a Docker daemon, a small disk for the gateway's databases, and
a clock of the Hub's own. Two students' servers run all the time. Both keep asking, and one runs Spark jobs.
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
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from class_fixtures import ClassHub, class_hub
from load_fixtures import Job, Load, containers, network_of, of_realm
from swarm_hosts import Host, SwarmHosts
from waiting import until

from coursekit.cluster import ClusterSpec
from coursekit.config import GiB
from coursekit.engine.daemon import connect
from coursekit.hub.processes import hub_processes
from coursekit.hub.server import up

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
# What JupyterHub's configuration gets besides, for it hands little of its own environment on to services.
BESIDES = """
for service in get_config().JupyterHub.services:
    service["environment"].update({environment!r})
"""
SET_CLOCK = Path(__file__).parents[1] / "set_clock"
HOUR_S = 3600


@dataclass(kw_only=True)
class Classroom:
    """A class at work on a host of its own."""

    host: Host
    hub: ClassHub
    disk: Path
    clock: Path
    load: Load = field(init=False)
    job: Job = field(init=False)

    def part(self, name: str) -> int:
        """The process of a part of the Hub."""
        [found] = [one.process.pid for one in hub_processes(self.hub.settings) if one.part == name]
        return found

    def set_clock(self, ahead_s: int) -> None:
        """Let the Hub, its proxy and its services have another time than the machine."""
        self.clock.write_text(f"{ahead_s:+d}\n")

    def work(self) -> None:
        """Begin to ask as both students, whose servers run, and to run Ada's jobs."""
        self.load = Load(hub=self.hub, usage=self.disk / "usage.sqlite")
        self.load.start("ada", "ben")
        self.job = Job(self.hub, "ada")
        self.job.goes_on()


@pytest.fixture(scope="module")
def classroom(swarm: SwarmHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    host, folder = swarm.hosts[2], tmp_path_factory.mktemp("faults")
    disk, clock = folder / "disk", folder / "clock"
    environment = {**databases(disk), **clock_of_its_own(clock)}

    def edit(text: str) -> str:
        services = folder / "course" / "hub" / "jupyterhub_config.py"
        services.write_text(services.read_text() + BESIDES.format(environment=environment))
        return COURSE + re.sub(r"(?ms)^\[profiles\.spark\].*?(?=^# class_cap)", PROFILES, text)

    with contextlib.ExitStack() as undo:
        undo.enter_context(small_disk(disk))
        undo.enter_context(network_of(host.namespace))
        variables = undo.enter_context(pytest.MonkeyPatch.context())
        for name, value in {"DOCKER_HOST": host.url, **clock_of_its_own(clock)}.items():
            variables.setenv(name, value)
        hub = undo.enter_context(class_hub(folder / "course", edit))
        for name in ("ada", "ben"):
            hub.start(name)
        found = Classroom(host=host, hub=hub, disk=disk, clock=clock)
        undo.callback(lambda: found.load.stop())
        found.work()
        until(lambda: found.load.counted("ada") > 0, within_s=90)
        yield found


def databases(disk: Path) -> dict[str, str]:
    """Where the databases of this class's gateway are."""
    return {
        "COURSEKIT_USAGE": str(disk / "usage.sqlite"),
        "COURSEKIT_GATEWAY_DATABASE": f"sqlite:///{disk}/gateway.sqlite",
    }


def clock_of_its_own(file: Path) -> dict[str, str]:
    """What a process needs for a clock that a file sets; how much time passes, it learns as all others do."""
    file.write_text("+0\n")
    return {"PYTHONPATH": str(SET_CLOCK), "COURSEKIT_TEST_CLOCK": str(file)}


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
    until(lambda: load.counted("ada") - before >= time.monotonic() - began - SLACK_S, within_s=90)
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
            until(lambda: load.unrecorded() > 0, within_s=90)
        until(lambda: wanted_on(classroom.disk) == {"ada": 1, "ben": 2}, within_s=90)
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
        until(lambda: 0 in classroom.load.statuses("gateway", began), within_s=90)
        until(lambda: (classroom.load.wanted("ben") or {}).get("queue"), within_s=90)
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
        until(lambda: load.unrecorded() > before, within_s=90)
        assert load.statuses("gateway", began) == {200}
        os.kill(classroom.part("gateway"), signal.SIGKILL)  # one that begins on a full disk
        until(lambda: load.wanted("ben"), within_s=90)
        until(lambda: load.unrecorded() > 0, within_s=90)
        (classroom.disk / "ballast").unlink()
    assert wanted_on(classroom.disk) == {"ada": 1, "ben": 2}


def fill(disk: Path) -> None:
    """Take all room that is left."""
    with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0


def test_a_proxy_that_is_killed_is_started_again_and_finds_everybody_s_server(classroom):
    began = time.monotonic()
    with unharmed(classroom), counting(classroom.load):
        os.kill(classroom.part("proxy"), signal.SIGKILL)
        until(lambda: 0 in classroom.load.statuses("proxy", began), within_s=90)


def test_a_hub_that_is_killed_and_started_again_finds_servers_clusters_and_who_waits(classroom):
    before = classroom.load.wanted("ben")
    with unharmed(classroom), counting(classroom.load):
        os.kill(classroom.part("hub"), signal.SIGKILL)
        classroom.job.goes_on()
        up(replace(classroom.hub.settings, port=urlsplit(classroom.hub.running.url).port))
    after = classroom.load.wanted("ben")
    assert {key: after[key] for key in ("workers", "running")} == {key: before[key] for key in ("workers", "running")}


@pytest.mark.parametrize("ahead_s", [2 * HOUR_S, -HOUR_S], ids=["ahead", "back"])
def test_a_clock_that_is_set_stops_nothing_and_the_culler_goes_on_looking(classroom, ahead_s):
    with unharmed(classroom), counting(classroom.load):
        classroom.set_clock(ahead_s)
        until(lambda: asked_the_time(classroom) == ahead_s // HOUR_S, within_s=90)
        looks = culler_s_looks(classroom.hub)
        until(lambda: culler_s_looks(classroom.hub) >= looks + 2, within_s=90)


def asked_the_time(classroom: Classroom) -> int:
    """By how many hours the Hub's clock differs from the machine's; as the Hub says it with each answer."""
    said = httpx.get(f"{classroom.hub.running.url}/hub/health", timeout=20, trust_env=False).headers["date"]
    return round((parsedate_to_datetime(said).timestamp() - time.time()) / HOUR_S)


def culler_s_looks(hub: ClassHub) -> int:
    """How often the culler has asked the Hub who runs a server."""
    said = (hub.settings.state / "hub.log").read_text(errors="replace")
    return len(re.findall(r"GET /hub/api/users\?.*\(idle-culler@", said))


def test_after_a_restart_of_the_daemon_all_is_told_of_and_started_again_and_nothing_is_left(classroom):
    hub = classroom.hub
    classroom.set_clock(0)  # servers have the machine's clock, and the Hub refuses what is an hour ahead of its own
    classroom.host.stop_daemon()
    until(lambda: 503 in classroom.load.statuses("gateway", time.monotonic() - 2), within_s=90)
    classroom.load.stop()
    classroom.host.boot()
    for name in ("ada", "ben"):
        hub.start(name)
    classroom.work()
    ben = classroom.load.client("ben")
    ben.apply(ClusterSpec(name="own", workers=1, memory=GiB))  # his nodes have ended, as Ada's had
    assert ben.wait_ready("own").registered == 1
    for who in ("gateway", "proxy"):
        classroom.load.is_answered(who)
    until(lambda: statuses(hub) == {"running"}, within_s=90)


def statuses(hub: ClassHub) -> set[str]:
    """How all containers of a Hub are, those that are being made and that have ended among them."""
    return {one.status for one in connect().containers.list(all=True, filters=of_realm(hub))}
