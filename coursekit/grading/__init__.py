"""Assignments from release to feedback, on nbgrader's own formats, exchange and gradebook.

Everything here goes through one configuration (:func:`nbgrader_config`), so that ``coursekit``, plain ``nbgrader``
and formgrader in the Hub do the same thing. Importing this package is cheap: nbgrader is loaded where it is used.
"""

from __future__ import annotations

from coursekit.grading.answers import Answer, fill, read_answer, reference_answer
from coursekit.grading.autograding import Graded, Progress, autograde
from coursekit.grading.book import Grade, add_students, grades
from coursekit.grading.catalog import Assignment, assignments_in
from coursekit.grading.checks import Checks, plain, seed, student
from coursekit.grading.deadlines import Deadline, parse_deadlines, read_deadlines
from coursekit.grading.exports import Format, export_grades
from coursekit.grading.fairness import Problem, Verdict
from coursekit.grading.flow import Collected, Feedback, Released, collect, publish_feedback, release
from coursekit.grading.gate import gate
from coursekit.grading.penalties import Lateness, update_penalties
from coursekit.grading.regrading import Change, regrade
from coursekit.grading.settings import (
    GradingSettings,
    default_settings,
    nbgrader_config,
    prepare,
    student_config,
    write_config_file,
)

__all__ = [
    "Answer",
    "Assignment",
    "Change",
    "Checks",
    "Collected",
    "Deadline",
    "Feedback",
    "Format",
    "Grade",
    "Graded",
    "GradingSettings",
    "Lateness",
    "Problem",
    "Progress",
    "Released",
    "Verdict",
    "add_students",
    "assignments_in",
    "autograde",
    "collect",
    "default_settings",
    "export_grades",
    "fill",
    "gate",
    "grades",
    "nbgrader_config",
    "parse_deadlines",
    "plain",
    "prepare",
    "publish_feedback",
    "read_answer",
    "read_deadlines",
    "reference_answer",
    "regrade",
    "release",
    "seed",
    "student",
    "student_config",
    "update_penalties",
    "write_config_file",
]
