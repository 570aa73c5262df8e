from __future__ import annotations

import re

import pytest

from coursekit import GiB
from coursekit.cluster import ClusterSpec
from coursekit.spark.cards import Card, Step
from coursekit.spark.explain import explain
from coursekit.spark.facts import ExecutorEnd, Facts, read_ends
from coursekit.spark.failure import Failure, PythonFailure, read_failure, read_python
from coursekit.spark.resources import find_shortage

APP = "app-20261125065741-0000"
LOST = (
    "An error occurred while calling o1.collect.\n: org.apache.spark.SparkException: Job aborted due to stage failure: "
    "Task 0 in stage 12.0 failed 1 times, most recent failure: Lost task 0.0 in stage 12.0 (TID 23) "
    "(127.0.0.1 executor 1): "
)
KILLED = (
    f"{LOST}ExecutorLostFailure (executor 1 exited caused by one of the running tasks) "
    "Reason: Command exited with code 137\nDriver stacktrace:\n\tat org.apache.spark.Thing"
)
SMALL = ClusterSpec(workers=2, memory=GiB)
END = ExecutorEnd(worker="ann-mine-worker-2", application=APP, executor=1, exit_code=137)


def java(text: str, kind: str = "Py4JJavaError", trace: str = "") -> Failure:
    return Failure(kind=kind, text=text, trace=trace or text)


def spark(condition: str, **parameters: str) -> Failure:
    return Failure(kind="AnalysisException", text=condition, condition=condition, parameters=parameters)


def card_of(failure: Failure, facts: Facts | None = None) -> Card:
    card = explain(failure, facts or Facts(spec=SMALL, application=APP))
    assert card is not None
    return card


def test_what_an_exception_says_is_never_markup():
    evil = "<script>alert(1)</script>"
    card = Card(evil, evil, f"`{evil}` and ` alone", (Step(evil, evil),), trace=evil, evidence=evil)
    assert "<script" not in card.as_html()
    assert card.as_html().count("&lt;script&gt;") == 7


def test_the_trace_stands_inside_details_and_not_in_the_text():
    card = card_of(java(KILLED))
    assert "\tat org" not in re.sub(r"<details>.*</details>", "", card.as_html(), flags=re.S)
    assert "\tat org" in card.as_html()
    assert "\tat org" not in card.as_text()


def test_the_nearest_of_the_columns_comes_first():
    card = card_of(spark("UNRESOLVED_COLUMN.WITH_SUGGESTION", objectName="`enrgy`", proposal="`njets`, `t`.`energy`"))
    assert card.title == "There is no column `enrgy`"
    assert card.try_[0].code == 'df.select("t.energy")'


def test_a_column_of_an_empty_table_has_no_neighbour():
    card = card_of(spark("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", objectName="`x`"))
    assert card.try_[0].code == "df.printSchema()"


def test_a_missing_attribute_is_no_trace():
    assert "`pt`" in card_of(spark("ATTRIBUTE_NOT_SUPPORTED", attr_name="pt")).title


@pytest.mark.parametrize(
    ("condition", "parameters", "expected"),
    [
        (
            "CAST_INVALID_INPUT",
            {"expression": "'n/a'", "sourceType": '"STRING"', "targetType": '"DATE"'},
            ("The value 'n/a' is no DATE", 'try_cast("date")'),
        ),
        (
            "CAST_OVERFLOW",
            {"value": "3000000000L", "sourceType": '"BIGINT"', "targetType": '"INT"'},
            ("outside the range", "bigint"),
        ),
        ("DIVIDE_BY_ZERO", {}, ("divisor is 0", "F.try_divide")),
        ("ARITHMETIC_OVERFLOW", {"alternative": " Use 'try_subtract' to tolerate"}, ("2 147 483 647", "try_subtract")),
    ],
)
def test_an_ansi_error_names_the_value_and_the_tolerant_function(condition, parameters, expected):
    text = card_of(spark(condition, **parameters)).as_text()
    assert all(part in text for part in expected)


def test_exit_code_137_under_a_limit_is_memory_with_its_shares():
    facts = Facts(spec=SMALL, application=APP, is_limited=True, ends=(END,))
    card = card_of(java(KILLED), facts)
    assert card.title == "An executor ran out of memory and was killed (exit code 137)"
    assert "on worker `ann-mine-worker-2`" in card.what
    assert "limit is 1.0 GiB" in card.what
    assert "512 MiB are for Java's heap and about 256 MiB for Python" in card.why
    assert "memory=2 * GiB" in card.try_[-1].code


def test_exit_code_137_without_a_limit_does_not_pretend_to_know():
    card = card_of(java(KILLED))
    assert card.title == "An executor was killed (exit code 137)"
    assert "or somebody sent it" in card.why


def test_an_executor_of_an_older_session_is_not_taken_for_one_of_this():
    facts = Facts(spec=SMALL, application="app-other", ends=(END,))
    assert "worker-2" not in card_of(java(KILLED), facts).what


