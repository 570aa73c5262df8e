"""nbgrader's converters and exchange, run in this process and quietly."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from coursekit.errors import GradingError
from coursekit.grading.autograding import reason
from coursekit.grading.settings import GradingSettings, nbgrader_config

_PUBLIC: Final = ("*.ipynb", "data/**/*")


def make_released(settings: GradingSettings, folder: Path, name: str, *, in_gradebook: bool = True) -> Path:
    """Make the students' version of an assignment in the course directory.

    Only notebooks and ``data/`` leave the assignment's folder: answers, notes and everything else stay.

    Parameters
    ----------
    settings : GradingSettings
        Has the course directory.
    folder : Path
        The assignment's folder in the checkout.
    name : str
        Its name.
    in_gradebook : bool
        Enter the tests in the gradebook.

    Returns
    -------
    Path
        The folder ``release/<name>``.

    Raises
    ------
    GradingError
        If nbgrader refuses the notebook.
    """
    _copy_public_files(folder, settings.course_dir / "source" / name)
    from nbgrader.converters import GenerateAssignment

    config = nbgrader_config(settings)
    config.SaveCells.enabled = in_gradebook
    run_converter(settings, GenerateAssignment, name, config=config, force=True, no_database=not in_gradebook)
    return settings.course_dir / "release" / name


def _copy_public_files(folder: Path, source: Path) -> None:
    shutil.rmtree(source, ignore_errors=True)
    for path in (found for pattern in _PUBLIC for found in folder.glob(pattern) if found.is_file()):
        copy = source / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def run_converter(
    settings: GradingSettings, converter: Any, name: str, *, config: Any = None, student: str = "", **traits: Any
) -> None:
    """Run one of nbgrader's converters, for all students or one, with everybody's configuration or another."""
    config = config or nbgrader_config(settings)
    directory = _directory(config, name, student)
    _start(converter(coursedir=directory, config=config, **traits), f"{converter.__name__} of {name!r}")


def run_exchange(settings: GradingSettings, step: str, name: str, *, student: str = "", **traits: Any) -> None:
    """Run one step of nbgrader's exchange, for all students or one."""
    from nbgrader.auth import Authenticator
    from nbgrader.exchange import ExchangeFactory

    config = nbgrader_config(settings)
    directory = _directory(config, name, student)
    kind = getattr(ExchangeFactory(config=config), step)
    made = kind(coursedir=directory, authenticator=Authenticator(config=config), config=config, **traits)
    _start(made, f"{step} of {name!r}")


def _directory(config: Any, name: str, student: str) -> Any:
    from nbgrader.coursedir import CourseDirectory

    return CourseDirectory(config=config, assignment_id=name, **({"student_id": student} if student else {}))


def _start(app: Any, what: str) -> None:
    """Run one step of nbgrader in this process, quietly; its log becomes the message if it fails."""
    from nbgrader.utils import capture_log

    outcome = capture_log(app)
    if not outcome["success"]:
        said = reason(outcome.get("log", "")) or reason(outcome["error"])
        raise GradingError(f"nbgrader failed in {what}: {said}", fix="mend what nbgrader names, then try again")
