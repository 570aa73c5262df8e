"""Notebooks of the course, executed as readers execute them.

In containers of the image that each one's contract names, where a Docker daemon answers. One at a time, beside the
other tests, so that times are compared with contracts leniently; `make notebooks` compares them strictly.
"""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from docker_fixtures import is_docker_there

from coursekit.config import find_course
from coursekit.errors import CellFailedError, SettingsError
from coursekit.notebooks.catalog import list_notebooks
from coursekit.notebooks.containers import require_readable

pytestmark = [pytest.mark.spark, pytest.mark.timeout(2700)]
LENIENT = ("--tolerance", "4")


def run_notebooks(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coursekit", "notebook", "run", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Where results go: in a second try, only what failed in the first is executed again."""
    return tmp_path_factory.mktemp("results")


def engine_here() -> str:
    """Containers, where a daemon answers and their account can read this checkout (root's own may be closed to it)."""
    try:
        for notebook in list_notebooks(find_course()):
            require_readable(notebook.path)
    except SettingsError:
        return "process"
    return "docker" if is_docker_there("spark", "tensorflow") else "process"


def test_every_notebook_of_the_course_runs_at_its_small_size(results):
    done = run_notebooks("--all", "--engine", engine_here(), "--jobs", "1", *LENIENT, "--out", str(results))
    assert done.returncode == 0, done.stdout + done.stderr
    names = {notebook.path.stem for notebook in list_notebooks(find_course())}
    assert {path.stem for path in results.glob("*.ipynb")} == names
    suite = next(ElementTree.parse(results / "junit.xml").iter("testsuite"))
    assert (int(suite.get("tests")), int(suite.get("failures"))) == (len(names), 0)


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
