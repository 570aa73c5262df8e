"""Spark's own pages as a student sees them through the Hub: each is filled, and no link leads out of them.

The student is called "proxy", for Spark's scripts look for this word in the address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import nbformat
import pytest
from browser_fixtures import SCREENSHOTS, SERVER_S, choose, log_in, open_lab, wait_for_the_kernel, wait_until_idle

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
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(path if path.startswith("http") else self.base + path)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def driver(self, path: str) -> Page:
        return self.open(self.addresses["driver"] + path)


def watch(context: BrowserContext, wrong: list[str]) -> None:
    """Note answers that are errors, errors of scripts, and what they complain about."""

    def answered(response: Any) -> None:
        if response.status >= 400:
            wrong.append(f"{response.status} {response.request.method} {response.url}")

    context.on("response", answered)
    context.on("requestfailed", lambda request: wrong.append(f"{request.failure} {request.url}"))
    context.on("weberror", lambda error: wrong.append(f"{error.page.url if error.page else ''}: {error.error}"))
    context.on("console", lambda said: wrong.append(f"{said.text} {said.location}") if said.type == "error" else None)


@pytest.fixture(scope="module")
def seen(hub, browser: Browser) -> Iterator[Seen]:
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
        wait_until_idle(page, SERVER_S)
        page.get_by_text("failed, as it should").first.wait_for()
        page.get_by_role("link", name="Spark UI").last.scroll_into_view_if_needed()
        page.screenshot(path=SCREENSHOTS / "spark-00-cluster-light.png")
        context = browser.new_context(viewport={"width": 1400, "height": 900}, storage_state=lab.storage_state())
        seen = Seen(page=context.new_page(), base=url, addresses=json.loads((home / "addresses.json").read_text()))
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


def test_dump(hub, seen):
    for path in (
        "",
        "jobs/job/?id=0",
        "stages/",
        "stages/stage/?id=0&attempt=0",
        "storage/",
        "environment/",
        "executors/",
        "SQL/",
        "SQL/execution/?id=0",
    ):
        page = seen.driver(path)
        print(
            path,
            page.url,
            page.evaluate(
                "() => [...document.querySelectorAll('table')].map(t => [t.id, t.className, t.tBodies[0]?.rows.length, t.offsetHeight, t.innerText.slice(0,80)])"
            ),
        )
        page.screenshot(path=SCREENSHOTS / f"spark-d-{path.replace('/', '_').replace('?', '_')}.png", full_page=True)
    todo, done = [seen.base + seen.addresses["driver"]], {}
    while todo:
        link = todo.pop(0)
        if topic(link) in done:
            continue
        before = len(seen.wrong)
        page = seen.open(link)
        done[topic(link)] = page.url
        found = links_of(page)
        print(
            link,
            len(found),
            seen.wrong[before:],
            [one for one in found if not one.startswith(f"{seen.base}/user/{NAME}/spark/")],
        )
        todo += sorted(
            one for one in found if topic(one) not in done and one.startswith(f"{seen.base}/user/{NAME}/spark/")
        )
    page = seen.open(seen.addresses["master"])
    page.screenshot(path=SCREENSHOTS / "spark-d-master.png", full_page=True)
    print(len(done), seen.wrong)
