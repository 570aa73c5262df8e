"""The container that a notebook is executed in: which image, and which GPUs."""

from __future__ import annotations

import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from coursekit.config import Course
from coursekit.engine.devices import DEVICES
from coursekit.errors import SettingsError
from coursekit.notebooks import containers
from coursekit.notebooks.catalog import find_notebooks
from coursekit.notebooks.containers import Box, make_box, require_readable
from coursekit.notebooks.contract import Contract
from coursekit.notebooks.run import run_notebooks
from coursekit.notebooks.settings import RunSettings


@pytest.fixture(autouse=True)
def socket(tmp_path, monkeypatch):
    path = tmp_path / "docker.sock"
    path.touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "cache"))


def box(tmp_path, *, device="cpu", **contract) -> Box:
    needs = Contract(title="T", **contract)
    return make_box("docker", needs, "01", device=device, writable=(tmp_path / "out",), readable=tmp_path)


@pytest.mark.parametrize(
    ("runtime", "device", "image", "gpus"),
    [
        ("spark", "cpu", "spark", 0),
        ("spark", "gpu", "spark", 0),
        ("tensorflow", "cpu", "tensorflow", 0),
        ("tensorflow", "gpu", "tensorflow-gpu", 1),
    ],
)
def test_the_runtime_and_the_device_name_the_image(tmp_path, runtime, device, image, gpus):
    made = box(tmp_path, device=device, runtime=runtime)
    assert f"/{image}:" in made.image
    assert made.gpus == gpus
    assert made.image in made.command()


def test_without_the_program_docker_nothing_starts_and_the_message_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="docker, which is not on the PATH"):
        run_notebooks([], RunSettings(engine="docker", out=tmp_path / "out"))


def test_a_daemon_elsewhere_is_refused_with_one_error_for_all(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    tmp_path.chmod(0o755)
    cells = {"metadata": {"coursekit": {"title": "T", "minutes": 1}}}
    for name in ("one", "two"):
        nbformat.write(new_notebook(cells=[new_code_cell("1")], **cells), tmp_path / f"{name}.ipynb")
    notebooks = find_notebooks([str(tmp_path / "one.ipynb"), str(tmp_path / "two.ipynb")], Course(root=tmp_path))
    with pytest.raises(SettingsError, match="not the socket of a daemon"):
        run_notebooks(notebooks, RunSettings(engine="docker", out=tmp_path / "out", jobs=2))


def test_a_notebook_gets_as_many_gpus_as_its_contract_says(tmp_path):
    assert box(tmp_path, device="gpu", runtime="tensorflow", gpus=2).gpus == 2


def test_a_container_names_the_gpus_that_it_has_alone(tmp_path):
    command = box(tmp_path, device="gpu", runtime="tensorflow").command("create", gpus=("GPU-a", "GPU-b"))
    assert command[:2] == ["docker", "create"]
    assert command[command.index("--gpus") + 1] == '"device=GPU-a,GPU-b"'
    assert f"{DEVICES}=GPU-a,GPU-b" in command


def test_on_a_host_without_a_gpu_the_container_asks_for_none(tmp_path, monkeypatch):
    class FakeClient:
        def info(self):
            return {"Name": "elsewhere"}

    monkeypatch.setattr(containers, "connect", FakeClient)
    monkeypatch.delenv("COURSEKIT_GPUS", raising=False)
    command = box(tmp_path, device="gpu", runtime="tensorflow").prepare()
    assert command[:2] == ["docker", "run"]
    assert "--gpus" not in command


def test_on_a_host_with_gpus_the_container_is_made_with_one_and_then_started(tmp_path, monkeypatch):
    claimed = []

    class FakeClient:
        def info(self):
            return {}

    def fake_claim(client, there, wanted, make, *, name):
        claimed.append((there, wanted, name))

    monkeypatch.setattr(containers, "connect", FakeClient)
    monkeypatch.setattr(containers.devices, "claim", fake_claim)
    monkeypatch.setenv("COURSEKIT_GPUS", "GPU-a,GPU-b")
    made = box(tmp_path, device="gpu", runtime="tensorflow")
    assert made.prepare() == ["docker", "start", "--attach", "--interactive", made.name]
    assert claimed == [(("GPU-a", "GPU-b"), 1, made.name)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs notebooks as another account")
def test_a_notebook_that_the_account_of_its_container_cannot_read_is_refused_with_its_path_and_the_fix(tmp_path):
    notebook = tmp_path / "folder" / "a.ipynb"
    notebook.parent.mkdir()
    notebook.write_text("{}")
    for folder_mode, mode in ((0o700, 0o644), (0o755, 0o600)):
        notebook.parent.chmod(folder_mode)
        notebook.chmod(mode)
        with pytest.raises(SettingsError, match=r"a\.ipynb") as refused:
            require_readable(notebook)
        assert "chmod" in refused.value.fix
    notebook.chmod(0o644)
    require_readable(notebook)
