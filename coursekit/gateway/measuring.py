"""Counts what the gateway decides and answers, and shows it to Prometheus at ``/metrics``."""

from __future__ import annotations

from tornado.web import RequestHandler

from coursekit.gateway.handlers import Route
from coursekit.gateway.metrics import CONTENT_TYPE, Metrics
from coursekit.gateway.picture import Picture


class Measuring:
    """Watches the class, look by look, and each request that is answered."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._empty: set[str] = set()
        self._reclaims: dict[str, int] = {}

    def see(self, picture: Picture) -> None:
        """Count what one look decided."""
        self.metrics.saw_decision(picture.decided_in_s)
        self.metrics.show(picture.claims, picture.decision, picture.capacity, now=picture.at)
        for claim in picture.claims:
            if claim.running and claim.cluster in self._empty:
                self.metrics.saw_first_worker(picture.at - claim.since)
        self._empty = {claim.cluster for claim in picture.claims if not claim.running}
        reclaims = dict(picture.decision.reclaims)
        begun = sum(max(0, count - self._reclaims.get(cluster, 0)) for cluster, count in reclaims.items())
        if begun:
            self.metrics.saw_reclaim(begun)
        self._reclaims = reclaims

    def answered(self, handler: RequestHandler) -> None:
        """Count a request by its kind, never by its path: each label is kept for ever."""
        request = handler.request
        method = request.method if request.method in _METHODS else "other"
        self.metrics.saw_request(method, type(handler).__name__, handler.get_status(), request.request_time())

    def route(self, prefix: str) -> Route:
        """Give where Prometheus finds it, below the service's prefix."""
        return (f"{prefix}metrics", _Page, {"metrics": self.metrics})


_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class _Page(RequestHandler):
    """How busy the class is, and of nobody what they do: so it asks for no token, as Prometheus expects."""

    def initialize(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self._metrics.page())
