"""A class in which one student is hostile: what the victim has, what the attacker has, and how attempts are run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from class_fixtures import ClassHub, class_hub

from coursekit.engine.daemon import connect, filters
from coursekit.grading import add_students, release
from coursekit.grading.converters import run_exchange
from coursekit.hub.bots import Bot
from coursekit.hub.servers import network_name

if TYPE_CHECKING:
    from docker.models.containers import Container

VICTIM, ATTACKER, INSTRUCTOR = "vic", "mal", "instructor"
EXCHANGE = "/srv/coursekit/exchange/ml-resources"
SECRET = f"canary-{secrets.token_hex(8)}"
"""What the victim's files hold; whoever says it has read them."""

_SETTINGS = 'capacity = { cores = 4, memory = "6g" }\n'
_QUOTAS = """
[quotas]
guarantee = { cores = 1, memory = "2g" }
cap = { cores = 2, memory = "3g" }

"""
_SMALL = """
[profiles.small]
title = "Small"
cores = 1
memory = "768m"
image = "notebook"
limit_minutes = 1

"""
# A notebook with a cluster, which stays until its driver is ended.
_DRIVER = """
import time
from coursekit import GiB, SparkCluster
cluster = SparkCluster(workers=1, memory=GiB, name="own")
spark = cluster.session("own")
context = spark.sparkContext
port = context.getConf().get("spark.driver.port")
executors = cluster.executors
secret = context.getConf().get("spark.authenticate.secret", "")
conf = context.getConf().getAll()
import json
print(json.dumps({"driver": port, "executors": executors, "conf": dict(conf), "ui": context.uiWebUrl}), flush=True)
while True:
    time.sleep(1)
    try:
        command = open("/tmp/command.py").read()
    except OSError:
        continue
    import os
    os.remove("/tmp/command.py")
    try:
        exec(command)
    except Exception as error:
        print(json.dumps({"said": repr(error)[:2000]}), flush=True)
"""


class Driver:
    """A notebook's driver in a student's server, with the cluster ``own``; it says things as lines of JSON."""

    def __init__(self, hub: ClassHub, student: str) -> None:
        self._api = connect().api
        made = self._api.exec_create(hub.container(student).id, ["python", "-c", _DRIVER], workdir="/tmp")
        self._output = self._api.exec_start(made["Id"], stream=True)
        self._student, self._hub, self._text = student, hub, ""
        self.started = self._hear("driver")

    def compute(self, code: str) -> str:
        """Let the driver do something that says its result as ``{"said": ...}``."""
        write = f"cat > /tmp/command.new <<'END'\n{code}\nEND\nmv /tmp/command.new /tmp/command.py"
        assert self._hub.run(self._student, write)[0] == 0
        return str(self._hear("said")["said"])

    def _hear(self, key: str) -> dict[str, Any]:
        for chunk in self._output:
            self._text += chunk.decode(errors="replace")
            *lines, self._text = self._text.split("\n")
            for line in lines:
                if line.startswith("{") and key in (found := json.loads(line)):
                    return dict(found)
        raise AssertionError(f"the driver of {self._student} has ended: {self._text}")


