"""The Hub as containers, brought up by ``hub/compose.yaml`` and ``hub/swarm.yaml`` as an operator does."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from class_fixtures import ClassHub
from docker_fixtures import require_docker
from hub_fixtures import copy_course
from swarm_hosts import SwarmHosts
from waiting import until

from coursekit.config import image_tag
from coursekit.engine.daemon import connect, filters
from coursekit.hub.passwords import read_passwords
from coursekit.hub.server import RunningHub, down
from coursekit.hub.servers import servers
from coursekit.hub.settings import read_settings

pytestmark = [pytest.mark.hub, pytest.mark.docker, pytest.mark.spark, pytest.mark.timeout(600)]
JOB = """
from coursekit import GiB, SparkCluster
cluster = SparkCluster(workers=1, memory=GiB, name="own")
print("total", cluster.session("own").range(10).count(), cluster.executors)
cluster.close()
"""


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/hub/health", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def require_compose() -> list[str]:
    """Compose, as a plugin of Docker's or as the program that Debian packages."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    if (program := shutil.which("docker-compose")) is None:
        if os.environ.get("COURSEKIT_REQUIRE_DOCKER"):
            pytest.fail("neither `docker compose` nor docker-compose is installed")
        pytest.skip("neither `docker compose` nor docker-compose is installed")
    return [program]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassHub]:
    require_docker("hub", "spark")
    compose = require_compose()
    course = copy_course(tmp_path_factory.mktemp("compose") / "course")
    (course.root / "build").mkdir()
    port, realm = free_port(), f"compose{os.getpid()}"
    settings_of_compose = {
        "COURSEKIT_ROOT": str(course.root),
        "COURSEKIT_HUB_PORT": str(port),
        "COURSEKIT_PROXY_API_PORT": str(free_port()),
        "COURSEKIT_REALM": realm,
        "COURSEKIT_REPOSITORY": image_tag("hub").partition("/hub:")[0],
        "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32),
    }

    def run(*words: str) -> None:
        command = [*compose, "-p", realm, "-f", str(course.hub / "compose.yaml"), *words]
        done = subprocess.run(
            command, env={**os.environ, **settings_of_compose}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSEKIT_REALM", realm)
        settings = read_settings(course, port=port, engine="docker")
        url = f"http://127.0.0.1:{port}"
        try:
            run("up", "--detach")
            until(lambda: answers(url), within_s=180)
            running = RunningHub(url=url, pid=0, passwords=read_passwords(settings))
            yield ClassHub(course=course, settings=settings, running=running)
        finally:
            run("down")
            down(settings)
        assert servers(settings) == ()
        assert not connect().containers.list(all=True, filters={"label": f"com.docker.compose.project={realm}"})
        assert not connect().networks.list(filters={"label": f"org.coursekit.realm={realm}"})


def test_a_student_has_a_server_and_a_cluster(hub: ClassHub) -> None:
    hub.start("ada")
    code, said = hub.run("ada", f"python -c '{JOB}'")
    assert code == 0, said
    assert "total 10" in said
    until(lambda: not connect().containers.list(filters=filters(hub.settings.realm, "ada", "own")), within_s=180)


@pytest.mark.parametrize("part", ["hub", "proxy"])
def test_a_part_that_is_killed_comes_back_and_finds_the_students_server(hub: ClassHub, part: str) -> None:
    server = hub.start("ada")
    found = connect().containers.list(
        filters={
            "label": [
                f"com.docker.compose.project={hub.settings.realm}",
                f"com.docker.compose.service={part}",
            ]
        }
    )
    [container] = found
    before = container.attrs["State"]["StartedAt"]
    psutil.Process(container.attrs["State"]["Pid"]).kill()

    def came_back() -> bool:
        container.reload()
        return container.attrs["State"]["Running"] and container.attrs["State"]["StartedAt"] != before

    until(came_back, within_s=180)
    until(lambda: answers(hub.running.url), within_s=180)
    token = hub.variable("ada", "JUPYTERHUB_API_TOKEN")
    lab = f"{hub.running.url}/user/ada/api/status"
    until(
        lambda: httpx.get(lab, headers={"Authorization": f"token {token}"}, trust_env=False).status_code == 200,
        within_s=180,
    )
    assert hub.container("ada").id == server.id


BOT = """
import asyncio, json, sys
from coursekit.hub.bots import Bot

async def act(url, name, password, course_id):
    bot = Bot(url=url, name=name, password=password, course_id=course_id)
    async with bot.browsing():
        await bot.log_in()
        await bot.start_server()
        await bot.use_cluster(2)
    print(json.dumps(sorted(bot.seconds)))

asyncio.run(act(*sys.argv[1:]))
"""


def test_on_a_swarm_students_have_servers_on_its_manager_and_clusters_over_its_hosts(
    swarm: SwarmHosts, tmp_path: Path
) -> None:
    require_docker("hub", "spark")
    compose, realm = require_compose(), f"swarm{os.getpid()}"
    course = copy_course(tmp_path / "course")
    (course.root / "build" / "cache").mkdir(parents=True)
    manager, network = swarm.manager, f"coursekit-{realm}-hub"
    environment = {
        **os.environ,
        "DOCKER_HOST": manager.url,
        "COURSEKIT_ROOT": str(course.root),
        "COURSEKIT_REALM": realm,
        "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32),
    }
    inside = ["nsenter", f"--net=/run/netns/{manager.namespace}"]
    url = f"http://{manager.address}:8000"

    def run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    up = [*compose, "-p", realm, "-f", str(course.hub / "swarm.yaml")]
    try:
        run("docker", "network", "create", "--driver", "overlay", "--attachable", network)
        run(*up, "up", "--detach")
        until(lambda: run(*inside, "curl", "--fail", f"{url}/hub/health", check=False).returncode == 0, within_s=180)
        password = json.loads((course.root / "build" / "hub" / "passwords.json").read_text())["students"]
        steps = [
            run(*inside, sys.executable, "-c", BOT, url, name, password, "ml-resources") for name in ("ada", "ben")
        ]
        assert all("Spark job" in json.loads(done.stdout) for done in steps)
        names = {container.name for container in manager.client.containers.list()}
        assert {f"coursekit-{realm}-server-{name}" for name in ("ada", "ben")} <= names
    finally:
        run(*up, "down", check=False)
        for container in manager.client.containers.list(all=True, filters={"label": f"org.coursekit.realm={realm}"}):
            container.remove(force=True)
        run("docker", "network", "rm", network, check=False)
