"""Our steps among nbgrader's. The configuration names them; nothing else imports this module.

Both take and return ``(notebook, resources)`` as every nbgrader preprocessor does.
"""

from __future__ import annotations

from typing import Any

from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor


class ForgiveStderr(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Keep what a test cell wrote to stderr, but do not let it cost the points.

    nbgrader gives 0 to a right answer whose test wrote a warning or a log line (``nbgrader.utils.determine_grade``).
    A test that fails raises, so the error output alone decides here. Runs between ``Execute`` and ``SaveAutoGrades``.
    """

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Turn the stderr of one test cell into ordinary printed text."""
        if cell.cell_type == "code" and utils.is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "stream" and output.name == "stderr":
                    output.name = "stdout"
        return cell, resources


class HideHiddenTests(ClearHiddenTests):  # type: ignore[misc]
    """Take hidden tests out of the feedback: their source, and the traces that quote it.

    Autograding puts the hidden tests back into the student's copy; nbgrader's feedback would print them.
    """

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Clear the hidden region of one test cell, and keep only the last line of its error."""
        if cell.cell_type != "code" or not utils.is_grade(cell):
            return cell, resources
        if self._remove_hidden_test_region(cell):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources
