"""Tells the engine that a cluster is used, as long as it runs jobs: one that is idle for too long is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from coursekit.config import idle_limit_s
from coursekit.server import mark_busy

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MOST_S: Final = 15.0


class Activity:
    """Looks at a cluster now and then, from a thread of the notebook's kernel.

    Parameters
    ----------
    is_busy : callable
        Whether the cluster runs jobs now.
    touch : callable
        Called while it does.
    """

    def __init__(self, is_busy: Callable[[], bool], touch: Callable[[], None]) -> None:
        self._is_busy = is_busy
        self._touch = touch
        self._last = time.monotonic()
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="coursekit-activity").start()

    @property
    def idle_s(self) -> float:
        """Seconds since the cluster was last seen busy, or this was made."""
        return time.monotonic() - self._last

    def end(self) -> None:
        """Look no more."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(min(_MOST_S, idle_limit_s() / 4)):
            try:
                if self._is_busy():
                    self._last = time.monotonic()
                    mark_busy()
                    self._touch()
            except Exception:  # noqa: S112 -- a session that is being stopped: look again later
                continue


def runs_jobs(spark: SparkSession) -> bool:
    """Whether a session runs a job now."""
    context = spark.sparkContext._jsc
    return context is not None and len(context.sc().statusTracker().getActiveJobIds()) > 0
