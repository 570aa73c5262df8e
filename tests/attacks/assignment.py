"""A small assignment that the hostile submissions attack: three questions, seven points, a secret in hidden tests."""

from __future__ import annotations

import textwrap
from pathlib import Path

import nbformat

from coursekit.grading import GradingSettings

TOKEN = "hidden-5f1c0e"
POINTS = 7.0

SETUP = """
import numpy as np
from coursekit.grading import Checks


def is_even(x):
    \"\"\"Tell whether a number is even.\"\"\"
    return x % 2 == 0
"""
DOUBLE = "### BEGIN SOLUTION\ndef double(x):\n    return 2 * x\n### END SOLUTION"
DOUBLE_TEST = f"""
checks = Checks()
with checks.part(1, "two becomes four"):
    found = double(2)
    assert type(found) is int, "that is no int"
    assert found == 4, "double(2) is not 4"
### BEGIN HIDDEN TESTS
secret_numbers = "{TOKEN}"
secret_value = 1741
with checks.part(3, "other numbers"):
    found = double(secret_value)
    assert type(found) is int, "that is no int"
    assert found == 3482, "it is not twice as much"
### END HIDDEN TESTS
checks.score()
"""
SQUARE = "### BEGIN SOLUTION\ndef square(x):\n    return x * x\n### END SOLUTION"
SQUARE_TEST = f"""
np.testing.assert_allclose(float.__add__(0.0, np.asarray(square(3.0)).item()), 9.0)
### BEGIN HIDDEN TESTS
secret_square = "{TOKEN}"
np.testing.assert_allclose(np.asarray([square(1.5), square(-2.0)], dtype=float), [2.25, 4.0])
### END HIDDEN TESTS
"""
EVEN_TEST = """
assert is_even(double(5)) is True
assert double(5) != 11
"""


def write_assignment(folder: Path) -> GradingSettings:
    """Write the assignment ``toy`` into a course of its own."""
    notebook = nbformat.v4.new_notebook(
        cells=[
            _cell("t-setup", SETUP, locked=True),
            _cell("t-double", DOUBLE, solution=True),
            _cell("t-double-test", DOUBLE_TEST, grade=True, locked=True, points=4),
            _cell("t-square", SQUARE, solution=True),
            _cell("t-square-test", SQUARE_TEST, grade=True, locked=True, points=2),
            _cell("t-even-test", EVEN_TEST, grade=True, locked=True, points=1),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "coursekit": {
                "title": "Toy",
                "limits": {
                    "memory": "1g",
                    "cell_s": 8,
                    "total_s": 60,
                    "processes": 128,
                    "disk": "32m",
                    "output": 200_000,
                },
            },
        },
    )
    assignment = folder / "assignments" / "toy"
    (assignment / "wrong").mkdir(parents=True)
    (assignment / "wrong" / "nothing.py").write_text("# score: 0\n# why: nothing is answered\n")
    nbformat.write(notebook, assignment / "toy.ipynb")
    return GradingSettings(
        course_dir=folder / "course", exchange=folder / "exchange", assignments=folder / "assignments"
    )


def _cell(name: str, source: str, **marks: object) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(textwrap.dedent(source).strip())
    cell["id"] = name
    flags = {"grade": False, "solution": False, "locked": False, "task": False, **marks}
    cell["metadata"]["nbgrader"] = {"schema_version": 3, "grade_id": name, "cell_type": "code", **flags}
    return cell
