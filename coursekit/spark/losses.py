"""Explain the loss of executors, of their Python processes, and of the driver."""

from __future__ import annotations

import re
from typing import Final

from coursekit.cluster import ClusterSpec
from coursekit.cluster.provisioner import explain_exit
from coursekit.config import GiB, format_memory
from coursekit.spark.cards import Card, Step
from coursekit.spark.facts import Facts
from coursekit.spark.failure import Failure

_LOST: Final = re.compile(r"Lost task \S+ in stage \S+ \(TID \d+\) \((?P<host>\S+) executor (?P<executor>\w+)\): ")
_EXECUTOR_EXIT: Final = re.compile(r"ExecutorLostFailure \(executor (?P<executor>\w+) .*?Reason: (?P<reason>[^\n]*)")
_CODE: Final = re.compile(r"exited with code (\d+)")
_RESULT_SIZE: Final = re.compile(
    r"results of (?P<tasks>\d+) tasks \((?P<size>[^)]+)\) is bigger than "
    r"spark\.driver\.maxResultSize \((?P<limit>[^)]+)\)"
)
_CRASHED: Final = "Python worker exited unexpectedly"
_HEAP_FULL: Final = "java.lang.OutOfMemoryError"
_STOPPED: Final = ("stopped SparkContext", 'SparkContext.dagScheduler()" is null')
_KILLED: Final = 137
_EXIT_HEAP_FULL: Final = 52
_NETWORK: Final = ("ConnectionRefusedError", "ConnectionResetError", "Py4JNetworkError", "Py4JError", "BrokenPipeError")


def explain_no_executors(failure: Failure, facts: Facts) -> Card | None:
    """No resources granted, or a driver that executors do not find."""
    shortage = failure.shortage
    if shortage is None:
        return None
    size = facts.spec.executor_heap if facts.spec else 0
    if shortage.kind == "unreachable":
        title = "Executors cannot reach the driver"
        steps: tuple[Step, ...] = (
            Step(
                "Leave `spark.driver.host` away; coursekit sets the address at which executors find this kernel:",
                "spark = cluster.session()",
            ),
        )
    elif shortage.kind in ("memory", "cores"):
        title = "Spark granted no executors"
        fits = f"Ask for what fits into a worker; coursekit's own choice here is a heap of {format_memory(size)}:"
        steps = (
            Step(fits, "spark = cluster.session()"),
            Step("Or make a cluster of larger workers:", "cluster.close()\ncluster = SparkCluster(memory=4 * GiB)"),
        )
    elif shortage.kind == "taken":
        title = "Other applications hold the executors"
        steps = (
            Step("Stop the session that holds them, in the notebook that opened it:", "spark.stop()"),
            Step("Or take a cluster of your own:", 'cluster = SparkCluster(name="mine")'),
        )
    else:
        title = "Not all executors came"
        steps = (Step("See what the workers say:", "print(*cluster.logs().values())"),)
    return Card(title, shortage.what, shortage.why, steps, evidence=shortage.evidence)


def explain_result_size(failure: Failure, facts: Facts) -> Card | None:
    """More is collected than the driver accepts."""
    found = _RESULT_SIZE.search(failure.text)
    if found is None:
        return None
    tasks = "1 task" if found["tasks"] == "1" else f"{found['tasks']} tasks"
    return Card(
        "The result is too large for the driver",
        f"{found['size']} from {tasks} were on their way to the driver, which accepts {found['limit']}.",
        "`collect()` and `toPandas()` bring every row into one process; `spark.driver.maxResultSize` stops that before "
        "the memory is full.",
        (
            Step("Bring less: aggregate, select columns, or look at a part:", "df.limit(1000).toPandas()"),
            Step("Write large results to files instead:", 'df.write.parquet("result")'),
            Step(
                "Or raise the limit, if the driver has the memory:",
                'spark.stop()\nspark = cluster.session(**{"spark.driver.maxResultSize": "2g"})',
            ),
        ),
    )


