"""The gradebook as Canvas, Moodle and spreadsheets read it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from gradebook_fixtures import Class, small_class
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from coursekit.cli.main import app
from coursekit.errors import GradingError, SettingsError
from coursekit.grading import Format, export_grades
from coursekit.grading.exports import harmless

RULE = "[assignments.toy]\ndue = 2026-12-01T23:59:00+01:00\npenalty_per_day = 0.1\n"


@pytest.fixture
def toy(tmp_path) -> Class:
    made = small_class(tmp_path)
    made.course_file(RULE)
    made.submit("ada", "2026-12-01 12:00:00", scores={"toy-double": 4, "toy-sort": 5.5}, why=2)
    made.submit("bob", "2026-12-02 12:00:00", scores={"toy-double": 4, "toy-sort": 6}, why=0)
    made.enrol("ada", first_name="Ada", last_name="King, Countess", email="ada@example.org")
    made.enrol("eve", first_name='=HYPERLINK("http://evil.example")', last_name="-1+1", email="@SUM(A1)")
    return made


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_canvas_gets_its_columns_with_the_points_possible_and_scores_after_penalties(toy, tmp_path):
    rows = read(export_grades(toy.settings, tmp_path / "out" / "grades.csv", layout=Format.canvas))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "toy"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "12"]
    assert rows[2] == ["King, Countess, Ada", "", "", "ada", "", "11.5"]
    assert rows[3] == ["bob", "", "", "bob", "", "9"]


def test_canvas_takes_the_header_for_its_own(toy, tmp_path):
    # The conditions of GradebookImporter#header?, row_has_student_headers? and update_column_count.
    head = read(export_grades(toy.settings, tmp_path / "grades.csv", layout=Format.canvas))[0]
    assert "Student" in head[0]
    assert "ID" in head[1]
    assert head[2:4] == ["SIS User ID", "SIS Login ID"]
    assert "Section" in head[4]


def test_moodle_gets_its_columns_and_its_sign_for_no_grade(toy, tmp_path):
    rows = read(export_grades(toy.settings, tmp_path / "grades.csv", layout=Format.moodle))
    assert rows[0] == ["First name", "Last name", "Username", "Email address", "Assignment: toy (Real)"]
    assert rows[1] == ["Ada", "King, Countess", "ada", "ada@example.org", "11.5"]
    assert rows[3][-1] == "-"


def test_plain_columns_are_nbgraders_with_raw_score_and_penalty(toy, tmp_path):
    with export_grades(toy.settings, tmp_path / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert rows["ada"]["last_name"] == "King, Countess"
    assert [rows["bob"][key] for key in ("raw_score", "late_submission_penalty", "score", "max_score")] == [
        "10", "1", "9", "12",
    ]  # fmt: skip
    assert rows["eve"]["score"] == "0"
    assert rows["eve"]["timestamp"] == ""


@pytest.mark.parametrize("layout", list(Format))
def test_no_cell_of_an_export_begins_a_formula(toy, tmp_path, layout):
    cells = [cell for row in read(export_grades(toy.settings, tmp_path / "g.csv", layout=layout)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r", "-1+"))]
    assert any("HYPERLINK" in cell for cell in cells)


@given(st.text())
def test_a_defused_cell_is_no_formula_and_loses_nothing(text):
    cell = harmless(text)
    assert cell in (text, f"'{text}")
    assert not cell.startswith(("=", "+", "@", "\t", "\r"))
    if cell.startswith("-"):
        assert cell == "-" or float(cell) <= 0


def test_numbers_stay_numbers():
    assert [harmless(each) for each in ("-1.5", "3", "-", "", "Ada")] == ["-1.5", "3", "-", "", "Ada"]
    assert harmless(" =1+1") == "' =1+1"


def test_a_folder_that_cannot_be_written_and_an_unknown_reader_are_named(toy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GradingError, match="cannot be written"):
        export_grades(toy.settings, tmp_path / "file" / "grades.csv")
    caught = CliRunner().invoke(app, ["assignment", "export", "--for", "blackboard"]).exception
    assert isinstance(caught, SettingsError)
    assert "blackboard" in caught.message
