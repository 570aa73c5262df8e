"""Folders of students' own in the exchange, with nbgrader's real steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coursekit.grading import collect, default_settings, release
from coursekit.grading.catalog import students_submitting
from coursekit.grading.converters import run_exchange

SECRET = "f" * 128


@pytest.fixture
def grading(course):
    settings = default_settings(course)
    release(settings, "a1", gated=False)
    return settings


def submit(grading, folder, claimed, moment):
    place = grading.inbound / folder / f"{claimed}+a1+{moment:%Y-%m-%d %H:%M:%S.%f} UTC+random"
    place.mkdir(parents=True)
    (place / "a1.ipynb").write_text((grading.outbound / "a1" / "a1.ipynb").read_text())
    (place / "timestamp.txt").write_text("1999-01-01 00:00:00.000000 UTC")
    (place / "submission_secret.txt").write_text(SECRET)
    return place


def test_a_submission_is_of_whose_folder_it_is_in_and_not_older_than_its_files(grading):
    now = datetime.now(UTC)
    submit(grading, "eve", "ada", now - timedelta(days=30))
    assert students_submitting(grading, "a1") == ("eve",)
    (found,) = collect(grading, "a1")
    assert found.student == "eve"
    assert abs(found.submitted - now) < timedelta(minutes=1)
    assert not (grading.course_dir / "submitted" / "ada").exists()


def test_what_is_submitted_again_is_collected_again(grading):
    now = datetime.now(UTC)
    submit(grading, "eve", "eve", now - timedelta(minutes=3))
    (first,) = collect(grading, "a1")
    submit(grading, "eve", "eve", now)
    (second,) = collect(grading, "a1")
    assert second.submitted > first.submitted


def test_feedback_goes_into_the_students_own_folder_and_is_common_where_there_is_none(grading):
    feedback = grading.exchange / grading.course_id / "feedback"
    (feedback / "eve").mkdir()
    for student in ("ada", "eve"):
        folder = grading.course_dir / "feedback" / student / "a1"
        folder.mkdir(parents=True)
        (folder / "a1.html").write_text(f"<p>{student}</p>")
        (folder / "timestamp.txt").write_text("2026-01-01 00:00:00.000000 UTC")
        (folder / "submission_secret.txt").write_text(f"secret of {student}")
    run_exchange(grading, "ReleaseFeedback", "a1")
    (own,) = (feedback / "eve").glob("*.html")
    (common,) = feedback.glob("*.html")
    assert own.read_text() == "<p>eve</p>"
    assert common.read_text() == "<p>ada</p>"
