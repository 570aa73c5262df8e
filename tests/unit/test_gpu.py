"""What GPUs there are and asking for one; the management library is a fake, and so are the frameworks."""

from __future__ import annotations

import getpass
import json
import os
import sys
from types import SimpleNamespace

import pytest
from fake_nvml import GIB, FakeGpu, FakeNvml
from typer.testing import CliRunner

from coursekit import gpu, nvml
from coursekit.cli.main import app
from coursekit.errors import MissingPackageError, NoGpuError, SettingsError

TWO = FakeNvml(FakeGpu(uuid="GPU-aa", free=10 * GIB, pids=(os.getpid(), 2**22 + 1)), FakeGpu(uuid="GPU-ab"))
CUT = FakeNvml(FakeGpu(uuid="GPU-aa", slices=(FakeGpu(uuid="MIG-1", memory=GIB), FakeGpu(uuid="MIG-2"))))
NO_DRIVER = FakeNvml(has_driver=False)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("CUDA_VISIBLE_DEVICES", "KERAS_BACKEND", "JUPYTERHUB_USER", *gpu._SHARING):
        monkeypatch.delenv(name, raising=False)
    for name in ("keras", *gpu.BACKENDS):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in ("KERAS_BACKEND", *gpu._SHARING):
        os.environ.pop(name, None)


def test_gpus_are_listed_with_what_is_free_and_who_uses_them():
    first, second = gpu.gpus(nvml=TWO)
    assert (first.index, first.uuid, first.name) == (0, "GPU-aa", "NVIDIA Fake 9000")
    assert (first.memory, first.free_memory, first.driver, first.capability) == (80 * GIB, 10 * GIB, "580.1", "9.0")
    mine, other = first.processes
    assert (mine.pid, mine.owner, mine.memory) == (os.getpid(), getpass.getuser(), GIB)
    assert other.owner is None, "a process of another container has a number that means nothing here"
    assert second.processes == ()
    assert TWO.opened == 0, "the library is closed again"


def test_a_gpu_that_is_cut_is_given_as_its_slices():
    assert [(one.uuid, one.is_slice) for one in gpu.gpus(nvml=CUT)] == [("MIG-1", True), ("MIG-2", True)]


def test_without_a_driver_or_the_package_there_are_none_and_the_reason_is_told(monkeypatch):
    assert gpu.gpus(nvml=NO_DRIVER) == ()
    assert "NVML Shared Library Not Found" in nvml.look(NO_DRIVER).trouble
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml.look().gpus == ()
    assert "pip install nvidia-ml-py" in nvml.look().trouble


@pytest.mark.parametrize(
    ("named", "seen"),
    [
        (None, ["GPU-aa", "GPU-ab"]),
        ("1", ["GPU-ab"]),
        ("1,0", ["GPU-ab", "GPU-aa"]),
        ("GPU-ab", ["GPU-ab"]),
        (" 0 , GPU-ab ", ["GPU-aa", "GPU-ab"]),
        ("", []),
        ("-1", []),
        ("0,7,1", ["GPU-aa"]),
        ("nothing", []),
    ],
)
def test_only_what_cuda_would_see_is_seen(named, seen, monkeypatch):
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert [one.uuid for one in gpu.gpus(nvml=TWO)] == seen