def explain_full_heap(failure: Failure, facts: Facts) -> Card | None:
    """The Java heap of an executor or of the driver is full."""
    lost = _LOST.search(failure.text)
    code = _exit_code(failure.text)
    if _HEAP_FULL not in failure.text and code != _EXIT_HEAP_FULL:
        return None
    if lost is None or lost["executor"] == "driver":
        return _full_driver(facts)
    heap = f" of {format_memory(facts.spec.executor_heap)}" if facts.spec else ""
    return Card(
        "An executor ran out of Java memory",
        f"The Java heap{heap} of executor {lost['executor']}{_on(lost['executor'], facts)} is full.",
        "One task held more rows, or larger ones, than the heap of its executor: too few or skewed partitions, or a "
        "group collected into a single value.",
        (
            Step("Cut the data into more partitions, so that each task holds less:", "df = df.repartition(64)"),
            Step("Aggregate instead of collecting groups into lists: `sum`, `avg`, `approx_count_distinct`."),
            _larger_workers(facts.spec),
        ),
    )


def _full_driver(facts: Facts) -> Card:
    return Card(
        "The driver ran out of memory",
        f"The Java heap of the driver, {facts.driver_memory}, is full.",
        "`collect()` and `toPandas()`, broadcasts and very long plans put their data into this one process, however "
        "large the cluster is.",
        (
            Step("Bring less to the driver: aggregate first, or look at a part:", "df.limit(1000).toPandas()"),
            Step("Write large results to files instead:", 'df.write.parquet("result")'),
            Step(
                "Or restart the kernel and give the driver more:",
                'spark = cluster.session(**{"spark.driver.memory": "2g"})',
            ),
        ),
    )


def explain_python_crash(failure: Failure, facts: Facts) -> Card | None:
    """The Python process of a task ended without a word."""
    if _CRASHED not in failure.text:
        return None
    lost = _LOST.search(failure.text)
    number = lost["executor"] if lost else ""
    where = f" of executor {number}{_on(number, facts)}" if number else ""
    if facts.is_limited and facts.spec:
        why = (
            f"{_shares(facts.spec)} When they need more together, the system kills the largest process, which was the "
            "Python one; a crash of a package's own C code looks the same."
        )
    else:
        why = (
            "It was killed, most often because memory ran out, or it crashed in the C code of a package; it could not "
            "say which."
        )
    return Card(
        "The Python process of a task was killed",
        f"The Python process{where} ended in the middle of a task, without an error of its own.",
        why,
        (
            Step("Give each task less at a time:", "df = df.repartition(64)"),
            Step(
                "In pandas functions, take smaller batches:",
                'spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "1000")',
            ),
            _larger_workers(facts.spec),
        ),
    )


def explain_lost_executor(failure: Failure, facts: Facts) -> Card | None:
    """An executor ended while it worked."""
    found = _EXECUTOR_EXIT.search(failure.text)
    if found is None:
        return None
    number, code = found["executor"], _exit_code(failure.text)
    where = _on(number, facts)
    if code != _KILLED:
        how = explain_exit(code) if code is not None else found["reason"].rstrip(". ")
        died = f" Nodes of the cluster that have died: {', '.join(facts.died)}." if facts.died else ""
        return Card(
            "An executor was lost",
            f"Executor {number}{where} ended while it worked: {how}.{died}",
            "Spark repeats the tasks of a lost executor elsewhere; when the same task was lost too often, it gives the "
            "job up.",
            _after_loss(facts),
        )
    if facts.is_limited and facts.spec:
        return Card(
            "An executor ran out of memory and was killed (exit code 137)",
            f"Executor {number}{where} was killed with signal 9 (137 = 128 + 9); the worker's limit is "
            f"{format_memory(facts.spec.memory)}.",
            f"{_shares(facts.spec)} When they need more together, the system kills the largest process.",
            (
                Step("Cut the data into more partitions, so that each task holds less:", "df = df.repartition(64)"),
                Step("Free what is cached and no longer needed:", "df.unpersist()"),
                _larger_workers(facts.spec),
            ),
        )
    return Card(
        "An executor was killed (exit code 137)",
        f"Executor {number}{where} was killed with signal 9 (137 = 128 + 9).",
        "Either the memory of the machine ran out and the system chose this process, or somebody sent it `kill -9`; on "
        "this engine, workers have no memory limit of their own.",
        _after_loss(facts),
    )


