"""Broken links planted in a notebook: each is found with the file, the cell and the link as it is written."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from coursekit.cli.main import app
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.check import check_notebook
from coursekit.notebooks.tidy import tidy_document, tidy_notebook

PLANTED = {
    "[the data](../data/rows.csv)": "has a link to '../data/rows.csv', and there is no such file",
    "![a plot](plot.png)": "has a link to 'plot.png', and there is no such file",
    "<img src='plot.svg'>": "has a link to 'plot.svg', and there is no such file",
    "[above](#the-begining)": "has a link to '#the-begining', where there is no such heading",
    "[notes](notes.md#shuffling)": "has a link to 'notes.md#shuffling', where there is no such heading",
    "![drawn](attachment:drawn.png)": "has a link to 'attachment:drawn.png', and no such attachment",
    "[the paper][dean]": "has '[the paper][dean]', and no line says where that leads",
    "[the paper][dean]\n\n[dean]: dean.pdf": "has a link to 'dean.pdf', and there is no such file",
}
SOUND = (
    "[notes](notes.md#shuffle-and-sort) [next](02-next.ipynb) [above](#the-beginning) [out](https://example.org/none)\n\n"
    "![drawn](attachment:a%20b.png) [the paper][dean] <mailto:someone@example.org> "
    "`[code](none.md)` x[0][1] [1] [box]\n\n    [code][too]\n\n[dean]: https://doi.org/10.1145/1327452.1327492"
)


def lesson(folder: Path, text: str) -> Notebook:
    (folder / "notes.md").write_text("# Notes\n\n## Shuffle and sort\n")
    (folder / "02-next.ipynb").write_text("{}")
    planted = new_markdown_cell(text, id="planted", attachments={"a b.png": {"image/png": ""}})
    cells = [
        new_markdown_cell("# The beginning", id="title"),
        new_code_cell("rows = 1", id="size", metadata={"tags": ["parameters"]}),
        planted,
    ]
    path = folder / "01-links.ipynb"
    document = new_notebook(cells=cells, metadata={"coursekit": {"title": "Links"}})
    nbformat.write(tidy_document(document, kind="lesson"), path)
    notebook = Notebook(name="01-links", kind="lesson", path=path)
    tidy_notebook(notebook)
    return notebook


@pytest.mark.parametrize("text", PLANTED)
def test_a_broken_link_is_found_with_its_file_and_its_cell(tmp_path: Path, text: str) -> None:
    notebook = lesson(tmp_path, f"See {text}")
    (fault,) = check_notebook(notebook)
    assert (fault.path, fault.cell, fault.message) == (notebook.path, "planted", PLANTED[text])
    assert not fault.is_mendable
    assert fault.fix


def test_links_that_lead_somewhere_addresses_outside_and_code_are_left_alone(tmp_path: Path) -> None:
    assert check_notebook(lesson(tmp_path, SOUND)) == ()


def test_the_command_names_file_cell_and_link_and_fails(tmp_path: Path) -> None:
    path = lesson(tmp_path, "See [the data](../data/rows.csv)").path
    done = CliRunner().invoke(app, ["notebook", "check", str(path)])
    assert done.exit_code != 0
    assert path.name in done.output
    assert "cell planted: has a link to '../data/rows.csv', and there is no such file" in done.output
