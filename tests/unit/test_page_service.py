"""The course page over real HTTP: who sees what, who may do what, and what stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_fixtures import RunningGateway, running_gateway
from gradebook_fixtures import Class
from page_fixtures import (
    GATEWAY,
    PAGE,
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
from coursekit.config import Course, GiB
from coursekit.engine import FakeEngine
from coursekit.errors import SettingsError
from coursekit.gateway.quotas import Quota, Quotas, Resources
from coursekit.gateway.settings import CLASS_SCOPE, GatewaySettings
from coursekit.grading.extensions import read_extensions
from coursekit.hub.page.render import render
from coursekit.hub.page.service_entry import course_page, visitor_scopes
from coursekit.hub.page.settings import page_settings
from coursekit.hub.settings import HubSettings

HOSTILE = "<script>alert(1)</script>"


@dataclass(kw_only=True)
class World:
    """A page, with the gateway, the Hub and the course that it is about."""

    page: RunningPage
    gateway: RunningGateway
    hub: LoginHub
    toy: Class
    engine: FakeEngine

    def log_in(self, name: str, *, teaches: bool = False) -> httpx.Client:
        if teaches:
            self.hub.instructor(name)
        else:
            self.hub.student(name)
        self.hub.sits_there = name
        client = httpx.Client(follow_redirects=True, base_url=self.page.url)
        answer = client.get("")
        assert (answer.status_code, str(answer.url)) == (200, self.page.url)
        return client


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    toy = released_class(tmp_path)
    toy.course_file("[assignments.toy]\ndue = 2026-12-01T23:59:00+01:00\n")
    hub, engine = LoginHub(), FakeEngine(cores=64, memory=256 * GiB)
    quotas = Quotas(
        default=Quota(guarantee=Resources(cores=2, memory=8 * GiB), cap=Resources(cores=6, memory=24 * GiB))
    )
    capacity = Resources(cores=8, memory=32 * GiB)
    chosen = GatewaySettings(engine="fake", quotas=quotas, capacity=capacity, every_s=0.1, has_servers=False)
    with (
        seeming_masters(engine),
        running_gateway(chosen, engine, hub=hub) as gateway,
        hub.answering(),
        running_page(settings_of(toy, gateway_url=gateway.url), hub) as page,
    ):
        yield World(page=page, gateway=gateway, hub=hub, toy=toy, engine=engine)


def token_of(client: httpx.Client) -> str:
    match = re.search(r'data-xsrf="([^"]+)"', client.get("").text)
    assert match is not None
    return match[1]


def act(client: httpx.Client, action: str, **fields: str) -> httpx.Response:
    return client.post(f"actions/{action}", data={"_xsrf": token_of(client), **fields})


def test_a_student_sees_their_own_cluster_share_and_assignments_and_nobody_elses(world):
    world.gateway.client("ada").apply(ClusterSpec(name="mine", workers=2, memory=GiB))
    world.gateway.client("ben").apply(ClusterSpec(name="secret-of-ben", workers=1, memory=GiB))
    hand_in(world.toy, "ada")
    hand_in(world.toy, "ben")
    text = world.log_in("ada").get("").text
    for said in ("mine", "2 of 2", "2 cores, 2.0 GiB", "6 cores, 24.0 GiB", "Tue 24 November, 12:00", "submitted"):
        assert said in text
    assert "ben" not in text.replace("begins", "")
    assert "actions/" not in text


def test_an_instructor_sees_the_class_by_scope_by_group_or_by_name(world):
    world.gateway.client("ada").apply(ClusterSpec(workers=2, memory=GiB))
    text = world.log_in("ira", teaches=True).get("").text
    assert "<bdi>ada</bdi>" in text
    world.hub.add("gus", PAGE, GATEWAY, groups=("formgrade-ml-resources",))
    world.hub.sits_there = "gus"
    client = httpx.Client(follow_redirects=True, base_url=world.page.url)
    assert "gus is no instructor" in client.get("").text, "the gateway goes by its own settings, and the page tells"


def test_what_an_instructor_does_is_done_and_told(world):
    world.gateway.client("ada").apply(ClusterSpec(workers=6, memory=GiB))
    ira = world.log_in("ira", teaches=True)
    assert (
        "ada may have 8 cores, 32.0 GiB at most"
        in act(ira, "quota", do="give", student="ada", cores="8", memory="32").text
    )
    assert world.gateway.client("ada").quota()["cap"]["cores"] == 8
    assert "own quota again" in act(ira, "quota", do="reset", student="ada").text
    assert "Cluster default of ada is stopped" in act(ira, "stop", student="ada", cluster="default").text
    assert world.engine.nodes(owner="ada") == ()
    told = act(ira, "extension", student="ada", assignment="toy", until="2026-12-05T23:59").text
    assert "ada has until Sat 5 December, 23:59 for toy." in told
    assert list(read_extensions(world.toy.settings.extensions_file)) == ["toy"]
    assert "Everybody sees" in act(ira, "message", text="No class today").text
    assert "is stopped" not in ira.get("").text, "what was done is told once"
    ada = world.log_in("ada").get("").text
    assert "No class today" in ada
    assert "extended for you" in ada


def test_what_cannot_be_done_is_told_and_changes_nothing(world):
    ira = world.log_in("ira", teaches=True)
    for action, fields, why in (
        ("quota", {"do": "give", "student": "ada", "cores": "1", "memory": "4"}, "guaranteed more than they may have"),
        ("quota", {"do": "give", "student": "ada", "cores": "many", "memory": "4"}, "cannot be"),
        ("stop", {"student": "a/b", "cluster": "default"}, "not the name of a user"),
        ("extension", {"student": "ada", "assignment": "toy", "until": ""}, "not a moment"),
        ("message", {"text": "x" * 1001}, "1001 characters"),
    ):
        answer = act(ira, action, **fields)
        assert (answer.status_code, "said problem" in answer.text) == (200, True)
        assert why in answer.text


@pytest.mark.parametrize("action", ["stop", "quota", "extension", "message"])
def test_a_student_can_do_nothing_of_what_instructors_do(world, action):
    world.gateway.client("ben").apply(ClusterSpec(workers=1, memory=GiB))
    ada = world.log_in("ada")
    fields = {"student": "ben", "cluster": "default", "cores": "64", "memory": "64", "do": "give",
              "assignment": "toy", "until": "2027-01-01T00:00", "text": "hacked"}  # fmt: skip
    answer = act(ada, action, **fields)
    assert (answer.status_code, "no instructor" in answer.text) == (403, True)
    assert len(world.engine.nodes(owner="ben")) == 2
    assert not world.page.settings.message_file.exists()
    assert not world.toy.settings.extensions_file.exists()
    assert ada.get("live/class").status_code == 403


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_change_without_the_pages_own_token_is_refused(world, token):
    ira = world.log_in("ira", teaches=True)
    fields = {"text": "hacked", **({"_xsrf": token} if token else {})}
    assert ira.post("actions/message", data=fields).status_code == 403
    assert not world.page.settings.message_file.exists()


def test_another_users_token_of_the_page_is_not_good(world):
    token = token_of(world.log_in("ada"))
    ira = world.log_in("ira", teaches=True)
    assert ira.post("actions/message", data={"text": "hacked", "_xsrf": token}).status_code == 403


def test_whoever_is_not_logged_in_is_sent_to_the_hub_and_sees_nothing(world):
    plain = httpx.Client(base_url=world.page.url)
    answer = plain.get("")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{world.hub.url}/hub/api/oauth2/authorize")
    assert plain.get("live/me").status_code == 403
    assert plain.post("actions/message", data={"text": "x"}).status_code == 403


def test_a_login_without_the_scope_of_the_page_and_a_service_are_refused(world):
    world.hub.add("mal", GATEWAY)
    world.hub.sits_there = "mal"
    assert httpx.get(world.page.url, headers={"Authorization": "token token-mal"}).status_code == 403
    world.hub.add("robot", PAGE, GATEWAY, CLASS_SCOPE, kind="service")
    assert httpx.get(world.page.url, headers={"Authorization": "token token-robot"}).status_code == 403


def test_a_student_reads_their_own_feedback_in_which_nothing_runs_and_never_anothers(world):
    for student in ("ada", "ben"):
        make_feedback(world.toy, student, f"for {student} {HOSTILE}")
    publish(world.toy, "ben")
    ada = world.log_in("ada")
    assert ada.get("feedback/toy/toy").status_code == 404
    publish(world.toy, "ada")
    answer = ada.get("feedback/toy/toy")
    assert "for ada" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "7.5 of 12" in ada.get("").text
    for path in ("feedback/toy/..%2F..%2Fben%2Ftoy%2Ftoy", "feedback/..%2Fben/toy", "feedback/toy/other"):
        assert ada.get(path).status_code == 404


def test_names_and_messages_of_students_stay_text(world):
    world.hub.users["token-mal"] = {"name": HOSTILE, "kind": "user", "scopes": [GATEWAY], "groups": []}
    GatewayClient(world.gateway.url, "token-mal").apply(ClusterSpec(workers=1, memory=GiB))
    hand_in(world.toy, "'\"><img src=x onerror=alert(1)>")
    world.toy.write_report("x", {"cells": {HOSTILE: {"status": "failed"}, "two": {"status": "died"}}})
    ira = world.log_in("ira", teaches=True)
    act(ira, "message", text=HOSTILE)
    for path in ("", "live/class"):
        text = ira.get(path).text
        assert "<script>alert" not in text
        assert "<img" not in text
    assert "&lt;script&gt;alert(1)" in ira.get("").text
    assert "is stopped" not in act(ira, "stop", student=HOSTILE, cluster="default").text, "it has a slash: no name"


def test_pages_carry_a_policy_under_which_only_their_own_script_runs(world):
    ada = world.log_in("ada")
    headers = ada.get("").headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    text = ada.get("").text
    assert not re.search(r"<script>|<style| style=| on[a-z]+=|https?://(?!127\.0\.0\.1)", text)
    assert ada.get("static/page.css").status_code == 200
    assert ada.get("static/../handlers.py").status_code == 404
    assert ada.get("static/%2e%2e/handlers.py").status_code in (403, 404)
    assert ada.get("nowhere").status_code == 404


def test_a_gateway_that_is_away_is_told_and_the_rest_is_shown(tmp_path):
    toy = released_class(tmp_path)
    hub = LoginHub()
    with (
        hub.answering(),
        running_page(settings_of(toy, gateway_url="http://127.0.0.1:9/services/gateway"), hub) as page,
    ):
        for name, said in (("ada", "Assignments"), ("ira", "Raise a quota")):
            _ = hub.student("ada"), hub.instructor("ira")
            hub.sits_there = name
            text = httpx.Client(follow_redirects=True).get(page.url).text
            assert "gateway does not answer" in text
            assert said in text


def test_a_hub_without_a_gateway_says_so(tmp_path):
    toy = released_class(tmp_path)
    hub = LoginHub()
    with hub.answering(), running_page(settings_of(toy), hub) as page:
        hub.student("ada")
        hub.sits_there = "ada"
        assert "This Hub has no gateway" in httpx.Client(follow_redirects=True).get(page.url).text


def test_deadlines_that_cannot_be_read_are_told_to_instructors_in_full_and_to_students_in_short(world):
    world.toy.course_file("[assignments.toy]\ndue = 7\n")
    assert "assignments.toy.due" in world.log_in("ira", teaches=True).get("").text
    text = world.log_in("ada").get("").text
    assert "assignments.toy.due" not in text
    assert "your instructors see why" in text


def test_the_service_has_no_scope_and_visitors_lend_it_only_theirs():
    entry = course_page("http://127.0.0.1:10102", gateway_url="http://127.0.0.1:10101/services/gateway")
    assert entry["oauth_client_allowed_scopes"] == [*visitor_scopes(has_gateway=True), CLASS_SCOPE]
    assert course_page("http://127.0.0.1:10102")["oauth_client_allowed_scopes"] == [PAGE]
    assert not {"admin", "api_token"} & entry.keys()


def test_settings_come_from_the_hub_and_a_page_without_an_address_is_refused(tmp_path):
    hub = HubSettings(root=Course(root=tmp_path).root, title="Toy", instructors=("ira",))
    given: dict[str, Any] = {"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:10102", "JUPYTERHUB_BASE_URL": "/class"}
    found = page_settings(hub, given)
    assert (found.port, found.base_url, found.instructors, found.title) == (10102, "/class/", {"ira"}, "Toy")
    with pytest.raises(SettingsError, match="no address"):
        page_settings(hub, {})


def test_an_error_page_escapes_what_it_says(world):
    assert "<script>" not in render("error.html", page=world.page.settings, what=HOSTILE, code=500)
