"""The release gate: a fair assignment passes, and each unfair one is refused with the cell and the reason."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.apps.api import NbGraderAPI
from typer.testing import CliRunner

from coursekit.cli.main import app
from coursekit.errors import AssignmentNotFoundError, UnfairAssignmentError
from coursekit.grading import GradingSettings, gate, nbgrader_config, release, seed
from coursekit.grading.flow import generate_students_version

Notebook = nbformat.NotebookNode

SOLUTION = '''def double(x):
    """Give twice of x."""
    ### BEGIN SOLUTION
    twice_of_what_was_given = x + x
    return twice_of_what_was_given
    ### END SOLUTION'''
TESTS = """from coursekit.grading import Checks, plain
checks = Checks()
with checks.part(1, "two becomes four"):
    assert plain(double(2)) == 4
### BEGIN HIDDEN TESTS
with checks.part(3, "text is doubled too"):
    assert plain(double("abc")) == "abcabc", "text is doubled by writing it twice"
### END HIDDEN TESTS
checks.score()"""
ASSERTS = """assert type(double(2)) is int and double(2) == 4
### BEGIN HIDDEN TESTS
assert type(double("abc")) is str and double("abc") == "abcabc"
### END HIDDEN TESTS"""
WRONG = {
    "nothing": "# score: 0\n# why: it gives what it got\n# %% t-double\ndef double(x):\n    return x\n",
    "numbers": "# score: 1\n# why: numbers only\n# %% t-double\ndef double(x):\n    return int(x) * 2\n",
}


def graded(kind: str, name: str, source: str, **marks: object) -> Notebook:
    cell = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    cell["id"] = name
    flags = {"grade": False, "solution": False, "locked": False, "task": False, **marks}
    cell["metadata"]["nbgrader"] = {"schema_version": 3, "grade_id": name, "cell_type": kind, **flags}
    return cell


def toy(tests: str = TESTS, points: float = 4) -> Notebook:
    text = nbformat.v4.new_markdown_cell("# Twice")
    text["id"] = "t-title"
    return nbformat.v4.new_notebook(
        cells=[
            text,
            graded("code", "t-double", SOLUTION, solution=True),
            graded("code", "t-double-test", tests, grade=True, locked=True, points=points),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "coursekit": {"title": "Twice", "minutes": 1},
        },
    )


@pytest.fixture
def settings(tmp_path: Path, grader_image: None) -> GradingSettings:
    for folder in ("lessons", "assignments"):
        (tmp_path / folder).mkdir()
    return GradingSettings(
        course_dir=tmp_path / "build" / "course" / "ml-resources",
        exchange=tmp_path / "build" / "exchange",
        assignments=tmp_path / "assignments",
    )


def write(settings: GradingSettings, notebook: Notebook, wrong: dict[str, str] = WRONG) -> Path:
    folder = settings.assignments / "toy"
    (folder / "wrong").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "data" / "numbers.csv").write_text("1,2\n")
    nbformat.write(notebook, folder / "toy.ipynb")
    for name, text in wrong.items():
        (folder / "wrong" / f"{name}.py").write_text(text)
    return folder


def refused(settings: GradingSettings) -> dict[str, str]:
    """Give the reasons of a refusal by cell, several of one cell joined."""
    verdict = gate(settings, "toy")
    assert not verdict.is_fair
    found: dict[str, str] = {}
    for problem in verdict.problems:
        assert problem.fix
        found[problem.cell] = f"{found.get(problem.cell, '')}\n{problem.reason}".strip()
    return found


