import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coursekit.config import Course
from coursekit.errors import NotebookNotFoundError, SettingsError
from coursekit.notebooks.catalog import find_notebooks, list_notebooks


def write(path, *, contract=None, cells=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {} if contract is None else {"coursekit": contract}
    nbformat.write(new_notebook(cells=list(cells), metadata=metadata), path)


@pytest.fixture
def course(tmp_path):
    write(tmp_path / "lessons/02-lazy-execution.ipynb", contract={"title": "Lazy"})
    write(tmp_path / "lessons/01-containers-to-clusters.ipynb", contract={"title": "Clusters", "minutes": 2})
    write(tmp_path / "lessons/.ipynb_checkpoints/01-containers-to-clusters-checkpoint.ipynb")
    write(
        tmp_path / "assignments/a1/a1.ipynb", cells=[new_code_cell("# no"), new_markdown_cell("# First task\n\ntext")]
    )
    write(tmp_path / "assignments/a2/one.ipynb")
    write(tmp_path / "assignments/a2/two.ipynb")
    write(tmp_path / "elsewhere/sketch.ipynb")
    return Course(root=tmp_path)


def names(notebooks):
    return [notebook.name for notebook in notebooks]


def test_lessons_come_first_then_assignments_and_no_checkpoints(course):
    assert names(list_notebooks(course)) == [
        "01-containers-to-clusters",
        "02-lazy-execution",
        "a1",
        "a2/one",
        "a2/two",
    ]


@pytest.mark.parametrize(
    "name", ["01", "1", "containers-to-clusters", "01-containers-to-clusters", "01-Containers-to-Clusters.ipynb"]
)
def test_a_lesson_answers_to_number_slug_stem_and_file_name(course, name):
    assert names(find_notebooks([name], course)) == ["01-containers-to-clusters"]


def test_an_assignment_answers_to_its_folder_with_all_its_notebooks(course):
    assert names(find_notebooks(["a1", "a2", "a2/two"], course)) == ["a1", "a2/one", "a2/two"]


def test_a_path_of_the_course_is_the_course_s_notebook(course, monkeypatch):
    monkeypatch.chdir(course.root / "lessons")
    (notebook,) = find_notebooks(["02-lazy-execution.ipynb"], course)
    assert (notebook.name, notebook.kind) == ("02-lazy-execution", "lesson")


def test_a_path_elsewhere_and_a_folder_are_found_without_a_course(course):
    (sketch,) = find_notebooks([str(course.root / "elsewhere/sketch.ipynb")], None)
    assert (sketch.name, sketch.kind) == ("sketch", "file")
    assert names(find_notebooks([str(course.root / "assignments")], None)) == ["a1", "one", "two"]


def test_an_unknown_name_is_answered_with_what_comes_near(course):
    with pytest.raises(NotebookNotFoundError) as caught:
        find_notebooks(["container-to-cluster"], course)
    assert "container-to-cluster" in caught.value.message
    assert "01-containers-to-clusters" in caught.value.fix


def test_an_unknown_name_like_no_other_is_answered_with_all_names(course):
    with pytest.raises(NotebookNotFoundError) as caught:
        find_notebooks(["zzz"], course)
    assert "a1" in caught.value.fix


def test_without_a_contract_the_first_heading_is_the_title(course):
    (a1,) = find_notebooks(["a1"], course)
    assert a1.contract().title == "First task"


def test_a_bad_contract_is_reported_with_the_notebook_s_name(course):
    write(course.lessons / "03-bad.ipynb", contract={"title": "Bad", "workers": -1})
    (bad,) = find_notebooks(["03"], course)
    with pytest.raises(SettingsError, match="03-bad: workers = -1"):
        bad.contract()
