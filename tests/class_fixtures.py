"""A class's Hub with containers for its students, as an operator starts it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from hub_fixtures import copy_course

from coursekit.config import Course
from coursekit.engine.daemon import connect
from coursekit.grading import prepare
from coursekit.hub.bots import Bot
from coursekit.hub.server import RunningHub, down, status, up
from coursekit.hub.servers import container_name, network_name, servers
from coursekit.hub.settings import HubSettings, read_settings

if TYPE_CHECKING:
    from docker.models.containers import Container


@dataclass(frozen=True, kw_only=True)
class ClassHub:
    """A Hub that runs, and what students do with it."""

    course: Course
    settings: HubSettings
    running: RunningHub

    def bot(self, name: str) -> Bot:
        """A student with the class's password."""
        password = self.running.passwords.students
        return Bot(url=self.running.url, name=name, password=password, course_id=self.settings.course_id)

    def start(self, name: str, profile: str = "") -> Container:
        """Log in, choose a profile, and wait until the server is there."""

        async def act() -> None:
            async with self.bot(name).browsing() as bot:
                await bot.log_in()
                await bot.start_server(profile)

        asyncio.run(act())
        return self.container(name)

    def stop(self, name: str) -> None:
        """Log in and stop the server."""

        async def act() -> None:
            async with self.bot(name).browsing() as bot:
                await bot.log_in()
                await bot.stop_server()

        asyncio.run(act())

    def container(self, name: str) -> Container:
        """The container of a student's server."""
        return connect().containers.get(container_name(self.settings, name))

    def run(self, name: str, command: str) -> tuple[int, str]:
        """Do something as the student would in a terminal; give the exit code and what was printed."""
        done = self.container(name).exec_run(["bash", "-c", command])
        return done.exit_code, done.output.decode(errors="replace")

    def variable(self, name: str, variable: str) -> str:
        """One of the environment variables of a student's server."""
        pairs = (line.split("=", 1) for line in self.container(name).attrs["Config"]["Env"])
        return dict(pairs)[variable]

    def ask(self, name: str, path: str, *, method: str = "GET", token: str = "", **options: object) -> httpx.Response:
        """Ask the gateway with a student's token, or another one."""
        url = f"{self.variable(name, 'COURSEKIT_GATEWAY_URL')}/api/v1/{path}"
        headers = {"Authorization": f"token {token or self.variable(name, 'JUPYTERHUB_API_TOKEN')}"}
        return httpx.request(method, url, headers=headers, timeout=60, trust_env=False, **options)


@contextlib.contextmanager
def class_hub(folder: Path, edit: Callable[[str], str] = str) -> Iterator[ClassHub]:
    """A Hub on a copy of the course with engine ``docker``; at the end nothing of it may be left.

    ``edit`` changes the text of ``course.toml``.
    """
    chosen = {"COURSEKIT_REALM": f"test{os.getpid()}", "COURSEKIT_GATEWAY_ABSENT_S": "10"}
    os.environ.update(chosen)
    course = copy_course(folder)
    path = course.hub / "course.toml"
    path.write_text(edit(path.read_text()))
    settings = read_settings(course, port=0, engine="docker")
    prepare(settings.grading)
    running = up(settings)
    try:
        yield ClassHub(course=course, settings=settings, running=running)
    finally:
        down(settings)
        for name in chosen:
            del os.environ[name]
    assert status(settings) == ()
    assert servers(settings) == ()
    assert not connect().networks.list(names=[network_name(settings)])
