"""Where grading happens, and the one nbgrader configuration that everybody uses."""

from __future__ import annotations

import os
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import Course
from coursekit.errors import SettingsError

if TYPE_CHECKING:
    from traitlets.config import Config

COURSE_ID: Final = "ml-resources"
CONFIG_FILE: Final = "nbgrader_config.py"

_NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

# nbgrader's own defaults (converters/autograde.py, generate_feedback.py) with steps of ours. They are written out
# because a list in a configuration replaces the default; as names, so that nothing is imported here.
_SANITIZE_STEPS: Final = (
    "coursekit.grading.steps.RestoreCells",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
)
_AUTOGRADE_STEPS: Final = (
    "coursekit.grading.steps.Execute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "coursekit.grading.steps.SaveScores",
    "coursekit.grading.late.SetDueDate",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
)
_FEEDBACK_STEPS: Final = (
    "nbgrader.preprocessors.GetGrades",
    "coursekit.grading.steps.HideHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    "coursekit.grading.steps.StyleFeedback",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GradingSettings:
    """Which course is graded, and where.

    Parameters
    ----------
    course_id : str
        nbgrader's name of the course, and of its folder in the exchange.
    course_dir : Path
        nbgrader's root: ``source/``, ``release/``, ``submitted/``, ``autograded/``, ``feedback/``, ``gradebook.db``.
    exchange : Path
        The folder through which assignments go out and submissions come in.
    assignments : Path
        The checkout's ``assignments/``.
    """

    course_id: str = COURSE_ID
    course_dir: Path
    exchange: Path
    assignments: Path

    def __post_init__(self) -> None:
        check_name("course_id", self.course_id)

    @property
    def outbound(self) -> Path:
        """Released assignments, one folder each."""
        return self.exchange / self.course_id / "outbound"

    @property
    def inbound(self) -> Path:
        """Submissions, one folder each: ``student+assignment+time+random``."""
        return self.exchange / self.course_id / "inbound"

    @property
    def course_file(self) -> Path:
        """What an instructor may change; the deadlines stand there."""
        return self.assignments.parent / "hub" / "course.toml"

    @property
    def extensions_file(self) -> Path:
        """Extensions that were given on the course page, beside those in the course file."""
        return self.course_dir / "extensions.json"

    @property
    def logs(self) -> Path:
        """What nbgrader said while it graded, one file for each submission."""
        return self.course_dir / "logs"

    @property
    def db_url(self) -> str:
        """The gradebook's address, as SQLAlchemy writes it."""
        return f"sqlite:///{self.course_dir.resolve() / 'gradebook.db'}"


def check_name(what: str, name: str) -> None:
    """Refuse names that nbgrader or the file system would misread (``+`` separates its parts, ``*`` is a glob)."""
    if not _NAME_PATTERN.fullmatch(name):
        raise SettingsError(
            f"{what} = {name!r} is not a name that can be a folder of the exchange.",
            fix="use letters, digits, '-', '_' and '.', beginning with a letter or a digit",
        )


def default_settings(course: Course) -> GradingSettings:
    """Grade a checkout under its own ``build/``."""
    return GradingSettings(
        course_dir=course.build / "course" / COURSE_ID,
        exchange=course.build / "exchange",
        assignments=course.assignments,
    )


def nbgrader_config(settings: GradingSettings) -> Config:
    """Make nbgrader's configuration for the instructor: ``coursekit``, plain ``nbgrader`` and formgrader.

    Parameters
    ----------
    settings : GradingSettings
        Course, folders, exchange.

    Returns
    -------
    traitlets.config.Config
        Holds names only, no classes: it can be merged, printed and written to a file.
    """
    put_scripts_on_path()
    c = _exchange_config(settings)
    c.CourseDirectory.root = str(settings.course_dir.resolve())
    c.CourseDirectory.db_url = settings.db_url
    # The Hub's process spawner runs every student under one account, so the owner of a folder tells nothing.
    c.ExchangeCollect.check_owner = False
    c.ExchangeFactory.collect = "coursekit.grading.steps.Collect"
    c.ExchangeFactory.release_assignment = "coursekit.grading.steps.ReleaseAssignment"
    c.ExchangeFactory.release_feedback = "coursekit.grading.steps.ReleaseFeedback"
    c.Autograde.pre_convert_hook = "coursekit.grading.steps.keep_plain_files"
    c.Autograde.sanitize_preprocessors = list(_SANITIZE_STEPS)
    c.Autograde.autograde_preprocessors = list(_AUTOGRADE_STEPS)
    c.GenerateFeedback.preprocessors = list(_FEEDBACK_STEPS)
    c.AssignLatePenalties.plugin_class = "coursekit.grading.late.CoursePenalty"
    for part in (c.SetDueDate, c.CoursePenalty):
        part.course_file = str(settings.course_file.resolve())
        part.extensions_file = str(settings.extensions_file.resolve())
    # A student's output may hold HTML; in the instructor's browser it must not run.
    c.HTMLExporter.sanitize_html = True
    c.ClearSolutions.code_stub = {"python": "# Your code here.\nraise NotImplementedError()"}
    c.ClearSolutions.text_stub = "*Your answer here.*"
    return c


def student_config(settings: GradingSettings, name: str) -> Config:
    """Make nbgrader's configuration for a student's server: exchange, who they are, *Validate*; no instructor's things.

    Parameters
    ----------
    settings : GradingSettings
        Course and exchange.
    name : str
        The student's name in the Hub. nbgrader would take the account of the operating system instead, which is the
        same for all students under the Hub's process spawner.
    """
    from coursekit.grading import validation

    check_name("student", name)
    c = _exchange_config(settings)
    c.CourseDirectory.student_id = name
    c.Execute.timeout = validation.CELL_S
    c.Execute.iopub_timeout = validation.OUTPUT_S
    validation.pass_over_remarks()
    return c


def put_scripts_on_path() -> None:
    """Let nbgrader find ``alembic``, which it starts by name (``nbgrader.api.get_alembic_version``).

    Where the environment is not activated, as when ``.venv/bin/coursekit`` is called by its path, PATH lacks it.
    """
    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", os.defpath)
    if scripts not in path.split(os.pathsep):
        os.environ["PATH"] = f"{scripts}{os.pathsep}{path}"


def _exchange_config(settings: GradingSettings) -> Config:
    from traitlets.config import Config

    c = Config()
    c.CourseDirectory.course_id = settings.course_id
    c.Exchange.root = str(settings.exchange.resolve())
    return c


def write_config_file(settings: GradingSettings, folder: Path, *, student: str | None = None) -> Path:
    """Write ``nbgrader_config.py`` into a folder, so that nbgrader's own commands and extensions find it there.

    Parameters
    ----------
    settings : GradingSettings
        Course, folders, exchange.
    folder : Path
        The course directory for the instructor, a folder of ``JUPYTER_CONFIG_PATH`` for a student.
    student : str, optional
        For this student; for the instructor when not given.

    Returns
    -------
    Path
        The file.
    """
    made, whose = ("nbgrader_config", "") if student is None else ("student_config", f", {student!r}")
    values = "".join(f"    {key}={value},\n" for key, value in _literals(settings).items())
    text = (
        f'"""Made by coursekit (grading.{made}): nbgrader\'s commands and extensions read it."""\n\n'
        f"from pathlib import Path\n\nfrom coursekit.grading import GradingSettings, {made}\n\n"
        f"settings = GradingSettings(\n{values})\n"
        f"get_config().merge({made}(settings{whose}))  # noqa: F821\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CONFIG_FILE
    path.write_text(text, encoding="utf-8")
    return path


def _literals(settings: GradingSettings) -> dict[str, Any]:
    return {
        "course_id": repr(settings.course_id),
        "course_dir": f"Path({str(settings.course_dir.resolve())!r})",
        "exchange": f"Path({str(settings.exchange.resolve())!r})",
        "assignments": f"Path({str(settings.assignments.resolve())!r})",
    }


def prepare(settings: GradingSettings) -> None:
    """Make the folders, the exchange with nbgrader's modes, and ``nbgrader_config.py``; safe to call again."""
    for folder in (settings.course_dir / "source", settings.logs):
        folder.mkdir(parents=True, exist_ok=True)
    write_config_file(settings, settings.course_dir)
    # nbgrader's own modes (exchange/default/release_assignment.py): everybody may enter the exchange, list what is
    # released, and drop a submission without listing those of others.
    course = settings.exchange / settings.course_id
    for folder, mode in (
        (settings.exchange, 0o777),
        (course, 0o755),
        (settings.outbound, 0o755),
        (settings.inbound, 0o2733),
        (course / "feedback", 0o711),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
