"""What the gateway tells Prometheus, and that the dashboard asks for nothing else."""

from __future__ import annotations

import json
import re
from itertools import combinations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from coursekit.config import GiB, find_course
from coursekit.gateway.fairshare import Claim, Decision, decide
from coursekit.gateway.measuring import Measuring
from coursekit.gateway.metrics import Metrics
from coursekit.gateway.picture import Picture
from coursekit.gateway.quotas import Quota, Quotas, Resources

WORKER = Resources(cores=1, memory=2 * GiB, gpus=1)
QUOTAS = Quotas(default=Quota(guarantee=WORKER, cap=WORKER * 8))
DASHBOARD = json.loads((find_course().hub / "grafana" / "dashboard.json").read_text())


@pytest.fixture
def metrics():
    """A class of two: ann has 3 of the 4 workers that there are, bob waits."""
    metrics = Metrics()
    claims = [
        Claim(cluster="ann/default", owner="ann", wanted=4, running=3, worker=WORKER, since=100),
        Claim(cluster="bob/default", owner="bob", wanted=0, running=0, worker=WORKER, since=130),
    ]
    decision = decide(claims, WORKER * 3, QUOTAS)
    metrics.saw_decision(0.002)
    metrics.show(claims, decision, WORKER * 3, now=160)
    metrics.saw_first_worker(12)
    metrics.saw_reclaim(2)
    metrics.saw_request("GET", "/clusters/{name}", 200, 0.01)
    metrics.saw_unrecorded_tick()
    return metrics


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(metrics.page().decode())
    return {
        (sample.name, sample.labels.get("state", "")): sample.value for family in families for sample in family.samples
    }


def test_the_page_shows_the_class_as_it_stands(metrics):
    found = samples(metrics)
    assert found["coursekit_clusters", ""] == 1
    assert [found["coursekit_workers", state] for state in ("running", "wanted", "granted")] == [3, 4, 3]
    assert [found["coursekit_cores", state] for state in ("used", "capacity")] == [3, 3]
    assert [found["coursekit_memory_bytes", state] for state in ("used", "capacity")] == [6 * GiB, 6 * GiB]
    assert [found["coursekit_gpus", state] for state in ("used", "capacity")] == [3, 3]
    assert found["coursekit_queue_length", ""] == 1
    assert found["coursekit_queue_empty_handed", ""] == 0
    assert found["coursekit_queue_longest_wait_seconds", ""] == 60
    assert found["coursekit_decisions_total", ""] == 1
    assert found["coursekit_reclaimed_workers_total", ""] == 2
    assert found["coursekit_first_worker_seconds_count", ""] == 1
    assert found["coursekit_request_seconds_count", ""] == 1
    assert found["coursekit_unrecorded_ticks_total", ""] == 1


def test_no_metric_names_a_user(metrics):
    page = metrics.page().decode()
    assert "ann" not in re.sub(r"# .*", "", page)
    assert "bob" not in page


def test_two_gateways_do_not_share_their_metrics(metrics):
    assert samples(Metrics())["coursekit_decisions_total", ""] == 0


def test_every_metric_of_the_dashboard_is_there_and_every_metric_is_in_the_dashboard(metrics):
    there = {name for name, _ in samples(metrics) if not name.endswith("_created")}
    asked = {
        name
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\bcoursekit_\w+", target["expr"])
    }
    assert asked <= there
    kinds = r"_(bucket|count|sum)$"
    shown = {re.sub(kinds, "", name) for name in asked} | {"coursekit_decisions_total"}  # the count beside its seconds
    assert {re.sub(kinds, "", name) for name in there} == shown


def test_panels_of_the_dashboard_are_told_apart_and_do_not_overlap():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    assert all(panel["description"] for panel in panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def look(running: int, *, reclaimed: int = 0) -> Picture:
    claim = Claim(cluster="ann/own", owner="ann", wanted=4, running=running, worker=WORKER, since=100)
    decision = Decision(targets={"ann/own": 4}, waiting=(), reclaims={"ann/own": reclaimed} if reclaimed else {})
    return Picture(at=130, claims=(claim,), decision=decision, capacity=WORKER * 4, assignments={}, decided_in_s=0.001)


def test_a_first_worker_is_counted_once_and_a_reclaim_when_it_begins():
    measuring = Measuring()
    for picture in (look(0), look(0), look(2), look(4, reclaimed=2), look(3, reclaimed=2), look(2), look(2)):
        measuring.see(picture)
    found = samples(measuring.metrics)
    assert found["coursekit_decisions_total", ""] == 7
    assert found["coursekit_first_worker_seconds_count", ""] == 1
    assert found["coursekit_first_worker_seconds_sum", ""] == 30
    assert found["coursekit_reclaimed_workers_total", ""] == 2
