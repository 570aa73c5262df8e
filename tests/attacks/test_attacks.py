"""A class of hostile submissions is graded beside an honest one, in each kind of sandbox that keeps strangers apart."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from attacks.assignment import POINTS, TOKEN, write_assignment
from attacks.catalog import ATTACKS, Attack, Notebook, named
from docker_fixtures import require_bubblewrap, require_docker

from coursekit.errors import AutogradeError
from coursekit.grading import GradingSettings, autograde, grades, publish_feedback
from coursekit.grading.flow import generate_students_version

RIGHT = {"t-double": "def double(x):\n    return 2 * x", "t-square": "def square(x):\n    return x * x"}
SECRET = "a-token-of-the-grader"

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True, kw_only=True)
class GradedClass:
    """What became of the class."""

    settings: GradingSettings
    error: str
    calls: list[bytes]

    def report(self, student: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.settings.course_dir / "reports" / "toy" / f"{student}.json").read_text()
        )
        return found

    def points(self, student: str) -> float:
        (grade,) = grades(self.settings, "toy", student=student)
        return grade.auto_score


@pytest.fixture(scope="module", params=["docker", "bubblewrap"])
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GradedClass]:
    kind = request.param
    if kind == "bubblewrap":
        require_bubblewrap()
    if kind == "docker":
        require_docker("grader")
    with pytest.MonkeyPatch.context() as patch, listening() as (port, calls):
        patch.setenv("COURSEKIT_SANDBOX", kind)
        patch.setenv("GRADER_TOKEN", SECRET)
        settings = write_assignment(tmp_path_factory.mktemp(kind))
        generate_students_version(settings, "toy")
        released = json.loads((settings.course_dir / "release" / "toy" / "toy.ipynb").read_text())
        hand_in(settings, "honest", released, RIGHT)
        for attack in ATTACKS:
            source = attack.code.replace("COURSE_DIR", str(settings.course_dir)).replace("CANARY_PORT", str(port))
            hand_in(settings, attack.student, released, {"t-double": source}, attack)
        error = ""
        try:
            autograde(settings, "toy")
        except AutogradeError as trouble:
            error = str(trouble)
        publish_feedback(settings, "toy")
        yield GradedClass(settings=settings, error=error, calls=calls)


def hand_in(
    settings: GradingSettings, student: str, released: Notebook, answers: dict[str, str], attack: Attack | None = None
) -> None:
    folder = settings.course_dir / "submitted" / student / "toy"
    folder.mkdir(parents=True)
    notebook: Notebook = json.loads(json.dumps(released))
    for each in notebook["cells"]:
        name = each["metadata"].get("nbgrader", {}).get("grade_id")
        each["source"] = answers.get(name, each["source"])
    if attack and attack.edit:
        attack.edit(notebook)
    (folder / "toy.ipynb").write_text(json.dumps(notebook))
    (folder / "submission_secret.txt").write_text("of the exchange")
    (folder / "timestamp.txt").write_text("2026-01-01 12:00:00.000000 UTC")
    if attack and attack.plant:
        attack.plant(folder)


class listening:  # noqa: N801 -- reads as a sentence
    """Listen on all addresses of this machine, and keep what strangers send."""

    def __enter__(self) -> tuple[int, list[bytes]]:
        import threading

        self._socket = socket.create_server(("0.0.0.0", 0))
        self.calls: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()
        return self._socket.getsockname()[1], self.calls

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.calls.append(connection.recv(100))
            connection.close()

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def test_there_are_at_least_forty_attacks_and_each_has_a_name_of_its_own() -> None:
    assert len(named(ATTACKS)) == len(ATTACKS) >= 40


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.student)
def test_a_submission_that(graded: GradedClass, attack: Attack) -> None:
    report = graded.report(attack.student)
    kinds = {flag["kind"] for flag in report["flags"]}
    if attack.refused:
        assert kinds == {"refused"}
        assert f"\n  {attack.student}: " in graded.error
        return
    assert f"\n  {attack.student}: " not in graded.error
    assert graded.points(attack.student) == attack.points
    if attack.flag:
        assert attack.flag in kinds, report["flags"]
    path = graded.settings.course_dir / "autograded" / attack.student / "toy" / "toy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        said = json.dumps(cell.get("outputs", []))
        assert TOKEN not in said
        assert SECRET not in said
        assert '"found' not in said
        assert "3482" not in said
    page = (graded.settings.course_dir / "feedback" / attack.student / "toy" / "toy.html").read_text()
    assert TOKEN not in page
    assert not re.search(
        r"<script[^>]*>\s*alert|onerror=|alert\(.owned", page.replace("&#39;", "'").split("<body")[1]
    ) or ("display(HTML" in page and not re.search(r"<script>alert|<img[^>]*onerror", page))


def test_the_honest_submission_beside_them_has_all_points(graded: GradedClass) -> None:
    assert graded.points("honest") == POINTS
    assert graded.report("honest")["flags"] == []


def test_nothing_of_them_is_left_and_nobody_called(graded: GradedClass) -> None:
    assert graded.calls == []
    left = [
        each.pid for each in psutil.process_iter(["cmdline"]) if "left-behind" in " ".join(each.info["cmdline"] or ())
    ]
    assert left == []
    if shutil.which("docker"):
        label = "label=org.coursekit.sandbox"
        found = subprocess.run(["docker", "ps", "--all", "--quiet", "--filter", label], capture_output=True, text=True)
        assert found.stdout == ""


def test_the_gradebook_opens_in_plain_nbgrader(graded: GradedClass, tmp_path: Path) -> None:
    target = tmp_path / "grades.csv"
    command = ["nbgrader", "export", "--to", str(target)]
    subprocess.run(command, cwd=graded.settings.course_dir, check=True, capture_output=True, env={**os.environ})
    assert "honest" in target.read_text()
