"""Every exercise of every lesson: its check takes the solution, waits for the student, and refuses typical mistakes.

Beside this file, ``answers/NN_slug.py`` has for the lesson ``NN-slug``

- ``SOLUTIONS`` and ``MISTAKES``: sources that replace the exercise's cell, by the exercise's name;
- ``NEEDS`` (where the setup cell is not enough): ids of the cells that a check needs, in their order;
- ``PREPARE``: a source that stands in for cells that would take long, such as a smaller file;
- ``CELLS``: ids of cells that hold an exercise together with its check, where a lesson has such.

Only these cells are executed, in this process, with the parameters of the size ``small``; a name ``spark`` that none
of them makes is a session in local mode.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from coursekit import SparkCluster

LESSONS = Path(__file__).parents[2] / "lessons"
ANSWERS = sorted((Path(__file__).parent / "answers").glob("[0-9][0-9]_*.py"))
NO_MISTAKE = re.compile(r"NameError|SyntaxError|ImportError|ModuleNotFoundError|Py4J|PicklingError")


@dataclass
class Exercise:
    """One exercise of a lesson, with the answers that are known of it."""

    lesson: str
    name: str
    answer_cell: str
    check_cell: str | None
    needs: tuple[str, ...]
    prepare: str
    solution: str
    mistakes: list[str] = field(default_factory=list)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"answers_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exercises_of(path: Path) -> list[Exercise]:
    answers = load(path)
    lesson = path.stem.replace("_", "-")
    own_cells = getattr(answers, "CELLS", {})
    return [
        Exercise(
            lesson=lesson,
            name=name,
            answer_cell=own_cells.get(name, f"exercise-{name}"),
            check_cell=None if name in own_cells else f"check-{name}",
            needs=tuple(getattr(answers, "NEEDS", {}).get(name, ["setup"])),
            prepare=getattr(answers, "PREPARE", {}).get(name, ""),
            solution=solution,
            mistakes=answers.MISTAKES.get(name, []),
        )
        for name, solution in answers.SOLUTIONS.items()
    ]


EXERCISES = [exercise for path in ANSWERS for exercise in exercises_of(path)]
IDS = [f"{exercise.lesson[:2]}-{exercise.name}" for exercise in EXERCISES]


def notebook_of(lesson: str) -> Any:
    return nbformat.read(LESSONS / f"{lesson}.ipynb", as_version=4)


def sources_of(lesson: str) -> dict[str, str]:
    return {cell["id"]: cell["source"] for cell in notebook_of(lesson)["cells"] if cell["cell_type"] == "code"}


def split_at_check(source: str) -> tuple[str, str]:
    """Part a cell that holds an exercise and its check: before the test, and from it on."""
    tests = [node for node in ast.parse(source).body if getattr(node, "name", "").startswith("test_")]
    lines = source.splitlines(keepends=True)
    begin = tests[0].lineno - 1
    return "".join(lines[:begin]), "".join(lines[begin:])


def parts_of(exercise: Exercise) -> tuple[str, str]:
    """Give the student's part of an exercise as it is handed out, and its check."""
    sources = sources_of(exercise.lesson)
    if exercise.check_cell is None:
        return split_at_check(sources[exercise.answer_cell])
    return sources[exercise.answer_cell], sources[exercise.check_cell]


# Their checks draw new numbers each time.
DRAWN = [exercise for exercise in EXERCISES if "default_rng()" in parts_of(exercise)[1]]


@pytest.fixture(scope="session")
def local_spark() -> Iterator[Any]:
    """Give a session in local mode, made when the first check asks for it."""
    opened: list[SparkCluster] = []

    def session() -> Any:
        if not opened:
            opened.append(SparkCluster(0, cores=2, name="exercises"))
        return opened[0].session("exercises")

    yield session
    for cluster in opened:
        cluster.close()


@pytest.fixture(scope="session")
def prepared() -> dict[tuple[Any, ...], dict[str, Any]]:
    """Keep what cells gave that several exercises of a lesson need."""
    return {}


def uses_spark(*sources: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == "spark" for source in sources for node in ast.walk(ast.parse(source))
    )


def run_cells(exercise: Exercise) -> dict[str, Any]:
    """Execute the cells that an exercise needs, as IPython does, so that they may hold magics."""
    sources = sources_of(exercise.lesson)
    notebook = notebook_of(exercise.lesson)
    mpl.use("Agg")
    shell = InteractiveShell()  # not the singleton: elsewhere in this process no notebook seems to run
    try:
        shell.history_manager.enabled = False
        for cell in ("parameters", *exercise.needs):
            if cell in sources:
                shell.run_cell(sources[cell], silent=True).raise_error()
            if cell == "parameters":
                shell.user_ns.update(notebook["metadata"]["coursekit"]["sizes"]["small"])
        return dict(shell.user_ns)
    finally:
        shell.history_manager.end_session()


@pytest.fixture
def outcome(local_spark, prepared, capsys, tmp_path, monkeypatch):
    """Give a function that tells what an exercise's check says to an answer, as the reader sees it."""

    def tell(exercise: Exercise, answer: str) -> str:
        monkeypatch.chdir(tmp_path)
        key = (exercise.lesson, exercise.needs)
        if key not in prepared:
            prepared[key] = run_cells(exercise)
        _, check = parts_of(exercise)
        names = {**prepared[key], "__name__": "__main__", "__builtins__": builtins}
        if "spark" not in names and uses_spark(answer, check, exercise.prepare):
            names["spark"] = local_spark()
        capsys.readouterr()
        for source in (exercise.prepare, answer, check):
            exec(compile(source, f"<{exercise.lesson} {exercise.name}>", "exec"), names)
        said = [line for line in capsys.readouterr().out.splitlines() if "Exercise “" in line]
        assert len(said) == 1, f"one verdict was expected, and not {said}"
        return said[0]

    return tell


@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_the_solution_is_right(exercise, outcome):
    assert "”: right." in outcome(exercise, exercise.solution)


@pytest.mark.parametrize("exercise", DRAWN, ids=[exercise.name for exercise in DRAWN])
def test_the_solution_is_right_whatever_its_check_draws(exercise, outcome):
    assert {outcome(exercise, exercise.solution) for _ in range(100)} == {outcome(exercise, exercise.solution)}


@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_an_untouched_exercise_is_not_yet_done(exercise, outcome):
    handed_out, _ = parts_of(exercise)
    assert "”: not yet. " in outcome(exercise, handed_out)


@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_typical_mistakes_are_refused_with_a_reason(exercise, outcome):
    assert exercise.mistakes, "an exercise whose check nobody saw failing"
    for mistake in exercise.mistakes:
        said = outcome(exercise, mistake)
        assert "”: not right yet. " in said or "”: your code stopped with " in said, f"{mistake}\n{said}"
        assert not NO_MISTAKE.search(said), f"the answer could not even be run:\n{mistake}\n{said}"


@pytest.mark.parametrize("path", ANSWERS, ids=[path.stem for path in ANSWERS])
def test_answers_are_known_of_every_exercise_of_the_lesson(path):
    checks = [source for source in sources_of(path.stem.replace("_", "-")).values() if "lesson.check(" in source]
    assert len(load(path).SOLUTIONS) == sum(source.count("lesson.check(") for source in checks)


def test_there_are_answers_to_check():
    assert ANSWERS
