"""``coursekit dataset``, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coursekit.cli.dataset import app
from coursekit.errors import CorruptDatasetError, UnknownDatasetError


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path))
    return lambda *words: CliRunner().invoke(app, words)


def test_get_prints_the_path_and_nothing_else(call):
    done = call("get", "weblogs", "--rows", "40", "--seed", "3")
    assert done.exit_code == 0
    assert done.stderr == ""
    assert len(Path(done.stdout.strip()).read_text().splitlines()) == 40


def test_list_tells_what_the_cache_holds(call):
    path = Path(call("get", "weblogs", "--rows", "40").stdout.strip())
    listed = {row["name"]: row for row in json.loads(call("list", "--json").stdout)}
    assert {"higgs", "weblogs", "graph"} <= set(listed)
    assert (listed["weblogs"]["files"], listed["weblogs"]["cached"]) == (1, path.stat().st_size)
    assert "CC BY 4.0" in listed["higgs"]["licence"]
    assert "weblogs" in call("list").stdout


def test_verify_succeeds_on_whole_files_and_fails_on_changed_ones(call):
    path = Path(call("get", "weblogs", "--rows", "40").stdout.strip())
    assert [row["state"] for row in json.loads(call("verify", "--json").stdout)] == ["ok"]
    path.write_text("something else\n")
    done = call("verify", "weblogs", "--json")
    assert [row["state"] for row in json.loads(done.stdout)] == ["changed"]
    assert isinstance(done.exception, CorruptDatasetError)
    assert path.name in done.exception.message


def test_verify_of_an_empty_cache_says_so(call):
    assert "no data sets" in call("verify").stdout
    assert json.loads(call("verify", "--json").stdout) == []


def test_an_unknown_name_is_an_error_that_knows_the_names(call):
    done = call("get", "higs")
    assert isinstance(done.exception, UnknownDatasetError)
    assert "higgs, weblogs" in done.exception.message


@pytest.mark.parametrize("command", ["list", "get", "verify"])
def test_every_command_has_an_example(call, command):
    assert "Example:  coursekit dataset" in call(command, "--help").stdout