@dataclass(frozen=True, kw_only=True)
class Student:
    """What one student has in the class."""

    name: str
    token: str
    server: Container
    driver: Driver

    def address(self, network: str) -> str:
        """The address of the server's container on a network whose name contains a word."""
        self.server.reload()
        found = self.server.attrs["NetworkSettings"]["Networks"]
        return next(str(each["IPAddress"]) for name, each in found.items() if network in name)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The Hub, a victim and an attacker, each with a server and a cluster."""

    hub: ClassHub
    victim: Student
    attacker: Student

    def run(self, command: str, *, user: str = ATTACKER) -> str:
        """Do something in a student's server; give what was printed and, last, the exit code."""
        code, said = self.hub.run(user, command)
        return f"{said}\nexit {code}"

    def run_on_executor(self, command: str) -> str:
        """Do something where the attacker's executors run, with their account, network and limits."""
        done = self.node(ATTACKER, "worker").exec_run(["bash", "-c", command])
        return f"{done.output.decode(errors='replace')}\nexit {done.exit_code}"

    def node(self, owner: str, role: str) -> Container:
        """A node of a student's cluster."""
        found = connect().containers.list(filters=filters(self.hub.settings.realm, owner, "own"))
        return next(each for each in found if each.labels["org.coursekit.role"] == role)

    def node_address(self, owner: str, role: str) -> str:
        """Where a node is on its cluster's network."""
        networks = self.node(owner, role).attrs["NetworkSettings"]["Networks"]
        return next(str(each["IPAddress"]) for each in networks.values())

    @property
    def host(self) -> str:
        """This host's address on the servers' network."""
        [network] = connect().networks.list(names=[network_name(self.hub.settings)])
        network.reload()
        return str(network.attrs["IPAM"]["Config"][0]["Gateway"])

    @property
    def hub_api(self) -> str:
        """Where containers reach the Hub's interface."""
        return self.hub.variable(ATTACKER, "JUPYTERHUB_API_URL")

    @property
    def gateway(self) -> str:
        """Where containers reach the gateway."""
        return self.hub.variable(ATTACKER, "COURSEKIT_GATEWAY_URL")

    def ask(
        self, method: str, url: str, *, token: str | None = None, headers: dict[str, str] | None = None, **options: Any
    ) -> str:
        """Send a request with the attacker's token, another, or none (``""``); give status and body."""
        token = self.attacker.token if token is None else token
        given = {"Authorization": f"token {token}"} if token else {}
        with httpx.Client(timeout=60, trust_env=False) as client:
            try:
                answer = client.request(method, url, headers={**given, **(headers or {})}, **options)
            except httpx.NetworkError as error:  # it hung up
                return f"000 {type(error).__name__}"
        return f"{answer.status_code} {answer.text}"

    @property
    def url(self) -> str:
        """The Hub's public address, without a slash at the end."""
        return self.hub.running.url

    @property
    def port(self) -> int:
        """The port of the Hub's public address."""
        return int(self.url.rpartition(":")[2])

    def browse(self, act: Callable[[Bot], Any], *, user: str = ATTACKER) -> str:
        """Do something as somebody who has logged in with a browser; give status, path and page."""

        async def browse() -> str:
            bot = self.hub.bot(user)
            if user == INSTRUCTOR:
                bot._password = self.hub.running.passwords.instructors
            async with bot.browsing():
                await bot.log_in()
                if user != INSTRUCTOR:
                    await bot.start_server()
                answer: httpx.Response = await act(bot)
                return f"{answer.status_code} {answer.url.path} {answer.text}"

        return asyncio.run(browse())


def _edit(text: str) -> str:
    text = re.sub(r"(?ms)^\[quotas\].*?(?=^# class_cap)", _QUOTAS, text)
    text = text.replace("[profiles.private]", f"{_SMALL}[profiles.private]", 1)
    return _SETTINGS + text


@contextlib.contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Play the class up to the moment of the attacks."""
    with class_hub(folder / "course", _edit) as hub:
        grading = hub.settings.grading
        add_students(grading, [VICTIM, ATTACKER])
        release(grading, "a1", gated=False)
        for name in (VICTIM, ATTACKER):
            hub.start(name, "spark")
            asyncio.run(_hand_in(hub.bot(name)))
            hub.run(name, f"mkdir ~/model && cp -r {EXCHANGE}/inbound/* ~/model")
            hub.run(name, f"echo {SECRET if name == VICTIM else 'mine'} > ~/secret")
        hub.run(VICTIM, f"echo {SECRET} > {EXCHANGE}/inbound/secret")
        publish(hub)
        yield Scene(hub=hub, victim=_student(hub, VICTIM), attacker=_student(hub, ATTACKER))


async def _hand_in(bot: Bot) -> None:
    async with bot.browsing():
        await bot.log_in()
        await bot.start_server()
        await bot.fetch("a1")
        await bot.submit("a1")


def publish(hub: ClassHub) -> None:
    """Give both feedback, as the instructor does."""
    grading = hub.settings.grading
    for name in (VICTIM, ATTACKER):
        folder = grading.course_dir / "feedback" / name / "a1"
        folder.mkdir(parents=True)
        [submitted] = [each for each in (grading.inbound / name).iterdir() if each.is_dir()]
        (folder / "a1.html").write_text(f"<h4>a1 (Score: 5.0 / 10.0)</h4>{SECRET if name == VICTIM else 'mine'}")
        for part in ("timestamp.txt", "submission_secret.txt"):
            text = (submitted / part).read_text() if (submitted / part).exists() else "secret"
            (folder / part).write_text(text)
    run_exchange(grading, "ReleaseFeedback", "a1")


def _student(hub: ClassHub, name: str) -> Student:
    driver = Driver(hub, name)
    token = hub.variable(name, "JUPYTERHUB_API_TOKEN")
    return Student(name=name, token=token, server=hub.container(name), driver=driver)
