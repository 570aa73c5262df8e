"""The course's notebooks, several at once by ``coursekit notebook run``, beside papermill one after the other.

Both execute the same notebooks in one run of this program, at the same size, each from an empty folder of results and
with the same data sets. Papermill is used as its own command is, a process for each notebook. Then the results are
compared: what the cells that check something printed, which must not depend on who ran them or on what ran beside.

`wall_over_serial_papermill` is the time of the first divided by that of the second: 0.5 would be twice as fast. The
same work cannot take less than the share of the cores that papermill alone keeps busy, `serial_share_of_cores`: that
is where the ratio ends, whoever plans the work. So run it on a machine that does nothing else.

Examples
--------
    python benchmarks/notebook_ci.py
    python benchmarks/notebook_ci.py a3 09 --jobs 2 --json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from coursekit.config import Course, find_course
from coursekit.notebooks.catalog import Notebook, find_notebooks, list_notebooks
from coursekit.notebooks.document import read_document

CHECKS = re.compile(r"check-|test-")
TIME = re.compile(r"\d+(\.\d+)? ?(ms|s|min)\b")


def by_coursekit(notebooks: list[Notebook], out: Path, jobs: int) -> float:
    """Give the wall clock of one run of all notebooks, s."""
    names = [str(notebook.path) for notebook in notebooks]
    command = [sys.executable, "-m", "coursekit", "notebook", "run", *names, "--engine", "process", "--fresh"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--jobs", str(jobs), "--out", str(out), "--tolerance", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"coursekit notebook run failed:\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - began


def by_papermill(notebooks: list[Notebook], out: Path, course: Course) -> dict[str, float]:
    """Give the wall clock of each notebook, s, run one after the other in a copy of its folder."""
    return {notebook.name: one_by_papermill(notebook, out, course) for notebook in notebooks}


def one_by_papermill(notebook: Notebook, out: Path, course: Course) -> float:
    place = out / "work" / notebook.path.stem
    shutil.copytree(notebook.path.parent, place)
    parameters = out / f"{notebook.path.stem}.json"  # YAML reads JSON
    parameters.write_text(json.dumps(notebook.contract().parameters_at("small")))
    command = [sys.executable, "-m", "papermill", str(notebook.path), str(out / notebook.path.name), "-k", "python3"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "-f", str(parameters), "--cwd", str(place), "--no-progress-bar"],
        env={**os.environ, "COURSEKIT_ROOT": str(course.root), "COURSEKIT_ENGINE": "process"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"papermill failed on {notebook.name}:\n{done.stderr[-4000:]}")
    return time.monotonic() - began


def checks_of(executed: Path) -> dict[str, str]:
    """Give what each cell that checks something printed, times aside: those are never twice the same."""
    checks = (
        cell
        for cell in read_document(executed).cells
        if cell.cell_type == "code" and (CHECKS.match(cell.id) or cell.metadata.get("nbgrader", {}).get("grade"))
    )
    return {cell.id: TIME.sub("(a time)", "".join(map(said, cell.outputs))) for cell in checks}


def said(output: Any) -> str:
    """Give what a check says; Spark's log beside it, on stderr, names moments and tasks."""
    if output.output_type == "stream":
        return str(output.text) if output.name == "stdout" else ""
    return str(output.get("data", {}).get("text/plain", ""))


def differences(notebooks: list[Notebook], ours: Path, theirs: Path) -> tuple[int, list[str]]:
    """Give how many cells were compared, and the names of those that printed something else."""
    compared, different = 0, []
    for notebook in notebooks:
        here = checks_of(ours / f"{notebook.name.replace('/', '-')}.ipynb")
        there = checks_of(theirs / notebook.path.name)
        compared += len(here.keys() | there.keys())
        different += [
            f"{notebook.name}: {cell}" for cell in here.keys() | there.keys() if here.get(cell) != there.get(cell)
        ]
    return compared, sorted(different)


class Share:
    """What part of the machine's cores is busy from its making on."""

    def __init__(self) -> None:
        self._began, self._busy_s = time.monotonic(), self._now()

    @staticmethod
    def _now() -> float:
        times = psutil.cpu_times()
        return float(times.user + times.nice + times.system)

    def of_cores(self) -> float:
        """Give it until now, between 0 and 1."""
        passed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return round((self._now() - self._busy_s) / passed, 3)


def compare(names: list[str], jobs: int) -> dict[str, Any]:
    course = find_course()
    notebooks = list(find_notebooks(names, course) if names else list_notebooks(course))
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "coursekit", Path(folder) / "papermill"
        theirs.mkdir()
        share = Share()
        wall = by_coursekit(notebooks, ours, jobs)  # first: data sets that are not there yet are made at our expense
        ours_busy, share = share.of_cores(), Share()
        each = by_papermill(notebooks, theirs, course)
        theirs_busy = share.of_cores()
        figures = json.loads((ours / "summary.json").read_text())["notebooks"]
        compared, different = differences(notebooks, ours, theirs)
    return {
        "notebooks": [
            {"name": row["name"], "coursekit_s": row["seconds"], "papermill_s": round(each[row["name"]], 1)}
            for row in figures
        ],
        "jobs": jobs,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "wall_s": round(wall, 1),
        "serial_papermill_s": round(sum(each.values()), 1),
        "wall_over_serial_papermill": round(wall / sum(each.values()), 3),
        "share_of_cores": ours_busy,
        "serial_share_of_cores": theirs_busy,
        "checks_compared": compared,
        "checks_that_differ": different,
        "same_results": not different,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="lessons and assignments; all without any")
    parser.add_argument("--jobs", type=int, default=2, help="how many coursekit runs at once (default: 2)")
    parser.add_argument("--json", action="store_true", help="end in one line of figures")
    options = parser.parse_args()
    found = compare(options.names, options.jobs)
    print(f"{found['jobs']} at once on {found['cores']} cores, Python {found['python']}\n")
    print(f"{'notebook':<40}{'coursekit':>12}{'papermill':>12}")
    for row in found["notebooks"]:
        print(f"{row['name']:<40}{row['coursekit_s']:>10.1f} s{row['papermill_s']:>10.1f} s")
    print(f"{'all':<40}{found['wall_s']:>10.1f} s{found['serial_papermill_s']:>10.1f} s\n")
    print(f"wall_over_serial_papermill {found['wall_over_serial_papermill']}")
    print(f"cores busy: {found['share_of_cores']:.0%}, by papermill {found['serial_share_of_cores']:.0%}")
    same = "the same in both" if found["same_results"] else f"different: {', '.join(found['checks_that_differ'])}"
    print(f"{found['checks_compared']} checks, {same}")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
