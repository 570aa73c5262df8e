"""The instructor's view of an assignment: what it counts, and that nothing of a student's becomes part of its page."""

from __future__ import annotations

import json
import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest
from gradebook_fixtures import Class, small_class
from typer.testing import CliRunner

from coursekit.cli.main import app
from coursekit.errors import AssignmentNotFoundError, GradingError
from coursekit.grading.overview import look_at
from coursekit.grading.page import overview_page, write_page
from coursekit.grading.reports import Flag, read_reports

LONG = """def mean(values):
    total = 0
    for value in values:
        total += value ** 2 - 1
    return total / len(values)
"""
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def toy(tmp_path) -> Class:
    made = small_class(tmp_path)
    made.course_file("[assignments.toy]\ndue = 2026-12-01T23:59:00+01:00\npenalty_per_day = 0.1\n")
    copies = {"toy-double": LONG, "toy-sort": "x = 1"}
    made.submit("ada", "2026-12-01 12:00:00", scores={"toy-double": 4, "toy-sort": 6}, why=2, answers=copies)
    made.submit("bob", "2026-12-02 12:00:00", scores={"toy-double": 4, "toy-sort": 3}, why=None, answers={
        "toy-double": LONG.replace("total", "t"), "toy-sort": "y=1"})  # fmt: skip
    made.submit("cleo", "2026-12-01 12:00:00", scores={"toy-double": 0, "toy-sort": 0}, why=0)
    made.enrol("dan")
    return made


def report(student: str, **content: object) -> dict[str, object]:
    return {"student": student, "assignment": "toy", "seconds": 2.5, "flags": [], "cells": {}, **content}


def test_questions_come_in_the_notebooks_order_with_who_got_all_some_and_none(toy):
    found = {each.cell: each for each in look_at(toy.settings, "toy").questions}
    assert list(found) == ["toy-double-test", "toy-sort-test", "toy-why"]
    sort = found["toy-sort-test"]
    assert (sort.full, sort.some, sort.none, sort.pending, sort.mean_share) == (1, 1, 1, 0, 0.5)
    why = found["toy-why"]
    assert (why.full, why.some, why.none, why.pending, why.mean_share) == (1, 0, 1, 1, 0.5)


def test_failures_are_counted_as_reports_say_and_else_as_points_show(toy):
    assert look_at(toy.settings, "toy").failures == {"failed": 2, "partial": 1}
    cells = {"toy-double-test": {"status": "timeout"}, "toy-sort-test": {"status": "skipped"}}
    toy.write_report("cleo", report("cleo", cells=cells))
    assert look_at(toy.settings, "toy").failures == {"timeout": 1, "skipped": 1, "partial": 1}


def test_a_test_whose_points_a_person_took_away_is_no_longer_a_passed_one(toy):
    toy.write_report("cleo", report("cleo", cells={"toy-double-test": {"status": "passed"}}))
    assert look_at(toy.settings, "toy").failures == {"failed": 2, "partial": 1}


def test_scores_are_those_after_late_penalties_and_who_submitted_nothing_is_left_out_of_them(toy):
    view = look_at(toy.settings, "toy")
    assert {each.student: each.score for each in view.submitted} == pytest.approx({"ada": 12, "bob": 6.3, "cleo": 0})
    assert len(view.grades) == 4


def test_similar_submissions_are_found_in_what_was_collected(toy):
    [pair] = look_at(toy.settings, "toy").pairs
    assert (pair.first, pair.second, pair.cells[0]) == ("ada", "bob", "toy-double")


@pytest.mark.parametrize("spoil", ["not json", "[]", '{"cells": [1, {}, {"metadata": 4}]}', "[" * 100_000, None])
def test_submissions_that_are_no_notebooks_stop_nothing(toy, spoil):
    path = toy.settings.course_dir / "submitted" / "bob" / "toy" / "toy.ipynb"
    path.unlink()
    if spoil is None:
        os.mkfifo(path)
    else:
        path.write_text(spoil)
    assert look_at(toy.settings, "toy").pairs == ()


def test_a_link_in_the_place_of_a_notebook_is_not_followed(toy):
    folder = toy.settings.course_dir / "submitted"
    (folder / "bob" / "toy" / "toy.ipynb").unlink()
    (folder / "bob" / "toy" / "toy.ipynb").symlink_to(folder / "ada" / "toy" / "toy.ipynb")
    assert look_at(toy.settings, "toy").pairs == ()


