import json
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from coursekit.cli.notebook import app
from coursekit.errors import CellFailedError, NotebookNotCleanError, NotebookNotFoundError, SettingsError

runner = CliRunner()


@pytest.fixture
def course(tmp_path, monkeypatch):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "assignments/a1").mkdir(parents=True)
    parameters = new_code_cell("rows = 3", metadata={"tags": ["parameters"]})
    contract = {"title": "Resources on demand", "runtime": "spark", "workers": 2, "minutes": 2}
    lesson = new_notebook(cells=[new_markdown_cell("# Resources"), parameters], metadata={"coursekit": contract})
    nbformat.write(lesson, tmp_path / "lessons/01-resources.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("# First task")]), tmp_path / "assignments/a1/a1.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_list_gives_title_runtime_workers_and_minutes(course):
    rows = json.loads(runner.invoke(app, ["list", "--json"]).stdout)
    assert [row["name"] for row in rows] == ["01-resources", "a1"]
    assert {key: rows[0][key] for key in ("kind", "title", "runtime", "workers", "minutes")} == {
        "kind": "lesson",
        "title": "Resources on demand",
        "runtime": "spark",
        "workers": 2,
        "minutes": 2,
    }
    assert "First task" in runner.invoke(app, ["list"]).stdout


def test_list_survives_a_bad_contract_and_says_so(course):
    bad = new_notebook(metadata={"coursekit": {"title": "Bad", "workers": -1}})
    nbformat.write(bad, course / "lessons/02-bad.ipynb")
    rows = json.loads(runner.invoke(app, ["list", "--json"]).stdout)
    assert "workers = -1" in rows[1]["title"]


def test_check_lists_every_fault_then_tidy_mends_them_then_check_is_content(course):
    first = runner.invoke(app, ["check"])
    assert isinstance(first.exception, NotebookNotCleanError)
    assert "01-resources.ipynb" in first.stdout
    assert "a1.ipynb" in first.stdout
    assert "tidy mends it" in first.stdout
    assert "tidied lessons/01-resources.ipynb" in runner.invoke(app, ["tidy"]).stdout
    assert runner.invoke(app, ["check"]).exit_code == 0
    assert runner.invoke(app, ["tidy"]).stdout == ""


def test_check_of_one_notebook_says_nothing_of_others_and_prints_json(course):
    result = runner.invoke(app, ["check", "01", "--json"])
    assert isinstance(result.exception, NotebookNotCleanError)
    faults = json.loads(result.stdout)
    assert {fault["path"] for fault in faults} == {str(course / "lessons/01-resources.ipynb")}
    assert all(fault["is_mendable"] and fault["message"] and fault["fix"] for fault in faults)


def test_faults_that_tidying_cannot_mend_come_with_what_to_do(course):
    nbformat.write(new_notebook(), course / "lessons/02-bare.ipynb")
    result = runner.invoke(app, ["check", "02"])
    assert "has no contract" in result.stdout
    assert "Fix: add" in result.stdout
    assert "by hand" in result.exception.fix


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["run"], SettingsError),
        (["run", "01", "--all"], SettingsError),
        (["run", "01", "--jobs", "0"], SettingsError),
        (["run", "01", "--size", "huge"], SettingsError),
        (["run", "01", "--timeout", "0"], SettingsError),
        (["run", "resuorces"], NotebookNotFoundError),
        (["check", "02"], NotebookNotFoundError),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(course, arguments, error):
    result = runner.invoke(app, arguments)
    assert isinstance(result.exception, error), result.output
    assert not (course / "build").exists()


@pytest.mark.parametrize("command", ["list", "check", "tidy", "run"])
def test_every_command_has_help_with_an_example(command):
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example:  coursekit notebook {command}" in result.stdout


def test_loading_the_command_loads_nothing_heavy():
    code = (
        "import sys, coursekit.cli.notebook; "
        "print([name for name in ('papermill', 'nbformat', 'rich.progress', 'nbclient') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_exit_codes_are_those_of_the_errors():
    assert (NotebookNotFoundError.exit_code, NotebookNotCleanError.exit_code, CellFailedError.exit_code) == (51, 52, 53)