def test_another_exit_code_is_told_with_the_workers_that_died():
    text = KILLED.replace("code 137", "code 143")
    card = card_of(java(text), Facts(spec=SMALL, died=("ann-mine-worker-1 (exit code 1)",)))
    assert "killed by signal 15" in card.what
    assert "ann-mine-worker-1" in card.what
    assert card.try_[0].code == "cluster.repair()"


@pytest.mark.parametrize("text", [f"{LOST}java.lang.OutOfMemoryError: Java heap space", KILLED.replace("137", "52")])
def test_a_full_heap_is_the_executors_when_a_task_was_lost(text):
    card = card_of(java(text))
    assert card.title == "An executor ran out of Java memory"
    assert "512 MiB" in card.what


@pytest.mark.parametrize(
    "text",
    [
        "An error occurred while calling o1.collectToPython.\n: java.lang.OutOfMemoryError: Java heap space",
        LOST.replace("executor 1", "executor driver") + "java.lang.OutOfMemoryError: Java heap space",
    ],
)
def test_a_full_heap_is_the_drivers_when_none_was_or_in_local_mode(text):
    assert card_of(java(text), Facts(driver_memory="600m")).what == "The Java heap of the driver, 600m, is full."


def test_a_result_beyond_the_limit_shows_both_sizes():
    text = (
        ": org.apache.spark.SparkException: Job aborted due to stage failure: Total size of serialized results of 3 "
        "tasks (38.7 MiB) is bigger than spark.driver.maxResultSize (1024.0 KiB)"
    )
    assert "38.7 MiB from 3 tasks" in card_of(java(text)).what


@pytest.mark.parametrize(("is_limited", "expected"), [(True, "Python one"), (False, "could not say which")])
def test_a_python_process_that_vanished_is_told_for_what_is_known(is_limited, expected):
    text = f"{LOST}org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)."
    assert expected in card_of(java(text), Facts(spec=SMALL, is_limited=is_limited)).why


def test_a_session_that_ended_with_its_cluster_says_what_has_died_and_mends_that_first():
    stopped = java("java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext.")
    card = card_of(stopped, Facts(spec=SMALL, died=("the master", "w-1 (exit code 143)")))
    assert "died: the master, w-1 (exit code 143)." in card.what
    assert [step.code for step in card.try_] == ["cluster.repair()", "spark = cluster.session()"]
    assert len(card_of(stopped).try_) == 1


def test_a_refused_connection_is_the_drivers_or_that_of_a_driver_before_it():
    refused = java("[Errno 111] Connection refused", kind="ConnectionRefusedError", trace="py4j/clientserver.py")
    elsewhere = java("[Errno 111] Connection refused", kind="ConnectionRefusedError", trace="requests/api.py")
    assert "signal 9" in card_of(refused, Facts(driver_exit=-9)).what
    assert card_of(refused, Facts(driver_exit=None)).title == "The Spark session has been stopped"
    assert explain(elsewhere, Facts(driver_exit=-9)) is None


def test_other_python_versions_are_both_named():
    error = "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12 than that in driver: 3.11, PySpark"
    card = card_of(java(f"PythonException: Traceback (most recent call last):\n{error}", kind="PythonException"))
    assert "runs Python 3.11; the executors run Python 3.12." in card.what


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/opt/tools/versions/3.13.0/bin/python3.13", "the executors run Python 3.13, `/opt"),
        ("/opt/tools/versions/3.13.0/bin/python", "the executors run Python 3.13, `/opt"),
        ("/usr/bin/python3", "the executors run `/usr/bin/python3`,"),
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        "Error while finding module specification for 'pyspark.daemon' (ModuleNotFoundError: No module named ...)",
        "No module named pyspark.daemon",
    ],
)
def test_a_python_of_the_executors_without_pyspark_is_named_beside_the_drivers(path, told, said):
    error = f"org.apache.spark.SparkException: \nError from python worker:\n  {path}: {said}\nPYTHONPATH was:\n  /x.jar"
    card = card_of(java(error), Facts(spec=SMALL, application=APP, python="3.11"))
    assert "This kernel, the driver, runs Python 3.11" in card.what
    assert told in card.what
    assert "pyspark is not installed" in card.what


def test_a_stopped_session_is_told_as_such():
    text = 'the return value of "org.apache.spark.SparkContext.dagScheduler()" is null'
    assert card_of(java(text)).title == "The Spark session has been stopped"


def test_ones_own_error_comes_first_with_its_line():
    python = PythonFailure(
        error="ZeroDivisionError: by zero", file="f", line=2, place="Cell In[3], line 2", source="1/x"
    )
    card = card_of(Failure(kind="PythonException", text="", python=python))
    assert card.evidence == "1/x\nZeroDivisionError: by zero"
    assert card.as_text().index("1/x") < card.as_text().index("What happened")


def test_the_readers_deepest_frame_is_found_between_those_of_spark():
    text = (
        "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
        '  File "/venv/site-packages/pyspark.zip/pyspark/worker.py", line 4327, in invoke_udf\n    run_process()\n'
        '  File "/tmp/ipykernel_1/2.py", line 3, in outer\n    return inner(x)\n'
        '  File "/tmp/ipykernel_1/2.py", line 7, in inner\n    return x.nosuch\n           ^^^^\n'
        '  File "/venv/site-packages/pandas/generic.py", line 6, in __getattr__\n    raise\n'
        "AttributeError: no attribute 'nosuch'\n\n\tat org.apache.spark.Thing\n"
    )
    python = read_python(text)
    assert python == PythonFailure(
        error="AttributeError: no attribute 'nosuch'", file="/tmp/ipykernel_1/2.py", line=7, function="inner"
    )


