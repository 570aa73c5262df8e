from __future__ import annotations

import tomllib

import pytest

from coursekit.config import Course, find_course
from coursekit.errors import SettingsError
from coursekit.image_checks import failure, lineage, matrix
from coursekit.images import course_version, read_catalog

CATALOG = """
[root]
title = "x"
extras = []

[leaf]
parent = "root"
title = "x"
extras = []
"""


@pytest.fixture
def tree(tmp_path):
    for name, checks in {
        "root": "def it_stands(box): pass",
        "leaf": "def it_hangs(box):\n    assert box == 'up'",
    }.items():
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "checks.py").write_text(checks)
    (tmp_path / "images" / "catalog.toml").write_text(CATALOG)
    return read_catalog(Course(root=tmp_path))


def test_a_check_runs_on_the_image_that_it_was_written_for_and_on_all_built_on_that(tree):
    found = {image.name: [(check.home, check.name) for check in checks] for image, checks in matrix(tree)}
    assert found == {"root": [("root", "it stands")], "leaf": [("root", "it stands"), ("leaf", "it hangs")]}


def test_an_image_tested_alone_keeps_the_checks_of_what_it_is_built_on(tree):
    [(image, checks)] = matrix(tree, ["leaf"])
    assert (image.name, len(checks)) == ("leaf", 2)
    assert lineage(image, tree) == ("root", "leaf")


def test_an_image_that_is_not_there_cannot_be_tested(tree):
    with pytest.raises(SettingsError, match="'twig' is not an image"):
        matrix(tree, ["twig"])


def test_a_check_that_does_not_hold_says_which_line_said_so(tree):
    [(_, (_, hangs))] = matrix(tree, ["leaf"])
    assert failure(hangs, "up") is None
    assert failure(hangs, "down") == "does not hold: assert box == 'up'"


def test_every_image_of_the_course_has_checks():
    assert all(
        any(check.home == image.name for check in checks) for image, checks in matrix(read_catalog(find_course()))
    )


def test_files_that_an_image_copies_are_in_the_checkout():
    course = find_course()
    assert all((course.root / file).is_file() for image in read_catalog(course) for file in image.files)


def test_the_version_of_a_course_is_that_of_its_package():
    course = find_course()
    project = tomllib.loads((course.root / "pyproject.toml").read_text())["project"]
    assert course_version(course) == project["version"]
