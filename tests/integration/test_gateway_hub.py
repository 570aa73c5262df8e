"""The gateway as the service of a real Hub, which starts it and says whose tokens are whose."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from coursekit.ports import free_port

pytestmark = [pytest.mark.hub, pytest.mark.timeout(300)]

CONFIG = """
import os, sys
kept = {{key: value for key, value in os.environ.items() if key.startswith(("PATH", "PYTHON", "COURSEKIT_"))}}
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [sys.executable, "-m", "coursekit.hub.proxy"]
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.load_groups = {{"instructors": {{"users": ["ira"]}}, "students": {{"users": ["ada"]}}}}
c.JupyterHub.custom_scopes = {{"custom:gateway:class": {{"description": "See the class."}}}}
c.JupyterHub.services = [
    {{
        "name": "gateway",
        "url": "http://127.0.0.1:{gateway_port}",
        "command": [sys.executable, "-m", "coursekit.gateway"],
        "environment": {{**kept, "COURSEKIT_ENGINE": "process", "COURSEKIT_GATEWAY_DATABASE": "sqlite://"}},
    }},
    {{"name": "tester", "api_token": "{token}"}},
]
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", "access:services!service=gateway"]}},
    {{"name": "instructors", "scopes": ["custom:gateway:class"], "groups": ["instructors"]}},
    {{"name": "tester", "scopes": ["admin:users", "tokens", "list:users"], "services": ["tester"]}},
]
"""
TESTER = "t" * 64


class SmallHub:
    """A Hub with its gateway."""

    def __init__(self, url: str) -> None:
        self.url = url

    def token(self, user: str, *scopes: str) -> str:
        """Make a token of a user's, as the Hub does for their server."""
        answer = httpx.post(
            f"{self.url}/hub/api/users/{user}/tokens",
            json={"scopes": list(scopes)} if scopes else {},
            headers={"Authorization": f"token {TESTER}"},
        )
        answer.raise_for_status()
        return str(answer.json()["token"])

    def ask(self, path: str, token: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(f"{self.url}/services/gateway/api/v1/{path}", headers=headers, timeout=30)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallHub]:
    folder: Path = tmp_path_factory.mktemp("hub")
    ports: dict[str, Any] = {name: free_port() for name in ("port", "hub_port", "proxy_port", "gateway_port")}
    config = folder / "jupyterhub_config.py"
    config.write_text(CONFIG.format(token=TESTER, **ports))
    log = folder / "hub.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", str(config)], cwd=folder, stdout=output, stderr=output
        )
    hub = SmallHub(f"http://127.0.0.1:{ports['port']}")
    try:
        _wait(hub, process, log)
        yield hub
    finally:
        process.terminate()
        process.wait(30)


def _wait(hub: SmallHub, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            if httpx.get(f"{hub.url}/services/gateway/", timeout=5).status_code == 200:
                break
        except httpx.HTTPError:
            pass
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.2)
    for user in ("ada", "ira"):
        httpx.post(f"{hub.url}/hub/api/users/{user}", headers={"Authorization": f"token {TESTER}"}, timeout=30)


def test_a_students_token_is_good_for_their_own_clusters(hub):
    token = hub.token("ada", "access:services!service=gateway")
    assert hub.ask("clusters", token).json() == {"clusters": []}
    assert hub.ask("quota", token).status_code == 200
    assert hub.ask("class", token).status_code == 403


def test_a_token_without_the_scope_and_no_token_at_all_are_refused(hub):
    refused = hub.ask("clusters", hub.token("ada", "read:users!user=ada"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "NotAllowedError")
    assert hub.ask("clusters", "never-given").status_code == 401
    assert hub.ask("clusters", None).status_code == 401


def test_an_instructors_token_sees_the_class_when_it_holds_the_scope(hub):
    least = "access:services!service=gateway"
    assert hub.ask("class", hub.token("ira", least, "custom:gateway:class")).json() == {"clusters": [], "servers": []}
    assert hub.ask("class", hub.token("ira", least)).status_code == 403
    assert json.loads(hub.ask("openapi.json", None).text)["openapi"] == "3.1.0"
