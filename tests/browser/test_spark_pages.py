"""Spark's own pages as a student sees them through the Hub: each is filled, and no link leads out of them.

The student is called "proxy", for Spark's scripts look for this word in the address.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import nbformat
import pytest
from browser_fixtures import SCREENSHOTS, SERVER_S, choose, log_in, open_lab, wait_for_the_kernel, wait_until_idle
from docker_fixtures import require_docker
from hub_fixtures import HubUnderTest, running_hub

from coursekit.engine.docker import DockerEngine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.hub, pytest.mark.spark, pytest.mark.timeout(1200)]

NAME = "proxy"
CELLS = (
    """from coursekit import GiB, SparkCluster
cluster = SparkCluster(workers=2, memory=GiB, name="seen")
cluster""",
    """spark = cluster.session("seen")
sc = spark.sparkContext
sc.setJobDescription("sums of seven keys")
pairs = sc.parallelize(range(1000), 4).map(lambda number: (number % 7, number)).setName("pairs").cache()
pairs.reduceByKey(lambda a, b: a + b, 2).collect()
sc.setJobDescription(None)
table = spark.range(1000).selectExpr("id", "id % 7 AS key").cache()
table.groupBy("key").count().join(table, "key").selectExpr("sum(id)").collect()""",
    """try:
    sc.parallelize([0], 1).map(lambda number: 1 / number).collect()
except Exception:
    print("failed, as it should")""",
    """import json
