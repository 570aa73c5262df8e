"""`SparkCluster`: what a notebook writes to get a cluster of its own."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from coursekit.cluster import Change, ClusterSpec, ClusterStatus, Provisioner, drivers_image, open_provisioner
from coursekit.cluster.runtime import version_of
from coursekit.config import GiB, format_memory, format_time, idle_limit_s, parse_memory
from coursekit.errors import (
    ClusterError,
    ClusterNotFoundError,
    CoursekitError,
    EngineUnavailableError,
    MasterDiedError,
    PythonMismatchError,
    WorkerDiedError,
)
from coursekit.pages import path_on_this_server
from coursekit.spark.activity import Activity, runs_jobs
from coursekit.spark.driver import DriverLaunch, stop_active_session
from coursekit.spark.facts import ask_for_shortage, remember
from coursekit.spark.progress import settle_progress, show_progress
from coursekit.spark.resources import Shortage
from coursekit.spark.session import (
    count_executors,
    is_alive,
    is_open_on,
    open_session,
    wait_for_executors,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkCluster:
    """A Spark cluster of one's own; starts when it is made, attaches when it runs already.

    Parameters
    ----------
    workers : int
        Worker nodes; 0 means Spark's local mode in the driver, with ``cores`` threads.
    cores : int
        CPU cores of each worker.
    memory : int or str
        Memory of each worker node: bytes (``2 * GiB``) or text (``"2g"``).
    gpus : int
        GPUs of each worker, for it alone.
    name : str
        One owner may have several clusters; notebooks that use the same name share one.
    provisioner : Provisioner, optional
        What keeps the cluster; the class's gateway, or the best engine here, when not given.

    Examples
    --------
    >>> with SparkCluster(workers=2, memory=2 * GiB) as cluster:  # doctest: +SKIP
    ...     spark = cluster.session("lesson-01")
    ...     spark.range(1000).count()
    1000
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        cores: int = 1,
        memory: int | str = 2 * GiB,
        gpus: int = 0,
        name: str = "default",
        provisioner: Provisioner | None = None,
    ) -> None:
        size = parse_memory(memory) if isinstance(memory, str) else memory
        self._spec = ClusterSpec(name=name, workers=workers, cores=cores, memory=size, gpus=gpus, image=drivers_image())
        self._provisioner = provisioner or open_provisioner()
        self._spark: SparkSession | None = None
        self._activity: Activity | None = None
        self._is_opening = False
        self._closed = False
        self._granted: int | None = None
        self._driver = DriverLaunch()
        self.last_change: Change = self._apply()
        remember(self)

    @property
    def spec(self) -> ClusterSpec:
        """What the cluster should look like."""
        return self._spec

    @property
    def provisioner(self) -> Provisioner:
        """What keeps the cluster."""
        return self._provisioner

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self._spec.name

    @property
    def allowed_workers(self) -> int:
        """Workers that should be there now: all, or those that one's share of the class allows."""
        return self._spec.workers if self._granted is None else min(self._spec.workers, self._granted)

    @property
    def is_local(self) -> bool:
        """Whether this is Spark's local mode: everything in the driver, no node."""
        return self._spec.workers == 0

    def session(self, app_name: str = "coursekit", **conf: str) -> SparkSession:
        """Open a plain SparkSession on the cluster, with all its executors there.

        Parameters
        ----------
        app_name : str
            Shown in Spark's pages.
        **conf : str
            Spark settings with underscores for dots: ``spark_sql_shuffle_partitions="8"``. Names that hold capital
            letters go as ``**{"spark.sql.autoBroadcastJoinThreshold": "-1"}``.

        Raises
        ------
        WorkerDiedError, MasterDiedError
            If nodes have died since the cluster was started; `repair` starts them again.
        PythonMismatchError
            If this kernel and the workers run different Python versions.
        """
        settings = {key.replace("_", "."): value for key, value in conf.items()}
        self._is_opening = True  # a cluster that waits for its driver is not idle
        try:
            self._spark = self._open(app_name, settings)
        finally:
            self._is_opening = False
        show_progress(executors=lambda: self.allowed_workers)
        return self._spark

    def _open(self, app_name: str, settings: dict[str, str]) -> SparkSession:
        access = None
        if not self.is_local:
            self._check_alive()
            self._provisioner.touch(self.name)
            access = self._provisioner.access(self.name)
            _check_python(access.runtime.python_version)
        return open_session(
            self._spec,
            access,
            app_name=app_name,
            conf=settings,
            driver=self._driver,
            wait_for_workers=self._wait_ready,
            expected=self._ask_allowed,
            ask=self._ask,
        )

    def scale(self, workers: int) -> Change:
        """Change the number of workers; those that run stay, and a session goes on.

        Raises
        ------
        ClusterError
            If the cluster is, or would be, in local mode: there is nothing to scale.
        WorkerDiedError, MasterDiedError
            If nodes have died.
        """
        if self.is_local or workers == 0:
            raise ClusterError(
                f"workers = {workers}: a cluster cannot turn into Spark's local mode, nor the other way round.",
                fix=f"close it and make another: SparkCluster(workers={workers})",
            )
        self._check_alive()
        self._spec = replace(self._spec, workers=workers)
        self.last_change = self._apply()
        self._wait_ready()
        self._wait_for_executors()
        return self.last_change

    def repair(self) -> Change:
        """Start again what has died; after the death of the master, sessions have to be opened anew."""
        self.last_change = self._apply()
        if not self.is_local:
            self._wait_ready()
            self._wait_for_executors()
        return self.last_change

    def status(self) -> ClusterStatus | None:
        """Tell how the cluster is; None in local mode."""
        return None if self.is_local else self._provisioner.status(self.name)

    def logs(self, *, lines: int = 50) -> dict[str, str]:
        """Give the last lines of every node, by node name."""
        return {} if self.is_local else self._provisioner.logs(self.name, lines=lines)

    @property
    def executors(self) -> int:
        """Executors that the session has now; 0 without a session or in local mode."""
        session = self._living_session
        return 0 if session is None or self.is_local else count_executors(session)

    @property
    def ui_url(self) -> str | None:
        """Where Spark's own pages are: the application's when there is a session, else the master's.

        Behind a Hub it is a path of the user's own server.
        """
        session = self._living_session
        if session is not None:
            url = session.sparkContext.uiWebUrl
        else:
            url = None if self.is_local or self._closed else self._provisioner.status(self.name).ui_url
        return path_on_this_server(url) if url else None

    def close(self) -> None:
        """Stop the session and the cluster; closing twice is harmless."""
        if self._activity is not None:
            self._activity.end()
            self._activity = None
        if self._spark is not None:
            settle_progress()
            stop_active_session()
            self._spark = None
        self._provisioner.delete(self.name)
        self._provisioner.release(self.name)
        self._closed = True

    def __enter__(self) -> SparkCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        spec = self._spec
        shape = (
            f"local[{spec.cores}]"
            if self.is_local
            else f"{_count(spec.workers, 'worker')} x {_count(spec.cores, 'core')}, {format_memory(spec.memory)} each"
        )
        return f"SparkCluster({spec.name!r}: {shape}{', closed' if self._closed else ''})"

    def _repr_html_(self) -> str:
        from coursekit.spark.show import cluster_as_html

        name = repr(self)
        try:
            status, link = None if self._closed else self.status(), self.ui_url
        except ClusterNotFoundError:  # everything of it has ended: there is still a name to show
            status, link = None, None
        except EngineUnavailableError as error:
            status, link, name = None, None, f"{name}: {error.message}"
        return cluster_as_html(name, status, executors=self.executors, link=link)

    @property
    def _living_session(self) -> SparkSession | None:
        return self._spark if self._spark is not None and is_alive(self._spark) else None

    def _apply(self) -> Change:
        self._closed = False
        if self.is_local:
            return Change()
        self._provisioner.hold(self.name)
        self._provisioner.listen(self.name, self._hear)
        change = self._provisioner.apply(self._spec)
        self._activity = self._activity or Activity(self._is_busy, lambda: self._provisioner.touch(self.name))
        return change

    def _is_busy(self) -> bool:
        return self._is_opening or (self._spark is not None and runs_jobs(self._spark))

    def _wait_for_executors(self) -> None:
        """Wait until the session has them all, unless it is of an older master, of which the new one knows nothing."""
        if self._spark is not None and is_open_on(self._provisioner.access(self.name)):
            wait_for_executors(self._spark, self._ask_allowed, ask=self._ask)

    def _wait_ready(self) -> None:
        self._granted = self._provisioner.wait_ready(self.name).granted

    def _ask_allowed(self) -> int:
        """Ask how many workers there should be now: while one waits, some may go back to the class."""
        if self._granted is not None:
            self._granted = self._provisioner.status(self.name).granted
        return self.allowed_workers

    def _hear(self, message: str) -> None:
        """Show what was decided about the cluster; called from a thread of its own."""
        with contextlib.suppress(CoursekitError):
            self._granted = self._provisioner.status(self.name).granted
        print(message, flush=True)

    def _ask(self, registered: int) -> Shortage:
        return ask_for_shortage(self, registered=registered)

    def _why_gone(self) -> str:
        idle = self._activity.idle_s if self._activity else 0.0
        if idle > idle_limit_s():
            return (
                f"it had run no job for {format_time(idle_limit_s())}, after which clusters are stopped "
                "so that others can have what they hold"
            )
        return "all its nodes were stopped"

    def _check_alive(self) -> None:
        """Raise what has died, by name and cause, with the call that mends it."""
        try:
            status = self._provisioner.status(self.name)
        except ClusterNotFoundError as error:
            told = error.message.partition(": it was stopped, for ")[2]  # the gateway knows
            raise MasterDiedError(
                f"cluster {self.name!r} is gone: {told.rstrip('.') or self._why_gone()}.",
                fix="start it again with cluster.repair(), then open a session: spark = cluster.session()",
            ) from error
        if status.state == "dead":
            raise MasterDiedError(
                f"the master of cluster {self.name!r} has died, and its applications with it.",
                fix="start it again with cluster.repair(), then open a session: spark = cluster.session()",
            )
        died = [f"{worker.name} ({worker.cause})" for worker in status.workers if worker.state == "died"]
        self._granted = status.granted
        vanished = self.allowed_workers - len(status.workers)
        if vanished > 0:
            died.append(f"{vanished} without a trace")
        if died:
            raise WorkerDiedError(
                f"{len(died)} of {self._spec.workers} workers of cluster {self.name!r} died: {', '.join(died)}.",
                fix="replace them with cluster.repair(); running jobs go on, and lost tasks are computed again",
            )


def start_and_tell(cluster: SparkCluster, started: float) -> str:
    """Say in one line what was obtained, and what had died before.

    Parameters
    ----------
    cluster : SparkCluster
        With a session.
    started : float
        When the start began, `time.monotonic`.
    """
    took = f"{time.monotonic() - started:.1f} s"
    if cluster.is_local:
        return f"Spark in local mode, {cluster.spec.cores} threads, in {took}."
    change = cluster.last_change
    how = "started" if change.started else "found running"
    replaced = "".join(f" {worker.name} had died ({worker.cause}) and was replaced." for worker in change.replaced)
    lost = " Its master had died: sessions before this one are lost." if change.master_replaced else ""
    return f"{cluster!r} {how}, {cluster.executors} executors ready in {took}.{replaced}{lost}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _check_python(theirs: str) -> None:
    import sys

    ours = version_of(sys.version_info)
    if ours != theirs:
        raise PythonMismatchError(
            f"this kernel runs Python {ours}, but the cluster's workers run Python {theirs}.",
            fix="close the cluster and start it from this kernel: cluster.close(), then SparkCluster(...)",
        )
