"""Faults planted in notebooks: each is found, and each is told in words of its own."""

import os
import sys
from xml.etree import ElementTree

import nbformat
import pytest
from made_notebooks import add
from nbformat.v4 import new_output

from coursekit.config import Course
from coursekit.notebooks import attempt
from coursekit.notebooks.catalog import list_notebooks
from coursekit.notebooks.check import check_notebook
from coursekit.notebooks.outcome import HOW_IT_READS, Conditions
from coursekit.notebooks.report import write_reports
from coursekit.notebooks.run import RunSettings, run_notebooks

GROWING = "import time\nheld = []\nfor _ in range(200):\n    held.append(b'x' * (16 << 20))\n    time.sleep(0.05)"
PLANTED = {
    "fails": ("print('before the fault')\n1 / 0", {}),
    "dies": ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", {}),
    "grows": (GROWING, {"notebook_memory": "256m"}),
    "asks-for-too-much": ("held = b'x' * (1 << 60)", {}),
    "has-no-file": ("open('measured.csv')", {}),
    "has-no-data-set": ("from coursekit import dataset\ndataset('hgigs')", {}),
    "is-slow": ("import time\ntime.sleep(2)", {"minutes": 0.01}),
    "is-large": ("import time\nheld = b'x' * (256 << 20)\ntime.sleep(2)", {"notebook_memory": "256m"}),
    "is-fine": ("print('fine')", {}),
}
STATUS = {
    "fails": "failed",
    "dies": "died",
    "grows": "memory",
    "asks-for-too-much": "memory",
    "has-no-file": "no_data",
    "has-no-data-set": "no_data",
    "is-slow": "slow",
    "is-large": "large",
    "is-fine": "passed",
    "is-endless": "timeout",
}


def execute(course, **settings):
    settings = RunSettings(out=course.build / "notebooks", root=course.root, **settings)
    return {outcome.notebook.name: outcome for outcome in run_notebooks(list_notebooks(course), settings)}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Give the outcome of each planted notebook, all run once."""
    course, other = (Course(root=tmp_path_factory.mktemp("course")) for _ in range(2))
    for name, (source, contract) in PLANTED.items():
        add(course, name, "x = 1", source, contract=contract)
    add(other, "is-endless", "x = 1", "while True:\n    x += 1")
    return {**execute(course, jobs=2), **execute(other, timeout_s=3)}


@pytest.fixture
def course(tmp_path):
    return Course(root=tmp_path)


@pytest.mark.parametrize("name", STATUS)
def test_each_fault_is_told_apart(planted, name):
    outcome = planted[name]
    assert outcome.status == STATUS[name], f"{outcome.message}\n{outcome.log.read_text()}"


@pytest.mark.parametrize("name", [name for name in STATUS if STATUS[name] not in ("passed", "slow", "large")])
def test_a_fault_in_a_cell_is_told_with_that_cell(planted, name):
    assert planted[name].failure.cell == "c2"
    assert planted[name].failure.source


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fails", "ZeroDivisionError: division by zero"),
        ("is-endless", "interrupted after 3 s"),
        ("grows", "more than the 512 MiB at which a notebook is ended"),
        ("asks-for-too-much", "MemoryError"),
        ("dies", "killed by signal 15"),
        ("has-no-file", "No such file or directory: 'measured.csv'"),
        ("has-no-data-set", "hgigs"),
        ("is-slow", "its contract says 1 s"),
        ("is-slow", "its longest cells: c2 "),
        ("is-large", "its contract says 256 MiB"),
    ],
)
def test_the_message_says_what_is_wrong_with_the_value(planted, name, words):
    assert words in planted[name].message


def test_the_reports_name_every_fault_and_junit_has_failures_and_errors(planted, tmp_path):
    from datetime import UTC, datetime

    write_reports(
        tuple(planted.values()), Conditions(started=datetime.now(UTC), seconds=1, jobs=2, size="small"), tmp_path
    )
    page, summary = ((tmp_path / name).read_text() for name in ("report.html", "summary.md"))
    for status in set(STATUS.values()):
        assert HOW_IT_READS[status] in page
        assert HOW_IT_READS[status] in summary
    assert "before the fault" in page
    suite = next(ElementTree.parse(tmp_path / "junit.xml").iter("testsuite"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("10", "5", "4")


def test_outputs_left_in_a_notebook_are_named(course):
    path = add(course, "01-dirty", "print(1)")
    document = nbformat.read(path, as_version=4)
    document.cells[0].outputs = [new_output("stream", text="1\n")]
    nbformat.write(document, path)
    (notebook,) = list_notebooks(course)
    assert any(fault.cell == "c1" and "output" in fault.message for fault in check_notebook(notebook))


@pytest.fixture
def unwilling(tmp_path, monkeypatch):
    """Let the first tries to execute a notebook fail, as a container does whose port is taken; gives a counter."""
    monkeypatch.setattr(attempt, "_WAITS_S", (0.01, 0.01))
    tries, script = tmp_path / "tries", tmp_path / "unwilling.py"
    script.write_text(
        "import os, pathlib, sys\n"
        "tries, willing = pathlib.Path(sys.argv[1]), int(sys.argv[2])\n"
        "tries.write_text(str(number := int(tries.read_text()) + 1))\n"
        "if number < willing:\n"
        "    sys.exit('docker: driver failed: port is already allocated')\n"
        "os.execv(sys.executable, [sys.executable, '-P', '-m', 'coursekit.notebooks.execute'])\n"
    )

    def refuse_until(number):
        tries.write_text("0")
        monkeypatch.setattr(attempt, "_HERE", (sys.executable, str(script), str(tries), str(number)))
        return lambda: int(tries.read_text())

    return refuse_until


def test_what_could_not_be_started_is_tried_again(course, unwilling):
    add(course, "01-good", "print(1)")
    tries = unwilling(3)
    outcome = execute(course)["01-good"]
    assert (outcome.status, outcome.tries, tries()) == ("passed", 3, 3)


def test_what_cannot_be_started_at_all_is_told_as_no_fault_of_the_notebook(course, unwilling):
    add(course, "01-good", "print(1)")
    tries = unwilling(9)
    outcome = execute(course)["01-good"]
    assert (outcome.status, tries()) == ("unavailable", 3)
    assert "port is already allocated" in outcome.message


def test_a_failed_cell_is_not_tried_again(course, unwilling):
    add(course, "01-bad", "raise ConnectionError('the port is taken')")
    tries = unwilling(1)
    outcome = execute(course)["01-bad"]
    assert (outcome.status, outcome.tries, tries()) == ("failed", 1, 1)


def test_nothing_is_compared_with_a_contract_when_that_is_asked_for(course):
    add(course, "01-slow", "import time\ntime.sleep(1)", contract={"minutes": 0.01})
    assert execute(course, tolerance=0)["01-slow"].has_passed


def test_a_drift_has_an_exit_code_of_its_own(course, monkeypatch):
    from typer.testing import CliRunner

    from coursekit.cli.notebook import app
    from coursekit.errors import NotebookDriftError

    course.assignments.mkdir()
    add(course, "01-slow", "import time\ntime.sleep(1)", contract={"minutes": 0.01})
    monkeypatch.chdir(course.root)
    result = CliRunner().invoke(app, ["run", "--all", "--jobs", str(os.cpu_count())])
    assert isinstance(result.exception, NotebookDriftError)
    assert "01-slow" in result.exception.message