from pathlib import Path
from coursekit.pages import path_on_this_server
addresses = {"driver": cluster.ui_url, "master": path_on_this_server(cluster.status().ui_url)}
Path("addresses.json").write_text(json.dumps(addresses))
cluster""",
)
# Parameters that choose what a page is about; the others sort and leaf through its tables.
ABOUT = ("id", "attempt", "executorId", "appId", "logType", "self", "workerId")


@dataclass
class Seen:
    """A browser that is logged in, and what went wrong in it."""

    page: Page
    base: str
    addresses: dict[str, str]
    broken: type[Exception]
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        address, before = path if path.startswith("http") else self.base + path, len(self.wrong)
        for _ in range(5):
            with suppress(self.broken):
                self.page.goto(address)
            self.page.wait_for_load_state("networkidle")
            # Chromium drops what it loads when a network comes or goes, as those of containers do beside a test.
            if not any("ERR_NETWORK_CHANGED" in one for one in self.wrong[before:]):
                break
            del self.wrong[before:]
        return self.page

    def open_at_once(self, links: list[str]) -> list[tuple[str, str, set[str]]]:
        """Open pages in tabs beside each other; give each link with where it led to, and the links found there."""
        before, tabs = len(self.wrong), [self.page.context.new_page() for _ in links]
        for tab, link in zip(tabs, links, strict=True):
            with suppress(self.broken):
                tab.goto(link, wait_until="commit")
        found = []
        for tab, link in zip(tabs, links, strict=True):
            tab.wait_for_load_state("networkidle")
            found.append((link, tab.url, links_of(tab)))
            tab.close()
        if not any("ERR_NETWORK_CHANGED" in one for one in self.wrong[before:]):
            return found
        del self.wrong[before:]
        return [(link, (page := self.open(link)).url, links_of(page)) for link in links]

    def driver(self, path: str) -> Page:
        return self.open(self.addresses["driver"] + path)


def watch(context: BrowserContext, wrong: list[str]) -> None:
    """Note answers that are errors, errors of scripts, and what they complain about."""

    def answered(response: Any) -> None:
        if response.status >= 400:
            wrong.append(f"{response.status} {response.request.method} {response.url}")

    def fell(why: str, url: str) -> None:
        if "ERR_ABORTED" not in why:  # the page was left before all of it had come
            wrong.append(f"{why} {url}")

    context.on("response", answered)
    context.on("requestfailed", lambda request: fell(request.failure, request.url))
    context.on("weberror", lambda error: wrong.append(f"{error.page.url if error.page else ''}: {error.error}"))
    context.on("console", lambda said: wrong.append(f"{said.text} {said.location}") if said.type == "error" else None)


@pytest.fixture(scope="module")
def seen(hub, browser: Browser) -> Iterator[Seen]:
    with look_at(hub, browser) as seen:
        yield seen


@pytest.fixture(scope="module")
def boxed(places: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """The same through a Hub whose clusters are containers."""
    require_docker("spark")
    realm = f"pages-{os.getpid()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSEKIT_ENGINE", "docker")
        patch.setenv("COURSEKIT_REALM", realm)
        with running_hub(tmp_path_factory.mktemp("boxed") / "course") as hub, look_at(hub, browser) as seen:
            yield seen
    engine = DockerEngine(realm=realm)
    deadline = time.monotonic() + 30  # the keeper removes what the stopped server had
    while engine.nodes():
        assert time.monotonic() < deadline, "containers of a server that was stopped are left"
        time.sleep(0.1)


@contextmanager
def look_at(hub: HubUnderTest, browser: Browser) -> Iterator[Seen]:
    """Run the notebook in a student's JupyterLab, and give a browser that is logged in as this student."""
    from playwright import sync_api

    url, password = hub.running.url, hub.running.passwords.students
    home = hub.settings.home(NAME)
    home.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, home / "seen.ipynb")
    lab = browser.new_context(viewport={"width": 1400, "height": 900})
    page = lab.new_page()
    page.set_default_timeout(60_000)
    log_in(page, url, NAME, password)
    try:
        open_lab(page, url, NAME, "/tree/seen.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        wait_for_the_kernel(page, f"{url}/user/{NAME}/api/kernels")
        choose(page, "Run", "Run All Cells")
        wait_for_the_last_cell(page, home / "addresses.json")
        page.get_by_role("link", name="Spark UI").last.scroll_into_view_if_needed()
        page.screenshot(path=SCREENSHOTS / "spark-00-cluster-light.png")
        context = browser.new_context(viewport={"width": 1400, "height": 900}, storage_state=lab.storage_state())
        seen = Seen(
            page=context.new_page(),
            base=url,
            addresses=json.loads((home / "addresses.json").read_text()),
            broken=sync_api.Error,
        )
        seen.page.set_default_timeout(60_000)
        watch(context, seen.wrong)
        yield seen
        context.close()
    finally:
        page.screenshot(path=SCREENSHOTS / "spark-99-notebook.png")
        page.goto(f"{url}/hub/home")
        page.click("#stop")
        page.locator("#start", has_text=re.compile("Start")).wait_for()
        lab.close()


def wait_for_the_last_cell(page: Page, written: Path) -> None:
    """Wait until the last cell has run, or tell what the notebook shows instead."""
    deadline = time.monotonic() + SERVER_S
    while not written.exists():
        shown = " ".join(page.locator(".jp-OutputArea-output").all_inner_texts())
        assert time.monotonic() < deadline, f"the notebook does not come to its end; it shows: {shown}"
        page.wait_for_timeout(500)
    wait_until_idle(page, SERVER_S)


def links_of(page: Page) -> set[str]:
    """All links, also those of drawings, as whole addresses."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('a')]
            .map(link => link.href?.baseVal ?? link.getAttribute('href')).filter(Boolean)
            .filter(href => !href.startsWith('#') && !href.startsWith('javascript:'))
            .map(href => new URL(href, document.baseURI).href)"""
    )
    return {link.partition("#")[0] for link in found}


def topic(link: str) -> tuple[Any, ...]:
    parts = urlsplit(link)
    return parts.path, tuple(sorted(pair for pair in parse_qsl(parts.query, True) if pair[0] in ABOUT))


