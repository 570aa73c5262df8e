"""What the grader found out about a submission, for people: a report beside the gradebook, which holds scores only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from coursekit.grading.answers import points
from coursekit.grading.catalog import read_notebook
from coursekit.grading.restore import Note, is_instructors
from coursekit.grading.sandboxed import code_cells
from coursekit.sandbox import CellResult, Outcome

EARLIER = "released_before"
"""The folder of a course directory that holds what students got before."""

Versions = tuple[dict[str, Any], tuple[dict[str, Any], ...]]
"""A notebook as the instructor has it, and as students got it, the newest first."""


def read_versions(course_dir: Path, assignment: str, notebook: str) -> Versions:
    """Read a notebook of an assignment in all its versions."""
    file = f"{notebook}.ipynb"
    earlier = sorted((course_dir / EARLIER / assignment).glob(f"*/{file}"), reverse=True)
    released = [course_dir / "release" / assignment / file, *earlier]
    return read_notebook(course_dir / "source" / assignment / file), tuple(map(read_notebook, released))


def report_path(course_dir: Path, assignment: str, student: str) -> Path:
    """Where the report of one submission is."""
    return course_dir / "reports" / assignment / f"{student}.json"


def write_report(
    course_dir: Path,
    *,
    student: str,
    assignment: str,
    cells: Iterable[Mapping[str, Any]],
    outcome: Outcome,
    notes: Iterable[Note],
) -> None:
    """Write what was found out about one submission."""
    flags = [{"kind": "tampered", "what": what} for what in outcome.tampered]
    flags += [{"kind": "restored", "what": f"{note.cell} {note.what}"} for note in notes]
    flags += [{"kind": "stopped", "what": outcome.trouble}] if outcome.trouble else []
    tests = {
        name: _describe(outcome.cells.get(name, CellResult(status="skipped")), points(cell))
        for name, cell in code_cells(cells)
        if is_instructors(cell) and points(cell)
    }
    path = report_path(course_dir, assignment, student)
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "student": student,
        "assignment": assignment,
        "seconds": outcome.seconds,
        "flags": flags,
        "cells": tests,
    }
    path.write_text(json.dumps(report, indent=1), encoding="utf-8")


def write_refusal(course_dir: Path, *, student: str, assignment: str, why: str) -> None:
    """Write that a submission could not be read."""
    path = report_path(course_dir, assignment, student)
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = [{"kind": "refused", "what": why}]
    report = {"student": student, "assignment": assignment, "seconds": 0.0, "flags": flags, "cells": {}}
    path.write_text(json.dumps(report, indent=1), encoding="utf-8")


def _describe(result: CellResult, most: float) -> dict[str, Any]:
    score = most if result.status == "ok" and result.score is None else result.score
    status: str = result.status
    if status == "ok" and score is not None:
        status = "passed" if score >= most else "partial" if score > 0 else "failed"
    errors = [output for output in result.outputs if output["output_type"] == "error"]
    why = result.report or (f"{errors[-1]['ename']}: {errors[-1]['evalue']}" if errors else "")
    return {
        "score": 0.0 if score is None else score,
        "max": most,
        "status": "failed" if status == "error" else status,
        "why": why,
    }
