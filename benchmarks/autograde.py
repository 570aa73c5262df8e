"""Autograding a class of ``a1``: sandboxes side by side, beside plain nbgrader, one after the other and unprotected.

The class hands in the answers that the assignment has with it, right and wrong ones in turn. Both ways grade the same
submissions in the same run, each in a course directory of its own. CPU seconds are those of the whole machine while
the way runs, for containers are nobody's children: on a machine that does other work they are too high for both. The
floor is what the bare cells take in one Python, without nbgrader and without a sandbox.

Examples
--------
    python benchmarks/autograde.py
    python benchmarks/autograde.py --submissions 8 --jobs 2 --json
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil

from coursekit.config import find_course
from coursekit.grading import GradingSettings, autograde, fill, grades, read_answer, reference_answer
from coursekit.grading.flow import generate_students_version
from coursekit.sandbox import choose_box

PLAIN = """
from pathlib import Path

c = get_config()
c.CourseDirectory.course_id = "ml-resources"
c.CourseDirectory.root = {root!r}
c.CourseDirectory.db_url = {db!r}
c.Execute.timeout = 600
c.Execute.startup_timeout = 300
"""


def main() -> None:
    options = _parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain, ours = (_make_class(folder / way, options.submissions) for way in ("plain", "sandboxes"))
        (plain.course_dir / "nbgrader_config.py").write_text(PLAIN.format(root=str(plain.course_dir), db=plain.db_url))
        figures: dict[str, Any] = {"submissions": options.submissions, "sandbox": choose_box().kind}
        figures |= _timed("nbgrader", lambda: _run_plain(plain))
        figures |= _timed("sandboxes", lambda: autograde(ours, "a1", jobs=options.jobs))
        figures |= _floor(folder, ours)
        theirs, found = _scores(plain), _scores(ours)
        figures["same_scores"] = theirs == found
        figures["scores"] = list(found.values())
        figures["differences"] = {name: (theirs[name], found[name]) for name in found if theirs[name] != found[name]}
    figures["throughput_over_nbgrader"] = round(figures["nbgrader_s"] / figures["sandboxes_s"], 2)
    figures["cpu_over_nbgrader"] = round(figures["sandboxes_cpu_s"] / figures["nbgrader_cpu_s"], 2)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for key, value in figures.items():
        print(f"  {key:28}{value}")


def _make_class(folder: Path, count: int) -> GradingSettings:
    course = find_course()
    settings = GradingSettings(
        course_dir=folder / "course", exchange=folder / "exchange", assignments=course.assignments
    )
    generate_students_version(settings, "a1")
    source = course.assignments / "a1"
    answers = [reference_answer(source / "a1.ipynb"), *map(read_answer, sorted((source / "wrong").glob("*.py")))]
    released = nbformat.read(settings.course_dir / "release" / "a1" / "a1.ipynb", as_version=4)
    for number in range(count):
        home = settings.course_dir / "submitted" / f"student-{number:02d}" / "a1"
        home.mkdir(parents=True)
        nbformat.write(fill(released, answers[number % len(answers)]), home / "a1.ipynb")
        (home / "timestamp.txt").write_text("2026-01-01 12:00:00.000000 UTC")
    return settings


def _run_plain(settings: GradingSettings) -> None:
    command = [sys.executable, "-m", "nbgrader", "autograde", "a1"]
    subprocess.run(command, cwd=settings.course_dir, check=True, capture_output=True)


def _timed(name: str, way: Callable[[], object]) -> dict[str, float]:
    busy, begin = _busy_s(), time.monotonic()
    way()
    return {f"{name}_s": round(time.monotonic() - begin, 1), f"{name}_cpu_s": round(_busy_s() - busy, 1)}


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system)


def _floor(folder: Path, settings: GradingSettings) -> dict[str, float]:
    """Time the bare cells of one right submission."""
    path = folder / "bare.py"
    path.write_text(Path(__file__).read_text())
    work = folder / "student-00" / "a1"
    work.mkdir(parents=True)
    notebook = settings.course_dir / "autograded" / "student-00" / "a1" / "a1.ipynb"
    busy = _busy_s()
    command = [sys.executable, str(path), "--bare", str(notebook)]
    subprocess.run(command, cwd=work, check=True, env={**os.environ, "NBGRADER_EXECUTION": "autograde"})
    return {"bare_cells_cpu_s_each": round(_busy_s() - busy, 1)}


def _run_bare(notebook: Path) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(notebook.read_text())["cells"]:
        if cell["cell_type"] == "code":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(ast.parse("".join(cell["source"])), "<cell>", "exec"), space)


def _scores(settings: GradingSettings) -> dict[str, float]:
    return {grade.student: grade.auto_score for grade in grades(settings, "a1")}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=30)
    parser.add_argument("--jobs", type=int, help="sandboxes at once; as many as cores and memory allow by default")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    if "--bare" in sys.argv:
        _run_bare(Path(sys.argv[-1]))
    else:
        main()