# What Spark 4.3 does wrong at its own address too: it asks for the summary of a stage none of whose tasks succeeded,
# and the master's page of its settings loads a module as if it were none.
SPARKS_OWN = ("/taskSummary?", "/environment/: Cannot use import statement outside a module")
# What is filled on each page of the driver's: a table's or drawing's selector, and how many there are at least.
PAGES = (
    ("jobs/", {"#completedJob-table tbody tr": 7, "#failedJob-table tbody tr": 1}),
    ("jobs/job/?id=0", {"#completedStage-table tbody tr": 2}),
    ("stages/", {"#completedStage-table tbody tr": 5, "#failedStage-table tbody tr": 1}),
    (
        "stages/stage/?id=0&attempt=0",
        {"#summary-metrics-table tbody tr": 3, "#active-tasks-table tbody tr": 4, "#active-tasks-table a": 8},
    ),
    ("storage/", {"#storage-by-rdd-table tbody tr": 2}),
    ("environment/", {"#runtime-table tbody tr": 3, "#spark-props-table tbody tr": 20}),
    (
        "executors/",
        {"#summary-execs-table tbody tr": 3, "#active-executors-table tbody tr": 3, "#active-executors-table a": 10},
    ),
    ("executors/threadDump/?executorId=0", {"table tbody tr": 10}),
    ("SQL/", {"#sql-table tbody tr": 1}),
    ("SQL/execution/?id=0", {"#plan-viz-graph svg g.node": 10}),
)


@pytest.mark.parametrize(("path", "filled"), PAGES, ids=[path for path, _ in PAGES])
def test_every_page_of_the_driver_is_filled(seen, path, filled):
    before = len(seen.wrong)
    page = seen.driver(path)
    for selector, count in filled.items():
        page.locator(selector).nth(count - 1).wait_for(state="attached")
        assert "No data available" not in " ".join(page.locator(selector).all_text_contents())
    page.screenshot(path=SCREENSHOTS / f"spark-{re.sub('[^A-Za-z0-9]+', '-', path).strip('-')}.png", full_page=True)
    assert seen.wrong[before:] == []


def test_stages_are_drawn_as_a_graph_and_on_a_line_of_time(seen):
    before = len(seen.wrong)
    page = seen.driver("stages/stage/?id=0&attempt=0")
    page.get_by_text("DAG Visualization").first.click()
    page.locator("#dag-viz-graph svg g.node").first.wait_for()
    page.get_by_text("Event Timeline").first.click()
    page.locator("#task-assignment-timeline .vis-item").first.wait_for()
    page.screenshot(path=SCREENSHOTS / "spark-stage-drawn.png", full_page=True)
    assert seen.wrong[before:] == []


def test_threads_of_an_executor_are_shown_beside_the_table(seen):
    before = len(seen.wrong)
    page = seen.driver("executors/")
    page.locator("#active-executors-table a", has_text="Thread Dump").first.click()
    page.locator(".offcanvas.show table tbody tr").nth(5).wait_for()
    page.screenshot(path=SCREENSHOTS / "spark-threads.png")
    assert seen.wrong[before:] == []


def test_every_link_stays_on_the_users_server_and_leads_somewhere(seen):
    visited = visit_all(seen)
    assert missing(visited, (*PAGES_OF_NODES, "/environment/", "rdd/?id=")) == []
    assert len({urlsplit(url).path.split("/")[4] for url in visited}) == 4  # driver, master, two workers


@pytest.mark.docker
def test_every_link_leads_somewhere_when_the_cluster_is_in_containers(boxed):
    # Pages about jobs and data are the driver's own, wherever the executors are: the test before visits them all.
    visited = visit_all(boxed, leave=("/jobs/", "/stages/", "/storage/", "/SQL/", "/environment/"))
    assert missing(visited, PAGES_OF_NODES) == []
    hosts = {urlsplit(url).path.split("/")[4] for url in visited}
    assert hosts > {f"{NAME}-seen-{node}" for node in ("master", "worker-1", "worker-2")}
    assert len(hosts) == 7  # the driver, and three nodes by their names and addresses
    before = len(boxed.wrong)
    page = boxed.driver("executors/")
    for selector, count in dict(PAGES)["executors/"].items():
        page.locator(selector).nth(count - 1).wait_for(state="attached")
    page.screenshot(path=SCREENSHOTS / "spark-executors-docker.png", full_page=True)
    assert boxed.wrong[before:] == []


