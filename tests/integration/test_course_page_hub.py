"""The course page as a service of a real JupyterHub, beside the real gateway: login, roles and scopes as they are.

No server is started and no cluster runs: what is tried is who may see and do what.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from coursekit.hub.page.message import message_file
from coursekit.hub.page.service_entry import NAME
from coursekit.ports import free_port

pytestmark = pytest.mark.hub

CONFIG = """
import sys
from coursekit.gateway.settings import CLASS_SCOPE
from coursekit.hub.page.message import Announcement, message_file
from coursekit.hub.page.service_entry import course_page, visitor_scopes
from pathlib import Path

page, gateway, environment = {page!r}, {gateway!r}, {environment!r}
c = get_config()
c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_bind_url = {inner!r}
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "password of the class"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.ConfigurableHTTPProxy.api_url = {proxy!r}
c.ConfigurableHTTPProxy.command = [sys.executable, "-m", "coursekit.hub.proxy"]
c.JupyterHub.template_vars = {{"announcement": Announcement(message_file(Path({state!r})), always="<b>Toy</b>")}}
c.JupyterHub.custom_scopes = {{CLASS_SCOPE: {{"description": "See the class"}}}}
c.JupyterHub.services = [
    dict(name="gateway", url=gateway, command=[sys.executable, "-m", "coursekit.gateway"], environment=environment),
    course_page(page, gateway_url=f"{{gateway}}/services/gateway", environment=environment),
]
c.JupyterHub.load_groups = {{"formgrade-ml-resources": {{"users": ["ira"]}}}}
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", *visitor_scopes(has_gateway=True)]}},
    {{"name": "teachers", "groups": ["formgrade-ml-resources"], "scopes": [CLASS_SCOPE]}},
]
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a Hub, and the folder of its course."""
    folder = tmp_path_factory.mktemp("page-hub")
    root = folder / "course"
    for name in ("lessons", "assignments", "hub", "build/hub"):
        (root / name).mkdir(parents=True)
    (root / "hub" / "course.toml").write_text('title = "Toy course"\ninstructors = ["ira"]\n')
    ports = [free_port() for _ in range(5)]
    url, inner, proxy, page, gateway = (f"http://127.0.0.1:{port}" for port in ports)
    environment = {
        "COURSEKIT_ENGINE": "process",
        "COURSEKIT_HUB": str(root / "build" / "hub"),
        "COURSEKIT_ROOT": str(root),
        "COURSEKIT_RUN": str(folder / "run"),
        "COURSEKIT_GATEWAY_CORES": "12",
        "COURSEKIT_GATEWAY_MEMORY": "48g",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PATH": os.environ["PATH"],
    }
    places = {"url": url, "inner": inner, "proxy": proxy, "page": page, "gateway": gateway}
    config = folder / "jupyterhub_config.py"
    config.write_text(CONFIG.format(**places, environment=environment, state=str(root / "build" / "hub")))
    with (folder / "hub.log").open("wb") as log:
        command = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            wait_until_it_answers(f"{url}/services/{NAME}/static/page.css", process, folder / "hub.log")
            yield url, root
        finally:
            process.terminate()
            process.wait(60)


def wait_until_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)


def log_in(url: str, name: str) -> httpx.Client:
    client = httpx.Client(base_url=url, follow_redirects=True, timeout=60)
    text = client.get("/hub/login").text
    match = re.search(r'name="_xsrf" value="([^"]+)"', text)
    assert match is not None
    form = {"username": name, "password": "password of the class", "_xsrf": match[1]}
    answer = client.post(f"/hub/login?next=/services/{NAME}/", data=form)
    assert (answer.status_code, answer.url.path) == (200, f"/services/{NAME}/")
    return client


def test_each_sees_what_the_hubs_roles_let_them_see_and_the_message_is_on_the_hubs_pages(hub):
    url, root = hub
    ada, ira = log_in(url, "ada"), log_in(url, "ira")
    student = ada.get(f"/services/{NAME}/").text
    assert "Toy course" in student
    assert "2 cores, 4.0 GiB" in student, "the gateway took the token that the Hub gave the page for ada"
    assert "Raise a quota" not in student
    assert ada.get(f"/services/{NAME}/live/class").status_code == 403

    teaching = ira.get(f"/services/{NAME}/").text
    assert "servers running" in teaching
    assert "of 12" in teaching
    assert "Cores in use over the last hours" in teaching, "the gateway records, and the page reads it"
    token = re.search(r'data-xsrf="([^"]+)"', teaching)
    assert token is not None
    live = ira.get(f"/services/{NAME}/live/class", headers={"Sec-Fetch-Mode": "cors", "X-XSRFToken": token[1]})
    assert (live.status_code, "Clusters and queue" in live.text) == (200, True)
    assert ira.get(f"/services/{NAME}/live/class", headers={"Sec-Fetch-Mode": "cors"}).status_code == 403

    form = {"_xsrf": token[1], "student": "ada", "cores": "10", "memory": "20", "do": "give"}
    assert "ada may have 10 cores, 20.0 GiB at most" in ira.post(f"/services/{NAME}/actions/quota", data=form).text
    assert "10 cores, 20.0 GiB" in ada.get(f"/services/{NAME}/").text
    ira.post(f"/services/{NAME}/actions/message", data={"_xsrf": token[1], "text": "Room <b>C</b>"})
    assert message_file(root / "build" / "hub").exists()
    assert "<b>Toy</b><br>Room &lt;b&gt;C&lt;/b&gt;" in ada.get("/hub/home").text


@pytest.mark.browser
def test_in_a_browser_the_page_refreshes_and_acts_behind_the_hubs_proxy(hub, browser):
    url, _ = hub
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{url}/hub/login?next=/services/{NAME}/")
    page.fill("#username_input", "ira")
    page.fill("#password_input", "password of the class")
    page.click("#login_submit")
    page.wait_for_url(f"**/services/{NAME}/")
    with page.expect_response("**/live/class") as refreshed:
        pass
    assert refreshed.value.status == 200
    page.get_by_label("text").fill("We begin at 10")
    page.get_by_role("button", name="Tell everybody").click()
    page.get_by_role("status").get_by_text("Everybody sees the message now").wait_for()
    page.get_by_role("link", name="Hub").click()
    page.wait_for_url("**/hub/**")
    page.get_by_text("We begin at 10").first.wait_for()
    context.close()
