"""One Spark session on a cluster, from the kernel that is its driver."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from coursekit.cluster import Access, ClusterSpec
from coursekit.config import MiB
from coursekit.errors import ClusterStartError, MissingPackageError
from coursekit.ports import first_free_port
from coursekit.spark.driver import (
    DriverLaunch,
    driver_settings,
    environment,
    is_driver_killed,
    java_settings,
    stop_active_session,
)
from coursekit.spark.resources import Shortage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Ask = Callable[[int], Shortage]

_EXECUTORS_START_S: Final = 90.0
_FIRST_QUESTION_S: Final = 5.0
_QUESTION_EVERY_S: Final = 2.0
_SECRET: Final = "spark.authenticate.secret"  # noqa: S105 - the setting's name


def open_session(
    spec: ClusterSpec,
    access: Access | None,
    *,
    app_name: str,
    conf: dict[str, str],
    driver: DriverLaunch,
    wait_for_workers: Callable[[], object] = lambda: None,
    expected: Callable[[], int] | None = None,
    ask: Ask | None = None,
) -> SparkSession:
    """Open a plain SparkSession; one of another cluster in this kernel is stopped first.

    Parameters
    ----------
    spec : ClusterSpec
        The cluster's shape.
    access : Access or None
        How to reach the cluster; None for Spark's local mode.
    app_name : str
        Shown in Spark's pages.
    conf : dict of str to str
        Spark settings of the caller's; they win over ours.
    driver : DriverLaunch
        What started this kernel's driver process.
    wait_for_workers : callable, optional
        Returns when all have registered: they may still be starting when the driver does.
    expected : callable, optional
        Gives how many executors should come; all of the specification's when not given.
    ask : callable, optional
        Finds out why executors do not come.

    Raises
    ------
    MissingPackageError
        If pyspark is not installed.
    ClusterStartError
        If no executor comes in time.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise MissingPackageError("pyspark is not installed here.", fix="pip install 'coursekit[spark]'") from None
    settings = {**_settings(spec, access), "spark.app.name": app_name, **conf}
    _leave_other_session(settings)
    driver.join(settings)
    # pyspark reads the variable when a session starts, and otherwise takes the first python3 of the PATH, which need
    # not be the one that has our packages.
    with environment(PYSPARK_PYTHON=access.runtime.python if access else sys.executable):
        spark = SparkSession.builder.config(map=dict(settings)).getOrCreate()
    if access is not None:
        try:
            wait_for_workers()
            wait_for_executors(spark, expected or (lambda: spec.workers), ask=ask)
        except ClusterStartError:
            stop_active_session()  # or the next session would get the settings of this one
            raise
    return spark


def wait_for_executors(
    spark: SparkSession, expected: Callable[[], int], *, timeout_s: float = _EXECUTORS_START_S, ask: Ask | None = None
) -> None:
    """Wait until as many executors as expected have registered with the driver.

    Parameters
    ----------
    expected : callable
        Gives how many; asked again now and then, for a worker may have gone back to the class.
    ask : callable, optional
        Finds out why some are missing, given how many there are; asked now and then, for waiting may be in vain.

    Raises
    ------
    ClusterStartError
        If they do not within ``timeout_s``, or never will.
    """
    started = time.monotonic()
    next_question = started + _FIRST_QUESTION_S
    count = expected()
    while (registered := _registered(spark)) < count:
        now = time.monotonic()
        is_late = now > started + timeout_s
        if is_late or (ask is not None and now > next_question):
            count = expected()
            shortage = ask(registered) if ask is not None else None
            next_question = now + _QUESTION_EVERY_S
            if is_late or (shortage is not None and shortage.is_final):
                raise _no_executors(registered, count, now - started, shortage)
        time.sleep(0.02)


