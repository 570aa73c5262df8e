from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.config import Course
from coursekit.errors import SettingsError
from coursekit.hub.settings import HubSettings, read_settings

CHECKOUT = Path(__file__).parents[2]


def write(tmp_path: Path, text: str) -> Course:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "course.toml").write_text(text)
    return Course(root=tmp_path)


def test_the_committed_settings_are_valid_and_stay_in_build():
    settings = read_settings(Course(root=CHECKOUT))
    assert settings.title
    for folder in (settings.state, settings.homes, settings.runs, settings.grading.exchange):
        assert CHECKOUT / "build" in folder.parents


@pytest.mark.parametrize(
    ("text", "offending"),
    [
        ("title = 'T'\nprot = 8000", "prot"),
        ("title = 'T'\nport = 70000", "70000"),
        ("title = 'T'\nport = '8000'", "'8000'"),
        ("title = 'T'\nport = true", "True"),
        ("title = 'T'\ninstructors = []", "[]"),
        ("title = 'T'\ninstructors = ['Ada B']", "Ada B"),
        ("title = 'T'\nstart_timeout_s = 0", "0"),
        ("port = 8000", "title"),
        ("title = ", "TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_fix(tmp_path, text, offending):
    with pytest.raises(SettingsError) as caught:
        read_settings(write(tmp_path, text))
    assert offending in caught.value.message
    assert caught.value.fix


def test_a_course_without_settings_says_which_file_is_missing(tmp_path):
    with pytest.raises(SettingsError, match=r"course\.toml"):
        read_settings(Course(root=tmp_path))


def test_an_asked_port_comes_before_the_environment_and_that_before_the_file(tmp_path, monkeypatch):
    course = write(tmp_path, "title = 'T'\nport = 1111")
    monkeypatch.delenv("COURSEKIT_HUB_PORT", raising=False)
    assert read_settings(course).port == 1111
    monkeypatch.setenv("COURSEKIT_HUB_PORT", "2222")
    assert read_settings(course).port == 2222
    assert read_settings(course, port=0).port == 0
    monkeypatch.setenv("COURSEKIT_HUB_PORT", "many")
    with pytest.raises(SettingsError, match="many"):
        read_settings(course)


@given(st.integers())
def test_only_ports_that_exist_are_accepted(port):
    if 0 <= port <= 65535:
        assert HubSettings(root=Path("/c"), title="T", port=port).port == port
    else:
        with pytest.raises(SettingsError):
            HubSettings(root=Path("/c"), title="T", port=port)