def explain_dead_driver(failure: Failure, facts: Facts) -> Card | None:
    """The driver's Java process is gone."""
    if facts.driver_exit is None or failure.kind not in _NETWORK or "py4j" not in failure.trace:
        return None
    code = 128 - facts.driver_exit if facts.driver_exit < 0 else facts.driver_exit
    killed = code == _KILLED
    how = "killed with signal 9" if killed else explain_exit(code)
    return Card(
        "The driver's Java process is gone",
        f"This kernel's half of Spark, the driver, has ended: {how}. What was cached or broadcast is lost with it.",
        "Either the memory of the machine ran out and the system chose this process, or somebody sent it `kill -9`."
        if killed
        else "It ended by itself; its last words are in `driver.log`.",
        (
            Step("Open a new session, and run again the cells that make your tables:", "spark = cluster.session()"),
            Step("If it happens again, bring less to the driver:", "df.limit(1000).toPandas()"),
        ),
    )


def explain_stopped_session(failure: Failure, facts: Facts) -> Card | None:
    """A table of a session that was stopped is used, or one of a driver before this one, where nobody answers."""
    is_of_older_driver = failure.kind == "ConnectionRefusedError" and "py4j" in failure.trace
    if not is_of_older_driver and not any(mark in failure.text for mark in _STOPPED):
        return None
    mend = Step("Replace what has died of the cluster:", "cluster.repair()")
    new = Step("Open a new one, and run again the cells that make your tables:", "spark = cluster.session()")
    died = f" Nodes of the cluster that have died: {', '.join(facts.died)}." if facts.died else ""
    return Card(
        "The Spark session has been stopped",
        f"A table or session was used after its session had been stopped.{died}",
        "Tables belong to the session that made them and end with it, for instance with `spark.stop()`, when another "
        "session was opened, or when the master of its cluster has died.",
        (mend, new) if facts.died else (new,),
    )


def _exit_code(text: str) -> int | None:
    found = _EXECUTOR_EXIT.search(text)
    code = _CODE.search(found["reason"]) if found else None
    return int(code[1]) if code else None


def _on(executor: str, facts: Facts) -> str:
    end = facts.end_of(int(executor)) if executor.isdigit() else None
    return f" on worker `{end.worker}`" if end else ""


def _shares(spec: ClusterSpec) -> str:
    python = spec.executor_heap // 2  # what ClusterSpec.executor_heap leaves: a third beside its two thirds
    return (
        f"Of the {format_memory(spec.memory)} of a worker, {format_memory(spec.executor_heap)} are for Java's heap and "
        f"about {format_memory(python)} for Python."
    )


def _larger_workers(spec: ClusterSpec | None) -> Step:
    size = 2 * (spec.memory if spec else 2 * GiB)
    workers = spec.workers if spec else 2
    return Step(
        "Or make a cluster of larger workers:",
        f"cluster.close()\ncluster = SparkCluster({workers}, memory={max(1, size // GiB)} * GiB)",
    )


def _after_loss(facts: Facts) -> tuple[Step, ...]:
    mend = Step("Replace workers that have died, then run the cell again:", "cluster.repair()")
    return (
        mend if facts.died else Step("Run the cell again: the worker has started a new executor already."),
        Step("See what the workers say:", "print(*cluster.logs().values())"),
    )


EXPLAINERS: Final = (
    explain_no_executors,
    explain_result_size,
    explain_full_heap,
    explain_python_crash,
    explain_lost_executor,
    explain_dead_driver,
    explain_stopped_session,
)
