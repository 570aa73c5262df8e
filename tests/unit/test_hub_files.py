from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from coursekit.config import Course
from coursekit.hub.servers import network_name
from coursekit.hub.settings import read_settings
from coursekit.images import read_catalog

COURSE = Course(root=Path(__file__).parents[2])
FILES = ("compose.yaml", "swarm.yaml")


@pytest.fixture(params=FILES)
def stack(request):
    text = (COURSE.hub / request.param).read_text()
    return request.param, text, yaml.safe_load(text)


def test_the_images_are_those_of_the_catalog(stack):
    known = {image.name for image in read_catalog(COURSE)}
    images = [service["image"] for service in stack[2]["services"].values()]
    assert {re.fullmatch(r"\$\{COURSEKIT_REPOSITORY:-coursekit\}/(\w+):latest", image)[1] for image in images} <= known


def test_only_the_hub_has_the_engine_and_students_never_do(stack):
    holders = [name for name, service in stack[2]["services"].items() if "docker.sock" in str(service)]
    assert holders == ["hub"]


def test_every_variable_is_one_that_the_code_reads(stack):
    code = "".join(path.read_text() for path in (COURSE.root / "coursekit").rglob("*.py"))
    ours = set(re.findall(r"COURSEKIT_\w+", stack[1]))
    ours.discard("COURSEKIT_PROXY_API_PORT")  # the file's own
    assert {variable for variable in ours if variable not in code} == set()


def test_the_engine_and_the_network_are_those_of_the_settings(stack, monkeypatch):
    name, _, services = stack
    environment = services["services"]["hub"]["environment"]
    engine = environment["COURSEKIT_HUB_ENGINE"]
    assert engine == {"compose.yaml": "docker", "swarm.yaml": "swarm"}[name]
    monkeypatch.delenv("COURSEKIT_REALM", raising=False)
    if engine == "swarm":
        assert environment["COURSEKIT_CONTAINER"] == services["services"]["hub"]["container_name"]
        network = services["networks"]["servers"]["name"].replace("${COURSEKIT_REALM:-class}", "class")
        assert network == network_name(read_settings(COURSE, engine="swarm"))


def test_the_hub_reaches_the_proxy_where_it_listens(stack):
    services = stack[2]["services"]
    api = services["hub"]["environment"]["COURSEKIT_PROXY_API"]
    port = api.removeprefix("http://").partition(":")[2]
    assert services["proxy"]["command"].endswith(f"--api-port {port}")
