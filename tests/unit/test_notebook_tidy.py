import copy
import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbformat.validator import iter_validate

from coursekit.errors import NotebookError
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.check import check_document, check_notebook
from coursekit.notebooks.document import format_document, parse_document
from coursekit.notebooks.ids import is_readable, readable_ids
from coursekit.notebooks.tidy import tidy_document, tidy_notebook

SOURCES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["# Start a cluster", "## 1. Größe", "import numpy as np", "### BEGIN SOLUTION\nx = 1", "deadbeef01"]
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
CELL_METADATA = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.lists(st.sampled_from(["parameters", "hide-input", "raises-exception"]), unique=True, max_size=2),
        "trusted": st.booleans(),
        "collapsed": st.booleans(),
        "scrolled": JSON,
        "nbgrader": st.fixed_dictionaries({"grade_id": st.sampled_from(["q1", "cell-0a1b2c3d4e5f6071", ""])}),
        "coursekit": st.dictionaries(st.text(max_size=5), JSON, max_size=2),
    },
)
IDS = st.sampled_from(["abc", "start-a-cluster", "0a1b2c3d", "12345678", "UPPER", "text", "code", "parameters"])


@st.composite
def cells(draw):
    cell = {"cell_type": draw(st.sampled_from(["code", "markdown", "raw"])), "source": draw(SOURCES)}
    cell["metadata"] = draw(CELL_METADATA)
    if draw(st.booleans()):
        cell["id"] = draw(IDS)
    if cell["cell_type"] == "code":
        cell["execution_count"] = draw(st.none() | st.integers(1, 99))
        outputs = st.builds(lambda text: new_output("stream", text=text), st.text(max_size=10))
        cell["outputs"] = draw(st.lists(outputs, max_size=2))
    return cell


@st.composite
def documents(draw):
    metadata = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "kernelspec": st.just({"name": "my-env", "display_name": "Mine", "language": "python"}),
                "language_info": st.just({"name": "python", "version": "3.11.7"}),
                "widgets": JSON,
                "coursekit": st.just({"title": "T"}),
            },
        )
    )
    minor = draw(st.sampled_from([0, 4, 5]))
    content = {
        "cells": draw(st.lists(cells(), max_size=6)),
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": minor,
    }
    return parse_document(json.dumps(content), path="x.ipynb")


KINDS = st.sampled_from(["lesson", "assignment", "file"])


@given(documents(), KINDS)
def test_tidying_twice_is_tidying_once_and_leaves_only_what_cannot_be_mended(document, kind):
    before = copy.deepcopy(document)
    once = tidy_document(document, kind=kind)
    assert document == before
    assert tidy_document(once, kind=kind) == once
    assert [cell.source for cell in once.cells] == [cell.source for cell in document.cells]
    assert [finding for finding in check_document(once, kind=kind) if "tidy" in finding.fix] == []
    assert list(iter_validate(once)) == []
    assert format_document(parse_document(format_document(once), path="x.ipynb")) == format_document(once)


@given(documents(), KINDS)
def test_what_tidying_changes_the_check_finds(document, kind):
    if tidy_document(document, kind=kind) != document:
        assert any("tidy" in finding.fix for finding in check_document(document, kind=kind))


