"""What a notebook's result depends on, and how a result is kept."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import coursekit
from coursekit.notebooks import kept
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.kept import keep, key_of, modules_used, read_kept


def notebook(folder: Path, *sources: str) -> Notebook:
    path = folder / "it.ipynb"
    cells = [new_code_cell(source) for source in sources]
    for number, cell in enumerate(cells):
        cell["id"] = f"c{number}"
    nbformat.write(new_notebook(cells=cells), path)
    return Notebook(name="it", kind="file", path=path)


def names(used: tuple[Path, ...]) -> set[str]:
    return {"/".join(path.parts[path.parts.index("coursekit") + 1 :][-2:]) for path in used}


def test_a_notebook_uses_what_its_imports_lead_to_and_nothing_of_the_hub(tmp_path):
    used = names(modules_used(notebook(tmp_path, "from coursekit import SparkCluster").path))
    assert {"spark/cluster.py", "engine/docker.py", "notebooks/execute.py", "config.py"} <= {
        *used,
        *(name.split("/")[-1] for name in used),
    }
    assert not any(name.startswith(("hub/", "gateway/", "grading/")) for name in used)


def test_a_notebook_that_measures_uses_the_measuring_and_no_cluster(tmp_path):
    used = names(modules_used(notebook(tmp_path, "import coursekit.measure").path))
    assert any(name.startswith("measure/") for name in used)
    assert not any(name.startswith("spark/") for name in used)


@pytest.mark.parametrize("source", ["spark = %sc 2", "%sc stop", "import coursekit.spark.magic"])
def test_a_magic_counts_as_an_import(tmp_path, source):
    assert "spark/magic.py" in names(modules_used(notebook(tmp_path, source).path))


def test_the_key_changes_with_the_text_the_parameters_the_files_beside_and_what_runs_it(tmp_path):
    beside = tmp_path / "picture.svg"
    beside.write_text("<svg/>")
    given = {"parameters": {"rows": 1}, "runs_on": "here", "beside": [beside]}
    it = notebook(tmp_path, "1")
    key = key_of(it, **given)
    assert key == key_of(it, **given)
    others = [given | {"parameters": {"rows": 2}}, given | {"runs_on": "there"}, given | {"beside": []}]
    keys = {key, *(key_of(it, **other) for other in others)}
    beside.write_text("<svg></svg>")
    keys.add(key_of(it, **given))
    keys.add(key_of(notebook(tmp_path, "2"), **given))
    assert len(keys) == 6


def test_a_result_holds_for_its_key_and_its_executed_notebook_only(tmp_path):
    record, executed = tmp_path / "it.kept.json", tmp_path / "it.ipynb"
    assert read_kept(record, executed, "key") is None
    executed.write_text("{}")
    keep(record, executed, "key", seconds=2.0, when="2026-01-01T00:00:00+00:00", device="")
    kept = read_kept(record, executed, "key")
    assert kept is not None
    assert kept.seconds == 2.0
    assert read_kept(record, executed, "other") is None
    executed.write_text("{ }")
    assert read_kept(record, executed, "key") is None
    record.write_text("not JSON")
    assert read_kept(record, executed, "key") is None


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Give a copy of the package, in which a test can change a module."""
    copied = shutil.copytree(
        coursekit.__path__[0], tmp_path / "copy/coursekit", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(coursekit, "__path__", [str(copied)])
    forget()
    yield copied
    forget()


def forget():
    kept._imports_of.cache_clear()
    kept._file_of.cache_clear()


def test_a_changed_module_runs_what_uses_it_and_nothing_else(package, tmp_path):
    sources = {
        "measures": "from coursekit.measure import repeat",
        "computes": "from coursekit import SparkCluster",
        "reads": "from coursekit import dataset",
        "plain": "1 + 1",
    }
    for name in sources:
        (tmp_path / name).mkdir()
    books = {name: notebook(tmp_path / name, source) for name, source in sources.items()}

    def keys():
        return {name: key_of(book, parameters={}, runs_on="here") for name, book in books.items()}

    def changed_by(module):
        before = keys()
        with (package / module).open("a") as file:
            file.write("# a changed line\n")
        after = keys()
        return {name for name in books if before[name] != after[name]}

    assert changed_by("measure/__init__.py") == {"measures"}
    assert changed_by("spark/cluster.py") == {"computes"}
    assert changed_by("datasets/ratings.py") == {"reads"}
    assert changed_by("hub/roster.py") == set()
    assert changed_by("notebooks/execute.py") == set(books)
