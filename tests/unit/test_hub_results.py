from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.errors import RehearsalError
from coursekit.grading import Grade
from coursekit.hub.rehearse import bot_names
from coursekit.hub.results import BotResult, Rehearsal, summarise
from coursekit.hub.settings.hub import USER_NAME


def result(*, deserved=5.0, auto=5.0, feedback=(5.0, 12.0), trouble="", graded=True):
    grade = Grade(
        student="ada",
        assignment="a1",
        auto_score=auto,
        auto_max=10.0,
        manual_score=0.0,
        manual_max=2.0,
        score=auto,
        max_score=12.0,
        needs_manual=True,
        submitted=None,
    )
    return BotResult(
        student="ada",
        answers="half",
        deserved=deserved,
        grade=grade if graded else None,
        feedback=feedback,
        trouble=trouble,
    )


def test_a_bot_with_the_points_it_deserves_is_content():
    Rehearsal(assignment="a1", results=(result(),), times=()).require_deserved()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (result(auto=6.0, feedback=(6.0, 12.0)), "worth 5, the gradebook has 6"),
        (result(feedback=(4.0, 12.0)), r"4\.0, 12\.0"),
        (result(feedback=None), "None"),
        (result(graded=False, feedback=None), "no grade"),
        (result(trouble="could not log in"), "could not log in"),
    ],
)
def test_a_bot_without_them_is_named_with_what_it_got(wrong, named):
    with pytest.raises(RehearsalError, match=named) as caught:
        Rehearsal(assignment="a1", results=(result(), wrong), times=()).require_deserved()
    assert "1 of 2" in caught.value.message
    assert "ada" in caught.value.message


@given(st.integers(min_value=1, max_value=2000))
def test_bots_have_names_of_their_own(students):
    names = bot_names(students)
    assert len(set(names)) == students
    assert all(re.fullmatch(USER_NAME, name) and name.startswith("bot-") for name in names)


@settings(deadline=None)  # the first example pays for importing numpy
@given(st.lists(st.floats(min_value=0, max_value=1e3), min_size=1))
def test_the_summary_lies_within_what_was_measured(seconds):
    (step,) = summarise([{"fetch": each} for each in seconds])
    assert step.count == len(seconds)
    assert min(seconds) <= step.median_s <= max(seconds) + 1e-9
    assert step.median_s <= step.p95_s + 1e-9 <= max(seconds) + 1e-6


def test_steps_come_in_the_order_of_a_class():
    times = summarise([{"read feedback": 1.0, "log in": 2.0}, {"autograde": 3.0}])
    assert [step.step for step in times] == ["log in", "autograde", "read feedback"]
