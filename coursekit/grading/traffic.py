"""How much a Spark job sends to its driver: a counter that does not depend on how busy the machine is."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.request import urlopen

from coursekit.errors import GradingError

_WAIT_S = 30.0


def bytes_to_driver(spark: Any) -> int:
    """Add up the results that all tasks of a session have sent to the driver so far.

    Parameters
    ----------
    spark : SparkSession
        With its web interface on, as it is by default.

    Returns
    -------
    int
        Bytes, serialised and compressed: ``resultSize`` of all stages in Spark's REST interface.

    Raises
    ------
    GradingError
        If the session has no web interface, or its jobs do not end.
    """
    context = spark.sparkContext
    if not context.uiWebUrl:
        raise GradingError("this Spark session counts nothing.", fix="start it without spark.ui.enabled=false")
    address = f"http://127.0.0.1:{context.uiWebUrl.rsplit(':', 1)[1]}/api/v1/applications/{context.applicationId}"
    # Spark's listeners run behind its jobs: wait until they have caught up, which two equal readings in a row show.
    deadline, last = time.monotonic() + _WAIT_S, -1
    while time.monotonic() < deadline:
        running = [job for job in _read(f"{address}/jobs") if job["status"] == "RUNNING"]
        total = sum(int(stage["resultSize"]) for stage in _read(f"{address}/stages"))
        if not running and total == last:
            return total
        last = total
        time.sleep(0.1)
    raise GradingError(f"Spark's jobs did not end within {_WAIT_S:g} s.", fix="look at the session's Spark pages")


def _read(address: str) -> Any:
    with urlopen(address, timeout=_WAIT_S) as answer:  # noqa: S310 (our own http address)
        return json.load(answer)
