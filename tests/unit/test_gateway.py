"""The gateway over real HTTP, on the fake engine."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from gateway_fixtures import FakeHub, RunningGateway, running_gateway
from typer.testing import CliRunner
from waiting import until

from coursekit.cli.main import app
from coursekit.cluster import ClusterSpec, GatewayClient
from coursekit.cluster.fakes import seeming_masters
from coursekit.config import GiB
from coursekit.engine import FakeEngine, NodeSpec
from coursekit.errors import (
    CapacityError,
    ClusterDiffersError,
    ClusterNotFoundError,
    ClusterStartError,
    EngineUnavailableError,
    GatewayError,
    GatewayUnavailableError,
    MasterDiedError,
    NotAllowedError,
    QueueError,
    SettingsError,
    UnknownTokenError,
    WorkerDiedError,
)
from coursekit.gateway.picture import Picture
from coursekit.gateway.quotas import Quota, Quotas, Resources
from coursekit.gateway.servers import FakeServers
from coursekit.gateway.settings import GatewaySettings, Limits
from coursekit.gateway.store import Wanted, WantedStore
from coursekit.spark import SparkCluster


def amount(cores: int) -> Resources:
    return Resources(cores=cores, memory=cores * 4 * GiB)


def settings(**more: Any) -> GatewaySettings:
    quotas = Quotas(default=Quota(guarantee=amount(2), cap=amount(6)))
    given = {"quotas": quotas, "capacity": amount(6), "every_s": 0.1, "stream_s": 30.0, "has_servers": False}
    return GatewaySettings(engine="fake", **{**given, **more})


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine(cores=64, memory=256 * GiB)
    with seeming_masters(engine):
        yield engine


@pytest.fixture
def gateway(engine: FakeEngine) -> Iterator[RunningGateway]:
    with running_gateway(settings(), engine) as gateway:
        yield gateway


def spec(workers: int, name: str = "default", **more: Any) -> ClusterSpec:
    return ClusterSpec(name=name, workers=workers, memory=GiB, **more)


def workers_of(engine: FakeEngine, owner: str) -> int:
    return sum(node.role == "worker" for node in engine.nodes(owner=owner))


def test_a_cluster_is_started_found_scaled_and_stopped(gateway, engine):
    ada = gateway.client("ada")
    assert len(ada.apply(spec(2)).started) == 3
    status = ada.wait_ready("default")
    assert (status.owner, status.state, status.registered, status.granted) == ("ada", "running", 2, 2)
    assert ada.spec("default") == spec(2)
    assert len(ada.apply(spec(3)).started) == 1
    assert ada.apply(spec(1)).stopped == ("ada-default-worker-2", "ada-default-worker-3")
    assert [one.name for one in ada.clusters()] == ["default"]
    assert set(ada.logs("default")) == {"ada-default-master", "ada-default-worker-1"}
    ada.delete("default")
    ada.delete("default")
    assert engine.nodes() == ()
    with pytest.raises(ClusterNotFoundError, match="ada has no cluster 'default'"):
        ada.status("default")


def test_everybody_sees_their_own_only(gateway, engine):
    ada, ben = gateway.client("ada"), gateway.client("ben")
    ada.apply(spec(1))
    assert ben.clusters() == ()
    with pytest.raises(ClusterNotFoundError):
        ben.access("default")
    ben.delete("default")
    assert workers_of(engine, "ada") == 1


def test_names_that_look_alike_are_different_users(gateway, engine):
    gateway.client("a-b").apply(spec(1, "c"))
    gateway.client("a").apply(spec(1, "b-c"))
    assert {(node.owner, node.group) for node in engine.nodes()} == {("a-b", "c"), ("a", "b-c")}
    gateway.client("a").delete("b-c")
    assert {(node.owner, node.group) for node in engine.nodes()} == {("a-b", "c")}


def test_what_is_lent_goes_back_to_who_is_below_their_guarantee_and_is_told(gateway, engine):
    heard: list[str] = []
    ada, ben = gateway.client("ada"), gateway.client("ben")
    ada.listen("default", heard.append)
    ada.apply(spec(6))
    assert workers_of(engine, "ada") == 6
    until(lambda: gateway.streams["ada"])
    ben.apply(spec(2))
    assert (workers_of(engine, "ada"), workers_of(engine, "ben")) == (4, 2)
    until(lambda: heard)
    assert heard == ["2 of your 6 workers go back to the class; your job goes on."]
    status = ada.status("default")
    assert (status.granted, status.queue.missing, status.queue.position) == (4, 2, 1)
    ben.delete("default")
    until(lambda: workers_of(engine, "ada") == 6)
    until(lambda: len(heard) == 2)
    assert heard[1] == "Your cluster 'default' has 6 of 6 workers now."
    ada.release("default")


def test_who_cannot_be_served_sees_their_place_and_loses_it_to_nobody(engine):
    quotas = Quotas(default=Quota(guarantee=amount(1), cap=amount(2)))
    with running_gateway(settings(quotas=quotas, capacity=amount(4)), engine) as gateway:
        names = [f"s{number}" for number in range(12)]
        clients = {name: gateway.client(name, tell=lambda _: None) for name in names}
        failures: list[str] = []

        def work(name: str) -> None:
            try:
                clients[name].apply(spec(1))
                assert workers_of(engine, name) == 1
                clients[name].delete("default")
            except Exception as error:
                failures.append(f"{name}: {error!r}")

        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert engine.nodes() == ()


def test_waiting_in_vain_ends_with_the_place_in_the_queue(engine):
    quotas = Quotas(default=Quota(guarantee=amount(1), cap=amount(2)))
    told: list[str] = []
    with running_gateway(settings(quotas=quotas, capacity=amount(2)), engine) as gateway:
        gateway.client("ada").apply(spec(1))
        gateway.client("ben").apply(spec(1))
        eve = gateway.client("eve", queue_s=0.2, tell=told.append)
        gateway.client("dan", queue_s=0.2, tell=told.append)
        asking = threading.Thread(target=lambda: _ask_in_vain(gateway.client("dan", queue_s=2, tell=told.append)))
        asking.start()
        until(lambda: told)
        with pytest.raises(QueueError, match="number 2 in the queue"):
            eve.apply(spec(1))
        asking.join(20)
        assert told[0] == (
            "Cluster 'default' is waiting for 1 more worker, number 1 in the queue (the class has nothing free now)."
        )


def _ask_in_vain(client: GatewayClient) -> None:
    with pytest.raises(QueueError):
        client.apply(spec(1))


def test_who_has_all_that_they_may_have_does_not_wait_for_more(engine):
    quotas = Quotas(default=Quota(guarantee=Resources(), cap=amount(6)))
    with running_gateway(settings(quotas=quotas, capacity=amount(20)), engine) as gateway:
        ada = gateway.client("ada")
        ada.apply(spec(1, cores=6))
        with pytest.raises(QueueError, match=r"gets no worker: .*your cap is 6 cores"):
            ada.apply(spec(1, "second"))
        assert [one.name for one in ada.clusters()] == ["default"]


def test_a_gateway_that_starts_again_finds_its_clusters_and_its_queue(engine, tmp_path):
    quotas = Quotas(default=Quota(guarantee=amount(1), cap=amount(4)))
    chosen = settings(quotas=quotas, capacity=amount(2), database=f"sqlite:///{tmp_path}/gateway.sqlite")
    with running_gateway(chosen, engine) as gateway:
        gateway.client("ada").apply(spec(4))
    assert workers_of(engine, "ada") == 2
    with running_gateway(chosen, engine) as gateway:
        ada = gateway.client("ada")
        assert ada.spec("default") == spec(4)
        status = ada.status("default")
        assert (status.registered, status.granted) == (2, 2)
    (tmp_path / "gateway.sqlite").unlink()
    with running_gateway(chosen, engine) as gateway:
        assert gateway.client("ada").spec("default") == spec(2), "without the table, what runs is what is wanted"


def test_a_database_that_somebody_locked_keeps_nobody_from_a_cluster(engine, tmp_path):
    path = tmp_path / "gateway.sqlite"
    with running_gateway(settings(database=f"sqlite:///{path}"), engine) as gateway, sqlite3.connect(path) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        ada = gateway.client("ada")
        ada.apply(spec(2))
        assert ada.wait_ready("default").registered == 2
        lock.rollback()
        ada.apply(spec(3))
        store = WantedStore(f"sqlite:///{path}")
        until(lambda: [(one.owner, one.spec.workers) for one in store.load()] == [("ada", 3)])
        store.close()


def test_what_was_asked_for_while_the_database_was_locked_is_written_down_afterwards(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("coursekit.gateway.reconcile._AGAIN_S", 0.1)
    path = tmp_path / "gateway.sqlite"
    address = f"sqlite:///{path}?timeout=0.1"
    with running_gateway(settings(database=address), engine) as gateway, sqlite3.connect(path) as lock:
        until(lambda: WantedStore(address).load() == () and path.stat().st_size)
        lock.execute("BEGIN EXCLUSIVE")
        gateway.client("ada").apply(spec(2))
        time.sleep(1)  # it has been tried in vain
        lock.rollback()
        until(lambda: [(one.owner, one.spec.workers) for one in WantedStore(address).load()] == [("ada", 2)])


def test_who_waited_for_long_keeps_their_place_when_the_gateway_starts_again_if_their_server_runs(engine, tmp_path):
    address = f"sqlite:///{tmp_path}/gateway.sqlite"
    store = WantedStore(address)
    before = time.time() - 3600
    store.replace(
        Wanted(owner=owner, spec=spec(1), since=before + place, granted=0)
        for place, owner in enumerate(("ada", "ben", "gone"))
    )
    store.close()
    quotas = Quotas(default=Quota(guarantee=Resources(), cap=amount(1)))
    chosen = settings(quotas=quotas, capacity=amount(1), database=address)
    servers = FakeServers({"ada": "server-ada", "ben": "server-ben"})
    with running_gateway(chosen, engine, servers=servers) as gateway:
        until(lambda: workers_of(engine, "ada") == 1)
        [waiting] = gateway.client("ben").clusters()
        assert (waiting.state, waiting.queue.position) == ("queued", 1)
        assert gateway.client("gone").clusters() == ()


def test_who_watches_sees_what_is_used_for_which_assignment(engine, monkeypatch):
    monkeypatch.setenv("COURSEKIT_ASSIGNMENT", "a1")
    pictures: list[Picture] = []
    with running_gateway(settings(), engine, watch=pictures.append) as gateway:
        gateway.client("ada").apply(spec(2))
        until(lambda: pictures and pictures[-1].claims and pictures[-1].claims[0].running == 2)
    last = pictures[-1]
    assert (last.claims[0].owner, last.assignments, last.decision.targets) == (
        "ada",
        {"ada/default": "a1"},
        {"ada/default": 2},
    )


def test_nodes_that_are_no_cluster_keep_nobody_from_one(engine):
    engine.start(NodeSpec(name="odd", owner="eve", group="odd", role="worker", command=("sleep",), labels={}))
    with running_gateway(settings(), engine) as gateway:
        gateway.client("ada").apply(spec(1))
        assert workers_of(engine, "ada") == 1


def test_an_engine_that_is_away_for_a_while_is_told_of_and_clusters_are_found_again(gateway, engine, monkeypatch):
    def gone(**_: Any) -> Any:
        raise EngineUnavailableError("no daemon answers.", fix="start it")

    ada = gateway.client("ada")
    ada.apply(spec(1))
    token = bearer(gateway.hub.student("ada"))
    with monkeypatch.context() as away:
        away.setattr(engine, "nodes", gone)
        answer = httpx.get(f"{gateway.url}api/v1/clusters/default/status", headers=token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "EngineUnavailableError")
        time.sleep(0.5)  # several looks in vain
    assert ada.status("default").state == "running"
    assert len(ada.apply(spec(2)).started) == 1


def test_a_cluster_ends_with_its_owners_server_and_the_owner_learns_why(engine):
    servers = FakeServers({"ada": "coursekit-default-server-ada"})
    with running_gateway(settings(has_servers=True, absent_s=0.2), engine, servers=servers) as gateway:
        ada = gateway.client("ada")
        ada.apply(spec(1))
        ada.access("default")
        assert ("ada", "default", "coursekit-default-server-ada") in engine.joined
        servers.there.clear()
        until(lambda: engine.nodes() == ())
        with pytest.raises(ClusterNotFoundError, match="its owner's server has ended"):
            ada.status("default")
        ada.apply(spec(1))
        with pytest.raises(GatewayError, match="not running"):
            ada.access("default")


def test_an_idle_cluster_is_warned_of_and_stopped_and_a_touch_keeps_it(engine):
    heard: list[str] = []
    with running_gateway(settings(idle_s=2.0), engine) as gateway:
        ada = gateway.client("ada")
        ada.listen("default", heard.append)
        ada.apply(spec(1))
        for _ in range(10):
            ada.touch("default")
            time.sleep(0.3)
        assert workers_of(engine, "ada") == 1
        until(lambda: engine.nodes() == ())
        until(lambda: len(heard) >= 2)
        assert "will be stopped in" in heard[0]
        assert "it had run no job for 2 s" in heard[1]
        ada.release("default")


def test_a_dead_worker_is_told_of_and_replaced_only_when_asked(gateway, engine):
    ada = gateway.client("ada")
    ada.apply(spec(2))
    engine.signal("ada-default-worker-2", signal.SIGKILL)
    until(lambda: ada.status("default").state == "degraded")
    change = ada.apply(spec(2))
    assert [worker.name for worker in change.replaced] == ["ada-default-worker-2"]
    assert ada.status("default").state == "running"


def test_ones_own_workers_can_be_made_to_fail_and_nobody_elses(gateway, engine):
    ada, ben = gateway.client("ada"), gateway.client("ben")
    ada.apply(spec(2))
    ada.engine.freeze(ada.worker("default", 0))
    assert engine.frozen == {"ada-default-worker-1"}
    ada.engine.thaw(ada.worker("default", 0))
    with pytest.raises(SettingsError, match="you have no worker"):
        ben.engine.signal("ada-default-worker-1", signal.SIGKILL)
    ada.engine.signal("ada-default-worker-1", signal.SIGKILL)
    assert ada.status("default").workers[0].state == "died"


def test_another_shape_one_cluster_too_many_and_a_giant_worker_are_refused_as_on_a_laptop(engine):
    with running_gateway(settings(limits=Limits(clusters=2)), engine) as gateway:
        ada = gateway.client("ada")
        ada.apply(spec(1))
        with pytest.raises(ClusterDiffersError, match="1 cores"):
            ada.apply(ClusterSpec(workers=1, cores=2, memory=GiB))
        with pytest.raises(CapacityError, match="more than you may have"):
            ada.apply(spec(1, "giant", cores=12))
        ada.apply(spec(1, "second"))
        with pytest.raises(GatewayError, match="2 clusters already"):
            ada.apply(spec(1, "third"))


def test_a_start_that_fails_is_told_with_its_reason_and_can_be_tried_again(gateway, engine, monkeypatch):
    def refuse(spec: Any) -> Any:
        raise ClusterStartError("the master fell over.", fix="pick it up")

    ada = gateway.client("ada")
    with monkeypatch.context() as broken:
        broken.setattr(engine, "start", refuse)
        with pytest.raises(ClusterStartError, match="fell over"):
            ada.apply(spec(1))
    assert len(ada.apply(spec(1)).started) == 2


def test_what_is_asked_for_is_that_of_whose_token_it_is(gateway):
    with pytest.raises(UnknownTokenError):
        GatewayClient(gateway.url, "token-nobody").clusters()
    with pytest.raises(NotAllowedError, match="lacks access:services!service=gateway"):
        GatewayClient(gateway.url, gateway.hub.add("mal", "access:servers")).clusters()
    with pytest.raises(NotAllowedError, match="services have no clusters"):
        GatewayClient(gateway.url, gateway.hub.add("page", "access:services", kind="service")).clusters()


def test_cookies_and_tokens_in_the_address_are_not_accepted(gateway):
    token = gateway.hub.student("ada")
    url = f"{gateway.url}api/v1/clusters"
    assert httpx.get(url, cookies={"jupyterhub-services": token, "token": token}).status_code == 401
    assert httpx.get(url, params={"token": token}).status_code == 401


def test_a_stream_that_was_cut_goes_on_where_it_was(engine):
    with running_gateway(settings(stream_s=0.3), engine) as gateway:
        ada = gateway.client("ada")
        ada.apply(spec(6))
        gateway.client("ben").apply(spec(2))
        gateway.client("ben").delete("default")
        until(lambda: workers_of(engine, "ada") == 6)
        connection, over = ada._gateway, threading.Event()
        told = [(number, event["kind"]) for number, event in connection.events(over, last="1")]
        assert [kind for _, kind in told if kind != "queued"] == ["reclaimed", "granted"]
        again = [event["kind"] for _, event in connection.events(over, last=told[-2][0])]
        assert again == [told[-1][1]]
        kinds = {event["kind"] for _, event in gateway.client("ben")._gateway.events(over, last="1")}
        assert "reclaimed" not in kinds, "that is nobody's business but ada's"


def test_only_instructors_see_the_class(gateway):
    gateway.client("ada").apply(spec(1))
    url = f"{gateway.url}api/v1/class"
    assert httpx.get(url, headers=bearer(gateway.hub.student("ben"))).status_code == 403
    found = httpx.get(url, headers=bearer(gateway.hub.instructor("ira"))).json()
    assert [(one["owner"], one["running"]) for one in found["clusters"]] == [("ada", 1)]


def test_only_instructors_stop_somebody_elses_cluster_and_the_owner_learns_who(gateway, engine):
    ada = gateway.client("a.da")
    ada.apply(spec(1))
    url = f"{gateway.url}api/v1/class/a.da/default"
    assert httpx.delete(url, headers=bearer(gateway.hub.student("ben"))).status_code == 403
    assert httpx.delete(url, headers=bearer(gateway.hub.instructor("ira"))).status_code == 204
    assert engine.nodes() == ()
    with pytest.raises(ClusterNotFoundError, match="ira stopped it"):
        ada.status("default")


def test_totals_name_nobody(gateway):
    gateway.client("ada").apply(spec(1))
    ben = gateway.client("ben")
    assert ben.capacity()["used"]["cores"] == 1
    assert "ada" not in str(ben.capacity())
    assert (ben.usage()["workers"], gateway.client("ada").usage()["workers"]) == (0, 1)
    assert ben.quota()["guarantee"]["cores"] == 2


def test_a_hub_that_is_down_is_told_of_and_clusters_go_on(engine):
    hub = FakeHub()
    with running_gateway(settings(), engine, hub=hub) as gateway:
        gateway.client("ada").apply(spec(1))
        hub.is_down = True
        token = hub.student("ben")
        answer = httpx.get(f"{gateway.url}api/v1/clusters", headers=bearer(token))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "GatewayUnavailableError")
        assert workers_of(engine, "ada") == 1


def test_who_asks_too_often_is_told_to_wait_and_others_are_not(engine):
    with running_gateway(settings(limits=Limits(burst=5, requests_per_s=0.5)), engine) as gateway:
        ada, ben = bearer(gateway.hub.student("ada")), bearer(gateway.hub.student("ben"))
        url = f"{gateway.url}api/v1/usage"
        codes = [httpx.get(url, headers=ada).status_code for _ in range(8)]
        assert codes == [200] * 5 + [429] * 3
        assert httpx.get(url, headers=ben).status_code == 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"workers": 1, "owner": "ben"}', "owner"),
        (b'{"workers": 1, "command": ["sh"]}', "command"),
        (b'{"workers": 1, "labels": {}}', "labels"),
        (b'{"workers": 1, "image": "evil/image"}', "evil/image"),
        (b'{"workers": 1, "image": ["coursekit/spark:latest"]}', "image"),
        (b'{"workers": 1, "workers": 2}', "twice"),
        (b'{"workers": true}', "workers"),
        (b'{"workers": 1.5}', "workers"),
        (b'{"workers": 1e400}', "workers"),
        (b'{"workers": NaN}', "NaN"),
        (b'{"workers": 0}', "workers"),
        (b'{"workers": -1}', "workers"),
        (b'{"workers": "1"}', "workers"),
        (b'{"workers": null}', "workers"),
        (b"{}", "workers"),
        (b"[]", "object"),
        (b"", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 8000, "JSON"),
        (b'{"workers": 1, "memory": 1}', "memory"),
        (b'{"workers": 1, "cores": 100}', "cores"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_cluster_is_refused_with_what_is_wrong(gateway, engine, body, why):
    headers = {**bearer(gateway.hub.student("ada")), "Content-Type": "application/json"}
    answer = httpx.put(f"{gateway.url}api/v1/clusters/mine", content=body, headers=headers)
    assert answer.status_code == 400
    assert why in answer.json()["error"]["message"]
    assert answer.json()["error"]["fix"]
    assert engine.nodes() == ()


@pytest.mark.parametrize("name", ["../ben", "a/b", "A", "-a", "a" * 31, "%2e%2e", "a%00", "a b", "%2Fetc"])
def test_what_is_no_name_leads_nowhere(gateway, engine, name):
    headers = {**bearer(gateway.hub.student("ada")), "Content-Type": "application/json"}
    answer = httpx.put(f"{gateway.url}api/v1/clusters/{name}", content=b'{"workers": 1}', headers=headers)
    assert answer.status_code == 404
    assert engine.nodes() == ()


def test_a_body_that_is_too_large_is_not_read(gateway):
    headers = {**bearer(gateway.hub.student("ada")), "Content-Type": "application/json"}
    host, port = httpx.URL(gateway.url).host, httpx.URL(gateway.url).port
    with socket.create_connection((host, port), timeout=10) as connection:
        lines = [
            f"PUT {httpx.URL(gateway.url).path}api/v1/clusters/mine HTTP/1.1",
            "Host: x",
            "Content-Length: 9999999",
        ]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(1000).split(b"\r\n")[0] in (
            b"HTTP/1.1 400 Bad Request",
            b"HTTP/1.1 413 Content Too Large",
        )


def test_a_gateway_that_is_not_there_is_told_of_with_its_address():
    client = GatewayClient("http://127.0.0.1:9/services/gateway", "token")
    client._gateway._patience_s = 0.1
    with pytest.raises(GatewayUnavailableError, match=r"http://127.0.0.1:9/services/gateway does not answer"):
        client.clusters()


def test_a_notebook_counts_on_what_it_was_granted_and_is_told_what_changes(gateway, engine, monkeypatch, capsys):
    monkeypatch.setenv("COURSEKIT_GATEWAY_URL", gateway.url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", gateway.hub.student("ada"))
    with SparkCluster(workers=6, memory=GiB) as cluster:
        assert isinstance(cluster.provisioner, GatewayClient)
        until(lambda: gateway.streams["ada"])
        gateway.client("ben").apply(spec(2))
        until(lambda: cluster.allowed_workers == 4)
        cluster._check_alive()
        assert "2 of your 6 workers go back to the class; your job goes on." in capsys.readouterr().out
        assert "waiting for 2 more workers, number 1 in the queue" in cluster._repr_html_()
        engine.signal("ada-default-worker-1", signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match="ada-default-worker-1"):
            cluster._check_alive()
    assert workers_of(engine, "ada") == 0


def test_a_notebook_learns_why_its_cluster_is_gone(engine, monkeypatch):
    with running_gateway(settings(idle_s=0.5), engine) as gateway:
        cluster = SparkCluster(workers=1, memory=GiB, provisioner=gateway.client("ada"))
        until(lambda: engine.nodes() == ())
        with pytest.raises(MasterDiedError, match="is gone: it had run no job for 0 s"):
            cluster._check_alive()
        cluster.close()


def test_the_command_line_goes_by_way_of_the_gateway_too(gateway, monkeypatch):
    monkeypatch.setenv("COURSEKIT_GATEWAY_URL", gateway.url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", gateway.hub.student("ada"))
    shown = CliRunner().invoke(app, ["cluster", "up", "mine", "--workers", "1", "--memory", "1g", "--json"])
    assert json.loads(shown.stdout)["owner"] == "ada"
    shown = CliRunner().invoke(app, ["cluster", "down", "--all"])
    assert shown.stdout == "Stopped: mine.\n"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