def test_a_fair_assignment_passes_and_is_released(settings: GradingSettings) -> None:
    write(settings, toy())
    steps: list[tuple[int, int]] = []
    verdict = gate(settings, "toy", progress=lambda done, total, what: steps.append((done, total)))
    assert verdict.problems == ()
    assert {each.answer: each.score for each in verdict.answers} == {
        "reference": 4, "untouched": 0, "chameleon": 0, "nothing": 0, "numbers": 1
    }  # fmt: skip
    assert set(verdict.checked) == {"form", "leaks", "answers", "tests", "chameleon", "time"}
    assert steps == [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert not settings.outbound.exists()
    assert release(settings, "toy").files == ("data/numbers.csv", "toy.ipynb")


UNLUCKY = TESTS.replace('double("abc")', 'double("abc"[seed("toy") % 3 == 0 :])').replace("Checks", "Checks, seed", 1)


def test_a_test_that_a_right_answer_fails_with_some_students_inputs_is_refused(settings: GradingSettings) -> None:
    folder = write(settings, toy(UNLUCKY))
    (folder / "right").mkdir()
    (folder / "right" / "product.py").write_text("# why: twice is times two\n# %% t-double\ndouble = lambda x: 2 * x\n")
    assert gate(settings, "toy").is_fair, "the inputs of one student show nothing"
    verdict = gate(settings, "toy", students=6)
    assert verdict.checked["draws"] == "right answers of 6 students, each to inputs of their own"
    assert {problem.check for problem in verdict.problems} == {"draws"}
    unlucky = {f"student-{number:02}" for number in range(6) if seed("toy", who=f"student-{number:02}") % 3 == 0}
    named = {name for problem in verdict.problems for name in re.findall(r"student-\d+", problem.reason)}
    assert unlucky
    assert named == unlucky
    assert len(verdict.answers) == 6, "only what the author wrote is listed with its points"


def test_tests_without_parts_and_a_declared_score_of_the_untouched_notebook_are_fair(settings: GradingSettings) -> None:
    notebook = toy(ASSERTS)
    notebook.cells.append(graded("code", "t-there", "assert callable(double)", grade=True, locked=True, points=1))
    wrong = {
        "untouched": "# score: 1\n# why: double is there\n",
        "numbers": "# score: 1\n# why: numbers only\n# %% t-double\ndef double(x):\n    return int(x) * 2\n",
        "absent": "# score: 0\n# why: it is not there\n# %% t-double\ndouble = None\n",
    }
    write(settings, notebook, wrong)
    assert gate(settings, "toy").problems == ()


def test_release_refuses_an_unfair_assignment_and_nothing_goes_out(settings: GradingSettings) -> None:
    write(settings, toy(points=5))
    with pytest.raises(UnfairAssignmentError) as raised:
        release(settings, "toy")
    assert raised.value.exit_code == 65
    assert "t-double-test: its parts add up to 4 points, and the cell has 5" in str(raised.value)
    assert not (settings.outbound / "toy").exists()


def test_formgraders_release_asks_whether_the_gate_has_passed_what_goes_out(settings: GradingSettings) -> None:
    folder = write(settings, toy())
    generate_students_version(settings, "toy")
    button = NbGraderAPI(config=nbgrader_config(settings)).release_assignment
    said = button("toy")
    assert not said["success"]
    assert "Run: coursekit assignment gate toy" in said["log"]
    assert not (settings.outbound / "toy").exists()

    assert gate(settings, "toy").is_fair
    assert button("toy")["success"]
    assert (settings.outbound / "toy" / "toy.ipynb").exists()

    (folder / "data" / "numbers.csv").write_text("3,4\n")
    generate_students_version(settings, "toy")
    assert not button("toy")["success"], "what the gate has seen is no longer what goes out"


def test_the_command_prints_tables_or_json_and_fails_for_an_unfair_assignment(
    settings: GradingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings.assignments.parent)
    folder = write(settings, toy())
    runner = CliRunner()
    done = runner.invoke(app, ["assignment", "gate", "toy"])
    assert done.exit_code == 0, done.output
    assert "toy: fair" in done.output
    assert "1 of 1 fair; see build/gates/report.html" in done.output
    left = Path("build", "gates")
    assert "wrong/numbers.py" in (left / "report.html").read_text()
    assert "| toy | fair | 5 | 0 |" in (left / "summary.md").read_text()
    (folder / "data" / "numbers.csv").write_text("def double(x):\n    twice_of_what_was_given = x + x\n")
    done = runner.invoke(app, ["assignment", "gate", "--all", "--json"])
    assert isinstance(done.exception, UnfairAssignmentError) or done.exit_code == 65
    [table] = json.loads(done.stdout[: done.stdout.rindex("]") + 1])
    assert not table["fair"]
    assert [problem["cell"] for problem in table["problems"]] == ["data/numbers.csv"]
    assert "<code>data/numbers.csv</code>" in (left / "report.html").read_text()


def test_an_assignment_that_is_not_there_is_named(settings: GradingSettings) -> None:
    with pytest.raises(AssignmentNotFoundError, match="tony"):
        gate(settings, "tony")


# Unfair in what answers get: found by running them.


def parts(visible: str, hidden: str, end: str = "checks.score()") -> str:
    return TESTS.replace("assert plain(double(2)) == 4", visible).replace(
        'assert plain(double("abc")) == "abcabc", "text is doubled by writing it twice"', hidden
    ).replace("checks.score()", end)  # fmt: skip


ALWAYS = "assert plain(double(2)) == 4"
TEXT = 'assert plain(double("abc")) == "abcabc"'

SCORES: dict[str, tuple[Notebook, dict[str, str], str, str]] = {
    "the reference solution fails": (
        toy(parts(ALWAYS, 'assert plain(double("abc")) == "aabbcc", "letter by letter"')),
        {"nothing": WRONG["nothing"], "numbers": WRONG["numbers"]},
        "t-double-test",
        "the reference solution gets 1 of 4 points: 'text is doubled too': letter by letter",
    ),
    "the untouched notebook gets a point": (
        toy(parts("assert callable(double)", TEXT)),
        {"nothing": "# score: 1\n# why: -\n# %% t-double\ndef double(x):\n    return x\n"},
        "t-double-test",
        "the untouched notebook gets 1 of 4 points here; declared are 0 in all",
    ),
    "a wrong answer gets more than it deserves": (
        toy(),
        {**WRONG, "copies": "# score: 2\n# why: -\n# %% t-double\ndef double(x):\n    return 2 * x\n"},
        "t-double-test",
        "wrong/copies.py must get 2 points and gets 4 (t-double-test 4 of 4)",
    ),
    "a hidden test that no answer fails": (
        toy(),
        {"text": "# score: 3\n# why: text only\n# %% t-double\ndef double(x):\n    return str(x) * 2\n"},
        "t-double-test",
        "no answer in wrong/ fails the check 'text is doubled too'",
    ),
    "hidden asserts that only the visible ones are failed before": (
        toy(ASSERTS),
        {"nothing": WRONG["nothing"]},
        "t-double-test",
        "no answer in wrong/ fails its hidden tests and passes the others",
    ),
    "no wrong answer is attempted": (
        toy(),
        {"empty": "# score: 0\n# why: as students get it\n"},
        "t-double-test",
        "no answer in wrong/ fails the check 'two becomes four'",
    ),
    "what is equal to everything passes": (
        toy(parts("assert double(2) == 4", TEXT)),
        WRONG,
        "t-double-test",
        "the check 'two becomes four' passes for an object that is equal to everything",
    ),
    "it takes longer than the contract says": (
        toy(parts("import time; time.sleep(1.5)\n    " + ALWAYS, TEXT)),
        WRONG,
        "t-double-test",
        "the contract's 0.004 minutes allow 1.2 s",
    ),
    "the parts do not add up": (
        toy(points=3),
        {"nothing": WRONG["nothing"], "numbers": WRONG["numbers"]},
        "t-double-test",
        "its parts add up to 4 points, and the cell has 3",
    ),
    "more points than there are": (
        toy(ASSERTS + "\n9.0"),
        {"numbers": "# score: 0\n# why: -\n# %% t-double\ndef double(x):\n    return int(x) * 2\n"},
        "t-double-test",
        "the reference solution gets 9 points, and the cell has 4",
    ),
    "points that are no number": (
        toy(ASSERTS + "\n'4'"),
        {"numbers": "# score: 0\n# why: -\n# %% t-double\ndef double(x):\n    return int(x) * 2\n"},
        "t-double-test",
        "its last value is '4', a str: that is no number of points",
    ),
    "points that are not finite": (
        toy(ASSERTS + "\nfloat('nan')"),
        {"numbers": "# score: 0\n# why: -\n# %% t-double\ndef double(x):\n    return int(x) * 2\n"},
        "t-double-test",
        "the reference solution gets nan points",
    ),
    "an answer that fills in what it cannot": (
        toy(),
        {**WRONG, "stranger": "# score: 0\n# why: -\n# %% t-double-test\npass\n"},
        "wrong/stranger.py",
        "fills in t-double-test, which students cannot",
    ),
}
SCORES["it takes longer than the contract says"][0].metadata.coursekit.minutes = 0.004


@pytest.mark.parametrize("name", SCORES)
def test_unfair_scores_are_refused(settings: GradingSettings, name: str) -> None:
    notebook, wrong, cell, reason = SCORES[name]
    write(settings, notebook, wrong)
    assert reason in refused(settings)[cell]


# Unfair in form: found without running anything.


def no_contract(notebook: Notebook) -> None:
    del notebook.metadata["coursekit"]


def odd_contract(notebook: Notebook) -> None:
    notebook.metadata.coursekit.minutes = -1


def same_id(notebook: Notebook) -> None:
    notebook.cells[1].metadata.nbgrader.grade_id = "t-double-test"


def no_points(notebook: Notebook) -> None:
    notebook.cells[2].metadata.nbgrader.points = 0


def odd_points(notebook: Notebook) -> None:
    notebook.cells[2].metadata.nbgrader.points = "four"


def no_test(notebook: Notebook) -> None:
    notebook.cells.append(graded("code", "t-later", "# to be written", grade=True, locked=True, points=2))


def ungraded(notebook: Notebook) -> None:
    notebook.cells.append(graded("code", "t-also", "assert double(1) == 2", locked=True))


def hidden_ungraded(notebook: Notebook) -> None:
    hidden = "### BEGIN HIDDEN TESTS\nassert double(1) == 2\n### END HIDDEN TESTS"
    notebook.cells.append(graded("code", "t-also", hidden, locked=True))


def no_score(notebook: Notebook) -> None:
    notebook.cells[2].source = TESTS.replace("checks.score()", "done = checks.score()")


def unlocked(notebook: Notebook) -> None:
    notebook.cells[2].metadata.nbgrader.locked = False


FORM: dict[str, tuple[Callable[[Notebook], None], str, str]] = {
    "no contract": (no_contract, "notebook", "it has no contract"),
    "a contract that cannot be": (odd_contract, "notebook", "minutes.small = -1 cannot be"),
    "two cells of one id": (same_id, "t-double-test", "2 cells have this grade id"),
    "a test without points": (no_points, "t-double-test", "it is graded and gives no points"),
    "points that cannot be": (odd_points, "t-double-test", "its points are 'four'"),
    "points without a test": (no_test, "t-later", "it gives points and tests nothing"),
    "a test that is not graded": (ungraded, "t-also", "it tests something and gives no points"),
    "hidden tests that are not graded": (hidden_ungraded, "t-also", "it has hidden tests and gives no points"),
    "parts that do not count": (no_score, "t-double-test", "it does not end with its score"),
    "a test that students can edit": (unlocked, "t-double-test", "students can edit it"),
}


@pytest.mark.parametrize("name", FORM)
def test_unfair_forms_are_refused(settings: GradingSettings, name: str) -> None:
    change, cell, reason = FORM[name]
    notebook = toy()
    change(notebook)
    write(settings, notebook)
    found = refused(settings)
    assert reason in found[cell]
    assert list(found) == [cell]


# Unfair because students get what they should not: found in what nbgrader makes for them.

SECRET = "twice_of_what_was_given = x + x"
HIDDEN = 'assert plain(double("abc")) == "abcabc", "text is doubled by writing it twice"'


def attach(cell: Notebook, name: str, text: str) -> None:
    cell["attachments"] = {name: {"text/plain": base64.b64encode(text.encode()).decode()}}


def in_text(notebook: Notebook, folder: Path) -> None:
    notebook.cells[0].source += f"\n\nOr so:\n\n    {SECRET}"


def in_docstring(notebook: Notebook, folder: Path) -> None:
    notebook.cells[1].source = SOLUTION.replace("Give twice of x.", f"Give twice of x: {SECRET}.")


def in_metadata(notebook: Notebook, folder: Path) -> None:
    notebook.cells[1].metadata["answer"] = {"notes": ["see", SECRET]}


def in_notebook_metadata(notebook: Notebook, folder: Path) -> None:
    notebook.metadata["draft"] = HIDDEN


def in_attachment(notebook: Notebook, folder: Path) -> None:
    attach(notebook.cells[0], "notes.txt", SECRET)


def in_file(notebook: Notebook, folder: Path) -> None:
    (folder / "data" / "more").mkdir()
    (folder / "data" / "more" / "check.py").write_text(HIDDEN)


def in_json(notebook: Notebook, folder: Path) -> None:
    (folder / "data" / "old.json").write_text(json.dumps({"cells": [{"source": [HIDDEN]}]}))


def misspelt(notebook: Notebook, folder: Path) -> None:
    notebook.cells[2].source = TESTS.replace("BEGIN HIDDEN TESTS", "BEGIN HIDDEN TEST").replace(
        "END HIDDEN TESTS", "END HIDDEN TEST"
    )


LEAKS: dict[str, tuple[Callable[[Notebook, Path], None], str, str]] = {
    "the solution in a text": (in_text, "t-title", "its text shows students a line of the solution of t-double"),
    "the solution in a docstring": (in_docstring, "t-double", "its text shows students a line of the solution"),
    "the solution in a cell's metadata": (
        in_metadata,
        "t-double",
        "its metadata shows students a line of the solution",
    ),
    "a hidden test in the notebook's metadata": (in_notebook_metadata, "notebook", "a line of hidden tests"),
    "the solution in an attachment": (in_attachment, "t-title", "its attachment shows students"),
    "a hidden test in a file": (in_file, "data/more/check.py", "the file shows students a line of hidden tests"),
    "a hidden test in JSON": (in_json, "data/old.json", "the file shows students a line of hidden tests"),
    "a marker that is misspelt": (misspelt, "t-double-test", "students would read 'BEGIN HIDDEN' in it"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_leaks_are_refused(settings: GradingSettings, name: str) -> None:
    change, cell, reason = LEAKS[name]
    folder = write(settings, toy())
    notebook: Any = nbformat.read(folder / "toy.ipynb", as_version=4)
    change(notebook, folder)
    nbformat.write(notebook, folder / "toy.ipynb")
    found = refused(settings)
    assert list(found) == [cell]
    assert reason in found[cell]
