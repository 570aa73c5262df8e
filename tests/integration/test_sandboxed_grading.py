"""Grading in sandboxes as an instructor meets it: interrupted, corrected, and forgiving of what is harmless."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attacks.assignment import POINTS, write_assignment
from docker_fixtures import require_bubblewrap, require_docker

from coursekit.config import GiB, image_tag
from coursekit.engine.daemon import connect
from coursekit.errors import SandboxError
from coursekit.grading import GradingSettings, autograde, grades, regrade
from coursekit.grading.flow import generate_students_version
from coursekit.sandbox import Cell, Limits, Request, choose_box, run_request

RIGHT = {"t-double": "def double(x):\n    return 2 * x", "t-square": "def square(x):\n    return x * x"}

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["docker", "bubblewrap", "bare"])
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each kind of sandbox in turn."""
    kind: str = request.param
    if kind == "docker":
        require_docker("grader")
    if kind == "bubblewrap":
        require_bubblewrap()
    monkeypatch.setenv("COURSEKIT_SANDBOX", kind)
    return kind


def hand_in(settings: GradingSettings, student: str, answers: dict[str, str]) -> None:
    notebook = json.loads((settings.course_dir / "release" / "toy" / "toy.ipynb").read_text())
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["metadata"]["nbgrader"]["grade_id"], cell["source"])
    folder = settings.course_dir / "submitted" / student / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.ipynb").write_text(json.dumps(notebook))
    (folder / "timestamp.txt").write_text("2026-01-01 12:00:00.000000 UTC")


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def scores(settings: GradingSettings) -> dict[str, float]:
    return {grade.student: grade.auto_score for grade in grades(settings, "toy")}


def test_a_grader_that_is_killed_in_the_middle_finishes_when_it_is_started_again(sandbox: str, tmp_path: Path) -> None:
    settings = write_assignment(tmp_path)
    generate_students_version(settings, "toy")
    students = [f"s{number}" for number in range(6)]
    for number, student in enumerate(students):
        hand_in(settings, student, RIGHT if number % 2 else {"t-double": RIGHT["t-double"]})
    program = (
        "from pathlib import Path\nfrom coursekit.grading import GradingSettings, autograde\n"
        f"root = Path({str(tmp_path)!r})\n"
        "autograde(GradingSettings(course_dir=root / 'course', exchange=root / 'exchange', "
        "assignments=root / 'assignments'), 'toy', jobs=2)\n"
    )
    grader = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    results = settings.course_dir / "results"
    wait_for(lambda: len(list(results.glob("*.json"))) >= 2)
    os.kill(grader.pid, signal.SIGKILL)
    grader.wait()
    wait_for(lambda: not sandboxes_left())
    known = {path: path.stat().st_mtime_ns for path in results.glob("*.json")}
    assert len(known) < len(students)

    autograde(settings, "toy")

    assert scores(settings) == {student: POINTS if n % 2 else 5.0 for n, student in enumerate(students)}
    assert all(path.stat().st_mtime_ns == written for path, written in known.items()), "what was there ran again"
    target = tmp_path / "grades.csv"
    subprocess.run(
        ["nbgrader", "export", "--to", str(target)], cwd=settings.course_dir, check=True, capture_output=True
    )
    assert len(target.read_text().splitlines()) == 1 + len(students)


