"""A class at work, which faults are inflicted on: students who keep asking, and a Spark job that goes on and on."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from class_fixtures import ClassHub
from waiting import until

from coursekit.cluster import GatewayClient
from coursekit.engine.daemon import LABEL, connect
from coursekit.gateway.records import Records
from coursekit.gateway.tables import database_url

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of setns(2)
_PAUSE_S = 0.25
_PATHS = ("clusters", "capacity", "quota", "usage")
_JOB = """
import pathlib, time
from coursekit import GiB, SparkCluster

cluster = SparkCluster(workers=1, memory=GiB, name="own")
spark = cluster.session("own")

def slow(number):
    time.sleep(0.05)
    return number * number

done = 0
while not pathlib.Path("/tmp/enough").exists():
    total = spark.sparkContext.parallelize(range(20), 2).map(slow).sum()
    assert total == sum(number * number for number in range(20)), total
    done += 1
    print("round", done, flush=True)
print("right", flush=True)
cluster.close()
"""


@contextlib.contextmanager
def network_of(namespace: str) -> Iterator[None]:
    """Let this thread, and whatever it starts, be in a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as home, Path("/run/netns", namespace).open("rb") as there:
        assert libc.setns(there.fileno(), _NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), _NEW_NETWORK) == 0


class Job:
    """A program in a student's server, which runs one Spark job after the other until it is told that it is enough."""

    def __init__(self, hub: ClassHub, student: str) -> None:
        self._hub, self._student, self._api = hub, student, connect().api
        container = hub.container(student).id
        self._id = self._api.exec_create(container, ["python", "-u", "-c", _JOB], workdir="/tmp")["Id"]
        self.said = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(Exception):  # the daemon was stopped
            for part in self._api.exec_start(self._id, stream=True):
                self.said += part.decode(errors="replace")

    @property
    def rounds(self) -> int:
        """How many jobs came to their right end."""
        return self.said.count("round ")

    def goes_on(self, rounds: int = 2) -> None:
        """Wait until it has done some more."""
        before = self.rounds
        until(lambda: self.rounds >= before + rounds or not self._thread.is_alive(), within_s=90)
        assert self._thread.is_alive(), self.said[-3000:]

    def end(self) -> int:
        """Tell it that it is enough, and give its exit code."""
        assert self._hub.run(self._student, "touch /tmp/enough")[0] == 0
        self.wait()
        return int(self._api.exec_inspect(self._id)["ExitCode"])

    def wait(self) -> None:
        """Wait until nothing more is to be heard of it."""
        self._thread.join(90)
        assert not self._thread.is_alive()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one request came to: ``status`` 0 is none at all."""

    at: float
    who: str
    status: int
    said: str = ""


@dataclass(kw_only=True)
class Load:
    """Students who ask without end: the gateway with their own tokens, and a server's page through the proxy."""

    hub: ClassHub
    usage: Path
    answers: list[Answer] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, *students: str) -> None:
        """Begin to ask as these students, whose servers run."""
        for name in students:
            gateway = self.hub.variable(name, "COURSEKIT_GATEWAY_URL") + "/api/v1"
            token = self.hub.variable(name, "JUPYTERHUB_API_TOKEN")
            self._ask_for_ever("gateway", [f"{gateway}/{path}" for path in _PATHS], token)
            self._ask_for_ever("proxy", [f"{self.hub.running.url}/user/{name}/api/status"], token)

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _ask_for_ever(self, who: str, urls: list[str], token: str) -> None:
        headers = {"Authorization": f"token {token}"}

        def ask() -> None:
            count = 0
            while not self._over.wait(_PAUSE_S):
                count += 1
                at = time.monotonic()
                try:
                    answer = httpx.get(urls[count % len(urls)], headers=headers, timeout=20, trust_env=False)
                    found = Answer(at=at, who=who, status=answer.status_code, said=answer.text[:500])
                except httpx.HTTPError as error:
                    found = Answer(at=at, who=who, status=0, said=repr(error))
                self.answers.append(found)

        self._threads.append(threading.Thread(target=ask, daemon=True))
        self._threads[-1].start()

    def statuses(self, who: str, since: float) -> set[int]:
        """What came of the requests since a moment."""
        return {one.status for one in list(self.answers) if one.who == who and one.at >= since}

    def is_answered(self, who: str) -> None:
        """Wait until all requests of the last moments were answered well."""
        begin = time.monotonic()
        until(lambda: self._well_since(who, max(begin, time.monotonic() - 2)), within_s=90)

    def _well_since(self, who: str, moment: float) -> bool:
        found = [one.status for one in list(self.answers) if one.who == who and one.at >= moment]
        return len(found) >= 6 and set(found) == {200}

    def client(self, student: str) -> GatewayClient:
        """A student's way to the gateway, as their notebook has it."""
        url, token = (self.hub.variable(student, name) for name in ("COURSEKIT_GATEWAY_URL", "JUPYTERHUB_API_TOKEN"))
        return GatewayClient(url, token, tell=lambda _: None)

    def wanted(self, student: str) -> Any:
        """What the gateway says of a student's cluster ``own``; None while it does not answer."""
        with contextlib.suppress(httpx.HTTPError):
            answer = self.hub.ask(student, "clusters/own")
            return answer.json() if answer.status_code == 200 else None
        return None

    def counted(self, student: str) -> float:
        """Core-seconds in the database of usage."""
        records = Records(database_url(self.usage), create=False, patience_s=20)
        found = {one.owner: one.core_seconds for one in records.usage(by=("owner",))}
        records.close()
        return found.get(student, 0.0)

    def unrecorded(self) -> float:
        """How often the gateway that runs now could not record; -1 where none answers."""
        with contextlib.suppress(httpx.HTTPError):
            page = httpx.get(f"{self.hub.running.url}/services/gateway/metrics", timeout=20, trust_env=False).text
            if found := re.search(r"^coursekit_unrecorded_ticks_total ([0-9.e+]+)", page, re.MULTILINE):
                return float(found[1])
        return -1.0


def of_realm(hub: ClassHub) -> dict[str, str]:
    """Choose servers, nodes and networks of a Hub in a listing."""
    return {"label": f"{LABEL}.realm={hub.settings.realm}"}


def containers(hub: ClassHub) -> dict[str, str]:
    """All that runs of students' servers and clusters: names, with what tells a new container from an old one."""
    found = connect().containers.list(filters=of_realm(hub))
    return {container.name: container.id for container in found}
