"""What the gateway tells Prometheus: the class as a whole, and how quickly the gateway decides and answers.

No metric carries a user's name: whoever can read ``/metrics`` learns how busy the class is, and of nobody what they do.
``coursekit usage`` tells that to instructors. The names are used by ``hub/grafana/dashboard.json``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from coursekit.errors import MissingPackageError
from coursekit.gateway.fairshare import Claim, Decision
from coursekit.gateway.quotas import Resources

try:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
except ModuleNotFoundError:
    raise MissingPackageError(
        "prometheus_client, which the gateway's metrics are made with, is not installed.",
        fix='pip install "coursekit[gateway]"',
    ) from None

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
"""Of what `Metrics.page` gives."""

_DECISION_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
_REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_WAIT_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """Everything that ``/metrics`` shows, in a registry of its own: two gateways of one test do not mix.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.saw_decision(0.002)
    >>> b"coursekit_decisions_total 1.0" in metrics.page()
    True
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.clusters = Gauge(
            "coursekit_clusters", "Clusters that run or wait for their first worker.", registry=registry
        )
        self.workers = Gauge(
            "coursekit_workers",
            "Workers: running now, wanted by their owners, granted by the last decision.",
            ["state"],
            registry=registry,
        )
        self.cores = Gauge(
            "coursekit_cores", "CPU cores of workers: used now, and all there are.", ["state"], registry=registry
        )
        self.memory = Gauge(
            "coursekit_memory_bytes", "Memory of workers: used now, and all there is.", ["state"], registry=registry
        )
        self.gpus = Gauge(
            "coursekit_gpus", "GPUs of workers: used now, and all there are.", ["state"], registry=registry
        )
        self.queue = Gauge(
            "coursekit_queue_length", "Clusters that get more as soon as others give back.", registry=registry
        )
        self.starved = Gauge(
            "coursekit_queue_empty_handed", "Of these, clusters that have no worker at all.", registry=registry
        )
        self.longest_wait = Gauge(
            "coursekit_queue_longest_wait_seconds", "How long the first of the queue has waited.", registry=registry
        )
        self.waits = Histogram(
            "coursekit_first_worker_seconds",
            "From asking for a cluster to its first worker.",
            buckets=_WAIT_S,
            registry=registry,
        )
        self.decisions = Counter("coursekit_decisions", "Decisions about who gets how many workers.", registry=registry)
        self.decision_seconds = Histogram(
            "coursekit_decision_seconds", "How long a decision took.", buckets=_DECISION_S, registry=registry
        )
        self.reclaimed = Counter(
            "coursekit_reclaimed_workers", "Workers that were asked back for others.", registry=registry
        )
        self.requests = Histogram(
            "coursekit_request_seconds",
            "How long requests took, by method, route and status.",
            ["method", "route", "status"],
            buckets=_REQUEST_S,
            registry=registry,
        )
        self.unrecorded = Counter(
            "coursekit_unrecorded_ticks", "Times that usage could not be written to its database.", registry=registry
        )

    def show(self, claims: Collection[Claim], decision: Decision, capacity: Resources, *, now: float) -> None:
        """Show how the class stands.

        Parameters
        ----------
        claims : collection of Claim
            What was decided about.
        decision : Decision
            What was decided.
        capacity : Resources
            What workers may use in all.
        now : float
            Seconds since the epoch.
        """
        used = Resources()
        for claim in claims:
            used += claim.worker * claim.running
        self.clusters.set(sum(1 for claim in claims if claim.wanted or claim.running))
        self.workers.labels("running").set(sum(claim.running for claim in claims))
        self.workers.labels("wanted").set(sum(claim.wanted for claim in claims))
        self.workers.labels("granted").set(sum(decision.targets.values()))
        for gauge, taken, there in (
            (self.cores, used.cores, capacity.cores),
            (self.memory, used.memory, capacity.memory),
            (self.gpus, used.gpus, capacity.gpus),
        ):
            gauge.labels("used").set(taken)
            gauge.labels("capacity").set(there)
        queue = {waiting.cluster for waiting in decision.waiting if waiting.position}
        self.queue.set(len(queue))
        self.starved.set(sum(1 for cluster in queue if not decision.targets[cluster]))
        since = [claim.since for claim in claims if claim.cluster in queue]
        self.longest_wait.set(max(0.0, now - min(since)) if since else 0.0)

    def saw_decision(self, seconds: float) -> None:
        """Count a decision, and the time that it took."""
        self.decisions.inc()
        self.decision_seconds.observe(seconds)

    def saw_reclaim(self, workers: int) -> None:
        """Count workers that a cluster was asked to give back; a reclaim that is still going on is not a new one."""
        self.reclaimed.inc(workers)

    def saw_first_worker(self, waited_s: float) -> None:
        """Count a cluster that got its first worker."""
        self.waits.observe(max(0.0, waited_s))

    def saw_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Parameters
        ----------
        method : str
            ``"GET"``, ...
        route : str
            The pattern of its path (``"/clusters/{name}"``), never the path itself: each label is kept for ever.
        status : int
            What was answered.
        seconds : float
            How long it took.
        """
        self.requests.labels(method, route, str(status)).observe(seconds)

    def saw_unrecorded_tick(self) -> None:
        """Count a tick of the usage that was not written."""
        self.unrecorded.inc()

    def page(self) -> bytes:
        """Give everything as Prometheus reads it; its type is `CONTENT_TYPE`."""
        return generate_latest(self.registry)
