"""What being late costs, for every lateness; and what an instructor may write in course.toml."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.config import Course
from coursekit.errors import SettingsError
from coursekit.grading import Deadline, parse_deadlines, read_deadlines
from coursekit.hub.settings import read_settings

DUE = datetime(2026, 12, 1, 22, 59, tzinfo=UTC)
DAY = 86400

moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
shares = st.floats(0, 1)
deadlines = st.builds(
    Deadline,
    due=moments,
    penalty_per_day=shares,
    penalty_max=shares,
    grace_minutes=st.floats(0, 1e5),
    extensions=st.dictionaries(st.sampled_from(["ada", "bob"]), moments),
)
lateness = st.floats(-1e9, 1e9)


def share(deadline: Deadline, student: str, submitted: datetime) -> float:
    return deadline.penalty_share((submitted - deadline.due_for(student)).total_seconds())


@given(deadlines, lateness, lateness)
def test_later_never_costs_less(deadline, one, other):
    early, late = sorted((one, other))
    assert deadline.penalty_share(early) <= deadline.penalty_share(late)


@given(deadlines, lateness)
def test_a_penalty_is_never_negative_and_never_above_its_maximum(deadline, seconds):
    assert 0 <= deadline.penalty_share(seconds) <= deadline.penalty_max


@given(deadlines, st.floats(0, 1e9))
def test_nothing_is_lost_before_the_deadline_or_in_the_minutes_of_grace(deadline, early):
    assert deadline.penalty_share(-early) == 0
    assert deadline.penalty_share(60 * deadline.grace_minutes) == 0


@given(deadlines, st.sampled_from(["ada", "bob"]), moments)
def test_nothing_is_lost_before_an_extended_deadline(deadline, student, submitted):
    if submitted <= deadline.extensions.get(student, deadline.due):
        assert share(deadline, student, submitted) == 0


@given(deadlines, moments, moments)
def test_an_extension_never_hurts(deadline, submitted, extension):
    extended = Deadline(
        due=deadline.due,
        penalty_per_day=deadline.penalty_per_day,
        penalty_max=deadline.penalty_max,
        grace_minutes=deadline.grace_minutes,
        extensions={"ada": extension},
    )
    assert share(extended, "ada", submitted) <= share(extended, "bob", submitted)


@pytest.mark.parametrize(
    ("seconds", "lost"),
    [(0, 0), (600, 0), (601, 0.1), (DAY + 600, 0.1), (DAY + 601, 0.2), (3 * DAY, 0.3), (30 * DAY, 0.5)],
)
def test_each_day_begun_after_the_grace_costs_a_tenth_and_all_of_them_at_most_half(seconds, lost):
    rule = Deadline(due=DUE, penalty_per_day=0.1, penalty_max=0.5, grace_minutes=10)
    assert rule.penalty_share(seconds) == pytest.approx(lost)


def test_an_extension_is_the_students_alone():
    rule = Deadline(due=DUE, extensions={"ada": DUE + timedelta(days=4)})
    assert rule.due_for("ada") == DUE + timedelta(days=4)
    assert rule.due_for("bob") == DUE


def test_a_course_file_gives_deadlines_and_extensions(tmp_path):
    path = tmp_path / "course.toml"
    assert read_deadlines(path) == {}
    path.write_text(
        "[assignments.a1]\ndue = 2026-12-01T23:59:00+01:00\npenalty_per_day = 0.1\npenalty_max = 0.5\n"
        "grace_minutes = 10\n[assignments.a1.extensions]\nada = 2026-12-05T23:59:00+01:00\n"
    )
    rule = read_deadlines(path)["a1"]
    assert rule.due == DUE
    assert rule.due_for("ada") == DUE + timedelta(days=4)


def test_what_the_committed_course_file_shows_as_an_example_is_valid():
    course = Course(root=Path(__file__).parents[2])
    lines = (course.hub / "course.toml").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if "[assignments.a1]" in line)
    example = tomllib.loads("\n".join(line.removeprefix("# ").removeprefix("#") for line in lines[start:]))
    assert parse_deadlines(example["assignments"])["a1"].extensions.keys() == {"ada"}


GOOD = "due = 2026-12-01T23:59:00+01:00"


@pytest.mark.parametrize(
    ("text", "offending"),
    [
        ("assignments = 1", "assignments = 1"),
        ("[assignments]\na1 = 2026-12-01", "a1"),
        ("[assignments.a1]\npenalty_max = 0.5", "due"),
        ("[assignments.a1]\ndue = 2026-12-01", "2026-12-01"),
        ("[assignments.a1]\ndue = '1 December'", "1 December"),
        ("[assignments.a1]\ndue = 2026-12-01T23:59:00", "2026-12-01T23:59:00"),
        (f"[assignments.a1]\n{GOOD}\ngrace = 10", "'grace'"),
        (f"[assignments.a1]\n{GOOD}\npenalty_per_day = 10", "10"),
        (f"[assignments.a1]\n{GOOD}\npenalty_per_day = -0.1", "-0.1"),
        (f"[assignments.a1]\n{GOOD}\npenalty_per_day = nan", "nan"),
        (f"[assignments.a1]\n{GOOD}\npenalty_max = '50%'", "50%"),
        (f"[assignments.a1]\n{GOOD}\npenalty_max = true", "True"),
        (f"[assignments.a1]\n{GOOD}\ngrace_minutes = -5", "-5"),
        (f"[assignments.a1]\n{GOOD}\ngrace_minutes = inf", "inf"),
        (f"[assignments.a1]\n{GOOD}\nextensions = ['ada']", "['ada']"),
        (f"[assignments.a1]\n{GOOD}\n[assignments.a1.extensions]\nada = 4", "extensions.ada = '4'"),
        (f"[assignments.a1]\n{GOOD}\n[assignments.a1.extensions]\nada = 2026-12-05T12:00:00", "ada"),
        ("[assignments.a1", "TOML"),
    ],
)
def test_a_wrong_deadline_is_named_with_its_fix_by_grading_and_by_the_hub(tmp_path, text, offending):
    (tmp_path / "hub").mkdir()
    path = tmp_path / "hub" / "course.toml"
    path.write_text(f"title = 'T'\n{text}")
    for read in (lambda: read_deadlines(path), lambda: read_settings(Course(root=tmp_path))):
        with pytest.raises(SettingsError) as caught:
            read()
        assert offending in caught.value.message
        assert caught.value.fix


def test_the_hub_takes_a_course_file_with_deadlines(tmp_path):
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "course.toml").write_text(f"title = 'T'\n[assignments.a1]\n{GOOD}\n")
    assert read_settings(Course(root=tmp_path)).title == "T"
