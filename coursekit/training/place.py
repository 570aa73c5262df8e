"""Where ranks and trials run: the session, its executors, and one Spark job whose end is waited for."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import parse_memory
from coursekit.errors import SettingsError, TrainingError
from coursekit.spark.session import count_executors

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOOK_S: Final = 0.5
_EXECUTORS_GONE_S: Final = 90.0
_ASK_EXECUTORS_S: Final = 5.0


class Place:
    """A session of Spark's classic mode, and what it has.

    Parameters
    ----------
    spark : SparkSession or None
        The session; this kernel's active one when None.

    Raises
    ------
    SettingsError
        If there is no session, or it is one of Spark Connect, which has no barrier mode.
    """

    def __init__(self, spark: SparkSession | None) -> None:
        from pyspark.sql import SparkSession

        found = spark or SparkSession.getActiveSession()
        if found is None:
            raise SettingsError("there is no Spark session.", fix="open one first: spark = cluster.session()")
        try:
            self.context = found.sparkContext
        except Exception as error:  # pyspark's own kinds of it have changed from version to version
            raise SettingsError(
                f"this session cannot run barrier tasks: {type(error).__name__}.",
                fix="use the session of a SparkCluster, not one of Spark Connect",
            ) from error
        self.spark = found

    @property
    def is_local(self) -> bool:
        """Whether everything runs in the driver."""
        return str(self.context.master).startswith("local")

    @property
    def cores(self) -> int:
        """Cores of each executor."""
        return 1 if self.is_local else int(self.context.getConf().get("spark.executor.cores", "1") or 1)

    @property
    def executors(self) -> int:
        """Executors that are there; in local mode the threads, each of which can be a rank."""
        return int(self.context.defaultParallelism) if self.is_local else count_executors(self.spark)

    @property
    def host(self) -> str:
        """The address that executors find the driver at."""
        return str(self.context.getConf().get("spark.driver.host", "127.0.0.1"))

    @property
    def python_memory(self) -> int | None:
        """Memory that a worker has for Python, bytes: half of what Java has; None where nothing limits it."""
        heap = self.context.getConf().get("spark.executor.memory")
        return None if self.is_local or not heap else parse_memory(heap) // 2

    def choose_workers(self, workers: int | None) -> int:
        """Give the number of ranks: as wanted, or all executors.

        Raises
        ------
        SettingsError
            If there are fewer executors: all ranks have to run at the same time, one on each.
        """
        there = self.executors
        wanted = (1 if self.is_local else there) if workers is None else workers
        if wanted < 1:
            raise SettingsError(f"workers = {wanted}, but somebody has to work.", fix="use workers=1 or more")
        if wanted > there:
            what = "threads" if self.is_local else "executors"
            raise SettingsError(
                f"workers = {wanted}, but the session has {there} {what}, and all ranks must run at the same time.",
                fix=f"use workers={there}" + ("" if self.is_local else f", or cluster.scale({wanted})"),
            )
        return wanted

    def on_whole_executors(self, rdd: Any) -> Any:
        """Make each task take all cores of an executor, so that no two ranks share one."""
        if self.cores == 1:
            return rdd
        from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests

        wanted = TaskResourceRequests().cpus(self.cores)
        return rdd.withResources(ResourceProfileBuilder().require(wanted).build)

    def run(self, job: Callable[[], Any], *, workers: int, look: Callable[[], None]) -> Any:
        """Run a Spark job in a thread of its own and look at it until it ends; what interrupts that cancels the job.

        Parameters
        ----------
        job : callable
            Starts the job and gives its result.
        workers : int
            Executors that it cannot do without.
        look : callable
            Called about twice a second.

        Raises
        ------
        TrainingError
            If executors are missing for long.
        """
        from pyspark import InheritableThread

        tag, outcome = f"coursekit-{secrets.token_hex(8)}", _Outcome()
        self.context.addJobTag(tag)
        try:
            thread = InheritableThread(target=outcome.of, args=(job,))
            thread.start()
            try:
                self._await(thread, workers, look)
            except BaseException:
                self.context.cancelJobsWithTag(tag)
                raise
        finally:
            self.context.removeJobTag(tag)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def _await(self, thread: Any, workers: int, look: Callable[[], None]) -> None:
        asked = complete = time.monotonic()
        while thread.is_alive():
            thread.join(_LOOK_S)
            look()
            now = time.monotonic()
            if now - asked < _ASK_EXECUTORS_S:
                continue
            asked, there = now, self.executors
            complete = now if there >= workers else complete
            if now - complete > _EXECUTORS_GONE_S:
                raise TrainingError(
                    f"{there} of {workers} executors are left, and no other has come within {_EXECUTORS_GONE_S:.0f} s.",
                    fix="cluster.repair() starts what has died; then run the cell again",
                )


class _Outcome:
    """What a function gave or raised in another thread."""

    def __init__(self) -> None:
        self.value: Any = None
        self.error: BaseException | None = None

    def of(self, function: Callable[[], Any]) -> None:
        try:
            self.value = function()
        except BaseException as error:
            self.error = error
