"""The course page in a browser: both roles, light and dark, wide and narrow, each action pressed, nothing cut off.

The page and the gateway are real, on the fake engine; the Hub's login is played by `page_fixtures.LoginHub`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_fixtures import SCREENSHOTS
from gateway_fixtures import RunningGateway, running_gateway
from gradebook_fixtures import Class
from page_fixtures import (
    GATEWAY,
    LoginHub,
    RunningPage,
    hand_in,
    make_feedback,
    publish,
    released_class,
    running_page,
    settings_of,
)

from coursekit.cluster import ClusterSpec, GatewayClient
from coursekit.cluster.fakes import seeming_masters
from coursekit.config import GiB
from coursekit.engine import FakeEngine
from coursekit.gateway.quotas import Quota, Quotas, Resources
from coursekit.gateway.records import Records, Usage
from coursekit.gateway.servers import FakeServers
from coursekit.gateway.settings import GatewaySettings
from coursekit.gateway.tables import database_url
from coursekit.grading.extensions import read_extensions
from coursekit.hub.page.message import Message, write_message

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

HOSTILE = "<script>alert(1)</script>"
LOOKS = [("light", 1400), ("dark", 1400), ("light", 400), ("dark", 400)]


@dataclass(kw_only=True)
class World:
    page: RunningPage
    gateway: RunningGateway
    hub: LoginHub
    toy: Class
    engine: FakeEngine


def cores(number: int) -> Resources:
    return Resources(cores=number, memory=number * 4 * GiB)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    toy = released_class(tmp_path)
    for extra in ("a2-partition", "a3-shuffle"):
        (toy.settings.outbound / extra).mkdir()
    toy.course_file(
        "[assignments.toy]\ndue = 2026-12-01T23:59:00+01:00\n"
        "[assignments.a2-partition]\ndue = 2026-01-15T23:59:00+01:00\n"
    )
    hub, engine = LoginHub(), FakeEngine(cores=64, memory=256 * GiB)
    chosen = GatewaySettings(
        engine="fake",
        quotas=Quotas(default=Quota(guarantee=cores(2), cap=cores(6))),
        capacity=cores(12),
        every_s=0.1,
    )
    servers = FakeServers({name: f"server-{name}" for name in ("ada", "ben", "cleo", "mal", HOSTILE)})
    with (
        seeming_masters(engine),
        running_gateway(chosen, engine, hub=hub, servers=servers) as gateway,
        hub.answering(),
        running_page(settings_of(toy, gateway_url=gateway.url), hub) as page,
    ):
        fill(toy, gateway, hub, page)
        yield World(page=page, gateway=gateway, hub=hub, toy=toy, engine=engine)


def fill(toy: Class, gateway: RunningGateway, hub: LoginHub, page: RunningPage) -> None:
    """Let a class be at work: clusters, a queue, a dead worker, submissions, feedback, usage of hours, a message."""
    hub.users["token-hostile"] = {"name": HOSTILE, "kind": "user", "scopes": [GATEWAY], "groups": []}
    gateway.client("ada").apply(ClusterSpec(name="default", workers=5, memory=2 * GiB))
    gateway.client("ben").apply(ClusterSpec(name="training", workers=3, memory=4 * GiB))
    cleo = gateway.client("cleo")
    cleo.apply(ClusterSpec(name="default", workers=8, memory=2 * GiB))
    GatewayClient(gateway.url, "token-hostile").apply(ClusterSpec(workers=1, memory=GiB))
    ben = gateway.client("ben")
    ben.engine.signal(ben.worker("training", 0), 9)
    for student in ("ada", "ben", "cleo", "'\"><img src=x onerror=alert(1)>"):
        hand_in(toy, student)
    toy.settings.course_dir.joinpath("autograded", "ada", "toy").mkdir(parents=True)
    make_feedback(toy, "ada", f"Well done. {HOSTILE}")
    publish(toy, "ada")
    tests = {"one": {"status": "timeout"}, "two": {"status": "failed"}, "three": {"status": "timeout"}}
    toy.write_report("cleo", {"cells": tests, "flags": [{"kind": "restored", "what": "x"}]})
    records = Records(database_url(page.settings.usage))
    now = time.time()
    levels = (0, 0, 2, 3, 5, 6, 6, 9, 12, 12, 11, 8, 4, 4, 6, 9, 12, 10, 11, 12)
    for tick in range(6 * 3600 // 240 + 1):
        usage = Usage(cluster="all/all", owner="all", resources=Resources(cores=levels[tick * len(levels) // 91]))
        records.tick(now - 6 * 3600 + tick * 240, [usage])
    records.close()
    write_message(page.settings.message_file, Message(text="Room change: we meet in Aula C today.", by="ira", at=now))


def open_page(browser: Browser, world: World, name: str, said: list[str], *, scheme: str = "light", width: int = 1400,
              path: str = "") -> Page:  # fmt: skip
    if name == "ira":
        world.hub.instructor(name)
    else:
        world.hub.student(name)
    world.hub.sits_there = name
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(20_000)
    hosts = (world.page.url.split("/services")[0], world.hub.url)
    page.on("console", lambda message: said.append(f"{message.text} {message.location}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: None if request.url.startswith((*hosts, "data:")) else said.append(request.url))
    page.goto(world.page.url + path)
    return page


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
@pytest.mark.parametrize("name", ["ada", "ira"])
def test_the_page_is_shown_whole_in_every_look(browser, world, name, scheme, width):
    said: list[str] = []
    page = open_page(browser, world, name, said, scheme=scheme, width=width)
    role = "instructor" if name == "ira" else "student"
    page.screenshot(path=SCREENSHOTS / f"course-{role}-{scheme}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("complementary").get_by_text("we meet in Aula C").is_visible()
    if role == "student":
        assert page.get_by_role("img", name="Your share of the class").is_visible()
        assert page.get_by_text("7.5 of 12").is_visible()
    else:
        assert page.get_by_role("img", name="Cores in use over the last hours").is_visible()
        assert page.get_by_text("workers of cluster training died").is_visible()
        assert page.get_by_text(HOSTILE).first.is_visible()
    assert said == []
    page.context.close()


def test_an_instructor_presses_each_action_and_is_told_what_it_did(browser, world):
    said: list[str] = []
    page = open_page(browser, world, "ira", said)
    status = page.get_by_role("status")

    row = page.get_by_role("row").filter(has_text="ben").filter(has_text="training")
    row.get_by_text("Stop…").click()
    page.screenshot(path=SCREENSHOTS / "course-stop.png")
    page.get_by_role("button", name="Stop training of ben").click()
    status.get_by_text("Cluster training of ben is stopped").wait_for()
    assert world.engine.nodes(owner="ben") == ()
    page.screenshot(path=SCREENSHOTS / "course-stopped.png", full_page=True)

    quota = page.locator("section", has=page.get_by_role("heading", name="Raise a quota"))
    quota.get_by_label("student").fill("ada")
    quota.get_by_label("cores at most").fill("9")
    quota.get_by_label("memory at most").fill("36")
    quota.get_by_role("button", name="Give", exact=True).click()
    status.get_by_text("ada may have 9 cores, 36.0 GiB at most").wait_for()
    assert world.gateway.client("ada").quota()["cap"]["cores"] == 9

    quota.get_by_label("student").fill("ada")
    quota.get_by_role("button", name="The course's own again").click()
    status.get_by_text("ada has the course's own quota again").wait_for()

    extension = page.locator("section", has=page.get_by_role("heading", name="Extend a deadline"))
    extension.get_by_label("assignment").select_option("toy")
    extension.get_by_label("student").fill("cleo")
    extension.get_by_label("until").fill("2026-12-05T23:59")
    extension.get_by_role("button", name="Extend").click()
    status.get_by_text("cleo has until Sat 5 December, 23:59 for toy.").wait_for()
    assert "cleo" in read_extensions(world.toy.settings.extensions_file)["toy"]

    message = page.locator("section", has=page.get_by_role("heading", name="Message of the day"))
    message.get_by_label("text").fill(f"See you at 9 {HOSTILE}")
    message.get_by_role("button", name="Tell everybody").click()
    status.get_by_text("Everybody sees the message now").wait_for()
    assert page.get_by_role("complementary").get_by_text(f"See you at 9 {HOSTILE}").is_visible()
    assert said == []
    page.context.close()


def test_the_class_changes_on_the_page_by_itself_but_not_under_the_hand(browser, world):
    said: list[str] = []
    page = open_page(browser, world, "ira", said)
    row = page.get_by_role("row").filter(has_text="ada")
    row.get_by_text("Stop…").click()
    world.gateway.client("dan").apply(ClusterSpec(name="new-one", workers=1, memory=GiB))
    page.evaluate("refresh()")  # what the page does every five seconds
    assert page.get_by_text("new-one").count() == 0, "a row that is being used stays where it is"
    row.get_by_text("Stop…").click()
    page.get_by_text("new-one").wait_for(timeout=15_000)
    assert said == []
    page.context.close()


def test_a_student_opens_released_feedback_in_which_nothing_runs(browser, world):
    said: list[str] = []
    page = open_page(browser, world, "ada", said)
    page.get_by_role("link", name="toy").click()
    page.get_by_text("Well done.").wait_for()
    assert page.evaluate("document.title") == ""
    assert not any("alert" in one for one in said if "Content Security" not in one and "sandbox" not in one)
    page.context.close()
