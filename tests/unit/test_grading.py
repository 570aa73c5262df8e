"""Grading without nbgrader, Spark or a kernel: names, answers, checks, seeds, configuration."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.config import Course
from coursekit.errors import GradingError, SettingsError
from coursekit.grading import (
    Checks,
    GradingSettings,
    assignments_in,
    default_settings,
    fill,
    nbgrader_config,
    prepare,
    read_answer,
    reference_answer,
    seed,
    student,
    student_config,
)

ASSIGNMENTS = Path(__file__).parents[2] / "assignments"
ANSWERS = sorted(ASSIGNMENTS.glob("*/wrong/*.py"))
RIGHT_ANSWERS = sorted(ASSIGNMENTS.glob("*/right/*.py"))


@pytest.fixture
def settings(tmp_path: Path) -> GradingSettings:
    return GradingSettings(course_dir=tmp_path / "course", exchange=tmp_path / "exchange", assignments=ASSIGNMENTS)


@pytest.fixture
def autograding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "autograded" / "ada" / "a1"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


def test_importing_the_room_loads_no_heavy_package() -> None:
    code = "import coursekit.grading, sys; print({'nbgrader', 'nbformat', 'traitlets', 'pyspark'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["", "../up", "a+b", "a*", "a b", "-a"])
def test_names_that_nbgrader_would_misread_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="course_id"):
        GradingSettings(course_id=name, course_dir=tmp_path, exchange=tmp_path, assignments=tmp_path)


def test_the_configuration_survives_json_and_names_steps_that_exist(settings: GradingSettings) -> None:
    from traitlets.utils.importstring import import_item

    config = json.loads(json.dumps(nbgrader_config(settings)))
    for step in config["Autograde"]["autograde_preprocessors"] + config["GenerateFeedback"]["preprocessors"]:
        assert isinstance(import_item(step), type)


def test_our_steps_are_added_to_nbgraders_own_and_replace_none(settings: GradingSettings) -> None:
    from nbgrader.converters import Autograde, GenerateFeedback

    config = nbgrader_config(settings)
    for converter, trait in ((Autograde, "autograde_preprocessors"), (GenerateFeedback, "preprocessors")):
        own = [step.__name__ for step in getattr(converter, trait).default_args[0]]
        ours = [step.rsplit(".", 1)[1] for step in config[converter.__name__][trait]]
        own = ["SaveScores" if step == "SaveAutoGrades" else step for step in own]
        assert [step for step in ours if step not in ("HideHiddenTests", "SetDueDate", "StyleFeedback")] == own


def test_a_student_gets_nothing_of_the_instructors_configuration(settings: GradingSettings) -> None:
    config = student_config(settings, "ada")
    assert config.CourseDirectory.student_id == "ada"
    assert str(settings.course_dir) not in json.dumps(config)


def test_the_exchange_has_nbgraders_modes_whatever_the_umask(settings: GradingSettings) -> None:
    prepare(settings)
    prepare(settings)
    modes = {
        path: stat.S_IMODE(path.stat().st_mode) for path in (settings.exchange, settings.outbound, settings.inbound)
    }
    assert modes == {settings.exchange: 0o777, settings.outbound: 0o755, settings.inbound: 0o2733}


def test_the_course_lists_its_assignments(tmp_path: Path) -> None:
    course = Course(root=ASSIGNMENTS.parent)
    here = GradingSettings(course_dir=tmp_path, exchange=tmp_path, assignments=course.assignments)
    [a1] = [each for each in assignments_in(course, settings=here) if each.name == "a1"]
    assert (a1.title, a1.auto_points, a1.manual_points) == ("Provision and partition", 20, 5)
    assert (a1.released, a1.submitted, a1.autograded) == (False, 0, 0)
    assert default_settings(course).course_dir == course.root / "build" / "course" / "ml-resources"


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_every_wrong_answer_fits_its_notebook_and_says_why(path: Path) -> None:
    answer = read_answer(path)
    source = path.parents[1] / f"{path.parents[1].name}.ipynb"
    filled = fill(json.loads(source.read_text()), answer)
    sources = ["".join(cell["source"]) for cell in filled["cells"]]
    assert answer.why
    assert 0 <= answer.score < reference_answer(source).score
    assert answer.cells
    assert all(code in sources for code in answer.cells.values())


@pytest.mark.parametrize("path", RIGHT_ANSWERS, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_every_right_answer_fits_its_notebook_and_must_get_all_points(path: Path) -> None:
    answer = read_answer(path)
    source = path.parents[1] / f"{path.parents[1].name}.ipynb"
    filled = fill(json.loads(source.read_text()), answer)
    sources = ["".join(cell["source"]) for cell in filled["cells"]]
    assert answer.is_right
    assert answer.why
    assert answer.score == reference_answer(source).score
    assert all(code in sources for code in answer.cells.values())


def right_answer(folder: Path, header: str = "# why: -\n") -> Path:
    """Write an answer into ``right/`` of an assignment of one question, which is worth 3 points."""
    cell = {"cell_type": "code", "source": "assert f()", "metadata": {"nbgrader": {"grade": True, "points": 3}}}
    (folder / "toy" / "right").mkdir(parents=True)
    (folder / "toy" / "toy.ipynb").write_text(json.dumps({"cells": [cell]}))
    path = folder / "toy" / "right" / "other.py"
    path.write_text(f"{header}# %% a\ndef f(): ...\n")
    return path


def test_a_right_answer_need_not_say_its_score(tmp_path: Path) -> None:
    answer = read_answer(right_answer(tmp_path))
    assert (answer.score, answer.is_right, answer.place) == (3, True, "right/other.py")


def test_a_right_answer_may_say_that_it_gets_all_points_and_nothing_else(tmp_path: Path) -> None:
    path = right_answer(tmp_path, "# score: 3\n")
    assert read_answer(path).score == 3
    path.write_text(path.read_text().replace("score: 3", "score: 2"))
    with pytest.raises(GradingError, match="gets 2 points, and a right answer gets all 3"):
        read_answer(path)


def test_an_answer_without_a_score_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.py"
    path.write_text("# %% a\npass\n")
    with pytest.raises(GradingError, match="score"):
        read_answer(path)


def test_an_answer_to_a_cell_that_is_not_the_students_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "forged.py"
    path.write_text("# score: 20\n# %% a1-spec-test\n20\n")
    notebook = json.loads((ASSIGNMENTS / "a1" / "a1.ipynb").read_text())
    with pytest.raises(GradingError, match="a1-spec-test"):
        fill(notebook, read_answer(path))


def test_markdown_answers_lose_their_comment_signs(tmp_path: Path) -> None:
    path = tmp_path / "text.py"
    path.write_text("# score: 1.5\n# %% [markdown] why\n# Because.\n#\n# *Really.*\n# %% code\nx = 1  # one\n")
    answer = read_answer(path)
    assert answer.score == 1.5
    assert answer.cells == {"why": "Because.\n\n*Really.*", "code": "x = 1  # one"}


@pytest.mark.usefixtures("autograding")
def test_each_part_gives_its_points_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    checks = Checks()
    with checks.part(2, "right"):
        pass
    with checks.part(3, "wrong"):
        assert False, "so wrong"  # noqa: B011, PT015
    with checks.part(0.5, "broken"):
        {}["missing"]
    with checks.part(1, "not there"):
        raise NotImplementedError
    assert checks.score() == 2
    printed = capsys.readouterr().out
    assert "passed  2 points: right" in printed
    assert "so wrong" in printed
    assert "KeyError" in printed
    assert "not answered yet" in printed


@pytest.mark.usefixtures("autograding")
@given(st.lists(st.tuples(st.integers(0, 20), st.booleans())))
def test_the_score_is_the_sum_of_the_parts_that_passed(parts: list[tuple[int, bool]]) -> None:
    checks = Checks()
    for points, passes in parts:
        with checks.part(points, "part"):
            assert passes
    assert checks.score() == sum(points for points, passes in parts if passes)


def test_a_student_sees_a_failed_check_as_an_error_and_never_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    checks = Checks()
    with checks.part(1, "right"):
        pass
    assert checks.score() is None
    with checks.part(1, "wrong"):
        assert False, "so wrong"  # noqa: B011, PT015
    with pytest.raises(AssertionError, match="so wrong"):
        checks.score()


@pytest.mark.usefixtures("autograding")
def test_the_grader_draws_the_inputs_that_the_student_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "instructor")
    graded = student(), seed("a1", "log")
    monkeypatch.delenv("NBGRADER_EXECUTION")
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    assert (student(), seed("a1", "log")) == graded
    assert seed("a1", "log", who="bob") != graded[1]
    assert seed("a1", "other") != graded[1]
    assert seed("a1", "log", who="ada") == 2405209517, "a changed seed changes every student's inputs"
