"""Things that go wrong, on demand: lessons show what Spark makes of them, tests that nothing is lost.

Each works on every engine. What dies, dies for real; what is slow, really computes slowly.

>>> with faults.cut_off(cluster, 0):  # doctest: +SKIP
...     spark.range(1000).count()
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from coursekit.errors import SettingsError
from coursekit.spark import SparkCluster

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["cut_off", "kill_executor", "kill_worker", "skewed", "slowed_down", "straggler"]

_CYCLE_S: Final = 0.5


def kill_worker(cluster: SparkCluster, number: int) -> str:
    """Kill a worker with its executor by SIGKILL, as if its power had been cut.

    Parameters
    ----------
    cluster : SparkCluster
        One that has workers.
    number : int
        Which of them, the first being 0.

    Returns
    -------
    str
        The name of the node that died.

    Raises
    ------
    SettingsError
        If there is no worker of that number.
    """
    name = cluster.provisioner.worker(cluster.name, number)
    cluster.provisioner.engine.signal(name, signal.SIGKILL)
    return name


def kill_executor(spark: SparkSession) -> str:
    """Kill one executor of a session; its worker lives, and starts another one.

    Parameters
    ----------
    spark : SparkSession
        A session on a cluster.

    Returns
    -------
    str
        The executor's id; its successor has another one.

    Raises
    ------
    SettingsError
        If the session has no executor.
    """
    context = spark.sparkContext._jsc.sc()
    ids = [identity for identity in _executor_ids(context) if identity != "driver"]
    if not ids:
        raise SettingsError("the session has no executor to kill.", fix="use a cluster with at least 1 worker")
    context.killAndReplaceExecutor(ids[0])
    return ids[0]


@contextlib.contextmanager
def cut_off(cluster: SparkCluster, number: int) -> Iterator[str]:
    """Cut a worker's node off from the others for a while, as if its network cable had been pulled.

    Nothing on the node is lost, but it answers nobody: its processes are halted, and go on when the cable is back. How
    long it takes the others to notice is Spark's ``spark.network.timeout`` (120 s by default) for the driver, and
    ``spark.worker.timeout`` (60 s) for the master.

    Parameters
    ----------
    cluster : SparkCluster
        One that has workers.
    number : int
        Which of them, the first being 0.

    Yields
    ------
    str
        The name of the node.
    """
    engine, name = cluster.provisioner.engine, cluster.provisioner.worker(cluster.name, number)
    engine.freeze(name)
    try:
        yield name
    finally:
        engine.thaw(name)


@contextlib.contextmanager
def slowed_down(cluster: SparkCluster, number: int, *, speed: float = 0.2) -> Iterator[str]:
    """Let a worker's node compute at a fraction of its speed for a while: a straggler, as a shared host makes one.

    Parameters
    ----------
    cluster : SparkCluster
        One that has workers.
    number : int
        Which of them, the first being 0.
    speed : float
        Fraction of the time that the node may compute, above 0 and below 1; it is halted for the rest of each half
        second (coarser on another host of a Swarm, where halting takes seconds).

    Yields
    ------
    str
        The name of the node.

    Raises
    ------
    SettingsError
        If ``speed`` is not between 0 and 1.
    """
    if not 0 < speed < 1:
        raise SettingsError(f"speed = {speed:g} slows nothing down.", fix="give a fraction above 0 and below 1")
    engine, name = cluster.provisioner.engine, cluster.provisioner.worker(cluster.name, number)
    over = threading.Event()

    def brake() -> None:
        while not over.wait(_CYCLE_S * speed):
            engine.freeze(name)
            over.wait(_CYCLE_S * (1 - speed))
            engine.thaw(name)

    thread = threading.Thread(target=brake, daemon=True, name="coursekit-brake")
    thread.start()
    try:
        yield name
    finally:
        over.set()
        thread.join()
        engine.thaw(name)


def straggler(partition: int, seconds: float) -> Callable[[int, Iterable[Any]], Iterator[Any]]:
    """Give a function for ``RDD.mapPartitionsWithIndex`` that makes the task of one partition late.

    Parameters
    ----------
    partition : int
        Which, the first being 0.
    seconds : float
        By how much, s.

    Examples
    --------
    >>> rdd.mapPartitionsWithIndex(faults.straggler(3, seconds=5)).count()  # doctest: +SKIP
    """

    def delay(index: int, rows: Iterable[Any]) -> Iterator[Any]:
        if index == partition:
            time.sleep(seconds)
        yield from rows

    return delay


def skewed(spark: SparkSession, rows: int, *, keys: int = 100, share: float = 0.8, seed: int = 1) -> DataFrame:
    """Make a table in which one key has most of the rows.

    Parameters
    ----------
    spark : SparkSession
        Where to make it.
    rows : int
        How many.
    keys : int
        Different keys, at least 2: key 0 is the hot one, the others are drawn uniformly.
    share : float
        Expected fraction of the rows that have the hot key, 0 to 1.
    seed : int
        The same seed gives the same rows, however many executors there are.

    Returns
    -------
    DataFrame
        Columns ``id`` (0 to ``rows`` - 1), ``key`` and ``value`` (uniform in [0, 1)).

    Raises
    ------
    SettingsError
        If ``keys`` or ``share`` cannot be.
    """
    from pyspark.sql import functions as sf

    if keys < 2 or not 0 <= share <= 1:
        raise SettingsError(
            f"keys = {keys}, share = {share:g} cannot be.", fix="give at least 2 keys, and a share from 0 to 1"
        )
    unit = float(2**32)
    draws = [sf.pmod(sf.xxhash64("id", sf.lit(seed), sf.lit(number)), sf.lit(2**32)) / unit for number in range(3)]
    cold = (1 + sf.floor(draws[1] * (keys - 1))).cast("long")
    return spark.range(rows).select(
        "id", sf.when(draws[0] < share, sf.lit(0).cast("long")).otherwise(cold).alias("key"), draws[2].alias("value")
    )


def _executor_ids(context: Any) -> list[str]:
    """Give the ids of a session's executors, the driver's included."""
    pages = context.statusStore().executorList(True)
    return [pages.apply(index).id() for index in range(pages.size())]
