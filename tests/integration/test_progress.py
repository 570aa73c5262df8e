"""Real jobs in a real kernel: what a cell shows while they run, and what is left of it in the executed notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from coursekit.notebooks.kernel import OwnKernelManager

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

CELLS = {
    "load": "%load_ext coursekit\nimport os, threading, time\nfrom coursekit import GiB, SparkCluster",
    "open": "cluster = SparkCluster(workers=2, memory=GiB, name='progress')\nsc = cluster.session('p').sparkContext",
    "warm": "sc.parallelize(range(4), 4).map(lambda row: row).count()",
    "without spark": "time.sleep(1.5)",
    "slow": """
def slow(row):
    time.sleep(0.3)
    return row
print(sc.parallelize(range(16), 16).map(slow).count())
""",
    "short": "sc.range(3).count()",
    "next": "sc.parallelize(range(8), 8).map(slow).count()",
    "captured": "%%capture kept\nkept_count = sc.parallelize(range(8), 8).map(slow).count()",
    "captured, looked at": "len(kept.outputs)",
    "repeated": """
from pyspark import TaskContext
def flaky(row):
    time.sleep(0.5)
    if row == 1 and TaskContext.get().attemptNumber() == 0:
        raise ValueError('once')
sc.parallelize(range(4), 4).foreach(flaky)
""",
    "uneven": "sc.parallelize(range(6), 6).foreach(lambda row: time.sleep(5 if row == 4 else 0.1))",
    "waiting": """
from coursekit.faults import kill_worker
for number in range(2):
    kill_worker(cluster, number)
while cluster.executors:
    time.sleep(0.05)
threading.Timer(3, cluster.repair).start()
sc.parallelize(range(2), 2).foreach(slow)
""",
    "closed in the cell": """
with cluster:
    sc.parallelize(range(8), 8).map(slow).count()
""",
    "off": """%env COURSEKIT_PROGRESS=0""",
    "nothing when off": """
with SparkCluster(workers=0, cores=2, name='local') as local:
    local.session('l').sparkContext.parallelize(range(8), 8).map(slow).count()
""",
}


@dataclass
class Executed:
    """An executed notebook, and every message of its kernel."""

    outputs: dict[str, list[Any]] = field(default_factory=dict)
    messages: dict[str, list[Any]] = field(default_factory=dict)

    def progress(self, cell: str) -> list[str]:
        """The text of a cell's progress outputs, as they stand in the notebook."""
        return [out["data"]["text/plain"] for out in self.outputs[cell] if out["output_type"] == "display_data"]

    def shown(self, cell: str) -> list[str]:
        """What a cell has shown one after the other."""
        kinds = ("display_data", "update_display_data")
        return [
            one["content"]["data"]["text/html"] for one in self.messages[cell] if one["header"]["msg_type"] in kinds
        ]


class Listening(NotebookClient):
    """An nbclient that remembers what the kernel sent."""

    heard: list[tuple[int, Any]]

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.heard.append((cell_index, msg))
        return super().process_message(msg, cell, cell_index)


@pytest.fixture(scope="module")
def executed() -> Executed:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    client = Listening(notebook, timeout=240, kernel_manager_class=OwnKernelManager)
    client.heard = []
    client.execute()
    result = Executed(messages={name: [] for name in CELLS})
    names = list(CELLS)
    for index, message in client.heard:
        result.messages[names[index]].append(message)
    result.outputs = {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}
    nbformat.validate(notebook)
    return result


def test_a_job_is_shown_while_it_runs(executed):
    shown = executed.shown("slow")
    assert len(shown) >= 3
    assert all("role='progressbar'" in html for html in shown[:-1])
    done = [html.split("aria-valuenow='")[1].split("'")[0] for html in shown[:-1]]
    assert len(set(done)) >= 2, "the bar has moved"


def test_the_executed_cell_holds_exactly_one_quiet_line(executed):
    (line,) = executed.progress("slow")
    assert line.startswith("1 job, 16 tasks, ")
    assert line.endswith(" s on 2 executors")
    assert {out["output_type"] for out in executed.outputs["slow"]} == {"display_data", "stream"}


@pytest.mark.parametrize("cell", ["load", "open", "without spark", "short", "nothing when off"])
def test_nothing_is_shown_for_a_cell_without_long_jobs_or_when_it_is_off(executed, cell):
    assert executed.shown(cell) == []


def test_the_next_cell_shows_its_own_jobs_alone(executed):
    (line,) = executed.progress("next")
    assert line.startswith("1 job, 8 tasks, ")


def test_a_captured_cell_keeps_only_what_its_author_wrote(executed):
    assert executed.shown("captured") == []
    assert executed.outputs["captured, looked at"][0]["data"]["text/plain"] == "0"


def test_a_repeated_task_is_told_of(executed):
    (line,) = executed.progress("repeated")
    assert line.endswith("; 1 task failed and was repeated")


def test_a_stage_that_waited_for_one_task_leaves_a_card(executed):
    (text,) = executed.progress("uneven")
    line = " ".join(text.split())
    assert "one of its 6 tasks took 5." in line
    assert "(skew)" in line


def test_a_job_without_executors_says_what_it_waits_for(executed):
    assert any("waiting for executors: 0 of 2 are there" in html for html in executed.shown("waiting"))
    assert len(executed.progress("waiting")) == 1


def test_a_session_that_is_stopped_in_its_cell_leaves_its_whole_count(executed):
    (line,) = executed.progress("closed in the cell")
    assert line.startswith("1 job, 8 tasks, ")
    assert "running" not in line


def test_nothing_is_ever_written_to_stderr(executed):
    streams = {(name, out["name"]) for name, outs in executed.outputs.items() for out in outs if "name" in out}
    assert ("slow", "stdout") in streams
    assert "stderr" not in {stream for _, stream in streams}
