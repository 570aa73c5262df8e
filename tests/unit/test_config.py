from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.config import GiB, KiB, MiB, cache_dir, find_course, format_memory, image_tag, owner, parse_memory
from coursekit.errors import CourseNotFoundError, SettingsError


@pytest.mark.parametrize(
    ("text", "size"),
    [("2g", 2 * GiB), ("512 MiB", 512 * MiB), ("1.5GB", 3 * GiB // 2), ("64k", 64 * KiB), ("1073741824", GiB)],
)
def test_memory_is_read_as_people_write_it(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "two gigs", "2t", "-1g", "g", "1g 2g"])
def test_what_is_not_memory_is_refused_with_its_value(text):
    with pytest.raises(SettingsError, match="is not an amount of memory") as caught:
        parse_memory(text)
    assert repr(text) in str(caught.value)


@given(st.integers(min_value=0, max_value=2**50))
def test_bytes_survive_being_written_as_a_number(size):
    assert parse_memory(str(size)) == size


@given(st.integers(min_value=1, max_value=1023))
def test_whole_units_survive_being_written_for_people(count):
    assert parse_memory(format_memory(count * MiB)) == count * MiB


def test_the_hubs_user_owns_what_a_notebook_starts(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "Ada.Lovelace@unito.it")
    assert owner() == "ada-lovelace-unito-it"


def test_a_course_is_found_from_any_folder_below_it(tmp_path):
    (tmp_path / "lessons" / "deep").mkdir(parents=True)
    (tmp_path / "assignments").mkdir()
    assert find_course(tmp_path / "lessons" / "deep").root == tmp_path.resolve()


def test_where_there_is_no_course_the_error_says_what_one_looks_like(tmp_path):
    with pytest.raises(CourseNotFoundError, match="lessons/ and assignments/"):
        find_course(tmp_path)


@pytest.mark.parametrize("where", ["coursekit", "registry.example.org/course", "localhost:5000/a/b", "lab_1"])
def test_images_are_named_after_the_repository_of_the_site(monkeypatch, where):
    monkeypatch.setenv("COURSEKIT_REPOSITORY", where)
    assert image_tag("spark") == f"{where}/spark:latest"


@pytest.mark.parametrize("where", ["Course", "registry.example.org/", "a b", "course:1", "https://example.org/course"])
def test_what_cannot_begin_an_images_name_is_no_repository(monkeypatch, where):
    monkeypatch.setenv("COURSEKIT_REPOSITORY", where)
    with pytest.raises(SettingsError, match="COURSEKIT_REPOSITORY"):
        image_tag("spark")


def test_what_root_keeps_is_not_in_roots_home_which_containers_do_not_get_through(monkeypatch):
    monkeypatch.delenv("COURSEKIT_CACHE", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    roots = cache_dir()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cache_dir().is_relative_to(Path.home())
    assert not roots.is_relative_to(Path.home())
