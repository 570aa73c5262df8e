"""The gateway's OpenAPI document against the gateway: schemathesis makes requests of all kinds, good and bad."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import httpx
import pytest
from gateway_fixtures import RunningGateway, running_gateway

from coursekit.cluster import ClusterSpec, GatewayClient
from coursekit.cluster.fakes import seeming_masters
from coursekit.config import GiB
from coursekit.engine import FakeEngine
from coursekit.gateway.handlers import routes
from coursekit.gateway.quotas import Quota, Quotas, Resources
from coursekit.gateway.requests import NAME_PATTERN, USER_PATTERN
from coursekit.gateway.settings import GatewaySettings, Limits


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    plenty = Resources(cores=10_000, memory=100_000 * GiB)
    engine = FakeEngine(cores=10_000, memory=100_000 * GiB)
    chosen = GatewaySettings(
        engine="fake",
        quotas=Quotas(default=Quota(guarantee=Resources(), cap=plenty)),
        capacity=plenty,
        limits=Limits(burst=100_000, clusters=100_000, streams=1000),
        stream_s=0.05,
        has_servers=False,
    )
    with seeming_masters(engine), running_gateway(chosen, engine) as gateway:
        token = gateway.hub.instructor("ira")
        GatewayClient(gateway.url, token).apply(ClusterSpec(workers=2, memory=GiB))
        yield gateway


@pytest.mark.timeout(600)
def test_requests_of_all_kinds_are_answered_as_the_interface_describes(gateway, tmp_path):
    command = ["schemathesis", "run", f"{gateway.url}api/v1/openapi.json"]
    command += ["--header", "Authorization: Bearer token-ira", "--max-examples", "15", "--checks", "all"]
    command += ["--seed", "1", "--generation-database", "none", "--no-color"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_address_is_described_and_nothing_else(gateway):
    variables = {f"({NAME_PATTERN})": "{name}", f"({USER_PATTERN})": "{owner}", "([0-9]{1,4})": "{number}"}
    served = set()
    for path, *_ in routes("/", {}):
        for pattern, variable in variables.items():
            path = path.replace(pattern, variable)
        served.add(path.removeprefix("/api/v1"))
    assert served - {"/", ".*"} == set(httpx.get(f"{gateway.url}api/v1/openapi.json").json()["paths"])