def sandboxes_left() -> list[str]:
    """Find what a killed grader has left running; the sandboxes of a grader that lives are below it."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "coursekit.sandbox.supervisor" in process.cmdline() and not any(map(is_grader, process.parents())):
                found.append(" ".join(process.cmdline())[:100])
    return found


def is_grader(process: Any) -> bool:
    return process.name().startswith(("python", "coursekit", "pytest")) and "supervisor" not in str(process.cmdline())


def test_a_corrected_test_runs_again_and_old_and_new_scores_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSEKIT_SANDBOX", "bare")
    settings = write_assignment(tmp_path)
    source = settings.assignments / "toy" / "toy.ipynb"
    right = source.read_text()
    source.write_text(right.replace("found == 4", "found == 5").replace("3482", "3483"))  # a test that is wrong
    generate_students_version(settings, "toy")
    hand_in(settings, "right", RIGHT)
    hand_in(settings, "wrong", {"t-double": "def double(x):\n    return None"})
    autograde(settings, "toy")
    assert scores(settings) == {"right": 3.0, "wrong": 0.0}
    marks = {path: path.stat().st_mtime_ns for path in (settings.course_dir / "results").glob("*.json")}

    assert [change.difference for change in regrade(settings, "toy")] == [0.0, 0.0]
    assert {path: path.stat().st_mtime_ns for path in (settings.course_dir / "results").glob("*.json")} == marks

    source.write_text(right)
    changes = regrade(settings, "toy")

    assert [(change.student, change.before, change.after) for change in changes] == [
        ("right", 3.0, POINTS),
        ("wrong", 0.0, 0.0),
    ]
    report = json.loads((settings.course_dir / "reports" / "toy" / "right.json").read_text())
    assert report["flags"] == [], "who handed in the old visible test has edited nothing"


@pytest.mark.parametrize(
    "harmless",
    [
        "import warnings\n    warnings.warn('deprecated')",
        "import logging\n    logging.getLogger('x').warning('a log line')",
        "import sys\n    print('[Stage 0:=====>      (1 + 1) / 2]', file=sys.stderr, end='\\r')",
        "import subprocess\n    subprocess.run(['sh', '-c', 'echo native code >&2'])",
        "print('x' * 1000)\n    get_ipython().user_ns['_'] = 1",
        "import traceback\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        traceback.print_exc()",
        "from IPython.display import display\n    display(3.0)",
        "max = sum = list = 5",
        "import matplotlib.pyplot as plt\n    plt.plot([1, 2])\n    plt.show()",
    ],
    ids=["warning", "log", "progress-bar", "native", "printing", "traceback", "display", "shadows", "plot"],
)
def test_what_is_harmless_costs_no_point(harmless: str) -> None:
    box = choose_box("bare")
    answer = f"def double(x):\n    {harmless}\n    return 2 * x\ndouble(1)\nsum = 5"
    test = (
        "from coursekit.grading import Checks\nchecks = Checks()\n"
        "with checks.part(2, 'twice'):\n    assert sum([double(2)]) == 4\nchecks.score()"
    )
    cells = (Cell(id="answer", kind="student", source=answer), Cell(id="test", kind="test", source=test))
    outcome = run_request(box, Request(student="ada", assignment="toy", cells=cells, limits=Limits(cell_s=60)))
    assert outcome.tampered == ()
    assert outcome.cells["test"].score == 2.0, outcome.cells


def test_a_first_plot_is_no_tampering_where_a_test_imports_pyplot_too() -> None:
    cells = (
        Cell(id="imports", kind="instructor", source="import matplotlib.pyplot as plt"),
        Cell(id="answer", kind="student", source="import matplotlib.pyplot\nmatplotlib.pyplot.plot([1, 2])\nline = 1"),
        Cell(id="test", kind="test", source="import matplotlib.pyplot as plt\nassert line == 1\nplt.close('all')"),
    )
    outcome = run_request(choose_box("bare"), Request(student="ada", assignment="toy", cells=cells))
    assert outcome.tampered == ()
    assert outcome.cells["test"].status == "ok"


CLUSTER = """
from coursekit import GiB, SparkCluster
cluster = SparkCluster(workers=2, cores=1, memory=GiB, name="graded")
spark = cluster.session("graded")
total = spark.sparkContext.parallelize(range(40), 8).map(lambda x: x * x).sum()
"""
USED = """
from coursekit.grading import Checks, plain
checks = Checks()
with checks.part(1, "the sum of the squares"):
    assert plain(total) == 20540
with checks.part(2, "two executors"):
    assert spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() == 3
checks.score()
"""


@pytest.mark.spark
def test_a_notebook_that_asks_for_workers_has_a_cluster_of_its_own_in_its_sandbox(sandbox: str) -> None:
    cells = (
        Cell(id="cluster", kind="student", source=CLUSTER),
        Cell(id="test", kind="test", source=USED),
        Cell(id="close", kind="student", source="cluster.close()"),
    )
    limits = Limits(memory=5 * GiB, cores=2, processes=1024)
    outcome = run_request(choose_box(), Request(student="ada", assignment="toy", cells=cells, limits=limits))
    assert outcome.tampered == ()
    assert outcome.cells["test"].score == 3.0, outcome.cells
    assert outcome.cells["close"].status == "ok"


def test_a_sandbox_that_is_weaker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_SANDBOX", "bare")
    assert "with your rights" in choose_box().weakness
    monkeypatch.setenv("COURSEKIT_SANDBOX", "docker")
    require_docker("grader")
    assert choose_box().weakness == ""


def test_an_image_of_another_version_is_refused_and_not_replaced_by_something_weaker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_docker("grader")
    client = connect()
    packages = client.images.get(image_tag("base-packages"))
    packages.tag("another-version/grader", "latest")
    try:
        monkeypatch.setenv("COURSEKIT_REPOSITORY", "another-version")
        for kind in ("docker", None):
            with pytest.raises(SandboxError, match="another version of coursekit"):
                choose_box(kind)
    finally:
        client.images.remove("another-version/grader:latest")
        client.close()
