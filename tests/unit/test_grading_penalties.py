"""The gradebook follows course.toml: due dates, extensions and penalties, in nbgrader's own records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from gradebook_fixtures import Class, small_class
from typer.testing import CliRunner

from coursekit.cli.main import app
from coursekit.errors import AssignmentNotFoundError, GradingError, SettingsError
from coursekit.grading import grades, update_penalties
from coursekit.grading.book import open_gradebook
from coursekit.grading.extensions import add_extension
from coursekit.grading.penalties import Stranger, strangers

RULE = "[assignments.toy]\ndue = 2026-12-01T23:59:00+01:00\npenalty_per_day = 0.1\npenalty_max = 0.5\n"
EXTENDED = RULE + "[assignments.toy.extensions]\nada = 2026-12-05T23:59:00+01:00\n"


@pytest.fixture
def toy(tmp_path) -> Class:
    made = small_class(tmp_path)
    full = {"toy-double": 4.0, "toy-sort": 6.0}
    made.submit("ada", "2026-12-04 12:00:00", scores=full)
    made.submit("bob", "2026-12-04 12:00:00", scores=full)
    made.submit("cleo", "2026-12-01 22:58:00", scores=full)
    return made


def penalties(toy: Class) -> dict[str, float]:
    return {grade.student: grade.penalty for grade in grades(toy.settings)}


def test_penalties_follow_the_course_file_each_time_it_changes(toy):
    update_penalties(toy.settings)
    assert penalties(toy) == {"ada": 0, "bob": 0, "cleo": 0}
    toy.course_file(RULE)
    update_penalties(toy.settings)
    assert penalties(toy) == pytest.approx({"ada": 3, "bob": 3, "cleo": 0})
    toy.course_file(EXTENDED)
    assert [each.student for each in update_penalties(toy.settings, "toy") if each.changed] == ["ada"]
    assert penalties(toy) == pytest.approx({"ada": 0, "bob": 3, "cleo": 0})
    assert {grade.student: grade.score for grade in grades(toy.settings)} == {"ada": 10, "bob": 7, "cleo": 10}
    toy.course_file("")
    update_penalties(toy.settings)
    assert penalties(toy) == {"ada": 0, "bob": 0, "cleo": 0}


def test_a_second_run_changes_nothing(toy):
    toy.course_file(EXTENDED)
    first = update_penalties(toy.settings)
    again = update_penalties(toy.settings)
    assert [each.penalty for each in again] == [each.penalty for each in first]
    assert not any(each.changed for each in again)


def test_nbgraders_own_records_hold_due_date_extension_and_penalty(toy):
    toy.course_file(EXTENDED)
    update_penalties(toy.settings)
    with open_gradebook(toy.settings) as book:
        assert book.find_assignment("toy").duedate == datetime(2026, 12, 1, 22, 59)
        ada, bob = (book.find_submission("toy", name) for name in ("ada", "bob"))
        assert ada.extension == timedelta(days=4)
        assert ada.total_seconds_late == 0
        assert bob.extension is None
        assert bob.total_seconds_late > 2 * 86400
        assert bob.late_submission_penalty == pytest.approx(3)


def test_points_that_a_person_gives_later_are_reduced_too(toy):
    toy.course_file(RULE)
    update_penalties(toy.settings)
    toy.submit("bob", "2026-12-04 12:00:00", scores={"toy-double": 4, "toy-sort": 6}, why=2)
    update_penalties(toy.settings)
    assert penalties(toy)["bob"] == pytest.approx(3.6)


def test_a_due_date_set_in_formgrader_stays_where_the_course_file_has_none(toy):
    with open_gradebook(toy.settings) as book:
        book.update_or_create_assignment("toy", duedate="2026-11-01 12:00:00 UTC")
    assert {each.penalty for each in update_penalties(toy.settings)} == {0}
    with open_gradebook(toy.settings) as book:
        assert book.find_assignment("toy").duedate == datetime(2026, 11, 1, 12)


def test_a_deadline_of_an_assignment_that_is_not_there_is_refused(toy):
    toy.course_file(RULE.replace("toy", "tony"))
    with pytest.raises(SettingsError, match="tony"):
        update_penalties(toy.settings)


def test_an_extension_of_a_student_whom_nobody_knows_is_reported(toy):
    toy.course_file(EXTENDED + "adda = 2026-12-05T23:59:00+01:00\n")
    assert strangers(toy.settings) == (Stranger(student="adda", assignment="toy", given="in hub/course.toml"),)


def test_an_extension_of_the_course_page_is_not_blamed_on_the_course_file(toy, monkeypatch):
    toy.course_file(EXTENDED)
    monkeypatch.setattr("coursekit.cli.assignment._settings", lambda: toy.settings)
    for student in ("ada", "adda"):
        add_extension(toy.settings.extensions_file, "toy", student, datetime(2026, 12, 6, tzinfo=UTC))
    said = CliRunner().invoke(app, ["assignment", "penalties", "toy"]).stderr
    assert said == "Warning: 'adda', for whom an extension was given on the course page, is not in the gradebook.\n"


def test_an_assignment_that_was_not_released_is_an_error_that_says_so(toy):
    with pytest.raises(AssignmentNotFoundError):
        update_penalties(toy.settings, "none")
    folder = toy.settings.assignments / "next"
    folder.mkdir()
    (folder / "next.ipynb").write_text("{}")
    with pytest.raises(GradingError, match="not in the gradebook"):
        update_penalties(toy.settings, "next")
