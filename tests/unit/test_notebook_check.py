import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.check import check_document
from coursekit.notebooks.tidy import tidy_document

PARAMETERS = "rows = 100  # of the table\nworkers: int = 2\n"


def lesson(*, contract=None, parameters=PARAMETERS, cells=()):
    contract = {"title": "T", "sizes": {"small": {"rows": 10}}} if contract is None else contract
    document = new_notebook(
        cells=[
            new_markdown_cell("# T"),
            new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            *cells,
        ],
        metadata={"coursekit": contract} if contract else {},
    )
    return tidy_document(document, kind="lesson")


def faults(document, kind="lesson"):
    return [(finding.cell, finding.message) for finding in check_document(document, kind=kind)]


def test_a_clean_lesson_has_no_fault():
    assert faults(lesson()) == []


def test_a_lesson_needs_a_contract_and_a_parameters_cell_and_a_file_does_not():
    bare = tidy_document(new_notebook(cells=[new_code_cell("x = 1")]), kind="lesson")
    assert [message for _, message in faults(bare)] == ["has no contract", "has no cell tagged `parameters`"]
    assert faults(bare, kind="assignment") == []
    assert faults(bare, kind="file") == []


def test_a_bad_contract_is_named_with_its_value():
    ((cell, message),) = faults(lesson(contract={"title": "T", "workers": -1}))
    assert cell is None
    assert "workers = -1" in message


def test_a_size_that_sets_what_the_parameters_cell_does_not_is_named():
    ((cell, message),) = faults(lesson(contract={"title": "T", "sizes": {"full": {"rosw": 10}}}))
    assert cell == "parameters"
    assert "'rosw'" in message


def test_two_parameters_cells_are_one_too_many():
    second = new_code_cell("rows = 5", metadata={"tags": ["parameters"]})
    assert faults(lesson(cells=[second])) == [("parameters-2", "is a second cell tagged `parameters`")]


@pytest.mark.parametrize(
    "line", ["rows = 100  # rows = 10 in CI", "rows = 100 if 1 == 1 else 2", "rows = (  # a=1\n 1)"]
)
def test_a_line_that_papermill_cannot_read_is_a_fault(line):
    ((cell, message),) = faults(lesson(parameters=line))
    assert cell == "parameters"
    assert "line 1" in message


def test_papermill_really_cannot_read_such_a_line_and_reads_the_others(tmp_path):
    import papermill

    nbformat.write(lesson(), tmp_path / "good.ipynb")
    nbformat.write(lesson(parameters="rows = 100  # rows = 10 in CI"), tmp_path / "bad.ipynb")
    assert list(papermill.inspect_notebook(tmp_path / "good.ipynb")) == ["rows", "workers"]
    assert papermill.inspect_notebook(tmp_path / "bad.ipynb") == {}


def test_a_comment_line_may_hold_an_equals_sign():
    assert faults(lesson(parameters="# size = how much\nrows = 100")) == []


def test_magic_in_the_parameters_cell_is_a_fault():
    ((_, message),) = faults(lesson(parameters="%time\nrows = 100"))
    assert "not plain Python" in message


def test_another_language_is_a_fault_that_tidying_does_not_hide():
    document = lesson()
    document.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    assert [message for _, message in faults(tidy_document(document, kind="lesson"))] == [
        "is in 'r', but the course runs Python"
    ]


def test_what_the_schema_refuses_is_a_fault():
    document = lesson(cells=[new_code_cell("x = 1")])
    document.cells[2]["surprise"] = 1
    ((cell, message),) = faults(document)
    assert cell == "x-1"
    assert "surprise" in message


def test_each_fault_names_notebook_cell_and_what_to_do(tmp_path):
    from coursekit.notebooks.check import check_notebook

    document = lesson()
    document.cells[1].execution_count = 3
    path = tmp_path / "01-t.ipynb"
    nbformat.write(document, path)
    (fault,) = check_notebook(Notebook(name="01-t", kind="lesson", path=path))
    assert (fault.path, fault.cell, fault.is_mendable) == (path, "parameters", True)
    assert "execution count (3)" in fault.message
    assert "coursekit notebook tidy" in fault.fix
