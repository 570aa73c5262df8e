"""A small assignment without Spark goes the whole way: release, fetch, submit, collect, autograde, feedback, export."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursekit.errors import AssignmentExistsError, AssignmentNotFoundError, AutogradeError, GradingError
from coursekit.grading import (
    Answer,
    GradingSettings,
    add_students,
    autograde,
    collect,
    export_grades,
    fill,
    grades,
    publish_feedback,
    release,
    student_config,
    update_penalties,
)

SOLUTION = "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x  # the secret of the solution\n### END SOLUTION"
TESTS = """import sys
from coursekit.grading import Checks, plain
checks = Checks()
with checks.part(1, "two becomes four"):
    assert plain(double(2)) == 4
### BEGIN HIDDEN TESTS
print("a harmless warning", file=sys.stderr)
with checks.part(3, "text is doubled too"):
    assert plain(double("ab")) == "abab", "the secret of the test"
### END HIDDEN TESTS
checks.score()"""


def graded(kind: str, name: str, source: str, **marks: object) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    cell["id"] = name
    flags = {"grade": False, "solution": False, "locked": False, "task": False, **marks}
    cell["metadata"]["nbgrader"] = {"schema_version": 3, "grade_id": name, "cell_type": kind, **flags}
    return cell


@pytest.fixture
def settings(tmp_path: Path, grader_image: None) -> GradingSettings:
    notebook = nbformat.v4.new_notebook(
        cells=[
            graded("code", "t-double", SOLUTION, solution=True),
            graded("code", "t-double-test", TESTS, grade=True, locked=True, points=4),
            graded("markdown", "t-why", "Because of the secret rubric.", grade=True, solution=True, points=2),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "coursekit": {"title": "Twice", "minutes": 1},
        },
    )
    folder = tmp_path / "assignments" / "toy"
    (folder / "wrong").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "wrong" / "none.py").write_text("# score: 0\n# %% t-double\ndouble = None\n")
    (folder / "README.md").write_text("For the grader only.\n")
    (folder / "data" / "numbers.csv").write_text("1,2\n")
    nbformat.write(notebook, folder / "toy.ipynb")
    return GradingSettings(
        course_dir=tmp_path / "course", exchange=tmp_path / "exchange", assignments=tmp_path / "assignments"
    )


def answered(**cells: str) -> Answer:
    return Answer(
        name="test", score=0, why="", cells={name.replace("_", "-"): source for name, source in cells.items()}
    )


def exchange_step(settings: GradingSettings, step: str, student: str, home: Path) -> None:
    """Do what a student's server does, with the configuration that it gets."""
    from nbgrader.auth import Authenticator
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.exchange import ExchangeFactory

    config = student_config(settings, student)
    config.Exchange.cache = str(home / ".cache")
    config.Exchange.assignment_dir = str(home)
    directory = CourseDirectory(config=config, assignment_id="toy")
    kind = getattr(ExchangeFactory(config=config), step)
    kind(coursedir=directory, authenticator=Authenticator(config=config), config=config).start()


def submit(settings: GradingSettings, student: str, answer: Answer, homes: Path) -> Path:
    home = homes / student
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "toy").exists():
        exchange_step(settings, "FetchAssignment", student, home)
    path = home / "toy" / "toy.ipynb"
    nbformat.write(fill(nbformat.read(path, as_version=4), answer), path)
    exchange_step(settings, "Submit", student, home)
    return home


def test_an_assignment_goes_out_and_comes_back_with_the_right_grades(settings: GradingSettings, tmp_path: Path) -> None:
    released = release(settings, "toy")
    assert (released.auto_points, released.manual_points) == (4, 2)
    assert released.files == ("data/numbers.csv", "toy.ipynb")
    assert "secret" not in (released.path / "toy.ipynb").read_text()

    add_students(settings, ["full", "part", "none", "absent"])
    homes = tmp_path / "homes"
    submit(settings, "full", answered(t_double="def double(x):\n    return x + x", t_why="By adding."), homes)
    home = submit(settings, "part", answered(t_double="def double(x):\n    return x * x"), homes)
    submit(settings, "none", answered(t_double="double = None"), homes)
    assert [each.student for each in collect(settings, "toy")] == ["full", "none", "part"]

    steps: list[tuple[int, int, str]] = []
    autograde(settings, "toy", progress=lambda done, total, who: steps.append((done, total, who)))
    assert [(done, total) for done, total, _ in steps] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert {who for _, _, who in steps[1:]} == {"full", "none", "part"}

    found = {grade.student: grade for grade in grades(settings, "toy")}
    assert {name: grade.auto_score for name, grade in found.items()} == {"full": 4, "part": 1, "none": 0, "absent": 0}
    assert {grade.auto_max for grade in found.values()} == {4}
    assert {grade.manual_max for grade in found.values()} == {2}
    assert [name for name, grade in found.items() if grade.needs_manual] == ["full"]
    assert [name for name, grade in found.items() if grade.submitted is None] == ["absent"]

    assert [each.student for each in publish_feedback(settings, "toy")] == ["full", "none", "part"]
    exchange_step(settings, "FetchFeedback", "part", home)
    [page] = (home / "toy" / "feedback").rglob("*.html")
    text = page.read_text()
    assert "text is doubled too" in text
    assert "HIDDEN TESTS" not in text
    assert "abab" not in text

    with export_grades(settings, tmp_path / "out" / "grades.csv").open() as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert rows == {"full": 4, "part": 1, "none": 0, "absent": 0}


