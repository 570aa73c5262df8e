"""A hostile student tries what there is, against one real Hub with a victim in it; nothing may succeed."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from attacks.hub.attempt import Attack
from attacks.hub.files import FILES
from attacks.hub.gateway import GATEWAY
from attacks.hub.hub_api import HUB
from attacks.hub.network import NETWORK
from attacks.hub.processes import PROCESSES
from attacks.hub.scene import ATTACKER, SECRET, VICTIM, Scene, scene
from docker_fixtures import require_docker

from coursekit.engine.daemon import connect
from coursekit.hub.servers import container_name, servers

pytestmark = [pytest.mark.hub, pytest.mark.docker, pytest.mark.spark, pytest.mark.timeout(900)]
PASSER_BY = "pat"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    require_docker("spark")
    with scene(tmp_path_factory.mktemp("hub")) as ready:
        yield ready


def named(attacks: list[Attack]) -> list[object]:
    """Give each attack the name of what it tries, and mark what is known to succeed."""
    return [
        pytest.param(
            attack,
            id=re.sub(r"[^a-z0-9]+", "-", attack.title.lower()).strip("-"),
            marks=[pytest.mark.xfail(strict=True, reason=attack.open)] if attack.open else [],
        )
        for attack in attacks
    ]


def try_it(played: Scene, attack: Attack) -> None:
    control = attack.control(played)
    assert re.search(attack.allowed, control), f"what is allowed does not work: {control[:2000]}"
    said = attack.attempt(played)
    assert not re.search(attack.allowed, said), said[:2000]
    assert re.search(attack.seen, said), said[:2000]


def test_there_are_at_least_25_attacks_and_each_has_a_name_of_its_own() -> None:
    every = [*NETWORK, *GATEWAY, *HUB, *FILES, *PROCESSES]
    assert len({attack.title for attack in every}) == len(every) >= 25


@pytest.mark.parametrize("attack", named(NETWORK))
def test_over_the_network_a_student_cannot(played: Scene, attack: Attack) -> None:
    try_it(played, attack)


@pytest.mark.parametrize("attack", named(GATEWAY))
def test_at_the_gateway_a_student_cannot(played: Scene, attack: Attack) -> None:
    try_it(played, attack)


@pytest.mark.parametrize("attack", named(HUB))
def test_at_the_hub_a_student_cannot(played: Scene, attack: Attack) -> None:
    try_it(played, attack)


@pytest.mark.parametrize("attack", named(FILES))
def test_with_files_a_student_cannot(played: Scene, attack: Attack) -> None:
    try_it(played, attack)


@pytest.mark.parametrize("attack", named(PROCESSES))
def test_in_the_container_a_student_cannot(played: Scene, attack: Attack) -> None:
    try_it(played, attack)


def test_an_executors_code_runs_where_attempts_on_executors_are_made(played: Scene) -> None:
    said = played.attacker.driver.compute(
        "import json, socket\n"
        "names = spark.sparkContext.parallelize([0], 1).map(lambda _: __import__('socket').gethostname()).collect()\n"
        "print(json.dumps({'said': names[0]}), flush=True)"
    )
    assert said == played.node(ATTACKER, "worker").attrs["Config"]["Hostname"]


def test_of_what_a_student_asks_for_a_server_the_profiles_name_alone_counts(played: Scene) -> None:
    hub = played.hub
    wanted = {
        "profile": "small",
        "image": "debian:bookworm-slim",
        "user": "root",
        "mem_limit": "64g",
        "gpus": 1,
        "environment": {"EVIL": "1"},
        "volumes": {"/": "/host"},
        "extra_host_config": {"privileged": True, "binds": ["/:/host"]},
        "extra_create_kwargs": {"user": "root"},
    }

    async def start() -> None:
        async with hub.bot(PASSER_BY).browsing() as bot:
            await bot.log_in()
            path = f"/hub/api/users/{PASSER_BY}/server"
            body = {"user_options": wanted, **wanted}
            answer = await bot._client.post(path, headers=bot._hub_headers(), json=body)
            assert answer.status_code in (201, 202), answer.text
            await bot.start_server()

    asyncio.run(start())
    found = connect().containers.get(container_name(hub.settings, PASSER_BY)).attrs
    host, config = found["HostConfig"], found["Config"]
    assert config["Image"].endswith("/notebook:latest")
    assert not config["User"].startswith(("0", "root"))
    assert "EVIL=1" not in config["Env"]
    assert host["Memory"] == 768 * 2**20, "the profile's name was heard"
    assert not host["Privileged"]
    assert not host["DeviceRequests"]
    assert not [mount for mount in found["Mounts"] if mount["Source"] == "/" or mount["Destination"] == "/host"]


def test_a_server_ends_at_its_limit_whatever_it_says_of_itself_and_its_token_with_it(played: Scene) -> None:
    hub = played.hub
    token = hub.variable(PASSER_BY, "JUPYTERHUB_API_TOKEN")
    activity = f"{played.hub_api}/users/{PASSER_BY}/activity"
    quota = f"{played.gateway}/api/v1/quota"

    def is_known() -> list[str]:
        now = datetime.now(UTC).isoformat()
        busy = {"last_activity": now, "servers": {"": {"last_activity": now}}}
        return [
            played.ask("POST", activity, token=token, json=busy)[:3],
            played.ask("GET", quota, token=token)[:3],
        ]

    assert is_known() == ["200", "200"]
    deadline = time.monotonic() + 240  # a minute, the culler's round, and a minute for which the gateway remembers it
    while is_known() != ["403", "401"]:
        assert time.monotonic() < deadline, is_known()
        time.sleep(2)
    assert PASSER_BY not in {server.user for server in servers(hub.settings)}


def test_after_all_of_it_the_victim_works_and_has_what_is_theirs(played: Scene) -> None:
    said = played.victim.driver.compute(
        "import json; print(json.dumps({'said': spark.sparkContext.parallelize(range(10), 2).sum()}), flush=True)"
    )
    assert said == "45"
    assert played.run("cat ~/secret", user=VICTIM) == f"{SECRET}\n\nexit 0"
    listed = json.loads(played.ask("GET", f"{played.gateway}/api/v1/clusters", token=played.victim.token)[4:])
    assert [(each["name"], each["granted"]) for each in listed["clusters"]] == [("own", 1)]
    played.victim.server.reload()
    assert played.victim.server.status == "running"