def test_reports_are_read_as_far_as_they_are_what_they_should_be(toy):
    toy.write_report("ada", report("ada", flags=[{"kind": "tampered", "what": "a cell"}, 3, {}]))
    toy.write_report("bob", {"seconds": "long", "flags": 1, "cells": {"a": 1, "b": {"status": "great"}}})
    toy.write_report("cleo", [1])
    toy.write_report("eve", report("eve", seconds=float("nan"))).with_name("fay.json").write_text("{")
    found = read_reports(toy.settings.course_dir, "toy")
    assert found["ada"].flags == (Flag("tampered", "a cell"), Flag("flag", ""))
    assert (found["bob"].seconds, found["bob"].flags, found["bob"].statuses) == (None, (), {})
    assert found["eve"].seconds is None
    assert found.keys() == {"ada", "bob", "eve"}
    view = look_at(toy.settings, "toy")
    assert view.seconds == {"ada": 2.5}
    assert view.flags.keys() == {"ada"}


class Tags(HTMLParser):
    """Collects the elements, attributes and ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def test_nothing_of_a_students_becomes_a_part_of_the_page(toy):
    toy.submit(EVIL.replace("/", ""), "2026-12-01 12:00:00", scores={"toy-double": 4, "toy-sort": 6}, why=2)
    flags = [{"kind": EVIL, "what": "<img src=x onerror=alert(1)>"}]
    toy.write_report("ada", report("ada", flags=flags, cells={EVIL: {"status": "failed", "why": EVIL}}))
    page = Tags(text := overview_page(look_at(toy.settings, "toy")))
    assert not {"script", "img", "iframe", "object", "link", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "&lt;img src=x" in text


def test_the_page_needs_nothing_from_elsewhere_and_no_id_comes_twice(toy):
    toy.write_report("ada", report("ada"))
    page = Tags(text := overview_page(look_at(toy.settings, "toy")))
    assert not [value for name, value in page.attributes if name in ("src", "srcset", "action")]
    links = [value for name, value in page.attributes if name in ("href", "xlink:href")]
    assert all(link.startswith("#") for link in links if link)
    assert "default-src 'none'" in text
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in links if link} <= set(ids)


def test_each_plot_has_a_name_for_screen_readers_and_no_colour_of_its_own(toy):
    toy.write_report("ada", report("ada"))
    text = overview_page(look_at(toy.settings, "toy"))
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 4
    for drawing in drawings:
        assert re.match(r'<svg role="img" aria-labelledby="(\w+)-title \1-said"', drawing)
        assert re.search(r"<title[^>]*>\w.+</title><desc[^>]*>.+</desc>", drawing)
        assert not re.search(r"(fill|stroke): #", drawing)


def test_the_page_of_a_class_that_has_submitted_nothing_says_so(tmp_path):
    empty = small_class(tmp_path)
    with pytest.raises(GradingError, match="no students"):
        look_at(empty.settings, "toy")
    empty.enrol("ada")
    text = overview_page(look_at(empty.settings, "toy"))
    assert "Nobody has submitted anything yet." in text
    assert "<svg" not in text


def test_the_file_is_the_instructors_alone(toy, tmp_path):
    path = write_page(look_at(toy.settings, "toy"), tmp_path / "pages" / "toy.html")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(GradingError, match="cannot be written"):
        write_page(look_at(toy.settings, "toy"), path / "below")
    with pytest.raises(AssignmentNotFoundError):
        look_at(toy.settings, "none")


@pytest.fixture
def at_home(toy, monkeypatch) -> Path:
    """Put the command line into the small course."""
    monkeypatch.setattr("coursekit.cli.assignment._settings", lambda: toy.settings)
    (toy.root / "lessons").mkdir()
    monkeypatch.chdir(toy.root)
    return toy.root


def run(*words: str) -> str:
    shown = CliRunner().invoke(app, ["assignment", *words], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_status_of_one_assignment_tells_of_its_questions_and_failures(at_home):
    text = run("status", "toy")
    assert "toy-sort-test" in text
    assert "2 failed, 1 partial" in text
    found = json.loads(run("status", "toy", "--json"))
    assert [each["cell"] for each in found["questions"]] == ["toy-double-test", "toy-sort-test", "toy-why"]
    assert found["failures"] == {"failed": 2, "partial": 1}
    assert {each["student"]: each["penalty"] for each in found["students"]}["bob"] == pytest.approx(0.7)


def test_the_overview_is_written_under_build_and_spoken_as_json(at_home):
    assert "toy.html" in run("overview", "toy")
    assert "<title>toy: overview</title>" in (at_home / "build" / "overview" / "toy.html").read_text()
    assert json.loads(run("overview", "toy", "--json"))["pairs"][0]["first"] == "ada"


def test_penalties_are_listed_and_an_extension_of_nobody_is_warned_of(at_home):
    file = at_home / "hub" / "course.toml"
    file.write_text(file.read_text() + "[assignments.toy.extensions]\nadda = 2026-12-05T23:59:00+01:00\n")
    assert "adda" in run("penalties", "toy")
    found = {
        each["student"]: each["penalty"]
        for each in json.loads(CliRunner().invoke(app, ["assignment", "penalties", "toy", "--json"]).stdout)
    }
    assert found == pytest.approx({"ada": 0, "bob": 0.7, "cleo": 0})
