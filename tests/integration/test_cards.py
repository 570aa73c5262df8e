"""Every failure card, provoked for real: a kernel, a cluster, a cell that fails, and what its reader sees.

The cells are kept in an album, whose pages are photographed in JupyterLab at the end: see ``build/screenshots``.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from browser_fixtures import SCREENSHOTS, jupyterlab
from docker_fixtures import require_docker
from nbclient import NotebookClient
from nbformat import NotebookNode

from coursekit import SparkCluster
from coursekit.cluster.runtime import python_version, version_of
from coursekit.engine import ProcessEngine
from coursekit.engine.docker import DockerEngine
from coursekit.errors import PythonMismatchError

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

START = """
%load_ext coursekit
import os, signal, time
from coursekit import GiB, SparkCluster
from pyspark.sql import functions as F
cluster = SparkCluster(workers=2, memory=GiB, name="cards")
spark = cluster.session("cards", **{"spark.task.maxFailures": "1", "spark.driver.memory": "600m"})
events = spark.createDataFrame([("12.5", 1), ("n/a", 0)], "energy string, jets int")
"""


@dataclass(frozen=True)
class Shown:
    """What a cell left behind."""

    html: str
    text: str
    ename: str
    evalue: str
    traceback: str
    everything: str

    @property
    def in_sight(self) -> str:
        """The card without what takes a click to see."""
        return re.sub(r"<details>.*?</details>", "", self.html, flags=re.S)


class Notebook:
    """A notebook that runs cell by cell in a real kernel."""

    def __init__(self, start: str, album: list[NotebookNode]) -> None:
        self._album = album
        self._notebook = nbformat.v4.new_notebook()
        self._client = NotebookClient(self._notebook, timeout=240, allow_errors=True, kernel_name="python3")
        self._start = start

    def __enter__(self) -> Notebook:
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self._client.setup_kernel())
        cell = self.run(self._start)
        if failed := [output for output in cell.outputs if output.output_type == "error"]:
            self._stack.close()
            pytest.fail(f"{failed[0].ename}: {failed[0].evalue}")
        return self

    def __exit__(self, *_: object) -> None:
        self.run("cluster.close()")
        self._stack.close()

    def run(self, code: str) -> NotebookNode:
        cell = nbformat.v4.new_code_cell(textwrap.dedent(code).strip())
        self._notebook.cells.append(cell)
        return self._client.execute_cell(cell, len(self._notebook.cells) - 1)

    def photograph(self, code: str) -> NotebookNode:
        """Run a cell that is put into the album."""
        self._album.append(self.run(code))
        return self._album[-1]

    @property
    def count(self) -> int:
        """The number that the reader sees beside the last cell."""
        return int(self._notebook.cells[-1].execution_count)

    def fail(self, code: str) -> Shown:
        """Run a cell that must fail with a card, and no Java trace in sight."""
        cell = self.photograph(code)
        (error,) = [output for output in cell.outputs if output.output_type == "error"]
        # The progress of the cell's jobs is HTML too, and stands above the card.
        cards = [
            output.data for output in cell.outputs if "role='alert'" in output.get("data", {}).get("text/html", "")
        ]
        streams = "".join(output.text for output in cell.outputs if output.output_type == "stream")
        assert len(cards) == 1, f"{error.ename}: {error.evalue[:3000]}"
        shown = Shown(
            html=cards[0]["text/html"],
            text=cards[0]["text/plain"],
            ename=error.ename,
            evalue=error.evalue,
            traceback="\n".join(error.traceback),
            everything=streams,
        )
        for part in (shown.in_sight, shown.text, shown.traceback, shown.everything):
            assert "\tat " not in part
            assert "Traceback" not in part
            assert "java:" not in part
        assert "<details>" in shown.html
        assert len(shown.traceback.splitlines()) <= 6
        for heading in ("What happened", "Why", "What to try"):
            assert heading in shown.in_sight
        return shown


@pytest.fixture(scope="module")
def album() -> list[NotebookNode]:
    return []


@pytest.fixture(scope="module")
def notebook(album: list[NotebookNode]) -> Iterator[Notebook]:
    with Notebook(START, album) as notebook:
        yield notebook
    assert ProcessEngine().nodes(group="cards") == ()


def test_a_missing_column_is_named_with_its_nearest_neighbour(notebook):
    shown = notebook.fail('events.select("enrgy")')
    assert re.search(r"There is no column <code [^>]*>enrgy</code>", shown.in_sight)
    assert ">energy</code>" in shown.in_sight
    assert (shown.ename, "UNRESOLVED_COLUMN" in shown.evalue) == ("AnalysisException", True)


def test_a_bad_cast_shows_the_value_the_type_and_try_cast(notebook):
    shown = notebook.fail('events.select(F.col("energy").cast("double")).show()')
    assert "The value 'n/a' is no DOUBLE" in shown.text
    assert 'F.col("x").try_cast("double")' in shown.text
    assert f"Cell In[{notebook.count}], line 1" in shown.text


def test_a_division_by_zero_and_an_overflow_offer_the_functions_that_tolerate_them(notebook):
    assert "F.try_divide" in notebook.fail('events.select(F.lit(1) / F.col("jets")).collect()').text
    assert "F.try_add" in notebook.fail('events.select(F.col("jets") + F.lit(2147483647)).collect()').text


def test_an_error_in_a_function_of_ones_own_shows_that_error_and_its_line_first(notebook):
    notebook.run("""
        def ratio(jets):
            share = 100 // jets
            return share
    """)
    shown = notebook.fail('events.select(F.udf(ratio, "int")("jets")).show()')
    assert shown.text.splitlines()[0] == "Your Python code failed in a task: ZeroDivisionError"
    assert "share = 100 // jets\n  ZeroDivisionError" in shown.text
    assert re.search(r"in `ratio`, Cell In\[\d+\], line 2", shown.text)
    assert "ZeroDivisionError" in shown.traceback
    again = notebook.fail("spark.sparkContext.parallelize([0], 1).map(ratio).collect()")
    assert "share = 100 // jets" in again.text


def test_an_exception_that_nothing_is_known_of_is_shown_as_ipython_shows_it(notebook):
    for code in ("raise ConnectionRefusedError('mine')", "spark.sql('selct 1')", "1 / 0"):
        cell = notebook.run(code)
        (error,) = cell.outputs
        assert error.output_type == "error"
        assert "Traceback (most recent call last)" in "".join(error.traceback)
        assert "----> 1" in re.sub(r"\x1b\[[0-9;]*m", "", "".join(error.traceback))


def test_a_driver_of_another_python_than_the_executors_is_told_with_both_versions(notebook):
    # The worker's own check: the driver calls itself another Python.
    notebook.run("before, spark.sparkContext.pythonVer = spark.sparkContext.pythonVer, '3.9'")
    shown = notebook.fail("spark.sparkContext.parallelize([1], 1).map(abs).collect()")
    notebook.run("spark.sparkContext.pythonVer = before")
    assert "Driver and executors run different Python versions" in shown.text
    assert "runs Python 3.9" in shown.text
    assert f"the executors run Python {version_of(sys.version_info)}" in shown.text


def test_another_python_of_the_executors_is_told_with_both_versions_whether_it_has_pyspark_or_not(notebook):
    other = next(other_pythons(), None)
    if other is None:
        pytest.skip("no other Python from 3.10 on is installed here")
    notebook.run(f"before, spark.sparkContext.pythonExec = spark.sparkContext.pythonExec, {other!r}")
    shown = notebook.fail("spark.sparkContext.parallelize([1], 1).map(abs).collect()")
    notebook.run("spark.sparkContext.pythonExec = before")
    title = "Driver and executors run different Python versions"
    assert (title if has_pyspark(other) else "The Python of the executors has no pyspark") in shown.text
    assert f"the executors run Python {python_version(other)}" in shown.text
    assert f"runs Python {version_of(sys.version_info)}" in shown.text


def test_a_stage_that_waits_for_one_task_has_a_card_although_it_ends_well(notebook):
    notebook.run("spark.sparkContext.parallelize(range(4), 4).map(abs).count()")
    cell = notebook.photograph(
        "spark.sparkContext.parallelize(range(6), 6).foreach(lambda n: time.sleep(5 * (n == 4)))"
    )
    (shown,) = [output for output in cell.outputs if output.output_type == "display_data"]
    assert shown.data["text/html"].count("role='note'") == 1
    text = " ".join(shown.data["text/plain"].split())
    assert re.search(r"one of its 6 tasks took 5\.\d s, the median \d\.\d s \(skew\)", text)
    assert "Try: See whether a few keys have most of the rows" in text


def test_the_table_of_a_cluster_names_a_worker_that_was_killed(notebook):
    notebook.run("from coursekit.faults import kill_worker; kill_worker(cluster, 1)")
    cell = notebook.photograph("cluster")
    notebook.run("cluster.repair()")
    html = cell.outputs[-1].data["text/html"]
    assert "degraded" in html
    assert "died: killed by signal 9" in html


def test_a_full_heap_of_an_executor_is_told_with_its_size(notebook):
    shown = notebook.fail("""
        parts = spark.range(40).select(F.expr("repeat(cast(id as string), 20000000)").alias("text"))
        parts.agg(F.size(F.collect_list("text"))).collect()
    """)
    assert "An executor ran out of Java memory" in shown.text
    assert "512 MiB" in shown.text


def test_a_killed_executor_is_told_with_its_worker_and_exit_code(notebook):
    # In a session of its own: executors whose heap was full may still be about to end.
    notebook.run("""
        spark.stop()
        spark = cluster.session(**{"spark.task.maxFailures": "1", "spark.driver.memory": "600m"})
    """)
    shown = notebook.fail("""
        def kill(_):
            import psutil
            psutil.Process().parent().parent().kill()
            time.sleep(20)
        spark.sparkContext.parallelize([0], 1).foreach(kill)
    """)
    assert "An executor was killed (exit code 137)" in shown.text
    assert re.search(r"on worker `\S+-cards-worker-\d`", shown.text)
    assert "no memory limit" in shown.text


def test_a_killed_python_process_is_told_as_such(notebook):
    shown = notebook.fail(
        "spark.sparkContext.parallelize([0], 1).foreach(lambda _: os.kill(os.getpid(), signal.SIGKILL))"
    )
    assert "The Python process of a task was killed" in shown.text


def test_a_full_driver_is_told_with_its_size(notebook):
    shown = notebook.fail("spark.range(0, 60, 1, 30).selectExpr('repeat(cast(id as string), 20000000)').collect()")
    assert "The driver ran out of memory" in shown.text
    assert "600m" in shown.text


def test_a_result_that_is_larger_than_the_driver_accepts_is_told_with_both_sizes(notebook):
    notebook.run('spark.stop(); spark = cluster.session(**{"spark.driver.maxResultSize": "1m"})')
    shown = notebook.fail("spark.range(2_000_000).selectExpr('id', 'uuid()').toPandas()")
    assert "The result is too large for the driver" in shown.text
    assert "which accepts 1024.0 KiB" in shown.text


def test_executors_larger_than_any_worker_are_told_at_once_with_both_sizes(notebook):
    notebook.run("spark.stop()")
    shown = notebook.fail('cluster.session(**{"spark.executor.memory": "4g"})')
    assert "Spark granted no executors" in shown.text
    assert "asks for 4.0 GiB" in shown.text
    assert "has 512 MiB" in shown.text
    assert shown.ename == "ClusterStartError"


def test_a_driver_that_executors_cannot_reach_is_told_with_its_address(notebook):
    shown = notebook.fail('cluster.session(**{"spark.driver.host": "127.0.0.2"})')
    assert "Executors cannot reach the driver" in shown.text
    assert "find the driver at 127.0.0.2:" in shown.text
    assert "Failed to connect to /127.0.0.2" in shown.text
    notebook.run("spark = cluster.session()")


def test_a_driver_process_that_was_killed_is_told_as_such(notebook):
    notebook.run("""
        spark = cluster.session()
        table = spark.range(5)
        spark.sparkContext._gateway.proc.kill()
    """)
    shown = notebook.fail("table.count()")
    assert "The driver's Java process is gone" in shown.text
    assert "signal 9" in shown.text
    cell = notebook.run("spark = cluster.session(); spark.range(5).count()")
    assert cell.outputs[-1].data["text/plain"] == "5"
    assert "The Spark session has been stopped" in notebook.fail("table.count()").text


def test_a_driver_can_be_given_more_memory_as_its_card_says_while_a_session_is_open():
    with SparkCluster(workers=0) as cluster:
        for memory in ("600m", "700m"):
            spark = cluster.session(**{"spark.driver.memory": memory})
            assert spark.range(5).count() == 5
            assert spark.conf.get("spark.driver.memory") == memory
        assert cluster.session().range(5).count() == 5


@pytest.mark.docker
def test_an_executor_beyond_its_memory_limit_is_told_with_limit_heap_and_pythons_share(album, monkeypatch):
    require_docker("spark")
    realm = f"test-cards-{os.getpid()}"
    monkeypatch.setenv("COURSEKIT_ENGINE", "docker")
    monkeypatch.setenv("COURSEKIT_REALM", realm)
    start = START.replace('name="cards"', 'name="cardboxes"').replace("workers=2", "workers=1")
    with Notebook(start, album) as boxes:
        boxes.run("""
            from pyspark import StorageLevel
            spark.stop()  # memory beside the heap is not in the heap's limit, but it is in the container's
            outside = {"spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "2g"}
            spark = cluster.session(**outside, **{"spark.task.maxFailures": "1"})
        """)
        shown = boxes.fail("""
            numbers = spark.range(0, 20_000_000, 1, 4).select(*[F.rand(seed).alias(f"x{seed}") for seed in range(8)])
            numbers.persist(StorageLevel.OFF_HEAP).count()
        """)
        assert "exit code 137" in shown.text
        assert "limit is 1.0 GiB" in shown.text
        assert "512 MiB are for Java's heap and about 256 MiB for Python" in shown.text
    assert DockerEngine(realm=realm).nodes() == ()


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_album_can_be_read_in_both_themes_of_jupyterlab(notebook, album, browser, tmp_path, theme):
    notebook.fail("spark.range(1).select('idd')")  # so that there is one, whichever tests have run
    pages = nbformat.v4.new_notebook(
        cells=album, metadata={"kernelspec": {"name": "python3", "display_name": "Python"}}
    )
    with jupyterlab(browser, tmp_path, theme=theme, notebook=pages) as page:
        for number in range(len(album)):
            cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
            cell.locator(".jp-OutputArea-output").first.wait_for()
            cell.screenshot(path=SCREENSHOTS / f"card-{number:02}-{theme.lower()}.png")
            for card in cell.locator(".ck-card").all():
                assert contrast(card.evaluate(COLOURS)) > 4.5


# The colours of a card's text and of the first ground below it that is not a veil.
COLOURS = """card => {
    const opaque = colour => !colour.startsWith('rgba') || colour.endsWith(', 1)');
    let ground = card;
    while (!opaque(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
    return [getComputedStyle(card).color, getComputedStyle(ground).backgroundColor];
}"""


def contrast(colours: list[str]) -> float:
    """The ratio of two colours' luminances, as WCAG 2 defines it: 4.5 is what text needs."""
    lights = []
    for colour in colours:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def has_pyspark(python: str) -> bool:
    """Whether a Python runs executors, as Spark finds out."""
    return subprocess.run([python, "-c", "import pyspark.daemon"], capture_output=True, check=False).returncode == 0


def other_pythons() -> Iterator[str]:
    ours = version_of(sys.version_info)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    for folder in (*map(Path, os.environ["PATH"].split(os.pathsep)), *pyenv.glob("versions/*/bin")):
        for path in sorted(folder.glob("python3.1[0-9]")):
            with contextlib.suppress(PythonMismatchError):
                if python_version(str(path)) not in (ours, ""):
                    yield str(path)
