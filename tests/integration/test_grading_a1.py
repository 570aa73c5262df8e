"""Assignment a1: every answer under ``wrong/`` gets exactly its score, and the whole way through nbgrader agrees.

`coursekit assignment gate a1` proves the same and more in sandboxes, in minutes; `test_gate.py` tests the gate itself.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from coursekit.grading import (
    Answer,
    GradingSettings,
    autograde,
    collect,
    fill,
    grades,
    publish_feedback,
    read_answer,
    reference_answer,
    release,
)
from coursekit.grading.answers import is_solution, points

FOLDER = Path(__file__).parents[2] / "assignments" / "a1"
SOURCE = FOLDER / "a1.ipynb"
WRONG = sorted((FOLDER / "wrong").glob("*.py"))

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900), pytest.mark.usefixtures("grader_image")]


@pytest.fixture
def grading_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend to be nbgrader while it grades Ada."""
    folder = tmp_path / "ada" / "a1"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    return folder


@pytest.fixture
def quiet_spark() -> Iterator[None]:
    yield
    from coursekit.spark.driver import stop_active_session

    stop_active_session()


def run(cells: list[dict[str, Any]]) -> tuple[dict[str, float], str]:
    """Run a notebook's code cells as the grader does, in this process; give each test's score and what was printed.

    A process and a Spark of its own for each answer would take minutes; the way through nbgrader is tested below.
    """
    space: dict[str, Any] = {"__name__": "__main__"}
    scores: dict[str, float] = {}
    printed = io.StringIO()
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse(cell["source"])
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(printed), contextlib.suppress(Exception):
            exec(compile(tree, cell["id"], "exec"), space)
            value = eval(compile(ast.Expression(last.value), cell["id"], "eval"), space) if last else None
            if points(cell):
                scores[cell["id"]] = value
    return scores, printed.getvalue()


def source_with(answer: Answer, reference: Answer) -> tuple[list[dict[str, Any]], float]:
    """Give the source's cells, hidden tests and all, with the solutions taken out and an answer put in.

    Questions that are answered as in the reference are left out, and the points that they are known to give returned.
    """
    notebook = nbformat.read(SOURCE, as_version=4)
    for cell in notebook.cells:
        if is_solution(cell):
            cell.source = "raise NotImplementedError()"
    cells = list(fill(notebook, answer).cells)
    if answer is reference:
        return cells, 0
    same = {name for name, source in reference.cells.items() if answer.cells.get(name) == source}
    questions = {name.removesuffix("-solution") for name in same if name.endswith("-solution")}
    if "a1-parse" not in questions:
        questions.discard("a1-report")
    elsewhere = [cell for cell in cells if cell["id"].removesuffix("-test") in questions and points(cell)]
    if "a1-release" in questions:
        elsewhere += [cell for cell in cells if cell["id"] == "a1-release-solution"]
    return [cell for cell in cells if cell not in elsewhere], sum(
        points(cell) for cell in elsewhere if not is_solution(cell)
    )


@pytest.mark.usefixtures("grading_folder", "quiet_spark")
def test_every_answer_gets_its_score_and_every_check_fails_for_one_of_them() -> None:
    reference = reference_answer(SOURCE)
    assert reference.score == 20
    failed: set[str] = set()
    passed: set[str] = set()
    found: dict[str, float] = {}
    answers = [reference, Answer(name="untouched", score=0, why="", cells={}), *map(read_answer, WRONG)]
    for answer in answers:
        cells, known = source_with(answer, reference)
        scores, printed = run(cells)
        found[answer.name] = sum(scores.values()) + known
        for mark, what in re.findall(r"^(passed|FAILED)  [\d.]+ points?: (.*)$", printed, re.MULTILINE):
            (passed if mark == "passed" else failed).add(what)
        if answer.name == "nothing-right":
            failed_by_nothing = set(failed)
    assert found == {answer.name: answer.score for answer in answers}
    assert passed == failed == failed_by_nothing


def test_three_students_get_full_half_and_nothing(tmp_path: Path) -> None:
    settings = GradingSettings(
        course_dir=tmp_path / "course", exchange=tmp_path / "exchange", assignments=FOLDER.parent
    )
    released = release(settings, "a1", gated=False)
    assert released.files == ("a1.ipynb",)
    assert (released.auto_points, released.manual_points) == (20, 5)

    answers = {
        "full": reference_answer(SOURCE),
        "half": read_answer(FOLDER / "wrong" / "half.py"),
        "none": read_answer(FOLDER / "wrong" / "nothing-right.py"),
    }
    for student, answer in answers.items():
        folder = settings.inbound / f"{student}+a1+2026-11-01 10:00:00.000000 UTC+x"
        folder.mkdir()
        notebook = nbformat.read(released.path / "a1.ipynb", as_version=4)
        nbformat.write(fill(notebook, answer), folder / "a1.ipynb")
        (folder / "timestamp.txt").write_text("2026-11-01 10:00:00.000000 UTC")
        (folder / "submission_secret.txt").write_text(student)

    collect(settings, "a1")
    autograde(settings, "a1")
    found = {grade.student: grade for grade in grades(settings)}
    assert {name: grade.auto_score for name, grade in found.items()} == {"full": 20, "half": 10, "none": 0}
    assert {name: grade.needs_manual for name, grade in found.items()} == {"full": True, "half": False, "none": True}

    pages = {each.student: each.pages[0].read_text() for each in publish_feedback(settings, "a1")}
    assert "the driver gets the answer and not the data" in pages["none"]
    for page in pages.values():
        assert "_draw.randrange" not in page
        assert "HIDDEN TESTS" not in page


def test_the_released_notebook_holds_no_solution_and_no_hidden_test(tmp_path: Path) -> None:
    settings = GradingSettings(
        course_dir=tmp_path / "course", exchange=tmp_path / "exchange", assignments=FOLDER.parent
    )
    released = release(settings, "a1", gated=False)
    text = "\n".join(path.read_text() for path in released.path.rglob("*") if path.is_file())
    cells = json.loads(SOURCE.read_text())["cells"]
    secrets = []
    for cell in cells:
        source = "".join(cell["source"])
        for region in re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)\s*### END", source, re.DOTALL):
            secrets += region.splitlines()
        if cell["id"] == "a1-boundary-answer":
            secrets += source.splitlines()
    public = {line for cell in json.loads(text)["cells"] for line in "".join(cell["source"]).splitlines()}
    shown = {line.strip() for line in public}
    leaks = [line for line in secrets if len(line.strip()) > 20 and line.strip() in shown]
    assert len(secrets) > 80
    assert leaks == []
    assert "HIDDEN" not in text
    assert "SOLUTION" not in text
    for word in ("_truth", "hidden", "Rubric", "regexp_extract", "pairwise(edges"):
        assert word not in text, word
