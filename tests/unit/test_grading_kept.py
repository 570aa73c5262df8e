"""What a person has graded is asked for again only where the answer is another one."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from gradebook_fixtures import QUESTIONS, Class, notebook, small_class

from coursekit.grading import nbgrader_config
from coursekit.grading.book import open_gradebook
from coursekit.grading.kept_grades import fingerprints
from coursekit.grading.steps import SaveScores

FULL = {"toy-double": 4.0, "toy-sort": 6.0}
WORDS = {"toy-why": "Because."}


@pytest.fixture
def toy(tmp_path: Path) -> Class:
    made = small_class(tmp_path)
    made.submit("ada", "2026-12-01 12:00:00", scores=FULL, answers=WORDS)
    return made


def save(toy: Class, answers: dict[str, str], *, flagged: bool = False, failing: str = "") -> None:
    """Let nbgrader's step, and ours after it, save a notebook that has run."""
    toy.write_submission("ada", answers)
    made = notebook(answers)
    for cell in made["cells"]:
        if failing and cell["id"] == f"{failing}-test":
            cell["outputs"] = [{"output_type": "error", "ename": "AssertionError", "evalue": "", "traceback": []}]
    names = {"notebook": "toy", "assignment": "toy", "student": "ada", "db_url": toy.settings.db_url}
    resources = {"nbgrader": names | {"coursekit_flagged": flagged}}
    SaveScores(config=nbgrader_config(toy.settings)).preprocess(nbformat.from_dict(made), resources)


def grade_by_hand(toy: Class, name: str, points: float) -> None:
    with open_gradebook(toy.settings) as book:
        grade = book.find_grade(name, "toy", "toy", "ada")
        grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()


def to_look_at(toy: Class) -> set[str]:
    with open_gradebook(toy.settings) as book:
        grades = book.find_submission_notebook("toy", "toy", "ada").grades
        return {grade.name for grade in grades if grade.needs_manual_grade}


def test_an_answer_in_words_that_did_not_change_is_not_to_be_graded_again_when_a_test_was_corrected(toy):
    save(toy, WORDS)
    assert to_look_at(toy) == {"toy-why"}
    grade_by_hand(toy, "toy-why", 1.5)
    save(toy, WORDS, failing="toy-sort")
    assert to_look_at(toy) == set()
    with open_gradebook(toy.settings) as book:
        assert book.find_grade("toy-why", "toy", "toy", "ada").score == 1.5


def test_an_answer_in_words_that_changed_is_to_be_graded_again_until_somebody_has(toy):
    save(toy, WORDS)
    grade_by_hand(toy, "toy-why", 1.5)
    for _ in range(2):
        save(toy, {"toy-why": "Because of that."})
        assert to_look_at(toy) == {"toy-why"}


def test_points_in_the_place_of_a_tests_hold_while_submission_and_test_say_the_same(toy):
    save(toy, WORDS, failing="toy-sort")
    grade_by_hand(toy, "toy-why", 2)
    grade_by_hand(toy, "toy-sort-test", 3)
    save(toy, WORDS, failing="toy-sort")
    assert to_look_at(toy) == set()
    save(toy, WORDS)
    assert to_look_at(toy) == {"toy-sort-test"}
    grade_by_hand(toy, "toy-sort-test", 3)
    save(toy, WORDS | {"toy-double": "def double(x): ..."})
    assert to_look_at(toy) == {"toy-sort-test"}


def test_a_submission_that_worked_on_its_grading_is_looked_at_each_time(toy):
    save(toy, WORDS)
    grade_by_hand(toy, "toy-why", 2)
    save(toy, WORDS, flagged=True)
    assert to_look_at(toy) == {"toy-why", *(f"{name}-test" for name in QUESTIONS)}


def test_other_points_to_give_are_another_question():
    cells = notebook(WORDS)["cells"]
    before = fingerprints(cells, {"toy-why": None}, "")
    cells[-1]["metadata"]["nbgrader"]["points"] = 3
    assert fingerprints(cells, {"toy-why": None}, "") != before
