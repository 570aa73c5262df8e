"""Extensions that the course page writes, and that deadlines and penalties honour."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from gradebook_fixtures import small_class
from hypothesis import given
from hypothesis import strategies as st

from coursekit.errors import GradingError, SettingsError
from coursekit.grading.book import open_gradebook
from coursekit.grading.deadlines import Deadline
from coursekit.grading.extensions import add_extension, all_deadlines, merge, read_extensions
from coursekit.grading.penalties import update_penalties

DUE = datetime(2026, 12, 1, 23, 59, tzinfo=UTC)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


def test_an_extension_is_read_as_it_was_written_and_the_last_one_of_a_student_holds(tmp_path):
    file = tmp_path / "course" / "extensions.json"
    rome = timezone(timedelta(hours=1))
    add_extension(file, "a1", "ada", DUE + timedelta(days=1))
    add_extension(file, "a1", "ada", datetime(2026, 12, 5, 23, 59, tzinfo=rome))
    add_extension(file, "a1", "ünal <b>", DUE)
    assert read_extensions(file) == {"a1": {"ada": datetime(2026, 12, 5, 22, 59, tzinfo=UTC), "ünal <b>": DUE}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_course_without_the_file_has_no_extensions(tmp_path):
    assert read_extensions(tmp_path / "none.json") == {}


@pytest.mark.parametrize("text", ["", "[]", '{"a1": []}', '{"a1": {"ada": 7}}', '{"a1": {"ada": "2026-12-05"}}'])
def test_a_file_that_holds_no_extensions_is_named(tmp_path, text):
    file = tmp_path / "extensions.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"extensions\.json"):
        read_extensions(file)


def test_an_extension_without_a_zone_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="time zone"):
        add_extension(tmp_path / "extensions.json", "a1", "ada", datetime(2026, 12, 5))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((GradingError, SettingsError), match="file"):
        add_extension(tmp_path / "file" / "extensions.json", "a1", "ada", DUE)


@given(course=st.dictionaries(st.sampled_from("abc"), moments), page=st.dictionaries(st.sampled_from("abc"), moments))
def test_nobody_has_less_time_for_a_second_extension(course, page):
    before = {"a1": Deadline(due=DUE, extensions=course)}
    after = merge(before, {"a1": page, "a2": page})
    assert after.keys() == {"a1"}
    for student in "abcd":
        expected = max(DUE, course.get(student, DUE), page.get(student, DUE))
        assert after["a1"].due_for(student) == expected >= before["a1"].due_for(student)


def test_an_extension_of_the_page_takes_the_penalty_back(tmp_path: Path):
    toy = small_class(tmp_path)
    toy.course_file("[assignments.toy]\ndue = 2026-12-01T23:59:00Z\npenalty_per_day = 0.1\n")
    for student in ("ada", "bob"):
        toy.submit(student, "2026-12-02 12:00:00", scores={"toy-double": 4, "toy-sort": 6}, why=2)
    assert [one.penalty for one in update_penalties(toy.settings)] == pytest.approx([1.2, 1.2])
    add_extension(toy.settings.extensions_file, "toy", "ada", DUE + timedelta(days=1))
    assert [one.penalty for one in update_penalties(toy.settings)] == pytest.approx([0, 1.2])
    found = all_deadlines(toy.settings.course_file, toy.settings.extensions_file)
    assert found["toy"].due_for("ada") == DUE + timedelta(days=1)


def test_nbgraders_own_steps_know_the_extension_too(tmp_path: Path):
    from coursekit.grading import nbgrader_config
    from coursekit.grading.late import SetDueDate

    toy = small_class(tmp_path)
    toy.course_file("[assignments.toy]\ndue = 2026-12-01T23:59:00Z\npenalty_per_day = 0.1\n")
    toy.submit("ada", "2026-12-02 12:00:00", scores={"toy-double": 4, "toy-sort": 6}, why=2)
    add_extension(toy.settings.extensions_file, "toy", "ada", DUE + timedelta(days=1))
    step = SetDueDate(config=nbgrader_config(toy.settings))
    where = {"assignment": "toy", "student": "ada", "db_url": toy.settings.db_url}
    step.preprocess(None, {"nbgrader": where})
    with open_gradebook(toy.settings) as book:
        assert book.find_submission("toy", "ada").extension == timedelta(days=1)
