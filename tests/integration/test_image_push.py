"""Images on their way to a real registry."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from docker_fixtures import require_docker

from coursekit.engine.daemon import connect
from coursekit.errors import EngineError, ImageMissingError, SettingsError

pytestmark = pytest.mark.docker
SETTINGS = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}"}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine; Docker asks such a one without TLS."""
    require_docker()
    if shutil.which("docker-registry") is None:
        if os.environ.get("COURSEKIT_REQUIRE_DOCKER"):
            pytest.fail("docker-registry is not installed: apt install docker-registry")
        pytest.skip("docker-registry is not installed: apt install docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    (folder / "config.yml").write_text(SETTINGS.format(folder=folder / "data", address=address))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not answers(address):
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/v2/", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def small_image(registry: str) -> Iterator[str]:
    """An image of one small file under the name of one of the course's."""
    name = f"{registry}/course/base"
    context, dockerfile = io.BytesIO(), b"FROM scratch\nCOPY Dockerfile /\n"
    with tarfile.open(fileobj=context, mode="w") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        archive.addfile(member, io.BytesIO(dockerfile))
    context.seek(0)
    connect().images.build(fileobj=context, custom_context=True, tag=f"{name}:latest", rm=True)
    yield name
    for tag in ("latest", "1.2.3"):
        subprocess.run(["docker", "rmi", f"{name}:{tag}"], capture_output=True, check=False)


def push(*words: str, repository: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coursekit", "image", "push", *words]
    environment = {**os.environ, "COURSEKIT_REPOSITORY": repository}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_an_image_is_in_the_registry_under_both_tags_with_the_digest_that_was_told(registry, small_image):
    done = push("base", "--version", "1.2.3", "--json", repository=f"{registry}/course")
    assert done.returncode == 0, done.stderr
    [told] = json.loads(done.stdout)
    assert told["image"] == small_image
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    for tag in ("latest", "1.2.3"):
        answer = httpx.get(
            f"http://{registry}/v2/course/base/manifests/{tag}", headers={"Accept": kind}, trust_env=False
        )
        assert answer.headers["Docker-Content-Digest"] == told["digest"]


def test_nothing_is_pushed_where_one_image_is_missing(registry, small_image):
    done = push("base", "spark", "--version", "9.9.9", repository=f"{registry}/course")
    subprocess.run(["docker", "rmi", f"{small_image}:9.9.9"], capture_output=True, check=False)
    assert done.returncode == ImageMissingError.exit_code, done.stderr
    assert httpx.get(f"http://{registry}/v2/course/base/manifests/9.9.9", trust_env=False).status_code == 404


def test_what_cannot_be_pushed_is_told_with_what_to_do(registry, small_image, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"127.0.0.1:{listener.getsockname()[1]}/course"
    connect().images.get(f"{small_image}:latest").tag(f"{nobody}/base", "latest")
    try:
        for words, repository, error, said in (
            (["base"], "coursekit", SettingsError, "names no registry"),
            (["base", "--version", "a b"], f"{registry}/course", SettingsError, "cannot be the tag"),
            (["spark"], f"{registry}/course", ImageMissingError, "coursekit image build spark"),
            (["base", "--version", "1.2.3"], nobody, EngineError, "does not take"),
        ):
            done = push(*words, repository=repository)
            assert done.returncode == error.exit_code, done.stderr
            assert said in done.stderr
    finally:
        for tag in ("latest", "1.2.3"):
            subprocess.run(["docker", "rmi", f"{nobody}/base:{tag}"], capture_output=True, check=False)
