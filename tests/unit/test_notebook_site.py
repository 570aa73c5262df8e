"""The source of the web site: what gets in, what does not, and where its links lead."""

import functools
import importlib.util
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer.testing import CliRunner

from coursekit.cli.main import app
from coursekit.config import Course
from coursekit.errors import SettingsError
from coursekit.notebooks.catalog import list_notebooks
from coursekit.notebooks.kept import keep
from coursekit.notebooks.site import SiteSettings, prepare_site, read_lesson, site_files

ROOT = Path(__file__).parents[2]
GLOSSARY = "## Glossary\n\n| term | meaning |\n| --- | --- |\n"
PAPERMILL = {"parameters": {"rows": 10}}


def lesson_cells(*, glossary: str = "", printed: str | None = None) -> list:
    cells = [
        new_markdown_cell("# Clusters\n\nWords with $x^2$."),
        new_code_cell("rows = 3", metadata={"tags": ["parameters"]}),
        new_code_cell("show(rows)"),
        new_markdown_cell(GLOSSARY + glossary),
    ]
    if printed is not None:
        cells[2].outputs = [new_output("stream", name="stdout", text=printed)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return cells


def write(path: Path, cells: list, **metadata) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
    return path


def execute(course: Course, cells: list, name: str = "01-clusters") -> Path:
    """Leave what `coursekit notebook run` leaves: the executed notebook, with a cell of papermill's, and its record."""
    injected = new_code_cell("rows = 10", metadata={"tags": ["injected-parameters"]})
    path = write(course.build / f"notebooks/{name}.ipynb", [*cells[:2], injected, *cells[2:]], papermill=PAPERMILL)
    when = datetime(2026, 3, 5, tzinfo=UTC).isoformat(timespec="seconds")
    keep(path.with_suffix(".kept.json"), path, "key", seconds=12.3, when=when, device="")
    return path


@pytest.fixture
def course(tmp_path) -> Course:
    contract = {"title": "Clusters", "runtime": "spark", "workers": 2}
    write(tmp_path / "lessons/01-clusters.ipynb", lesson_cells(glossary="| node | a machine |\n"), coursekit=contract)
    other = lesson_cells(glossary="| Node | a machine |\n| `%sc` | a magic |\n| node, edge | parts of a graph |\n")
    write(tmp_path / "lessons/02-graphs.ipynb", other, coursekit={"title": "Graphs"})
    (tmp_path / "docs/teaching").mkdir(parents=True)
    (tmp_path / "docs/site").mkdir()
    (tmp_path / "docs/site/index.md").write_text("# Home\n")
    (tmp_path / "docs/students.md").write_text("# Students\n\nSee [the first](../lessons/01-clusters.ipynb).\n")
    (tmp_path / "docs/teaching/README.md").write_text(
        "# Teaching\n\n[Notes](01-clusters.md#quiz), [to](../students.md)\n"
    )
    notes = "# Notes\n\n## Timing\n\n| 0-10 | start |\n\n## Answers\n\nThe answer is fourteen slots.\n"
    (tmp_path / "docs/teaching/01-clusters.md").write_text(notes)
    task = [
        new_markdown_cell("# First task\n\n## Part\n\nWhat it is about."),
        new_code_cell("### BEGIN SOLUTION\nanswer = 14\n### END SOLUTION"),
    ]
    write(tmp_path / "assignments/a1/a1.ipynb", task)
    return Course(root=tmp_path)


def files(course: Course, **settings) -> dict[str, str]:
    out = course.build / "source"
    prepare_site(course, SiteSettings(executed=course.build / "notebooks", **settings), out)
    return {path.relative_to(out).as_posix(): path.read_text() for path in sorted(out.rglob("*")) if path.is_file()}


def cells_of(page: str) -> list:
    return nbformat.reads(page, as_version=4).cells


def test_a_lesson_is_shown_with_the_results_of_its_last_execution(course):
    execute(course, lesson_cells(glossary="| node | a machine |\n", printed="ten rows"))
    shown = cells_of(files(course)["lessons/01-clusters.ipynb"])
    assert [cell.source for cell in shown if cell.cell_type == "code"] == ["rows = 3", "show(rows)"]
    assert shown[2].outputs[0].text == "ten rows"
    assert "5 March 2026" in shown[0].source
    assert "`rows = 10`" in shown[0].source
    assert shown[0].source.startswith("# Clusters\n")
    assert shown[0].source.endswith("Words with $x^2$.")


def test_a_lesson_that_was_not_executed_says_so(course):
    shown = cells_of(files(course)["lessons/01-clusters.ipynb"])
    assert "was not executed" in shown[0].source
    assert not any(cell.get("outputs") for cell in shown)


def test_results_of_another_text_are_not_shown(course):
    execute(course, lesson_cells(printed="ten rows"))  # without the term that the lesson has now
    page = files(course)["lessons/01-clusters.ipynb"]
    assert "has changed since" in cells_of(page)[0].source
    assert "ten rows" not in page


def test_an_executed_notebook_that_somebody_changed_is_not_shown(course):
    path = execute(course, lesson_cells(glossary="| node | a machine |\n", printed="ten rows"))
    path.write_text(path.read_text().replace("ten rows", "eleven rows"))
    notebook = list_notebooks(course)[0]
    assert read_lesson(notebook, path.parent).state == "missing"


def test_results_name_no_folder_of_the_machine_and_no_page_that_is_gone(course):
    library, ours = "/opt/env/lib/python3.11/site-packages/py4j/gateway.py:3", "/srv/coursekit/faults.py:9"
    home = f"{Path.home()}/x and {library} and {ours} and {course.root}/lessons/y"
    cells = lesson_cells(glossary="| node | a machine |\n", printed=home)
    link = "<b>2 executors</b> <a href='http://127.0.0.1:4040' target='_blank'>Spark UI</a>"
    cells[2].outputs += [
        new_output("display_data", data={"text/html": link}),
        new_output("stream", name="stderr", text="a warning of a library"),
    ]
    execute(course, cells)
    printed, html = cells_of(files(course)["lessons/01-clusters.ipynb"])[2].outputs
    assert printed.text == "~/x and py4j/gateway.py:3 and coursekit/faults.py:9 and lessons/y"
    assert html.data["text/html"] == "<b>2 executors</b> Spark UI"


def test_checks_of_exercises_are_folded_and_questions_wrapped(course):
    cells = lesson_cells()
    cells[1]["id"], cells[2]["id"] = "predict-rows", "check-rows"
    write(course.lessons / "01-clusters.ipynb", cells, coursekit={"title": "Clusters"})
    tags = [cell.metadata.get("tags") for cell in cells_of(files(course)["lessons/01-clusters.ipynb"])]
    assert tags == [None, ["parameters", "wrapped"], ["hide-input"], None]


def test_the_glossary_has_each_term_once_with_its_lessons(course):
    page = files(course)["glossary.md"]
    assert page.count("a machine") == 1
    assert "a machine (lessons [1](lessons/01-clusters.ipynb), [2](lessons/02-graphs.ipynb))" in page
    assert re.findall(r"^## (.+)", page, re.MULTILINE) == ["0 to 9 and signs", "N"]
    assert page.index("node\n") < page.index("node, edge\n")


def test_links_between_documents_stay_and_links_to_what_is_not_there_go(course):
    made = files(course)
    assert "(../lessons/01-clusters.ipynb)" in made["docs/students.md"]
    assert "Notes, [to](../students.md)" in made["docs/teaching/README.md"]


def test_a_link_that_is_called_like_a_file_gets_the_title_of_the_page(course):
    (course.root / "docs/students.md").write_text("# Students\n\n[README.md](teaching/README.md#a) [it](students.md)\n")
    assert "[](teaching/README.md#a) [it](students.md)" in files(course)["docs/students.md"]


def test_links_to_what_is_not_there_lead_to_the_repository_if_there_is_one(course):
    made = files(course, repository="https://example.org/course.git")
    assert "(https://example.org/course/blob/main/docs/teaching/01-clusters.md)" in made["docs/teaching/README.md"]


def test_links_in_code_stay_as_they_are(course):
    text = "`[a](b.md)`\n\n```\n[a](b.md)\n```\n[a](https://x.org) [a](#b) ![p](gone.png)\n"
    (course.root / "docs/students.md").write_text(text)
    assert files(course)["docs/students.md"] == text.replace("![p](gone.png)", "p")


def test_without_a_repository_a_lesson_opens_where_the_hub_has_put_it(course):
    first = cells_of(files(course, hub="https://hub.example.org/")["lessons/01-clusters.ipynb"])[0].source
    assert "(https://hub.example.org/hub/user-redirect/lab/tree/lessons/01-clusters.ipynb)" in first


def test_with_a_repository_a_lesson_opens_through_nbgitpuller():
    link = SiteSettings(
        executed=Path(), hub="https://hub.example.org", repository="https://example.org/a/course.git", branch="v1"
    ).hub_link("lessons/01-clusters.ipynb")
    assert link == (
        "https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A%2F%2Fexample.org%2Fa%2Fcourse.git&branch=v1"
        "&targetpath=course&urlpath=lab%2Ftree%2Fcourse%2Flessons%2F01-clusters.ipynb"
    )


def test_without_a_hub_there_is_no_link():
    assert SiteSettings(executed=Path()).hub_link("lessons/01-clusters.ipynb") is None


@pytest.mark.parametrize("address", ["hub.example.org", "ftp://hub.example.org", "https://"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(SettingsError, match=re.escape(repr(address))):
        SiteSettings(executed=Path(), hub=address)


def test_what_has_not_changed_is_not_written_again_and_what_is_gone_is_removed(course):
    files(course)
    source = course.build / "source"
    before = (source / "docs/students.md").stat().st_mtime_ns
    (source / "left.md").write_text("of an earlier course")
    (course.root / "docs/teaching/README.md").write_text("# Other\n")
    files(course)
    assert (source / "docs/students.md").stat().st_mtime_ns == before
    assert (source / "docs/teaching/README.md").read_text() == "# Other\n"
    assert not (source / "left.md").exists()


def test_the_command_tells_which_lessons_have_no_results(course, monkeypatch):
    monkeypatch.chdir(course.root)
    execute(course, lesson_cells(glossary="| node | a machine |\n", printed="ten rows"))
    shown = CliRunner().invoke(app, ["notebook", "site"])
    assert shown.exit_code == 0
    assert "2 lessons in build/site/source, 1 with results" in shown.stdout
    assert "02-graphs: not executed; `coursekit notebook run 02`" in shown.stdout
    assert (course.build / "site/source/lessons/01-clusters.ipynb").is_file()


def test_of_an_assignment_there_are_its_first_words_and_of_the_lecturers_notes_the_timing(course):
    made = files(course)
    assert "## First task\n\n### Part\n\nWhat it is about." in made["assignments.md"]
    assert "## 1. Clusters\n\n| 0-10 | start |" in made["docs/teaching/plans.md"]
    assert not re.search("answer is fourteen|SOLUTION|answer = 14", "".join(made.values()))


# --- nothing that students must not see, in the site of the real course ---

_SOLUTION = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(.*?)### END \1", re.DOTALL)
_PUBLIC_SECTIONS = {"Minute by minute", "Timing"}


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def worth_hiding(text: str) -> Iterator[str]:
    """Give the lines that are long enough to be recognised: shorter ones stand everywhere."""
    return (
        line for line in map(plain, map(str.strip, text.splitlines())) if len(line) >= 30 and not line.startswith("|  ")
    )


def secrets() -> dict[str, str]:
    """Give lines that must not be in the site, each with where it is from."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "assignments").rglob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            source, grading = "".join(cell["source"]), cell["metadata"].get("nbgrader", {})
            is_answer = cell["cell_type"] == "markdown" and grading.get("solution")
            hidden = source if is_answer else "\n".join(text for _, text in _SOLUTION.findall(source))
            found |= dict.fromkeys(worth_hiding(hidden), f"{path.name}:{cell['id']}")
    for path in [*(ROOT / "assignments").rglob("*.py"), *(ROOT / "assignments").rglob("*.md")]:
        found |= {line: str(path.relative_to(ROOT)) for line in worth_hiding(path.read_text())}
    for path in sorted((ROOT / "tests/lessons/answers").glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        answers = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(answers)
        for source in answers.SOLUTIONS.values():
            found |= dict.fromkeys(worth_hiding(source), path.name)
    for path in sorted((ROOT / "docs/teaching").rglob("*.md")):
        for section in [] if path.name == "README.md" else re.split(r"^## ", path.read_text(), flags=re.MULTILINE):
            if section.partition("\n")[0] not in _PUBLIC_SECTIONS:
                found |= dict.fromkeys(worth_hiding(section), path.name)
    return found


def students_text() -> str:
    """Give what students have in their hands anyway: the lessons as they are committed."""
    lessons = (json.loads(path.read_text())["cells"] for path in sorted((ROOT / "lessons").glob("*.ipynb")))
    return plain("\n".join("".join(cell["source"]) for cells in lessons for cell in cells))


@functools.cache
def hidden_lines() -> dict[str, str]:
    known = students_text()
    return {line: where for line, where in secrets().items() if line not in known}


def leaks(pages: dict[str, str]) -> list[str]:
    texts = {name: plain(text) for name, text in pages.items()}
    everything = "\n".join(texts.values())
    found = [line for line in hidden_lines() if line in everything]
    return [f"{name}: {line} ({hidden_lines()[line]})" for line in found for name in texts if line in texts[name]]


def text_of(name: str, content: bytes) -> str:
    if name.endswith(".ipynb"):
        return "\n".join(cell.source for cell in cells_of(content.decode()))
    return content.decode(errors="ignore") if not name.endswith(".png") else ""


@pytest.fixture(scope="module")
def real_pages() -> dict[str, str]:
    course = Course(root=ROOT)
    nowhere = ROOT / "build" / "no-such-folder"
    lessons = [read_lesson(each, nowhere) for each in list_notebooks(course) if each.kind == "lesson"]
    made = site_files(course, SiteSettings(executed=nowhere), lessons)
    return {name: text_of(name, content) for name, content in made.items()}


def test_no_solution_no_hidden_test_and_no_answer_of_the_lecturers_is_in_the_site(real_pages):
    assert len(hidden_lines()) > 1000
    assert leaks(real_pages) == []


@pytest.mark.parametrize(
    ("source", "mark"),
    [
        ("assignments/a1/a1.ipynb", "### BEGIN SOLUTION"),
        ("assignments/a1/README.md", "## Rubric"),
        ("assignments/a1/right/other-ways.py", "def "),
        ("docs/teaching/05-honest-model-evaluation.md", "## Answers"),
        ("tests/lessons/answers/01_containers_to_clusters.py", "SOLUTIONS"),
    ],
)
def test_the_search_for_leaks_finds_one(source, mark):
    path = ROOT / source
    text = text_of(path.name, path.read_bytes())
    assert mark in text
    assert leaks({"docs/students.md": text})


def test_every_document_and_every_lesson_is_in_the_site(real_pages):
    documents = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    lessons = {f"lessons/{path.name}" for path in (ROOT / "lessons").glob("*.ipynb")}
    assert documents | lessons | {"glossary.md", "assignments.md", "docs/teaching/README.md"} <= set(real_pages)


def test_the_glossary_of_the_course_has_a_term_of_each_lesson(real_pages):
    shown = real_pages["glossary.md"]
    assert all(f"(lessons/{name.removeprefix('lessons/')})" in shown for name in real_pages if name.endswith(".ipynb"))
