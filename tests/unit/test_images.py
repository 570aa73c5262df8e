from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
import requests
import urllib3
from typer.testing import CliRunner

from coursekit import debian
from coursekit import images as module
from coursekit.cli.main import app
from coursekit.config import Course, find_course
from coursekit.engine.daemon import explained
from coursekit.errors import (
    CapacityError,
    EngineUnavailableError,
    ImageBuildError,
    MirrorError,
    MissingPackageError,
    SettingsError,
)
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


def test_pushing_an_image_that_is_not_there_names_those_that_are_and_pushes_nothing(monkeypatch):
    monkeypatch.setattr("coursekit.image_push.push", lambda *given, **more: pytest.fail("something was pushed"))
    refused = CliRunner().invoke(app, ["image", "push", "spark", "leaf"])
    assert isinstance(refused.exception, SettingsError)
    assert "'leaf' is not an image" in refused.exception.message
    assert "spark" in refused.exception.fix


def test_pushing_takes_the_images_that_are_named_and_not_what_they_are_built_on(monkeypatch):
    pushed = []
    monkeypatch.setattr("coursekit.image_push.push", lambda images, version, **more: pushed.extend(images) or {})
    assert CliRunner().invoke(app, ["image", "push", "spark"]).exit_code == 0
    assert [image.name for image in pushed] == ["spark"]


def build_with(stream, tmp_path):
    """Build an image with a daemon that is not there: ``stream`` is all that it would say."""
    client = SimpleNamespace(api=SimpleNamespace(build=lambda **_: stream))
    module._build(client, tmp_path, "a/b:latest", {}, {}, tell=lambda step: None)


def steps(*lines: str, error: str = ""):
    yield from ({"stream": f"{line}\n"} for line in lines)
    if error:
        yield {"error": error}


@pytest.mark.parametrize(
    ("line", "error", "kind", "fix"),
    [
        ("", "write /layer.tar: no space left on device", CapacityError, "prune"),
        ("OSError: [Errno 28] No space left on device", "returned a non-zero code: 1", CapacityError, "prune"),
        ("Temporary failure resolving 'deb.debian.org'", "returned a non-zero code: 100", MirrorError, "mirrors"),
        ("ERROR: No matching distribution found for numpy", "returned a non-zero code: 1", MirrorError, "mirrors"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed", "returned a non-zero code: 1", MirrorError, "COURSEKIT_CA"),
        ("useradd: user 'student' already exists", "returned a non-zero code: 9", ImageBuildError, "Dockerfile"),
    ],
)
def test_a_step_that_failed_says_what_the_reader_can_mend(tmp_path, line, error, kind, fix):
    with pytest.raises(kind) as caught:
        build_with(steps("Step 1/1 : RUN true", line, error=error), tmp_path)
    assert type(caught.value) is kind
    assert error in caught.value.message
    assert line in caught.value.message
    assert fix in caught.value.fix


def test_a_build_whose_daemon_goes_away_without_a_word_has_failed(tmp_path):
    with pytest.raises(EngineUnavailableError, match="went away while it built a/b:latest"):
        build_with(steps("Step 1/1 : RUN true"), tmp_path)


def test_a_build_is_done_when_the_daemon_has_tagged_the_image(tmp_path):
    build_with(steps("Step 1/1 : RUN true", "Successfully tagged a/b:latest"), tmp_path)


def test_two_builds_in_one_folder_take_turns(tmp_path):
    seen = []

    def build_slowly() -> None:
        with module._alone(tmp_path):
            seen.append("begin")
            time.sleep(0.05)
            seen.append("end")

    builds = [threading.Thread(target=build_slowly) for _ in range(3)]
    for each in builds:
        each.start()
    for each in builds:
        each.join()
    assert seen == ["begin", "end"] * 3


@pytest.mark.parametrize("error", [requests.exceptions.ConnectionError(), urllib3.exceptions.ProtocolError()])
def test_a_connection_that_breaks_off_is_a_daemon_that_does_not_answer(error):
    @explained
    def call() -> None:
        raise error

    with pytest.raises(EngineUnavailableError):
        call()


def test_without_uv_the_way_to_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPackageError, match="make env"):
        module._uv(Course(root=tmp_path), "export")


def test_without_mmdebstrap_a_host_without_a_registry_is_told_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageBuildError, match="apt install mmdebstrap"):
        debian._make_debian(tmp_path)


@pytest.fixture
def mmdebstrap(tmp_path, monkeypatch):
    """A program of that name that does what a shell script says."""

    def write(script: str) -> None:
        program = tmp_path / "bin" / "mmdebstrap"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return write


def test_half_a_debian_is_not_kept(tmp_path, mmdebstrap):
    mmdebstrap(f"echo half > {tmp_path}/debian.tar; echo 'E: Failed to fetch Packages' >&2; exit 25")
    with pytest.raises(MirrorError, match="Failed to fetch"):
        debian._make_debian(tmp_path)
    assert not (tmp_path / "debian.tar").exists()


def test_debian_is_made_from_the_sites_mirror_if_it_names_one(tmp_path, mmdebstrap, monkeypatch):
    sources = tmp_path / "sources.list"
    sources.write_text("deb http://mirror.example.org/debian bookworm main")
    monkeypatch.setenv("COURSEKIT_DEBIAN_SOURCES", str(sources))
    mmdebstrap(f'echo "$@" > {tmp_path}/debian.tar')
    assert debian._make_debian(tmp_path).read_text().split()[-3:] == [
        "bookworm",
        f"{tmp_path}/debian.tar",
        str(sources),
    ]


def test_sources_of_debian_that_are_not_there_are_refused(tmp_path, mmdebstrap, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DEBIAN_SOURCES", str(tmp_path / "none"))
    mmdebstrap("exit 0")
    with pytest.raises(SettingsError, match="none' is not a file"):
        debian._make_debian(tmp_path)
