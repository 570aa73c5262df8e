"""Notebooks of the course, executed as readers execute them.

All of them take longer than all other tests together: `make notebooks` executes them, in a job of its own in the
pipelines (``.github/workflows``, ``.gitlab-ci.yml``). Here are some of each kind, about half.
"""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from coursekit.config import find_course
from coursekit.errors import CellFailedError

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1200)]


def run_notebooks(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coursekit", "notebook", "run", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


CHOSEN = (
    *(
        "01-containers-to-clusters",
        "04-measuring-and-modelling-scaling",
        "09-gpu-runtimes",
        "10-data-parallel-training",
    ),
    *("13-streaming-and-serving", "14-capstone", "a1", "a3", "a4", "a5", "a7"),
)


def test_notebooks_of_the_course_run_at_their_small_size(tmp_path):
    done = run_notebooks(*CHOSEN, "--fresh", "--jobs", "2", "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.stem for path in tmp_path.glob("*.ipynb")} == set(CHOSEN)
    suite = next(ElementTree.parse(tmp_path / "junit.xml").iter("testsuite"))
    assert (int(suite.get("tests")), int(suite.get("failures"))) == (len(CHOSEN), 0)


def test_a_lesson_that_is_broken_on_purpose_is_named_with_its_cell_and_error(tmp_path):
    lesson = json.loads(next(find_course().lessons.glob("01-*.ipynb")).read_text())
    first = next(index for index, cell in enumerate(lesson["cells"]) if cell["cell_type"] == "code")
    lesson["cells"][first + 1 :] = [
        {"cell_type": "code", "id": "broken", "metadata": {}, "source": "1 / 0", "outputs": [], "execution_count": None}
    ]
    (tmp_path / "broken.ipynb").write_text(json.dumps(lesson))
    done = run_notebooks(str(tmp_path / "broken.ipynb"), "--out", str(tmp_path / "out"))
    assert done.returncode == CellFailedError.exit_code
    shown = done.stdout + done.stderr
    assert "broken" in shown
    assert "1 / 0" in shown
    assert "ZeroDivisionError" in shown
    assert list((tmp_path / "out").rglob("broken.ipynb")), "the failed notebook is saved"
