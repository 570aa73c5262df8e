from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

import pytest
import typer.main
from click import Command
from typer.testing import CliRunner

from coursekit.cli.main import app
from coursekit.errors import DoctorError

ROOT = typer.main.get_command(app)


def commands(group: Command = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    yield path, group
    if hasattr(group, "commands"):
        for name, command in group.commands.items():
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(path):
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    assert " ".join(("Example: coursekit", *path)) in text


def test_every_list_and_status_speaks_json():
    for path, command in commands():
        if path and path[-1] in ("list", "status", "doctor"):
            assert any("--json" in parameter.opts for parameter in command.params), path


def test_the_command_line_imports_nothing_heavy():
    code = "import sys, coursekit.cli.main; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "pyspark",
        "numpy",
        "pandas",
        "pyarrow",
        "nbformat",
        "nbgrader",
        "papermill",
        "jupyterhub",
        "IPython",
        "httpx",
    }
    assert heavy.isdisjoint(loaded)


def test_an_unknown_command_is_a_usage_error():
    assert CliRunner().invoke(app, ["clusters"]).exit_code == 2


def test_an_error_becomes_its_exit_code_and_no_trace():
    command = [sys.executable, "-m", "coursekit", "cluster", "up", "--workers", "-3"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 10
    assert shown.stderr.startswith("SettingsError: workers = -3")
    assert "Fix: " in shown.stderr
    assert "Traceback" not in shown.stderr


def test_doctor_looks_at_everything_in_one_line_each():
    checks = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).output)
    names = [check["name"] for check in checks]
    wanted = [
        "Python",
        "Java",
        "executors",
        "start-up",
        "versions",
        "memory",
        "disk",
        "Docker",
        "sandbox",
        "GPU",
        "ports",
    ]
    assert names == wanted
    assert all(check["fix"] for check in checks if check["state"] != "ok")


def test_doctor_fails_with_the_fix_where_java_is_missing(monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    result = CliRunner().invoke(app, ["doctor"])
    assert isinstance(result.exception, DoctorError)
    assert "Java" in str(result.exception)
    assert "openjdk-17" in result.exception.fix


def test_grades_fit_into_eighty_columns_and_lose_nothing_as_json(monkeypatch, capsys):
    from datetime import UTC, datetime

    from coursekit.cli import assignment
    from coursekit.grading.book import Grade

    grade = Grade(
        student="ada",
        assignment="exam",
        auto_score=10.5,
        auto_max=12,
        manual_score=0,
        manual_max=5,
        score=10.5,
        max_score=17,
        needs_manual=True,
        submitted=datetime(2026, 11, 26, 5, 31, 7, 123456, UTC),
    )
    [row] = assignment._grade_rows([grade], as_json=False)
    assert (row["by tests"], row["by a person"], row["handed in"]) == ("10.5 of 12", "to do", "26 Nov 05:31")
    assert "late" not in row
    monkeypatch.setenv("COLUMNS", "80")
    assignment.show([row], as_json=False)
    assert len(capsys.readouterr().out.splitlines()) == 5, "nothing is broken over two lines"
    assert assignment._grade_rows([grade], as_json=True) == [asdict(grade)]


def test_doctor_says_what_submissions_would_be_graded_in(monkeypatch):
    from coursekit.diagnosis import diagnose

    monkeypatch.setenv("COURSEKIT_SANDBOX", "bare")
    [check] = [check for check in diagnose() if check.name == "sandbox"]
    assert check.state == "note"
    assert "run with your rights" in check.found
