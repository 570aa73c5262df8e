"""What a change altered in notebooks, as a reviewer sees it."""

import copy
import subprocess

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coursekit.errors import NotebookError
from coursekit.notebooks.changes import changes_page, changes_since, compare


def lesson():
    texts = {f"c{number}": f"x{number} = {number}\nprint(x{number})" for number in range(1, 7)}
    cells = [new_markdown_cell("# A title\n\nWhat it is about.", id="title")]
    cells += [new_code_cell(text, id=name) for name, text in texts.items()]
    return new_notebook(cells=cells, metadata={"coursekit": {"title": "T", "minutes": 2}})


def told(before, after):
    return [(change.how, change.cell) for change in compare(before, after)]


def test_nothing_is_told_of_what_is_the_same():
    assert told(lesson(), lesson()) == []


def test_changed_added_and_removed_cells_are_told_in_their_order():
    after = lesson()
    after.cells[1].source = after.cells[1].source.replace("= 1", "= 100")
    del after.cells[3]
    after.cells.insert(5, new_code_cell("import math\nmath.tau", id="new"))
    assert told(lesson(), after) == [("changed", "c1"), ("removed", "c3"), ("added", "new")]


def test_a_cell_that_only_stands_elsewhere_has_moved():
    after = lesson()
    after.cells.insert(2, after.cells.pop(6))
    assert told(lesson(), after) == [("moved", "c6")]


def test_what_changed_besides_the_text_is_named():
    after = lesson()
    after.cells[2].metadata["tags"] = ["raises-exception"]
    (change,) = compare(lesson(), after)
    assert (change.cell, change.notes) == ("c2", ("metadata",))


@pytest.fixture
def checkout(tmp_path):
    """Give a checkout whose branch `main` has two lessons."""

    def git(*words):
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    (tmp_path / "lessons").mkdir()
    for name in ("01-first", "02-second"):
        nbformat.write(lesson(), tmp_path / f"lessons/{name}.ipynb")
    git("add", ".")
    git("commit", "--message", "Two lessons")
    git("checkout", "-b", "change")
    return tmp_path


def test_a_checkout_is_compared_with_where_it_left_its_branch(checkout):
    changed = copy.deepcopy(lesson())
    changed.cells[1].source = "print('````')\n<script>"
    changed.metadata["coursekit"]["minutes"] = 3
    nbformat.write(changed, checkout / "lessons/01-first.ipynb")
    (checkout / "lessons/02-second.ipynb").unlink()
    changes = changes_since("main", checkout)
    assert [(change.path, change.how) for change in changes] == [
        ("lessons/01-first.ipynb", "changed"),
        ("lessons/02-second.ipynb", "removed"),
    ]
    page = changes_page(changes, "main")
    assert '-  "minutes": 2' in page.replace('- "minutes"', '-  "minutes"')
    assert "`````diff\n" in page  # the fence holds what is inside
    assert "+<script>" in page
    assert "7 removed" in page
    only = changes_since("main", checkout, [checkout / "lessons/02-second.ipynb"])
    assert [change.path for change in only] == ["lessons/02-second.ipynb"]


def test_a_page_says_so_when_nothing_changed(checkout):
    assert "No notebook differs from `main`." in changes_page(changes_since("main", checkout), "main")


def test_a_branch_that_is_not_there_is_named(checkout):
    with pytest.raises(NotebookError, match="nowhere"):
        changes_since("nowhere", checkout)
