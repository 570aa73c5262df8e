"""What nbgrader's *Validate* says to a student, with our configuration and without."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbgrader.validator import Validator
from traitlets.config import Config

from coursekit.grading import GradingSettings, student_config
from coursekit.grading.validation import DropRemarks

REMARK = "import sys\nprint('All log messages are written to STDERR', file=sys.stderr)\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    settings = GradingSettings(course_dir=tmp_path / "c", exchange=tmp_path / "e", assignments=tmp_path / "a")
    return student_config(settings, "ada")


def notebook(folder: Path, test: str) -> str:
    cell = nbformat.v4.new_code_cell(test)
    flags = {"grade": True, "solution": False, "locked": True, "task": False, "points": 1}
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": "t", "cell_type": "code", **flags}
    path = folder / "t.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return str(path)


def test_a_test_that_passes_while_a_library_writes_to_stderr_is_valid(tmp_path, config):
    path = notebook(tmp_path, REMARK)
    assert Validator(config=config).validate(path) == {}
    alone = Validator(preprocessors=[step for step in Validator().preprocessors if step is not DropRemarks])
    [failed] = alone.validate(path)["failed"]
    assert "written to STDERR" in failed["error"], "nbgrader no longer minds: our step can go"


def test_a_test_that_fails_is_told_with_its_reason(tmp_path, config):
    [failed] = Validator(config=config).validate(notebook(tmp_path, f"{REMARK}assert 1 == 2, 'not so'"))["failed"]
    assert "not so" in failed["error"]