@given(st.lists(cells(), max_size=8))
def test_ids_are_unique_readable_and_kept_when_a_cell_is_put_in_front(raw):
    given_cells = parse_document(
        json.dumps({"cells": raw, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), path="x.ipynb"
    ).cells
    ids = readable_ids(given_cells)
    assert len(set(ids)) == len(ids)
    assert all(map(is_readable, ids))
    for cell, cell_id in zip(given_cells, ids, strict=True):
        cell["id"] = cell_id
    assert readable_ids([new_markdown_cell("# Start a cluster"), *given_cells])[1:] == ids


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (new_markdown_cell("Some text\n\n## What you *will* learn\n"), "what-you-will-learn"),
        (new_markdown_cell("```\n# not a heading\n```\n# Größe & Zahl"), "groe-zahl"),
        (
            new_markdown_cell("Only words, and then a great many more of them than any id ought to hold"),
            "only-words-and-then-a-great-many-more-of",
        ),
        (new_code_cell("rows = 3", metadata={"tags": ["parameters"]}), "parameters"),
        (new_code_cell("\n# Start the cluster\ncluster = SparkCluster()"), "start-the-cluster"),
        (new_code_cell("%%time\nspark = cluster.session()"), "spark-cluster-session"),
        (new_code_cell("### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION"), "answer-42"),
        (new_code_cell("x = 1", metadata={"nbgrader": {"grade_id": "Q1_parser"}}), "q1-parser"),
        (new_code_cell(""), "code"),
        (new_markdown_cell("数据"), "text"),
        (new_code_cell("0a1b2c3d4e"), "code"),
    ],
)
def test_an_id_says_what_the_cell_says(cell, expected):
    assert readable_ids([cell]) == [expected]


@pytest.mark.parametrize("cell_id", ["start-a-cluster", "l1-workers", "facade", "a", "2-workers", "20240101-events"])
def test_words_are_readable(cell_id):
    assert is_readable(cell_id)


@pytest.mark.parametrize(
    "cell_id",
    [
        "0a1b2c3d",
        "12345678",
        "7b0e1c7e-8d2f-4c5a-9f10-0123456789ab",
        "cell-0a1b2c3d4e5f",
        "AbC_d12",
        "a--b",
        "",
        "x" * 65,
        None,
    ],
)
def test_what_a_program_drew_is_not(cell_id):
    assert not is_readable(cell_id)


def dirty():
    code = new_code_cell(
        "print(1)", execution_count=7, outputs=[new_output("stream", text="1\n")], metadata={"scrolled": True}
    )
    graded = new_code_cell("assert x", metadata={"nbgrader": {"grade_id": "test-x", "points": 1}, "deletable": False})
    return new_notebook(
        cells=[new_markdown_cell("# Größe ≥ 1"), code, graded],
        metadata={"language_info": {"name": "python", "version": "3.11.7"}, "widgets": {}},
    )


def test_nbgrader_s_notes_stay_on_assignments_only():
    assert tidy_document(dirty(), kind="assignment").cells[2].metadata == {
        "nbgrader": {"grade_id": "test-x", "points": 1}
    }
    assert tidy_document(dirty(), kind="lesson").cells[2].metadata == {}


def test_a_tidied_file_is_written_as_nbformat_writes_it_and_left_alone_afterwards(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(dirty()), encoding="utf-8")
    path.chmod(0o640)
    notebook = Notebook(name="n", kind="file", path=path)
    assert tidy_notebook(notebook)
    text = path.read_text(encoding="utf-8")
    assert "Größe ≥ 1" in text
    assert text.endswith("}\n")
    assert text.startswith('{\n "cells": [\n')
    nbformat.write(nbformat.read(path, as_version=4), tmp_path / "by_nbformat.ipynb")
    assert (tmp_path / "by_nbformat.ipynb").read_text(encoding="utf-8") == text
    assert path.stat().st_mode & 0o777 == 0o640
    assert check_notebook(notebook) == ()
    assert not tidy_notebook(notebook)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_another_way_to_write_the_same_notebook_is_a_fault(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(tidy_document(dirty(), kind="file")), encoding="utf-8")
    (fault,) = check_notebook(Notebook(name="n", kind="file", path=path))
    assert fault.is_mendable
    assert "written" in fault.message


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"nbformat": 3, "metadata": {}}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": '
        '[{"cell_type": "code", "source": "", "metadata": {}, "outputs": 3}]}',
    ],
)
def test_what_is_no_notebook_is_one_fault_and_is_not_touched(tmp_path, text):
    path = tmp_path / "n.ipynb"
    path.write_text(text)
    notebook = Notebook(name="n", kind="file", path=path)
    (fault,) = check_notebook(notebook)
    assert not fault.is_mendable
    with pytest.raises(NotebookError):
        tidy_notebook(notebook)
    assert path.read_text() == text
