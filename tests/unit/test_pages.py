"""Where Spark's pages are on a user's server, and what is changed in them on the way."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from tornado.web import Application

import coursekit
from coursekit.cluster.runtime import find_spark
from coursekit.engine import FakeEngine, NodeSpec
from coursekit.pages import _jupyter_server_extension_points, handler, path_on_this_server
from coursekit.pages.address import adapt, location
from coursekit.spark.session import _pages

BASE = "/user/ada/"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://127.0.0.1:4040", "/user/ada/spark/4040/"),
        ("http://localhost:4041", "/user/ada/spark/4041/"),
        ("http://172.20.0.2:8080", "/user/ada/spark/172.20.0.2/8080/"),
    ],
)
def test_behind_a_hub_a_page_is_a_path_of_the_users_server(monkeypatch, url, path):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", BASE)
    assert path_on_this_server(url) == path


def test_without_a_hub_a_page_keeps_its_address(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    assert path_on_this_server("http://127.0.0.1:4040") == "http://127.0.0.1:4040"


def test_behind_a_hub_sparks_pages_have_no_links_that_kill(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    assert "spark.ui.killEnabled" not in _pages()
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", BASE)
    assert _pages()["spark.ui.killEnabled"] == "false"
    assert "spark.ui.proxyBase" not in _pages()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b'<a href="http://127.0.0.1:8081/logPage/?a=1&amp;b=2">',
            b'<a href="/user/ada/spark/8081/logPage/?a=1&amp;b=2">',
        ),
        (b"<a href='http://127.0.0.1:4040'>", b"<a href='/user/ada/spark/4040'>"),
        (b'<a href="http://172.20.0.3:8081/">', b'<a href="/user/ada/spark/172.20.0.3/8081/">'),
        (b'<a href="/user/ada/spark/4040/jobs/">', b'<a href="/user/ada/spark/4040/jobs/">'),
        (b'<a href="https://spark.apache.org/docs/">', b'<a href="https://spark.apache.org/docs/">'),
        (b"<td>http://127.0.0.1:8081/</td>", b"<td>http://127.0.0.1:8081/</td>"),
    ],
)
def test_links_to_other_processes_of_the_cluster_lead_through_the_users_server(before, after):
    assert adapt(before, "text/html;charset=utf-8", BASE) == after


def test_logs_of_executors_lead_through_the_users_server():
    log = "http://127.0.0.1:8081/logPage/?appId=a&executorId=0&logType=stderr"
    answer = json.dumps([{"hostPort": "127.0.0.1:1", "executorLogs": {"stderr": log, "other": log}}])
    logs = json.loads(adapt(answer.encode(), "application/json", BASE))[0]["executorLogs"]
    assert logs["stderr"] == "/user/ada/spark/8081/logPage/?appId=a&executorId=0&logType=stderr"
    assert logs["other"] == log


def test_scripts_of_spark_find_no_word_in_the_path():
    script = b"""var ind = words.indexOf("proxy"); ind = words.indexOf('history'); x = text.indexOf("proxyBase");"""
    expected = b"""var ind = words.indexOf(null); ind = words.indexOf(null); x = text.indexOf("proxyBase");"""
    assert adapt(script, "text/javascript", BASE) == expected
    assert adapt(script, "text/html", BASE) == script


def test_the_scripts_of_the_installed_spark_ask_the_path_in_the_way_that_is_mended():
    [jar] = Path(find_spark(), "jars").glob("spark-core_*.jar")
    with ZipFile(jar) as packed:
        scripts = [
            name
            for name in packed.namelist()
            if name.startswith("org/apache/spark/ui/static/") and name.endswith(".js")
        ]
        texts = {name: packed.read(name) for name in scripts if ".min." not in name}
    asking = [name for name, text in texts.items() if b'"proxy"' in text or b"'proxy'" in text]
    assert asking
    assert not [name for name in asking if b'"proxy"' in adapt(texts[name], "text/javascript", BASE)]


@pytest.mark.parametrize(
    ("target", "after"),
    [
        ("http://127.0.0.1:8000/jobs/", "/jobs/"),
        ("http://127.0.0.1:8000/user/ada/spark/4040/jobs/?a=b", "/jobs/?a=b"),
        ("/user/ada/spark/4040", "/"),
        ("/user/ada/spark/40401/", "/user/ada/spark/40401/"),
        ("http://elsewhere.example//evil.example/", "/evil.example/"),
    ],
)
def test_redirects_stay_below_the_page(target, after):
    assert location(target, "/user/ada/spark/4040") == after


def test_other_hosts_are_reached_only_where_nodes_of_the_user_are(monkeypatch):
    engine = FakeEngine()
    for name in ("ada", "ben"):
        engine.start(NodeSpec(name=f"{name}-node", owner=name, group="default", role="worker", command=("sleep",)))
    monkeypatch.setattr(handler, "open_engine", lambda: engine)
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    address = engine.nodes(owner="ada")[0].address
    assert handler.own_nodes() == {"ada-node": address, address: address}
    monkeypatch.setenv("JUPYTERHUB_USER", "eve")
    assert handler.own_nodes() == {}


def test_the_extension_is_switched_on_by_what_the_package_installs():
    [point] = _jupyter_server_extension_points()
    text = Path(coursekit.__file__).with_name("pages").joinpath("jupyter_server_config.json").read_text()
    assert json.loads(text)["ServerApp"]["jpserver_extensions"] == {point["module"]: True}


@pytest.mark.parametrize(
    ("host", "is_ours"), [("127.0.0.1", True), ("127.0.0.3", True), ("172.20.0.2", False), ("ada-node", False)]
)
def test_addresses_of_this_machine_are_told_from_others(host, is_ours):
    assert handler.is_loopback(host) == is_ours


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/user/ada/spark/4040", (None, "4040", "")),
        ("/user/ada/spark/4040/jobs/", (None, "4040", "/jobs/")),
        ("/user/ada/spark/4040/8080/", (None, "4040", "/8080/")),
        ("/user/ada/spark/172.20.0.2/8080/app/", ("172.20.0.2", "8080", "/app/")),
        ("/user/ada/spark/ada-default-worker-1/8081/", ("ada-default-worker-1", "8081", "/")),
        ("/user/ada/spark/example.org", None),
    ],
)
def test_an_address_is_read_as_host_port_and_page(path, parts):
    application = Application(base_url=BASE)
    handler.add_handlers(application)
    [pattern] = [rule.matcher.regex for rule in rules_of(application)]
    found = pattern.match(path)
    assert (found.groups() if found else None) == parts


def rules_of(application):
    return [
        rule
        for group in application.default_router.rules
        for rule in getattr(group.target, "rules", [])
        if rule.target is handler.SparkPagesHandler
    ]
