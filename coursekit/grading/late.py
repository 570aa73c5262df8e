"""Late penalties among nbgrader's own parts. The configuration names them; nothing else imports this module.

``SetDueDate`` runs before nbgrader's ``AssignLatePenalties`` and tells the gradebook when this student had to submit;
then nbgrader asks ``CoursePenalty`` what the lateness costs. So plain nbgrader and formgrader agree with ``coursekit``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from coursekit.grading.extensions import all_deadlines
from coursekit.grading.penalties import set_due_date


class SetDueDate(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Write the assignment's deadline and the student's extension, wherever it was given, into the gradebook."""

    course_file = Unicode(help="The course's settings, hub/course.toml.").tag(config=True)
    extensions_file = Unicode(help="Extensions that were given on the course page.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Leave the notebook as it is."""
        where = resources["nbgrader"]
        deadline = all_deadlines(Path(self.course_file), Path(self.extensions_file)).get(where["assignment"])
        if deadline:
            with Gradebook(where["db_url"]) as book:
                set_due_date(book.find_submission(where["assignment"], where["student"]), deadline)
                book.db.commit()
        return nb, resources


class CoursePenalty(LateSubmissionPlugin):  # type: ignore[misc]
    """What the lateness of one notebook costs by the rule in ``hub/course.toml``; nothing where it has no rule."""

    course_file = Unicode(help="The course's settings, hub/course.toml.").tag(config=True)
    extensions_file = Unicode(help="Extensions that were given on the course page.").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Give the points that are lost, or None."""
        deadline = all_deadlines(Path(self.course_file), Path(self.extensions_file)).get(self.parent.assignment_id)
        return (score * deadline.penalty_share(total_seconds_late) or None) if deadline else None
