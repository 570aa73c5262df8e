"""How a cluster shows itself."""

from __future__ import annotations

import re

import pytest

from coursekit.cluster import ClusterStatus, LocalProvisioner, local
from coursekit.cluster.provisioner import WorkerStatus
from coursekit.config import GiB
from coursekit.engine import FakeEngine
from coursekit.spark import SparkCluster
from coursekit.spark.show import cluster_as_html


def worker(name: str, **more: object) -> WorkerStatus:
    usual = {"state": "running", "cores": 2, "memory": 2 * GiB, "uptime_s": 200.0}
    return WorkerStatus(name=name, **{**usual, **more})  # type: ignore[arg-type]


def status(*workers: WorkerStatus, name: str = "mine", state: str = "running") -> ClusterStatus:
    return ClusterStatus(
        name=name,
        owner="ada",
        state=state,  # type: ignore[arg-type]
        master_url="spark://127.0.0.1:7077",
        ui_url="http://127.0.0.1:8080",
        registered=len(workers),
        applications=1,
        workers=workers,
    )


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_each_worker_is_a_row_with_what_it_has():
    shown = cluster_as_html("", status(worker("w-1"), worker("w-2", uptime_s=8.0)), executors=2, link="/spark/4040/")
    assert "worker state cores memory uptime" in text_of(shown)
    assert "w-1 &#9679; running 2 2.0 GiB 3 min w-2 &#9679; running 2 2.0 GiB 8 s" in text_of(shown)
    assert "2 executors in this session" in text_of(shown)
    assert "<a href='/spark/4040/' target='_blank' rel='noopener'>Spark UI</a>" in shown


def test_a_dead_worker_is_told_by_word_and_sign_and_has_no_uptime():
    dead = worker("w-1", state="died", exit_code=137)
    shown = text_of(cluster_as_html("", status(dead, state="degraded"), executors=1, link=None))
    assert "&#9650; degraded" in shown
    assert "&#10005; died: killed by signal 9" in shown
    assert shown.endswith("2 2.0 GiB")
    assert "1 executor in this session" in shown


def test_every_state_has_a_sign_of_its_own_but_the_two_ways_of_being_dead():
    signs = {
        state: re.findall(r"&#\d+;", cluster_as_html("", status(state=state), executors=0, link=None))[0]
        for state in ("running", "starting", "degraded", "dead")
    }
    assert len(set(signs.values())) == 4


def test_colours_are_jupyters_with_one_to_fall_back_to():
    shown = cluster_as_html("", status(worker("w-1")), executors=0, link=None)
    assert re.findall(r"color:([^']*)", shown) == ["var(--jp-success-color1,#388e3c)"] * 2


def test_what_comes_from_elsewhere_is_shown_as_text():
    bad = "<script>alert(1)</script>"
    shown = cluster_as_html(bad, status(worker(bad), name=bad), executors=0, link="/'onclick='x")
    assert "<script" not in shown
    assert "'onclick" not in shown
    assert "<script" not in cluster_as_html(bad, None, executors=0, link=None)


@pytest.mark.parametrize(("workers", "text"), [(1, "1 worker x 1 core"), (3, "3 workers x 1 core")])
def test_the_plain_text_says_what_the_cluster_is(monkeypatch, workers, text):
    monkeypatch.setattr(local, "listens", lambda master: True)
    monkeypatch.setattr(local, "ask_master", lambda master: {"status": "ALIVE", "aliveworkers": workers})
    provisioner = LocalProvisioner(FakeEngine(memory=64 * GiB), owner="ada")
    cluster = SparkCluster(workers=workers, memory=GiB, name="mine", provisioner=provisioner)
    assert repr(cluster) == f"SparkCluster('mine': {text}, 1.0 GiB each)"
    assert "no session yet" in cluster._repr_html_()
    assert cluster.ui_url.startswith("http://127.0.0.1:")
    provisioner.delete("mine")
    assert "SparkCluster(&#x27;mine&#x27;" in cluster._repr_html_()
    cluster.close()
    assert repr(cluster).endswith(", closed)")
    assert cluster.ui_url is None


def test_local_mode_shows_its_threads():
    cluster = SparkCluster(workers=0, cores=2, name="alone", provisioner=LocalProvisioner(FakeEngine(), owner="ada"))
    assert text_of(cluster._repr_html_()) == "SparkCluster(&#x27;alone&#x27;: local[2])"
    cluster.close()
