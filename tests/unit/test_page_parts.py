"""The parts of the course page that need no server: what is drawn, who needs help, what a student may see."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_fixtures import hand_in, make_feedback, publish, released_class, settings_of

from coursekit.cluster.provisioner import QueuePlace
from coursekit.config import GiB
from coursekit.errors import HubError, RecordsError, SettingsError
from coursekit.gateway.history import Interval, Sample, cores_over_time, read_intervals
from coursekit.gateway.quotas import UNLIMITED, Resources
from coursekit.gateway.records import Records, Usage
from coursekit.grading.deadlines import Deadline, read_deadlines
from coursekit.grading.extensions import read_extensions
from coursekit.grading.reports import Report
from coursekit.hub.page.actions import check_user, extend
from coursekit.hub.page.coursework import known_students, struggle, work_of, work_of_class
from coursekit.hub.page.feedback import released_feedback
from coursekit.hub.page.gateway import ClassCluster
from coursekit.hub.page.message import Announcement, Message, read_message, write_message
from coursekit.hub.page.needs import WAITS_LONG_S, who_needs_help
from coursekit.hub.page.plots import hours, nice_top, share_bar, usage_plot
from coursekit.hub.page.views import students_of_class

DUE = datetime(2026, 12, 1, 23, 59, tzinfo=UTC)
intervals = st.builds(
    lambda began, length, cores: Interval(began=began, ended=began + length, cores=cores),
    st.floats(-100, 1100),
    st.floats(0, 500),
    st.floats(0, 64),
)


@given(found=st.lists(intervals, max_size=8), points=st.integers(1, 50))
def test_what_is_drawn_adds_up_to_what_was_used(found, points):
    samples = cores_over_time(found, since=0, until=1000, points=points)
    drawn = sum(sample.cores for sample in samples) * 1000 / points
    used = sum(one.cores * max(0.0, min(one.ended, 1000) - max(one.began, 0)) for one in found)
    assert drawn == pytest.approx(used, abs=1e-6)
    assert [sample.at for sample in samples] == pytest.approx([1000 / points * (n + 1) for n in range(points)])


@given(
    cores=st.lists(st.floats(0, 1e5), min_size=2, max_size=20),
    capacity=st.one_of(st.floats(0, 1e5), st.just(float("inf"))),
    since=st.floats(0, 4e9),
)
def test_a_plot_is_well_formed_and_stays_inside_its_frame(cores, capacity, since):
    svg = usage_plot([Sample(since + 60 * place, value) for place, value in enumerate(cores)], capacity)
    drawn = ElementTree.fromstring(svg)
    (curve,) = [one for one in drawn if one.get("class") == "curve"]
    for point in (curve.get("points") or "").split():
        x, y = (float(part) for part in point.split(","))
        assert 0 <= x <= 560
        assert 0 <= y <= 220
    assert ("limit" in svg) == (0 < capacity < float("inf"))


@given(used=st.floats(0, 1000), guarantee=st.floats(0, 100), more=st.one_of(st.floats(0, 100), st.just(float("inf"))))
def test_a_share_is_drawn_within_its_bar(used, guarantee, more):
    for shape in ElementTree.fromstring(share_bar(used, guarantee, guarantee + more)):
        assert float(shape.get("x", 0)) + float(shape.get("width", 0)) <= 360.2


@given(most=st.floats(0, 1e9))
def test_an_axis_reaches_as_far_as_its_values_and_not_much_further(most):
    assert most <= nice_top(most) * (1 + 1e-9)
    assert nice_top(most) <= max(2, 2 * most * (1 + 1e-9))


def test_hours_are_full_ones_and_few():
    found = hours(1_700_000_000, 1_700_000_000 + 6 * 3600)
    assert 5 <= len(found) <= 7
    assert all(text.endswith(":00") for _, text in found)
    assert len(hours(1_700_000_000, 1_700_000_000 + 48 * 3600)) <= 7


def test_an_instructor_can_choose_who_is_on_the_roster_and_has_handed_in_nothing(tmp_path):
    toy = released_class(tmp_path)
    hand_in(toy, "ben")
    roster = tmp_path / "roster.csv"
    settings = settings_of(toy, roster=roster)
    assert asyncio.run(students_of_class(settings, None)) == ("ben",)
    roster.write_text("name,email\nada,\n")
    assert asyncio.run(students_of_class(settings, None)) == ("ada", "ben")
    roster.write_text("no class at all")
    assert asyncio.run(students_of_class(settings, None)) == ("ben",)


def test_usage_is_read_from_what_the_gateway_records(tmp_path):
    place = f"sqlite:///{tmp_path / 'usage.sqlite'}"
    records = Records(place)
    usage = Usage(cluster="ada/default", owner="ada", resources=Resources(cores=4))
    for moment in (1000.0, 1100.0):
        records.tick(moment, [usage])
    records.close()
    (found,) = read_intervals(place, since=0)
    assert found == Interval(began=1000, ended=1100, cores=4)
    assert read_intervals(place, since=1100) == ()
    with pytest.raises(RecordsError):
        read_intervals(tmp_path / "none.sqlite", since=0)


def cluster(**more: object) -> ClassCluster:
    given = {
        "owner": "ada", "name": "default", "wanted": 2, "running": 2, "died": 0, "cores": 1, "memory": GiB,
        "since": 1000.0, "unused_s": 0.0, "queue": None, "error": "",
    }  # fmt: skip
    return ClassCluster(**{**given, **more})  # type: ignore[arg-type]


def test_those_who_are_stuck_are_named_with_why_the_most_urgent_first():
    place = QueuePlace(position=3, missing=2, reason="all cores are in use")
    impossible = QueuePlace(position=0, missing=2, reason="your other clusters hold your share")
    clusters = [
        cluster(owner="waits", running=0, queue=place),
        cluster(owner="fine"),
        cluster(owner="stuck", running=0, queue=impossible),
        cluster(owner="lost", running=1, died=1),
        cluster(owner="broken", running=0, error="the master fell over."),
        cluster(owner="works", running=1, queue=place),
    ]
    struggles = [struggle("tests", "a1", Report(statuses={"one": "timeout", "two": "timeout", "three": "passed"}))]
    found = who_needs_help(clusters, [one for one in struggles if one], now=1000 + WAITS_LONG_S + 60)
    assert [(need.student, need.kind) for need in found] == [
        ("broken", "failed"),
        ("lost", "degraded"),
        ("stuck", "cannot start"),
        ("waits", "waits"),
        ("tests", "tests fail"),
    ]
    assert "3 min" in found[3].what
    assert "at place 3" in found[3].what
    assert "2 of 3 tests of a1 fail (most take too long)" in found[4].what


def test_who_has_only_just_begun_to_wait_needs_no_help_yet():
    place = QueuePlace(position=1, missing=2, reason="all cores are in use")
    assert who_needs_help([cluster(running=0, queue=place)], [], now=1000 + WAITS_LONG_S - 1) == ()


@pytest.mark.parametrize(
    ("statuses", "is_one"),
    [(["failed"], False), (["failed", "died"], True), (["failed", "died", "passed"], True),
     (["failed", "died", "passed", "partial", "passed"], False), ([], False)],
)  # fmt: skip
def test_a_struggle_is_at_least_two_and_half_of_the_tests(statuses, is_one):
    report = Report(statuses={str(place): status for place, status in enumerate(statuses)})
    assert (struggle("ada", "a1", report) is not None) == is_one


def test_feedback_is_found_only_when_it_was_released_and_only_by_its_student(tmp_path):
    toy = released_class(tmp_path)
    for student in ("ada", "ben"):
        make_feedback(toy, student, f"for {student}")
    assert released_feedback(toy.settings, "toy", "ada") == ()
    path = publish(toy, "ada")
    (page,) = released_feedback(toy.settings, "toy", "ada")
    assert (page.path, page.notebook, page.score, page.most) == (path, "toy", 7.5, 12)
    assert released_feedback(toy.settings, "toy", "ben") == ()
    assert publish(toy, "ben", own=True) == released_feedback(toy.settings, "toy", "ben")[0].path


def test_feedback_has_the_name_that_nbgrader_gives_it(tmp_path):
    from nbgrader.utils import notebook_hash

    toy = released_class(tmp_path)
    make_feedback(toy, "ada", "x")
    assert publish(toy, "ada").stem == notebook_hash(secret="secret of ada", notebook_id="toy")


@pytest.mark.parametrize("name", ["..", "../ben", "ben/..", "", ".", "a/b", "ben\0", "*"])
def test_names_that_lead_elsewhere_have_no_feedback(tmp_path, name):
    toy = released_class(tmp_path)
    make_feedback(toy, "ben", "x")
    publish(toy, "ben")
    assert released_feedback(toy.settings, "toy", name) == ()
    assert released_feedback(toy.settings, name, "ben") == ()


def test_a_grade_that_was_not_released_is_not_told(tmp_path):
    toy = released_class(tmp_path)
    hand_in(toy, "ada")
    make_feedback(toy, "ada", "x", score=3)
    publish(toy, "ada")
    toy.settings.course_dir.joinpath("autograded", "ada", "toy").mkdir(parents=True)
    page = toy.settings.course_dir / "feedback" / "ada" / "toy" / "toy.html"
    page.write_text(page.read_text().replace("3", "11"))  # graded again, not yet published
    (work,) = work_of(toy.settings, {}, "ada")
    assert (work.stage, work.points) == ("feedback", (3, 12))


def test_an_assignment_goes_from_to_do_to_feedback(tmp_path):
    toy = released_class(tmp_path)
    deadlines = {"toy": Deadline(due=DUE, extensions={"ada": DUE + timedelta(days=1)})}

    def stage(student: str = "ada") -> str:
        return work_of(toy.settings, deadlines, student)[0].stage

    assert stage() == "open"
    hand_in(toy, "ada")
    hand_in(toy, "ada", "2026-11-24 13:00:00.000000")
    assert (stage(), stage("ben")) == ("submitted", "open")
    toy.settings.course_dir.joinpath("autograded", "ada", "toy").mkdir(parents=True)
    assert stage() == "graded"
    make_feedback(toy, "ada", "x")
    publish(toy, "ada")
    assert stage() == "feedback"
    (work,) = work_of(toy.settings, deadlines, "ada")
    assert work.submitted == datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert (work.due, work.is_extended) == (DUE + timedelta(days=1), True)
    assert not work.is_overdue(DUE + timedelta(days=9))
    assert work_of(toy.settings, deadlines, "ben")[0].is_overdue(DUE + timedelta(hours=1))


def test_in_a_folder_of_ones_own_nothing_can_be_said_of_others(tmp_path):
    toy = released_class(tmp_path)
    (toy.settings.inbound / "mal" / "ada+toy+2026-11-24 12:00:00.000000 UTC+x").mkdir(parents=True)
    (toy.settings.inbound / "mal" / "rubbish").mkdir()
    (toy.settings.inbound / "mal" / "mal+toy+2026-99-24 12:00:00.000000 UTC").mkdir()
    assert work_of(toy.settings, {}, "ada")[0].stage == "open"
    assert work_of(toy.settings, {}, "mal")[0].stage == "submitted"
    assert known_students(toy.settings) == {"mal"}


def test_the_class_is_counted_by_assignment(tmp_path):
    toy = released_class(tmp_path)
    for student in ("ada", "ben"):
        hand_in(toy, student)
    toy.write_submission("cleo", {})
    toy.settings.course_dir.joinpath("autograded", "ada", "toy").mkdir(parents=True)
    toy.write_report("ada", {"flags": [{"kind": "restored", "what": "x"}], "cells": {}})
    toy.write_report("ben", {"cells": {"one": {"status": "failed"}, "two": {"status": "died"}}})
    deadlines = {"toy": Deadline(due=DUE, extensions={"ada": DUE + timedelta(days=1), "ben": DUE - timedelta(days=1)})}
    (work,) = work_of_class(toy.settings, deadlines)
    assert (work.submitted, work.graded, work.flagged, work.extended) == (3, 1, 1, 1)
    assert [one.student for one in work.struggles] == ["ben"]


def test_a_message_is_shown_until_an_empty_one_removes_it(tmp_path):
    file = tmp_path / "state" / "message.json"
    shown = Announcement(file, always="<b>Course</b>")
    alone = Announcement(file)
    assert (str(shown), bool(alone)) == ("<b>Course</b>", False)
    write_message(file, Message(text="No class <today>\nSee you", by="ira", at=1.0))
    assert read_message(file) == Message(text="No class <today>\nSee you", by="ira", at=1.0)
    assert str(shown) == "<b>Course</b><br>No class &lt;today&gt;<br>See you"
    assert bool(alone)
    write_message(file, Message(text=" ", by="ira", at=2.0))
    assert (read_message(file), str(shown)) == (None, "<b>Course</b>")


def test_jupyterhubs_way_to_show_an_announcement_shows_the_message_of_now(tmp_path):
    import jinja2

    template = jinja2.Environment(autoescape=True).from_string(
        "{% if announcement %}<div>{{ announcement | safe }}</div>{% endif %}"
    )
    shown = Announcement(tmp_path / "message.json")
    assert template.render(announcement=shown) == ""
    write_message(tmp_path / "message.json", Message(text="<i>hello", by="ira", at=1.0))
    assert template.render(announcement=shown) == "<div>&lt;i&gt;hello</div>"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"text": "x", "by": "y", "at": "never"}', "\x00"])
def test_a_file_that_is_no_message_is_none(tmp_path, text):
    (tmp_path / "message.json").write_text(text)
    assert read_message(tmp_path / "message.json") is None


def test_a_message_that_is_too_long_or_has_no_place_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="1001 characters"):
        write_message(tmp_path / "message.json", Message(text="x" * 1001, by="ira", at=1.0))
    (tmp_path / "file").write_text("")
    with pytest.raises(HubError, match="cannot be written"):
        write_message(tmp_path / "file" / "message.json", Message(text="x", by="ira", at=1.0))


def test_an_extension_is_on_the_clock_of_its_deadline(tmp_path):
    toy = released_class(tmp_path)
    toy.course_file("[assignments.toy]\ndue = 2026-12-01T23:59:00+01:00\n")
    page = settings_of(toy)
    said = extend(page, "toy", "ada", "2026-12-05T23:59", known={"ada"})
    assert said.text == "ada has until Sat 5 December, 23:59 for toy."
    (moment,) = read_extensions(toy.settings.extensions_file)["toy"].values()
    assert moment == datetime(2026, 12, 5, 22, 59, tzinfo=UTC)
    assert "is the name right" in extend(page, "toy", "adda", "2026-12-05T23:59", known={"ada"}).text
    assert read_deadlines(toy.settings.course_file)["toy"].extensions == {}, "no program writes the instructor's file"


@pytest.mark.parametrize(
    ("assignment", "student", "until", "why"),
    [
        ("a9", "ada", "2026-12-05T23:59", "no deadline"),
        ("toy", "ada", "2026-12-01T23:59", "not after"),
        ("toy", "ada", "tomorrow", "not a moment"),
        ("toy", "../ada", "2026-12-05T23:59", "not the name"),
        ("toy", "a+b", "2026-12-05T23:59", "cannot be|not a name"),
        ("toy", "", "2026-12-05T23:59", "not the name"),
    ],
)
def test_an_extension_that_cannot_be_is_refused_with_why(tmp_path, assignment, student, until, why):
    toy = released_class(tmp_path)
    toy.course_file("[assignments.toy]\ndue = 2026-12-01T23:59:00+01:00\n")
    with pytest.raises(SettingsError, match=why):
        extend(settings_of(toy), assignment, student, until, known=())
    assert not toy.settings.extensions_file.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a\nb", "x" * 256])
def test_what_cannot_be_a_user_is_refused(name):
    with pytest.raises(SettingsError):
        check_user(name)


def test_no_limit_is_written_as_such():
    assert str(UNLIMITED) == "no limit"
    assert "any number at most" in share_bar(1, 2, UNLIMITED.cores)


def test_what_is_written_into_reports_by_students_breaks_nothing(tmp_path: Path):
    toy = released_class(tmp_path)
    folder = toy.settings.course_dir / "reports" / "toy"
    folder.mkdir(parents=True)
    (folder / "mal.json").write_text(json.dumps({"cells": [1], "flags": "x"}))
    assert work_of_class(toy.settings, {})[0].flagged == 0