TABS = 4
PAGES_OF_NODES = ("logType=stderr", "logType=stdout", "logType=out", "/app/?appId=")


def missing(visited: list[str], parts: tuple[str, ...]) -> list[str]:
    return [part for part in parts if not any(part in url for url in visited)]


def visit_all(seen: Seen, *, leave: tuple[str, ...] = ()) -> list[str]:
    """Follow every link of the driver's and the master's pages, but those to leave; give the addresses reached."""
    home = f"{seen.base}/user/{NAME}/spark/"
    todo = [f"{seen.base}{seen.addresses['driver']}executors/", seen.base + seen.addresses["master"]]
    done: dict[tuple[Any, ...], str] = {}
    astray, before = set(), len(seen.wrong)
    while todo:
        batch, todo = todo[:TABS], todo[TABS:]
        done |= {topic(link): link for link in batch}
        for link, url, links in seen.open_at_once(batch):
            done[topic(link)] = url
            found = links | {url}
            astray |= {f"{link} -> {one}" for one in found if not one.startswith(home)}
            inside = (one for one in found if one.startswith(home) and not any(part in one for part in leave))
            news = {topic(one): one for one in sorted(inside)}
            known = done.keys() | {topic(one) for one in todo}
            todo += [one for about, one in news.items() if about not in known]
    assert not astray
    assert [one for one in seen.wrong[before:] if not any(noise in one for noise in SPARKS_OWN)] == []
    return list(done.values())


def test_the_masters_page_lists_the_workers(seen):
    page = seen.open(seen.addresses["master"])
    assert page.get_by_text("ALIVE").count() >= 3
    assert page.locator("a", has_text="worker-").count() == 2
    page.screenshot(path=SCREENSHOTS / "spark-master.png")


def test_the_interface_for_programs_answers(seen):
    api = f"{seen.base}{seen.addresses['driver']}api/v1/applications"
    [application] = seen.page.request.get(api).json()
    executors = seen.page.request.get(f"{api}/{application['id']}/executors").json()
    logs = [url for executor in executors for url in executor["executorLogs"].values()]
    assert len(logs) == 4
    assert all(url.startswith(f"/user/{NAME}/spark/") for url in logs)


def test_the_door_is_for_reading_and_for_pages_that_are_there(seen):
    driver = seen.base + seen.addresses["driver"]
    ask = seen.page.request
    assert ask.post(f"{driver}jobs/job/kill/?id=0").status == 405
    assert ask.get(f"{driver}jobs/job/kill/?id=0").status == 403
    assert ask.get(f"{driver}jobs/job/%6bill/?id=0").status == 403
    assert ask.get(f"{seen.base}/user/{NAME}/spark/192.0.2.1/80/").status == 403
    gone = ask.get(f"{seen.base}/user/{NAME}/spark/1/")
    assert gone.status == 410
    assert "its session or its cluster has ended" in gone.text()


def test_nothing_of_the_hubs_login_reaches_spark(seen):
    got: list[dict[str, str]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *said: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        assert seen.page.request.get(f"{seen.base}/user/{NAME}/spark/{port}/").status == 200
        server.shutdown()
    [headers] = got
    assert not {"cookie", "authorization"} & headers.keys()
    assert headers["x-forwarded-context"] == f"/user/{NAME}/spark/{port}"


def test_another_student_is_kept_out(hub, seen, page):
    url = hub.running.url
    log_in(page, url, "eve", hub.running.passwords.students)
    answer = page.goto(seen.base + seen.addresses["driver"])
    assert answer is not None
    assert answer.status == 403
    assert "Jobs" not in page.inner_text("body")
    assert page.request.get(f"{seen.base}{seen.addresses['driver']}api/v1/applications").status == 403
