"""Tests wait for what has to come, and no longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], what: str = "", *, within_s: float = 10) -> None:
    """Wait for a condition; an `AssertionError` says what did not come."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}" if what else "waited in vain"
        time.sleep(0.05)