def test_a_slice_is_named_by_its_identifier(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-2")
    assert [one.uuid for one in gpu.gpus(nvml=CUT)] == ["MIG-2"]


def test_who_requires_a_gpu_gets_the_one_with_the_most_room():
    assert gpu.require_gpu(nvml=TWO).uuid == "GPU-ab"
    assert gpu.require_gpu(memory=20 * GIB, nvml=TWO).uuid == "GPU-ab"


def test_more_memory_than_any_has_free_is_refused_with_who_uses_what():
    with pytest.raises(NoGpuError) as caught:
        gpu.require_gpu(memory=81 * GIB, nvml=TWO)
    assert "81.0 GiB free" in caught.value.message
    assert f"10.0 GiB of 80.0 GiB free, used by {getpass.getuser()} (process {os.getpid()})" in caught.value.message
    assert "NVIDIA Fake 9000, 80.0 GiB of 80.0 GiB free, used by nobody" in caught.value.message


def test_without_a_gpu_a_student_of_a_hub_is_told_of_the_profile_and_the_line(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    with pytest.raises(NoGpuError, match="NVML Shared Library Not Found") as caught:
        gpu.require_gpu(nvml=NO_DRIVER)
    assert "GPU profile" in caught.value.fix
    assert "in line" in caught.value.fix


def test_gpus_that_are_hidden_are_said_to_be(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(NoGpuError, match="CUDA_VISIBLE_DEVICES hides the 2 that there are"):
        gpu.require_gpu(nvml=TWO)


def test_frameworks_are_told_to_take_memory_as_they_need_it_and_what_was_set_stays():
    environment = {"XLA_PYTHON_CLIENT_PREALLOCATE": "true"}
    gpu.share_memory(environment)
    assert environment == {
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "true",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
    }


class FakeTensorflow:
    """TensorFlow with one GPU, which it uses already or not."""

    def __init__(self, *, is_used: bool) -> None:
        self.grown = []
        self._is_used = is_used
        growth = SimpleNamespace(set_memory_growth=self._grow)
        devices = [SimpleNamespace(name="/physical_device:GPU:0")]
        self.config = SimpleNamespace(list_physical_devices=lambda _: devices, experimental=growth)

    def _grow(self, device, on):
        if self._is_used:
            raise RuntimeError("Physical devices cannot be modified after being initialized")
        self.grown.append((device.name, on))


def test_tensorflow_that_was_imported_is_told_too_unless_it_has_the_gpu_already(monkeypatch):
    fresh, used = FakeTensorflow(is_used=False), FakeTensorflow(is_used=True)
    monkeypatch.setitem(sys.modules, "tensorflow", fresh)
    gpu.share_memory({})
    assert fresh.grown == [("/physical_device:GPU:0", True)]
    monkeypatch.setitem(sys.modules, "tensorflow", used)
    with pytest.raises(SettingsError, match="uses /physical_device:GPU:0 already") as caught:
        gpu.share_memory({})
    assert "restart the kernel" in caught.value.fix


def fake_keras(backend):
    return SimpleNamespace(backend=SimpleNamespace(backend=lambda: backend, standardize_dtype=str))


def test_a_backend_is_chosen_before_keras_is_imported(monkeypatch):
    monkeypatch.setattr(gpu, "installed_backends", lambda: ("jax", "torch"))
    assert gpu.choose_backend() == "jax", "the first that is installed"
    assert os.environ["KERAS_BACKEND"] == "jax"
    assert gpu.choose_backend("torch") == "torch"
    assert gpu.choose_backend() == "torch", "what the environment says"
    monkeypatch.setitem(sys.modules, "keras", fake_keras("torch"))
    assert gpu.choose_backend("torch") == "torch"
    with pytest.raises(SettingsError, match="computes with torch already, not with jax"):
        gpu.choose_backend("jax")


def test_a_backend_that_is_none_or_not_installed_is_refused(monkeypatch):
    monkeypatch.setattr(gpu, "installed_backends", lambda: ("jax",))
    with pytest.raises(SettingsError, match="'theano'"):
        gpu.choose_backend("theano")
    with pytest.raises(MissingPackageError, match="tensorflow is not installed") as caught:
        gpu.choose_backend("tensorflow")
    assert "coursekit[keras]" in caught.value.fix


class FakeJaxArray:
    def __init__(self, device):
        self._device = device

    def devices(self):
        return {self._device}


@pytest.mark.parametrize(
    ("backend", "value", "kind"),
    [
        ("tensorflow", SimpleNamespace(device="/job:localhost/replica:0/task:0/device:GPU:0"), "gpu"),
        ("tensorflow", SimpleNamespace(device="/job:localhost/replica:0/task:0/device:CPU:0"), "cpu"),
        ("torch", SimpleNamespace(device="cuda:0"), "gpu"),
        ("torch", SimpleNamespace(device="cpu"), "cpu"),
        ("jax", FakeJaxArray("cuda:0"), "gpu"),
        ("jax", FakeJaxArray("TFRT_CPU_0"), "cpu"),
    ],
)
def test_a_models_device_is_where_its_weights_are_whatever_the_backend(backend, value, kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", fake_keras(backend))
    monkeypatch.setattr(gpu, "look", lambda _=None: nvml.look(TWO))
    seed = SimpleNamespace(dtype="int32", value=SimpleNamespace(device="cpu"))
    model = SimpleNamespace(name="net", weights=[seed, SimpleNamespace(dtype="float32", value=value)])
    device = gpu.device_of(model)
    assert (device.kind, device.backend) == (kind, backend)
    assert device.name == "NVIDIA Fake 9000" if kind == "gpu" else device.name.endswith(("core", "cores"))
    assert str(device).startswith(f"{backend} on the {kind.upper()} (")


def test_a_model_without_weights_runs_nowhere_yet(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", fake_keras("torch"))
    with pytest.raises(SettingsError, match="'net' has no weights yet"):
        gpu.device_of(SimpleNamespace(name="net", weights=[]))


def test_what_was_used_is_keras_backend_alone_and_every_framework_without_keras(monkeypatch):
    cuda = SimpleNamespace(is_available=lambda: True)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(local_devices=lambda: ["TFRT_CPU_0"]))
    monkeypatch.setattr(gpu, "look", lambda _=None: nvml.look(TWO))
    assert [(one.backend, one.kind) for one in gpu.used_devices()] == [("jax", "cpu"), ("torch", "gpu")]
    monkeypatch.setitem(sys.modules, "keras", fake_keras("jax"))
    assert [(one.backend, one.kind) for one in gpu.used_devices()] == [("jax", "cpu")]


def test_the_command_lists_gpus_or_says_why_there_are_none(monkeypatch):
    monkeypatch.setattr(gpu, "look", lambda _=None: nvml.look(TWO))
    (first, _) = json.loads(CliRunner().invoke(app, ["gpu", "--json"]).output)
    assert (first["uuid"], first["memory"], first["processes"][0]["pid"]) == ("GPU-aa", 80 * GIB, os.getpid())
    assert "GPU-aa" in CliRunner().invoke(app, ["gpu"], env={"COLUMNS": "300"}).output
    monkeypatch.setattr(gpu, "look", lambda _=None: nvml.look(NO_DRIVER))
    monkeypatch.setattr(nvml, "look", lambda _=None: nvml.Sight(trouble="no driver"))
    assert "No GPU is seen here: no driver" in CliRunner().invoke(app, ["gpu"]).output
