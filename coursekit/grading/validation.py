"""What a student's *Validate* does differently from nbgrader alone, in the student's own server."""

from __future__ import annotations

from typing import Any, Final

from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.validator import Validator

CELL_S: Final = 240
"""How long a cell may take, s, as in a sandbox; nbgrader's 30 s are over before Spark has begun on a busy machine."""
OUTPUT_S: Final = 60
"""How long the kernel may take to send what a cell printed, s; nbgrader's 4 s fail a student on a busy machine."""


class DropRemarks(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Drop what cells wrote to stderr, for nbgrader takes a test that wrote anything there for failed.

    Libraries do: what TensorFlow or Spark say of themselves comes through a pipe, and appears in whichever cell runs by
    then. Exceptions are outputs of another kind, and stay.
    """

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Drop those of one cell."""
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        return cell, resources


def pass_over_remarks() -> None:
    """Let *Validate* drop remarks, in this process: its steps are no setting of nbgrader's."""
    steps = Validator.preprocessors.default_args[0]
    if DropRemarks not in steps:
        steps.append(DropRemarks)
