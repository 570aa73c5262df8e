"""What is known about the cluster and the driver at the moment of a failure."""

from __future__ import annotations

import contextlib
import re
import sys
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from coursekit.cluster import ClusterSpec
from coursekit.cluster.runtime import IMAGE_RUNTIME, version_of
from coursekit.spark.resources import Shortage, find_shortage, read_master

if TYPE_CHECKING:
    from coursekit.spark.cluster import SparkCluster

_END: Final = re.compile(r"Executor (\S+)/(\d+) finished with state (\w+).*?exitStatus (\d+)")
_LOG_LINES: Final = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutorEnd:
    """How one executor ended, as its worker tells it."""

    worker: str
    application: str
    executor: int
    exit_code: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The cluster and the driver as they are.

    Parameters
    ----------
    spec : ClusterSpec or None
        What the last cluster of this kernel should look like.
    is_limited : bool
        Whether the kernel of the system enforces each worker's memory limit.
    application : str
        The session's id.
    ends : tuple of ExecutorEnd
        Executors that have ended, oldest first on each worker.
    died : tuple of str
        The master, and workers with their cause, that have died.
    driver_exit : int or None
        Exit code of a driver process that has ended; a signal is negative.
    driver_memory : str
        The driver's Java heap, like ``"1g"``.
    python : str
        The driver's Python, like ``"3.11"``.
    """

    spec: ClusterSpec | None = None
    is_limited: bool = False
    application: str = ""
    ends: tuple[ExecutorEnd, ...] = ()
    died: tuple[str, ...] = ()
    driver_exit: int | None = None
    driver_memory: str = "1g"
    python: str = version_of(sys.version_info)

    def end_of(self, executor: int) -> ExecutorEnd | None:
        """Give how an executor of this session ended."""
        return next(
            (end for end in self.ends if end.executor == executor and end.application == self.application), None
        )


_last: weakref.ref[SparkCluster] | None = None


def remember(cluster: SparkCluster) -> None:
    """Say which cluster this kernel opened last; it is not kept alive."""
    global _last
    _last = weakref.ref(cluster)


def last_cluster() -> SparkCluster | None:
    """Give the cluster that this kernel opened last, if it still has it."""
    return _last() if _last is not None else None


def gather() -> Facts:
    """Collect what can be had; a cluster that does not answer leaves the defaults."""
    cluster = last_cluster()
    driver: dict[str, Any] = {"driver_exit": _driver_exit(), "driver_memory": _setting("spark.driver.memory", "1g")}
    if cluster is None or cluster.is_local:
        return Facts(spec=cluster.spec if cluster else None, **driver)
    facts: dict[str, Any] = {"spec": cluster.spec, "application": _application()}
    with contextlib.suppress(Exception):  # facts help; their absence must not hide the failure itself
        access = cluster.provisioner.access(cluster.name)
        status = cluster.provisioner.status(cluster.name)
        facts["is_limited"] = access.runtime == IMAGE_RUNTIME
        workers = tuple(f"{one.name} ({one.cause})" for one in status.workers if one.state == "died")
        facts["died"] = ("the master", *workers) if status.state == "dead" else workers
        facts["ends"] = read_ends(cluster.logs(lines=_LOG_LINES))
    return Facts(**facts, **driver)


def read_ends(logs: dict[str, str]) -> tuple[ExecutorEnd, ...]:
    """Read from the workers' logs which executors ended, and how."""
    return tuple(
        ExecutorEnd(worker=name, application=found[1], executor=int(found[2]), exit_code=int(found[4]))
        for name, log in logs.items()
        for found in _END.finditer(log)
    )


def ask_for_shortage(cluster: SparkCluster, *, registered: int = 0) -> Shortage:
    """Ask the master and the workers why the session's executors are missing."""
    application = _application()
    ends = read_ends(cluster.logs(lines=_LOG_LINES))
    return find_shortage(
        read_master(cluster.provisioner.status(cluster.name).ui_url),
        application,
        registered=registered,
        wanted=cluster.allowed_workers,
        cores=int(_setting("spark.executor.cores", "1")),
        failed=sum(end.application == application and end.exit_code != 0 for end in ends),
        driver=f"{_setting('spark.driver.host', '')}:{_setting('spark.driver.port', '')}",
    )


def _application() -> str:
    """Give the application's id; empty when there is none, or when its Java process, which knows it, is dead."""
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    with contextlib.suppress(Exception):
        if context is not None:
            return str(context.applicationId)
    return ""


def _setting(key: str, default: str) -> str:
    """Read a setting of the session's; also of one whose Java process is dead, as pyspark keeps no copy then."""
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    with contextlib.suppress(Exception):
        if context is not None:
            return str(context.getConf().get(key, default))
    return default


def _driver_exit() -> int | None:
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    return None if process is None else process.poll()