def test_a_broken_submission_is_named_and_stops_no_other(settings: GradingSettings, tmp_path: Path) -> None:
    release(settings, "toy")
    right = answered(t_double="def double(x):\n    return x + x")
    for student in ("anna", "bert", "carl"):
        submit(settings, student, right, tmp_path / "homes")
    [submission] = settings.inbound.glob("bert+*")
    (submission / "toy.ipynb").write_text("this is no notebook")
    collect(settings, "toy")

    with pytest.raises(AutogradeError, match="1 of 3 submissions") as raised:
        autograde(settings, "toy")
    assert "bert" in str(raised.value)
    assert "anna" not in raised.value.message
    assert {grade.student: grade.auto_score for grade in grades(settings)} == {"anna": 4, "bert": 0, "carl": 4}
    assert [grade.student for grade in grades(settings) if grade.needs_manual] == ["bert"], "a person looks at it"


def test_a_newer_submission_is_graded_again_and_an_old_one_is_not(settings: GradingSettings, tmp_path: Path) -> None:
    release(settings, "toy")
    submit(settings, "anna", answered(t_double="double = None"), tmp_path / "homes")
    collect(settings, "toy")
    autograde(settings, "toy")
    before = (settings.course_dir / "autograded" / "anna" / "toy" / "toy.ipynb").stat().st_mtime_ns
    autograde(settings, "toy")
    assert (settings.course_dir / "autograded" / "anna" / "toy" / "toy.ipynb").stat().st_mtime_ns == before

    home = submit(settings, "anna", answered(t_double="def double(x):\n    return x + x"), tmp_path / "homes")
    assert home.is_dir()
    for submission in settings.inbound.glob("anna+*"):
        if "x + x" in (submission / "toy.ipynb").read_text():
            (submission / "timestamp.txt").write_text("2099-01-01 00:00:00.000000 UTC")
            submission.rename(submission.with_name("anna+toy+2099-01-01 00:00:00.000000 UTC+abc"))
    collect(settings, "toy")
    autograde(settings, "toy")
    assert [grade.auto_score for grade in grades(settings)] == [4]


def test_plain_nbgrader_works_in_the_course_directory(settings: GradingSettings, tmp_path: Path) -> None:
    release(settings, "toy")
    add_students(settings, ["anna"])
    submit(settings, "anna", answered(t_double="def double(x):\n    return x + x"), tmp_path / "homes")
    for command in (["collect", "toy"], ["autograde", "toy"], ["export"], ["db", "student", "list"]):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command],
            cwd=settings.course_dir,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "anna" in done.stdout + done.stderr
    assert ",4.0,6.0" in (settings.course_dir / "grades.csv").read_text()
    assert [grade.auto_score for grade in grades(settings)] == [4]


def test_plain_nbgrader_takes_the_late_penalty_of_the_course_file(settings: GradingSettings, tmp_path: Path) -> None:
    settings.course_file.parent.mkdir()
    settings.course_file.write_text(
        "[assignments.toy]\ndue = 2026-01-01T12:00:00Z\npenalty_per_day = 0.25\n"
        "[assignments.toy.extensions]\nada = 2026-01-03T12:00:00Z\n"
    )
    release(settings, "toy")
    right = answered(t_double="def double(x):\n    return x + x")
    for student in ("ada", "bert"):
        submit(settings, student, right, tmp_path / "homes")
        [submission] = settings.inbound.glob(f"{student}+*")
        (submission / "timestamp.txt").write_text("2026-01-02 13:00:00.000000 UTC")
        submission.rename(submission.with_name(f"{student}+toy+2026-01-02 13:00:00.000000 UTC+abc"))
    collect(settings, "toy")
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", "toy"],
        cwd=settings.course_dir, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {grade.student: (grade.penalty, grade.score) for grade in grades(settings)}
    assert found == {"ada": (0, 4), "bert": (2, 2)}
    assert not any(each.changed for each in update_penalties(settings))


def test_a_second_release_needs_force_and_replaces_the_first(settings: GradingSettings) -> None:
    release(settings, "toy")
    with pytest.raises(AssignmentExistsError, match="toy"):
        release(settings, "toy")
    shutil.rmtree(settings.assignments / "toy" / "data")
    assert release(settings, "toy", force=True).files == ("toy.ipynb",)


def test_steps_out_of_order_say_what_comes_first(settings: GradingSettings) -> None:
    with pytest.raises(AssignmentNotFoundError, match="toy"):
        release(settings, "tony")
    with pytest.raises(AssignmentNotFoundError):
        release(settings, "../assignments/toy")
    with pytest.raises(GradingError, match="has not been released"):
        collect(settings, "toy")
    with pytest.raises(GradingError, match="has been autograded"):
        publish_feedback(settings, "toy")
    with pytest.raises(AutogradeError, match="anna"):
        autograde(settings, "toy", students=["anna"])
