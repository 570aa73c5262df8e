"""The commands that the documents show are executed, in the order of the page; those that are not, with a reason.

They run in a copy of the course with one released assignment and one submission, as an instructor has it at a
deadline. Where a page shows what a command prints, that has to be in what it prints here. Commands that are not
executed are still read by the command itself, with all their options (`tests/unit/test_docs.py`).
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from docs_pages import GENERATED, PAGES, ROOT, Shown, shown_commands

from coursekit.cli import main
from coursekit.config import Course
from coursekit.gateway.records import Records
from coursekit.grading import default_settings, release
from coursekit.hub.settings import read_settings

pytestmark = pytest.mark.timeout(600)

# A pattern of the line, and why it is not executed here. What has no reason is.
NOT_HERE = {
    r"^[A-Z_]+=": "says which daemon's Hub is meant: tests/integration/test_hub_compose.py",
    r"coursekit image (build|test)": "builds images for minutes: tests/images and tests/unit/test_images.py",
    r"coursekit image push": "needs a registry: tests/integration/test_image_push.py",
    r"coursekit hub (up|status) --engine docker": "needs a daemon and images: tests/integration/test_hub_docker.py",
    r"coursekit rehearse": "needs a Hub that runs: tests/integration/test_rehearsal.py",
    r"coursekit assignment (gate|release)": "runs some fifteen notebooks in sandboxes: tests/integration/test_gate.py",
    r"coursekit assignment (autograde|regrade)": "runs Spark in a sandbox: tests/integration/test_grading_a1.py",
    r"coursekit assignment feedback": "needs what was graded: tests/integration/test_grading_flow.py",
    r"coursekit notebook run": "takes minutes: tests/integration/test_notebook_run.py and make notebooks",
    r"coursekit dataset get \w+ --rows \d{5,}": "makes many rows; the same command with fewer is executed",
}
# Programs that are not ours; `make` is what runs this test.
OTHERS = ("cat", "cd", "curl", "docker", "export", "git", "gzip", "make", "pytest", "python", "tail", "tar")


def unique_commands() -> list[Shown]:
    found: dict[tuple[str, str], Shown] = {}
    for page in PAGES:
        if page != GENERATED and "teaching" not in page.parts:
            for shown in shown_commands(page):
                bare = re.sub(r"\s+#.*", "", shown.line)
                found.setdefault((shown.page, bare), Shown(shown.page, bare, shown.prints))
    return [one for one in found.values() if any(words[0] not in OTHERS for words in one.words)]


def reason_not_to(line: str) -> str:
    return next((why for pattern, why in NOT_HERE.items() if re.search(pattern, line)), "")


SHOWN = unique_commands()
EXECUTED = [one for one in SHOWN if not reason_not_to(one.line)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course at a deadline: the class of the instructors' page, an assignment that is out, a submission, no usage."""
    root = tmp_path_factory.mktemp("docs") / "course"
    for name in ("assignments", "datasets", "hub", "images"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (root / "lessons").mkdir()
    shutil.copy(next((ROOT / "lessons").glob("03-*.ipynb")), root / "lessons")
    table = re.search(r"^```text\n(name,email.*?)```", (ROOT / "docs" / "instructors.md").read_text(), re.M | re.S)
    assert table
    (root / "class.csv").write_text(table[1])
    course = Course(root=root)
    grading = default_settings(course)
    release(grading, "a1", gated=False)
    submission = grading.inbound / "ada+a1+2026-11-20 10:00:00.000000 UTC"
    shutil.copytree(grading.outbound / "a1", submission)
    (submission / "timestamp.txt").write_text("2026-11-20 10:00:00.000000 UTC")
    state = read_settings(course).state
    state.mkdir(parents=True, exist_ok=True)
    Records(f"sqlite:///{state / 'usage.sqlite'}").close()
    return course


@pytest.fixture
def there(place: Course, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place.root)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")  # no daemon of this machine is touched
    for name in ("COURSEKIT_ROOT", "COURSEKIT_USAGE", "COURSEKIT_HUB_ENGINE", "COURSEKIT_HUB_PORT"):
        monkeypatch.delenv(name, raising=False)
    return place.root


def exit_code() -> object:
    """Run the command as a shell would, and give what it ends with."""
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


@pytest.mark.parametrize("shown", EXECUTED, ids=lambda one: f"{Path(one.page).stem}: {one.line}")
def test_a_command_that_a_page_shows_does_what_the_page_says(shown, there, monkeypatch, capsys):
    for program, *words in shown.words:
        if program != "coursekit":
            continue
        monkeypatch.setattr(sys, "argv", ["coursekit", *words])
        assert exit_code() == 0, capsys.readouterr().err
    printed = " ".join(capsys.readouterr().out.split())
    for line in shown.prints:
        assert " ".join(line.split()) in printed


@pytest.mark.parametrize("pattern", NOT_HERE)
def test_a_reason_not_to_execute_a_command_is_one_that_is_needed(pattern):
    assert [one.line for one in SHOWN if re.search(pattern, one.line)]


def test_most_kinds_of_commands_are_executed():
    kinds = {" ".join(words[:3]) for one in EXECUTED for words in one.words if words[0] == "coursekit"}
    assert len(kinds) >= 15
