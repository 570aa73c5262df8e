"""``coursekit usage``, as a user types it."""

from __future__ import annotations

import csv
import functools
import io
import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coursekit.cli.main import app
from coursekit.config import GiB
from coursekit.errors import RecordsError, SettingsError
from coursekit.gateway.quotas import Resources
from coursekit.gateway.records import Records, Usage
from coursekit.gateway.tables import database_url


@pytest.fixture
def database(tmp_path):
    """Two hours of ann's assignment and bob's own cluster, until now."""
    path = tmp_path / "usage.sqlite"
    records = Records(database_url(path), longest_gap_s=3600)
    now = time.time()
    ann = Usage(
        cluster="ann/default", owner="ann", resources=Resources(cores=2, memory=GiB, gpus=1), assignment="=HYPERLINK(1)"
    )
    bob = Usage(cluster="bob/default", owner="bob", resources=Resources(cores=1), assignment="[/bold]", is_waiting=True)
    for hours in (2, 1, 0):
        records.tick(now - hours * 3600, [ann, bob])
    records.close()
    return str(path)


@pytest.fixture
def call(database):
    return lambda *words: CliRunner().invoke(app, ["usage", "--database", database, *words])


def test_the_table_has_hours_and_a_sum(call):
    shown = call()
    assert shown.exit_code == 0
    lines = [line for line in shown.stdout.splitlines() if "ann" in line]
    assert lines[0].replace("│", " ").split()[1:] == ["4.0", "2.0", "2.0", "0", "s"]
    assert "In all: 6.00 core-hours, 2.00 GPU-hours, 2 h of waiting." in shown.stdout


def test_json_has_seconds_and_what_was_told_apart(call):
    rows = json.loads(call("--by", "owner", "--json").stdout)
    assert [row["owner"] for row in rows] == ["ann", "bob"]
    assert rows[0]["core_seconds"] == pytest.approx(4 * 3600)
    assert rows[0]["memory_byte_seconds"] == pytest.approx(2 * 3600 * GiB)
    assert rows[1]["waiting_seconds"] == pytest.approx(2 * 3600)
    assert "day" not in rows[0]
    by_day = json.loads(call("--by", "day", "--by", "assignment", "--json").stdout)
    assert {row["assignment"] for row in by_day} == {"[/bold]", "=HYPERLINK(1)"}
    assert sum(row["core_seconds"] for row in by_day) == pytest.approx(6 * 3600)


def test_csv_is_for_spreadsheets_and_holds_no_formula(call):
    rows = list(csv.DictReader(io.StringIO(call("--by", "assignment", "--csv").stdout)))
    assert {row["assignment"] for row in rows} == {"[/bold]", "'=HYPERLINK(1)"}
    assert sum(float(row["core_seconds"]) for row in rows) == pytest.approx(6 * 3600)


def test_a_label_in_brackets_is_shown_as_it_is(call):
    assert "[/bold]" in call("--by", "assignment").stdout


def test_since_and_until_cut_what_is_counted(call):
    rows = json.loads(call("--since", "1h", "--json").stdout)
    assert rows[0]["core_seconds"] == pytest.approx(2 * 3600, abs=120)
    assert json.loads(call("--until", "2020-01-01", "--json").stdout) == []
    assert json.loads(call("--since", "2020-01-01T09:00+01:00", "--json").stdout)
    assert "Nothing was used." in call("--until", "2020-01-01").stdout


@pytest.mark.parametrize("text", ["yesterday", "7w", "2026-13-01", ""])
def test_what_is_no_moment_is_refused_with_an_example(call, text):
    error = call("--since", text).exception
    assert isinstance(error, SettingsError)
    assert repr(text) in error.message
    assert "7d" in error.fix


def test_a_class_without_usage_is_told_so(tmp_path):
    error = CliRunner().invoke(app, ["usage", "--database", str(tmp_path / "none.sqlite")]).exception
    assert isinstance(error, RecordsError)
    assert "none.sqlite" in error.message


def test_the_database_is_the_hubs_unless_another_is_named(database, tmp_path, monkeypatch):
    for folder in ("lessons", "assignments", "hub", "build/hub"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "hub" / "course.toml").write_text('title = "A course"')
    monkeypatch.setenv("COURSEKIT_ROOT", str(tmp_path))
    call = functools.partial(CliRunner().invoke, app, ["usage", "--json"])
    assert str(tmp_path / "build" / "hub" / "usage.sqlite") in call().exception.message
    monkeypatch.setenv("COURSEKIT_USAGE", database)
    assert json.loads(call().stdout)
    Path(database).rename(tmp_path / "build" / "hub" / "usage.sqlite")
    monkeypatch.delenv("COURSEKIT_USAGE")
    assert json.loads(call().stdout)
