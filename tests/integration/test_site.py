"""A small web site, built by Sphinx as `make site` does it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from coursekit.config import Course
from coursekit.notebooks.kept import keep
from coursekit.notebooks.site import SiteSettings, prepare_site

ROOT = Path(__file__).parents[2]
OURS = ROOT / "build/site/env/bin/sphinx-build"
SPHINX = str(OURS) if OURS.exists() else shutil.which("sphinx-build")
# A picture of one pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
INDEX = "# Home\n\n```{toctree}\nlessons/index\nassignments\nglossary\ndocs/students\ndocs/teaching/README\n"
GLOSSARY = "## Glossary\n\n| term | meaning |\n| --- | --- |\n| straggler | slow task |"

pytestmark = pytest.mark.skipif(SPHINX is None, reason="no Sphinx with MyST-NB here: `make site` installs them")


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> Path:
    course = Course(root=tmp_path_factory.mktemp("course"))
    cells = [
        new_markdown_cell("# Waves\n\nA formula: $T = \\frac{n}{s}$.\n\n$$e = 1$$"),
        new_code_cell("draw()"),
        new_code_cell("def test_waves(): ...", id="check-waves"),
        new_markdown_cell(GLOSSARY),
    ]
    write(course.lessons / "01-waves.ipynb", cells)
    cells[1].outputs = [
        new_output("stream", name="stdout", text="twenty tasks"),
        new_output("display_data", data={"image/png": PNG}),
    ]
    executed = write(course.build / "notebooks/01-waves.ipynb", cells)
    keep(executed.with_suffix(".kept.json"), executed, "key", seconds=1, when="2026-03-05T00:00:00+00:00", device="")
    task = [new_markdown_cell("# Task"), new_code_cell("### BEGIN SOLUTION\nsecret_number = 14\n### END SOLUTION")]
    write(course.assignments / "a1/a1.ipynb", task)
    shutil.copytree(ROOT / "docs/site", course.root / "docs/site")
    (course.root / "docs/site/index.md").write_text(f"{INDEX}docs/teaching/plans\n```\n")
    (course.root / "docs/teaching").mkdir()
    (course.root / "docs/students.md").write_text("# Students\n\n[README.md](teaching/README.md)\n")
    (course.root / "docs/teaching/README.md").write_text("# Timetables\n")
    source, out = course.build / "source", course.build / "html"
    prepare_site(course, SiteSettings(executed=executed.parent, hub="https://hub.example.org"), source)
    # no PYTHONPATH: Sphinx has an environment of its own
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [SPHINX, "--quiet", "--fail-on-warning", str(source), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return out


def write(path: Path, cells: list) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": python}), path)
    return path


def test_a_lesson_has_its_results_its_picture_its_formulas_and_the_way_into_the_hub(html):
    page = (html / "lessons/01-waves.html").read_text()
    assert "twenty tasks" in page
    [picture] = re.findall(r'<img [^>]*src="\.\./(_images/[^"]+\.png)"', page)
    assert (html / picture).is_file()
    assert page.count("<math ") == 2
    assert "<mfrac>" in page
    assert 'href="https://hub.example.org/hub/user-redirect/lab/tree/lessons/01-waves.ipynb"' in page
    assert "5 March 2026" in page


def test_the_code_of_a_check_is_folded(html):
    page = (html / "lessons/01-waves.html").read_text()
    folded = re.search(r"<details class=\"[^\"]*hide[^\"]*\">(.*?)</details>", page, re.DOTALL)
    assert folded is not None
    assert "test_waves" in folded[1]


def test_a_link_between_documents_has_the_title_of_the_page(html):
    page = (html / "docs/students.html").read_text()
    assert re.search(r'href="teaching/README\.html"><span[^>]*>Timetables</span>', page)


def test_search_finds_words_of_a_lesson_and_terms_of_the_glossary(html):
    index = (html / "searchindex.js").read_text()
    found = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
    documents = found["docnames"]
    assert documents.index("lessons/01-waves") in numbers(found["terms"]["formula"])
    assert documents.index("glossary") in numbers(found["terms"]["straggler"])


def numbers(value: int | list[int]) -> list[int]:
    return [value] if isinstance(value, int) else value


def test_no_page_loads_anything_from_elsewhere(html):
    for page in html.rglob("*.html"):
        loads = re.findall(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"([^\"]+)\"", page.read_text())
        assert loads
        assert not [address for address in loads if "//" in address], page


def test_no_solution_is_in_any_file(html):
    files = [path for path in html.rglob("*") if path.is_file()]
    assert not [path for path in files if b"secret_number" in path.read_bytes()]