def test_an_exception_whose_java_process_is_dead_is_read_all_the_same():
    class DeadJavaError(Exception):
        def __str__(self) -> str:
            raise ConnectionRefusedError

        def getCondition(self) -> str:  # noqa: N802 - pyspark's name
            raise ConnectionRefusedError

    failure = read_failure(DeadJavaError("the first argument"))
    assert (failure.text, failure.condition) == ("the first argument", "")


@pytest.mark.parametrize("error", [ValueError("x"), ConnectionRefusedError("x"), KeyError("energy")])
def test_what_is_not_known_has_no_card(error):
    assert explain(read_failure(error), Facts()) is None


def test_ends_of_executors_are_read_from_the_workers_logs():
    line = (
        f"INFO Worker: Executor {APP}/1 finished with state EXITED message Command exited with code 137 exitStatus 137"
    )
    assert read_ends({"ann-mine-worker-2": f"before\n{line}\nafter", "ann-mine-master": "nothing"}) == (END,)


def master(*, memory: int = 512, cores: int = 1, asked: int = 512, **more: object) -> dict[str, object]:
    worker = {"state": "ALIVE", "memory": memory, "cores": cores, "webuiaddress": "http://127.0.0.1:9"}
    app = {"id": APP, "name": "mine", "cores": 0, "memoryperexecutor": asked, "state": "WAITING"}
    return {"workers": [worker], "activeapps": [app], "cores": cores, "coresused": 0, "completedapps": [], **more}


def test_executors_larger_than_any_worker_never_come():
    shortage = find_shortage(master(asked=4096), APP, registered=0, wanted=2)
    assert (shortage.kind, shortage.is_final) == ("memory", True)
    assert "asks for 4.0 GiB" in shortage.what
    assert "512 MiB" in shortage.why


def test_executors_of_more_cores_than_any_worker_never_come():
    shortage = find_shortage(master(), APP, registered=0, wanted=2, cores=8)
    assert (shortage.kind, shortage.is_final) == ("cores", True)


def test_cores_that_another_application_holds_are_told_with_its_name():
    other = {"id": "app-other", "name": "neighbour", "cores": 1, "memoryperexecutor": 512, "state": "RUNNING"}
    state = master()
    state["activeapps"] = [*state["activeapps"], other]
    shortage = find_shortage({**state, "coresused": 1}, APP, registered=0, wanted=1)
    assert (shortage.kind, shortage.is_final) == ("taken", False)
    assert "'neighbour' (1 cores)" in shortage.why


def test_executors_that_end_again_and_again_do_not_find_the_driver():
    for state, failed in ((master(), 3), (master(activeapps=[], completedapps=[{"id": APP, "state": "FAILED"}]), 0)):
        shortage = find_shortage(state, APP, registered=0, wanted=2, failed=failed, driver="127.0.0.2:4711")
        assert (shortage.kind, shortage.is_final) == ("unreachable", True)
        assert "127.0.0.2:4711" in shortage.why


def test_a_late_executor_is_waited_for():
    assert not find_shortage(master(), APP, registered=1, wanted=2, failed=3).is_final
    assert not find_shortage({}, APP, registered=0, wanted=2).is_final


def test_facts_are_gathered_although_the_drivers_process_is_dead(monkeypatch):
    from pyspark import SparkContext

    from coursekit.spark import facts

    class Dead:
        @property
        def applicationId(self):  # noqa: N802 - pyspark's name
            raise ConnectionRefusedError("[Errno 111] Connection refused")

    class Gateway:
        class proc:  # noqa: N801 - pyspark's name
            @staticmethod
            def poll():
                return -9

    class Cluster:
        spec = ClusterSpec(name="gone", workers=1)
        is_local = False

        def __getattr__(self, name):
            raise ConnectionRefusedError(name)

    cluster = Cluster()
    monkeypatch.setattr(SparkContext, "_active_spark_context", Dead())
    monkeypatch.setattr(SparkContext, "_gateway", Gateway())
    monkeypatch.setattr(facts, "last_cluster", lambda: cluster)
    gathered = facts.gather()
    assert (gathered.driver_exit, gathered.application) == (-9, "")


def test_a_cell_is_called_by_the_number_beside_it_although_ipython_counts_ahead():
    from pyspark.errors import QueryContextType

    class BadCastError(Exception):
        def getQueryContext(self):  # noqa: N802 - pyspark's name
            return [self]

        def callSite(self):  # noqa: N802
            return "line 1 in cell [6]"

        def fragment(self):
            return "cast"

        def contextType(self):  # noqa: N802
            return QueryContextType.DataFrame

    assert read_failure(BadCastError("x"), ahead=1).call_site == "Cell In[5], line 1"