def _no_executors(registered: int, count: int, waited_s: float, shortage: Shortage | None) -> ClusterStartError:
    fix = "look at `cluster.logs()`: executors that cannot reach the driver or find no memory say so there"
    if shortage is None:
        return ClusterStartError(f"{registered} of {count} executors registered within {waited_s:.0f} s.", fix=fix)
    error = ClusterStartError(f"{shortage.what} {shortage.why}", fix=shortage.fix or fix)
    error.shortage = shortage
    return error


def _registered(spark: SparkSession) -> int:
    """Count executors; none when the session has ended, as it does when the master gives it up."""
    return 0 if _is_stopped(spark.sparkContext) else count_executors(spark)


def count_executors(spark: SparkSession) -> int:
    """Count the executors that the driver knows, itself excluded."""
    return int(spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size()) - 1


def is_alive(spark: SparkSession) -> bool:
    """Whether a session can still be used: neither it was stopped nor its Java process killed."""
    return not is_driver_killed() and not _is_stopped(spark.sparkContext)


def is_open_on(access: Access) -> bool:
    """Whether this kernel has a living session on a cluster."""
    return _is_open({"spark.master": access.master_url, _SECRET: access.secret})


def _leave_other_session(settings: dict[str, str]) -> None:
    """Stop the kernel's session unless it can go on being used."""
    if not _is_open(settings):
        stop_active_session()


def _is_open(settings: dict[str, str]) -> bool:
    """Whether the kernel's session lives and is of this cluster.

    The address alone does not tell: a new cluster may have that of an old one, but never its secret.
    """
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    if is_driver_killed() or context is None or _is_stopped(context):
        return False
    conf = context.getConf()
    return all(conf.get(key) == settings.get(key) for key in ("spark.master", _SECRET))


def _is_stopped(context: Any) -> bool:
    return context._jsc is None or bool(context._jsc.sc().isStopped())


def _settings(spec: ClusterSpec, access: Access | None) -> dict[str, str]:
    """Give what every session of the course has set, and why."""
    host = access.driver_host if access else "127.0.0.1"
    common = {
        "spark.driver.bindAddress": host,
        "spark.driver.host": host,
        **driver_settings(),
        # What is written to stderr costs points in plain nbgrader and drowns the lesson elsewhere.
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        # The default of 200 is for clusters a hundred times as large.
        "spark.sql.shuffle.partitions": str(2 * spec.slots),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **_pages(),
    }
    if access is None:
        return {**common, "spark.master": f"local[{spec.cores}]"}
    return {
        **common,
        "spark.master": access.master_url,
        "spark.executor.cores": str(spec.cores),
        "spark.executor.memory": f"{spec.executor_heap // MiB}m",
        **java_settings("executor", access.runtime),
        # A worker that is taken away hands over what it holds before it goes (`coursekit.cluster.drain`).
        "spark.decommission.enabled": "true",
        "spark.storage.decommission.enabled": "true",
        "spark.storage.decommission.rddBlocks.enabled": "true",
        "spark.storage.decommission.shuffleBlocks.enabled": "true",
        "spark.storage.decommission.replicationReattemptInterval": "1s",  # it is done when a second look finds nothing
        # A host that is gone answers nothing. Spark asks it for its blocks four times for two minutes each.
        "spark.shuffle.io.connectionCreationTimeout": "10s",
        "spark.shuffle.io.connectionTimeout": "30s",
        # Spark puts the archives of its Python code there before the installed package, and Python would compile them
        # again in every worker: a second for each.
        "spark.executorEnv.SPARK_HOME": "",
        "spark.authenticate": "true",
        _SECRET: access.secret,
    }


def _pages() -> dict[str, str]:
    """Give Spark's pages a free port, and behind a Hub no links that change anything (`coursekit.pages.handler`)."""
    behind = {"spark.ui.killEnabled": "false"} if os.environ.get("JUPYTERHUB_SERVICE_PREFIX") else {}
    return {"spark.ui.port": str(first_free_port(4040)), **behind}
