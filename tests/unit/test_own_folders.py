from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.grading.deadlines import naive_utc
from coursekit.grading.own_folders import OwnSubmission, latest, moment_in_own_folder, own_submissions


@pytest.fixture
def now():
    return datetime.now(UTC).replace(microsecond=123456)


def name(student, moment, assignment="a1"):
    return f"{student}+{assignment}+{moment:%Y-%m-%d %H:%M:%S.%f} UTC+abcDEF-_"


def submit(inbound, student, folder_name):
    folder = inbound / student / folder_name
    folder.mkdir(parents=True)
    (folder / "a1.ipynb").write_text("{}")
    return folder


def test_whose_a_submission_is_follows_from_its_folder_and_not_from_its_name(tmp_path, now):
    submit(tmp_path, "eve", name("ada", now))
    (found,) = own_submissions(tmp_path, "*", "a1")
    assert (found.student, found.assignment, found.trouble) == ("eve", "a1", "")
    assert found.moment == now
    assert own_submissions(tmp_path, "ada", "a1") == ()


@pytest.mark.parametrize("days", [-30, 30])
def test_a_time_that_was_made_up_is_replaced_by_when_the_files_were_written(tmp_path, days, now):
    forged = now + timedelta(days=days)
    folder = submit(tmp_path, "eve", name("eve", forged))
    for path in (folder, folder / "a1.ipynb"):
        os.utime(path, (forged.timestamp(), forged.timestamp()))
    (found,) = own_submissions(tmp_path, "*", "*")
    assert abs(found.moment - now) < timedelta(minutes=1)
    assert f"{forged:%Y-%m-%d}" in found.trouble
    assert moment_in_own_folder(tmp_path, folder) == found.moment


@pytest.mark.parametrize(
    "hostile",
    [
        "eve+a1+yesterday+x",
        "eve+a1+2026-99-99 00:00:00.000000 UTC+x",
        "+++",
        "eve",
        "eve+a1",
        "eve+../../etc+2026-01-01 00:00:00.000000 UTC+x".replace("/", "_"),
        "eve+a1+٢٠٢٦-01-01 00:00:00.000000 UTC+x",
        "eve\n+b2+2026-01-01 00:00:00.000000 UTC+x",
    ],
)
def test_a_name_that_nbgrader_would_not_write_stops_nobody_elses_collection(tmp_path, hostile, now):
    submit(tmp_path, "ada", name("ada", now))
    submit(tmp_path, "eve", hostile)
    assert [found.student for found in own_submissions(tmp_path, "*", "a1")] == ["ada"]


def test_links_pipes_and_files_in_the_place_of_a_submission_are_left_out(tmp_path, now):
    theirs = submit(tmp_path, "ada", name("ada", now))
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / name("eve", now)).symlink_to(theirs)
    (tmp_path / "eve" / name("eve", now, "a2")).write_text("no folder")
    os.mkfifo(tmp_path / "eve" / name("eve", now, "a3"))
    (tmp_path / "mallory").symlink_to(tmp_path / "ada")
    assert [found.student for found in own_submissions(tmp_path, "*", "*")] == ["ada"]


def test_submissions_of_an_exchange_that_is_common_to_all_are_left_to_nbgrader(tmp_path, now):
    (tmp_path / name("ada", now) / name("ben", now)).mkdir(parents=True)
    assert own_submissions(tmp_path, "*", "*") == ()
    assert moment_in_own_folder(tmp_path, tmp_path / name("ada", now)) is None


SOME_TIME = datetime(2026, 11, 1, 12, tzinfo=UTC)
hours = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-50, 50)), min_size=1, max_size=12, unique=True)


@given(hours, st.integers(-60, 60) | st.none())
def test_one_submission_per_student_is_chosen_the_latest_in_time_if_any_is_in_time(submitted, due):
    records = [
        OwnSubmission(student=student, filename=str(hour), assignment="a1", moment=SOME_TIME + timedelta(hours=hour))
        for student, hour in submitted
    ]
    duedate = naive_utc(SOME_TIME + timedelta(hours=due)) if due is not None else None
    found = {record.student: int(record.filename) for record in latest(records, duedate)}
    for student in {each for each, _ in submitted}:
        mine = [hour for each, hour in submitted if each == student]
        in_time = [hour for hour in mine if due is None or hour <= due]
        assert found[student] == max(in_time or mine)
