"""A Docker daemon that only seems to be there: it keeps containers in a dictionary, and takes its time."""

from __future__ import annotations

import itertools
import random
import threading
import time
from types import SimpleNamespace
from typing import Any


class FakeDaemon:
    """Answers what `coursekit.engine.devices` asks; each call takes a random moment, as over a socket.

    It knows nothing of GPUs: that nobody gets another's is not its merit.
    """

    def __init__(self, *, slowness_s: float = 0.0) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.api = SimpleNamespace(containers=self._containers, remove_container=self._remove)
        self._slowness_s = slowness_s
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def create(self, labels: dict[str, str], *, created: float | None = None) -> str:
        self._take_time()
        with self._lock:
            key = f"container-{next(self._numbers)}"
            self.rows[key] = {"Id": key, "Labels": labels, "State": "created", "Created": created or time.time()}
        self._take_time()
        return key

    def become(self, key: str, state: str) -> None:
        """Start a container (``"running"``), or let it end in one of the ways that there are."""
        self._take_time()
        with self._lock:
            self.rows[key]["State"] = state

    def _containers(self, *, filters: dict[str, list[str]], all: bool = False) -> list[dict[str, Any]]:
        self._take_time()
        with self._lock:
            rows = [dict(row) for row in self.rows.values() if all or row["State"] == "running"]
        self._take_time()
        (label,) = filters["label"]
        return [row for row in rows if label in row["Labels"]]

    def _remove(self, key: str, **_: Any) -> None:
        self._take_time()
        with self._lock:
            del self.rows[key]

    def _take_time(self) -> None:
        time.sleep(random.random() * self._slowness_s)
