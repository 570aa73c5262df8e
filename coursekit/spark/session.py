"""One Spark session on a cluster, from the kernel that is its driver."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final

from coursekit.cluster import Access, ClusterSpec
from coursekit.cluster.archive import archive_flags, classes_jar
from coursekit.cluster.plan import START_FLAGS
from coursekit.cluster.runtime import Runtime, find_runtime
from coursekit.config import MiB, run_dir
from coursekit.errors import ClusterStartError, MissingPackageError
from coursekit.ports import LOOPBACK, first_free_port
from coursekit.spark.resources import Shortage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Ask = Callable[[int], Shortage]

_EXECUTORS_START_S: Final = 90.0
_LAUNCH_ONLY: Final = ("spark.driver.memory", "spark.driver.extra", "spark.driver.default", "spark.jars")
# Spark's pages show everything and ask for no password, so they are for this machine only; Spark itself would open them
# to the network. What executors connect to follows from spark.driver.host.
_PAGES_HERE: Final = {"SPARK_LOCAL_IP": LOOPBACK, "SPARK_PUBLIC_DNS": LOOPBACK}
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
    with _environment(PYSPARK_PYTHON=access.runtime.python if access else sys.executable):
        spark = SparkSession.builder.config(map=dict(settings)).getOrCreate()
    if access is not None:
        try:
            wait_for_workers()
            wait_for_executors(spark, expected or (lambda: spec.workers), ask=ask)
        except ClusterStartError:
            stop_active_session()  # or the next session would get the settings of this one
            raise
    return spark


class DriverLaunch:
    """Starts this kernel's driver process while the cluster's nodes start.

    Started here and not by pyspark for two reasons. The cluster's secret must not stand on a command line, which every
    user of the machine can read. And what Java writes to stderr while it starts would land in the cell, where plain
    nbgrader takes points for it; it goes to ``driver.log`` instead.
    """

    _options: ClassVar[dict[str, str]] = {}  # what the kernel's driver process was started with

    def __init__(self) -> None:
        # In this thread: a module that two threads import at once may look to one of them as if it were half empty.
        with contextlib.suppress(ImportError):
            import pyspark.java_gateway
            import pyspark.sql  # noqa: F401
        self._thread = threading.Thread(target=self._try, daemon=True, name="coursekit-driver")
        self._thread.start()

    def join(self, settings: dict[str, str]) -> None:
        """Have a driver process that was started with these settings, so far as they matter to Java's start."""
        self._thread.join()
        options = _launch_options(settings)
        if _has_driver() and not options.items() <= self._options.items():
            stop_active_session()  # or pyspark would go on talking to the process that is about to end
            stop_driver()
        if not _has_driver():
            self._launch(options)

    def _try(self) -> None:
        with contextlib.suppress(Exception):  # whatever it is, `join` meets it again, and raises it to the user
            if not _has_driver():
                self._launch(_launch_options(_driver_settings()))

    @classmethod
    def _launch(cls, options: dict[str, str]) -> None:
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway

        conf = SparkConf(loadDefaults=False)
        conf.setAll(list(options.items()))
        path = run_dir() / "driver.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.environ |= _PAGES_HERE
        with path.open("ab") as log:
            gateway: Any = launch_gateway  # its types do not know popen_kwargs
            SparkContext._ensure_initialized(gateway=gateway(conf, {"stderr": log}))
        DriverLaunch._options = options


def _launch_options(settings: dict[str, str]) -> dict[str, str]:
    """Choose the settings that take effect only when Java starts."""
    return {key: value for key, value in settings.items() if key.startswith(_LAUNCH_ONLY)}


def _driver_settings() -> dict[str, str]:
    return _java_settings("driver", find_runtime())


def _has_driver() -> bool:
    from pyspark import SparkContext

    return SparkContext._gateway is not None and not _is_driver_killed()


def stop_driver() -> None:
    """End this kernel's driver process, which no session uses."""
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    SparkContext._gateway = SparkContext._jvm = None
    if process is not None:
        process.stdin.close()  # it ends with its pipe
        process.kill()
        process.wait()


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables for as long as it takes to start something."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
    return not _is_driver_killed() and not _is_stopped(spark.sparkContext)


def is_open_on(access: Access) -> bool:
    """Whether this kernel has a living session on a cluster."""
    return _is_open({"spark.master": access.master_url, _SECRET: access.secret})


def stop_active_session() -> None:
    """Stop this kernel's session, if there is one, also when its Java process is gone."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if _is_driver_killed():
        # pyspark goes on talking to a Java process that was killed, unless it is made to forget it.
        SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
        SparkSession._instantiatedSession = None
    elif SparkContext._active_spark_context is not None:
        with contextlib.suppress(Exception):  # a session whose master is gone may complain while it stops
            (SparkSession._instantiatedSession or SparkContext._active_spark_context).stop()


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
    if _is_driver_killed() or context is None or _is_stopped(context):
        return False
    conf = context.getConf()
    return all(conf.get(key) == settings.get(key) for key in ("spark.master", _SECRET))


def _is_driver_killed() -> bool:
    """Whether this kernel had a driver process and it has ended."""
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    return process is not None and process.poll() is not None


def _is_stopped(context: Any) -> bool:
    return context._jsc is None or bool(context._jsc.sc().isStopped())


def _settings(spec: ClusterSpec, access: Access | None) -> dict[str, str]:
    """Give what every session of the course has set, and why."""
    host = access.driver_host if access else "127.0.0.1"
    common = {
        "spark.driver.bindAddress": host,
        "spark.driver.host": host,
        **_driver_settings(),
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
        **_java_settings("executor", access.runtime),
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


def _java_settings(role: str, runtime: Runtime) -> dict[str, str]:
    """Give what starts the Java of a driver or of executors quickly, from the archive where there is one."""
    return {
        f"spark.{role}.extraJavaOptions": " ".join((*START_FLAGS, *archive_flags(runtime))),
        **{f"spark.{role}.extraClassPath": jar for jar in classes_jar(runtime)},
    }


def _pages() -> dict[str, str]:
    """Give Spark's pages a free port, and behind a Hub no links that change anything (`coursekit.pages.handler`)."""
    behind = {"spark.ui.killEnabled": "false"} if os.environ.get("JUPYTERHUB_SERVICE_PREFIX") else {}
    return {"spark.ui.port": str(first_free_port(4040)), **behind}
