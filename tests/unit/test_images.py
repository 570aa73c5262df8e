from __future__ import annotations

import pytest

from coursekit.config import Course, find_course
from coursekit.errors import SettingsError
from coursekit.images import choose, read_catalog


def course_with(tmp_path, catalog: str) -> Course:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "catalog.toml").write_text(catalog)
    return Course(root=tmp_path)


def entry(name: str, parent: str | None = None) -> str:
    built_on = f'parent = "{parent}"\n' if parent else ""
    return f'[{name}]\ntitle = "x"\nextras = []\n{built_on}'


def test_the_catalog_and_the_folders_agree():
    course = find_course()
    folders = {path.parent.name for path in (course.root / "images").glob("*/Dockerfile")}
    assert {image.name for image in read_catalog(course)} == folders


def test_every_extra_of_the_catalog_is_one_of_the_package():
    import tomllib

    course = find_course()
    extras = tomllib.loads((course.root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {extra for image in read_catalog(course) for extra in image.extras} <= extras.keys()


def test_parents_come_before_children_in_whatever_order_they_are_written(tmp_path):
    course = course_with(tmp_path, entry("leaf", "middle") + entry("middle", "root") + entry("root"))
    assert [image.name for image in read_catalog(course)] == ["root", "middle", "leaf"]


@pytest.mark.parametrize("catalog", [entry("a", "nobody"), entry("a", "b") + entry("b", "a")])
def test_a_parent_that_is_not_there_or_a_circle_is_refused(tmp_path, catalog):
    with pytest.raises(SettingsError, match="not in the catalog, or stand in a circle"):
        read_catalog(course_with(tmp_path, catalog))


def test_choosing_an_image_chooses_what_it_is_built_on(tmp_path):
    images = read_catalog(course_with(tmp_path, entry("root") + entry("one", "root") + entry("two", "root")))
    assert [image.name for image in choose(images, ["two"])] == ["root", "two"]
    assert len(choose(images, [])) == 3


def test_an_unknown_image_is_named_with_those_that_are_there(tmp_path):
    images = read_catalog(course_with(tmp_path, entry("root")))
    with pytest.raises(SettingsError, match="'leaf' is not an image"):
        choose(images, ["leaf"])
