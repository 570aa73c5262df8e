"""GPUs for notebooks: what there is, asking for one, sharing it fairly, and saying where a model runs.

``require_gpu()`` at the top of a notebook gives the GPU or says how to get one. Frameworks are told to take memory as
they need it. What a kernel holds on a GPU goes back when its process ends, however it ends: the driver sees to that.
Works with Keras on TensorFlow, JAX and PyTorch; none of them is imported here before it has to be.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from coursekit.config import format_memory
from coursekit.errors import MissingPackageError, NoGpuError, SettingsError
from coursekit.nvml import Gpu, look

__all__ = [
    "BACKENDS",
    "Backend",
    "Device",
    "Gpu",
    "choose_backend",
    "device_of",
    "gpus",
    "release_memory",
    "require_gpu",
    "share_memory",
    "used_devices",
]

Backend = Literal["tensorflow", "jax", "torch"]
BACKENDS: Final[tuple[Backend, ...]] = get_args(Backend)

# Each framework reads these when it meets the first GPU; TensorFlow and JAX otherwise take (almost) all memory at once.
_SHARING: Final = {
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """Where computations run.

    Parameters
    ----------
    kind : {"cpu", "gpu"}
        What it is.
    name : str
        The GPU's model, or the number of cores.
    backend : str
        The framework that was asked.
    """

    kind: Literal["cpu", "gpu"]
    name: str
    backend: str

    def __str__(self) -> str:
        return f"{self.backend} on the {self.kind.upper()} ({self.name})"


def gpus(*, nvml: Any = None) -> tuple[Gpu, ...]:
    """List the GPUs, or slices of GPUs, that this process may use, in the order in which it sees them.

    ``CUDA_VISIBLE_DEVICES`` is respected, and in a container its engine's choice: the driver shows no others there.

    Parameters
    ----------
    nvml : module, optional
        ``pynvml``, or something with the same functions.
    """
    return choose_visible(look(nvml).gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))


def choose_visible(found: Sequence[Gpu], named: str | None) -> tuple[Gpu, ...]:
    """Choose the GPUs that ``CUDA_VISIBLE_DEVICES`` names.

    Parameters
    ----------
    found : sequence of Gpu
        Those of the machine.
    named : str or None
        Numbers, beginnings of identifiers, or both, with commas; None for all. As CUDA reads it, what comes after
        the first that is not there does not count, so ``""`` and ``"-1"`` mean none.

    References
    ----------
    NVIDIA, "CUDA C++ Programming Guide", section "CUDA Environment Variables".
    """
    if named is None:
        return tuple(found)
    chosen: list[Gpu] = []
    for word in (part.strip() for part in named.split(",")):
        # A number names a whole GPU; of one that is cut, CUDA takes the first slice.
        matching = [gpu for gpu in found if (gpu.index == int(word) if word.isdigit() else gpu.uuid.startswith(word))]
        if not word or not matching or matching[0] in chosen:
            break
        chosen.append(matching[0])
    return tuple(chosen)


def require_gpu(*, memory: int = 0, nvml: Any = None) -> Gpu:
    """Give the GPU with the most free memory, or say what there is and how to get one.

    The frameworks that are imported afterwards take memory as they need it (see `share_memory`).

    Parameters
    ----------
    memory : int
        What has to be free on it, bytes.
    nvml : module, optional
        ``pynvml``, or something with the same functions.

    Raises
    ------
    NoGpuError
        If this process sees no GPU, or none has so much memory left.
    """
    share_memory()
    sight = look(nvml)
    visible = choose_visible(sight.gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
    fitting = [gpu for gpu in visible if gpu.free_memory >= memory]
    if fitting:
        return max(fitting, key=lambda gpu: gpu.free_memory)
    wanted = f"a GPU with {format_memory(memory)} free" if memory else "a GPU"
    if visible:
        raise NoGpuError(
            f"this notebook needs {wanted}; there is {'; '.join(map(describe, visible))}.",
            fix="ask for less memory (smaller batches), or shut down the other kernels that use it",
        )
    hidden = len(sight.gpus)
    why = (
        f"CUDA_VISIBLE_DEVICES hides the {hidden} that there are"
        if hidden
        else sight.trouble or "the driver shows none"
    )
    raise NoGpuError(f"this notebook needs {wanted}, and this server has none: {why}.", fix=_way_to_one())


def describe(gpu: Gpu) -> str:
    """Say of a GPU what it is, what is free, and who uses it, in a line."""
    users = ", ".join(f"{one.owner or 'somebody'} (process {one.pid})" for one in gpu.processes)
    return f"{gpu.name}, {format_memory(gpu.free_memory)} of {format_memory(gpu.memory)} free, " + (
        f"used by {users}" if users else "used by nobody"
    )


def _way_to_one() -> str:
    if os.environ.get("JUPYTERHUB_USER"):
        return (
            "stop this server (File > Hub Control Panel), and start one with the GPU profile; when all GPUs are taken, "
            "the page puts you in line and tells you when it is your turn"
        )
    return "run it on a machine with an NVIDIA GPU and its driver, or leave require_gpu() out: Keras then uses the CPU"


def share_memory(environment: MutableMapping[str, str] | None = None) -> None:
    """Have TensorFlow, JAX and PyTorch take a GPU's memory as they need it, so that one notebook does not take it all.

    Call it before the first of them is imported; what is set already stays. TensorFlow that is imported, but has used
    no GPU yet, is told too.

    Parameters
    ----------
    environment : mapping, optional
        Where the variables are set; this process's own when not given.

    Raises
    ------
    SettingsError
        If TensorFlow has a GPU already, and all of its memory.
    """
    environment = os.environ if environment is None else environment
    is_new = _SHARING["TF_FORCE_GPU_ALLOW_GROWTH"] != environment.get("TF_FORCE_GPU_ALLOW_GROWTH")
    for name, value in _SHARING.items():
        environment.setdefault(name, value)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or not is_new:
        return
    for device in tensorflow.config.list_physical_devices("GPU"):
        try:
            tensorflow.config.experimental.set_memory_growth(device, True)
        except RuntimeError:
            raise SettingsError(
                f"TensorFlow uses {device.name} already.", fix="restart the kernel, and call share_memory() first"
            ) from None


def release_memory() -> None:
    """Give back what models of this kernel that nobody refers to any longer hold, as far as the framework can.

    PyTorch returns it to the GPU. TensorFlow and JAX keep it for this kernel's next model: it goes back when the
    kernel is shut down.
    """
    import gc

    if keras := sys.modules.get("keras"):
        keras.backend.clear_session()
    gc.collect()
    if (torch := sys.modules.get("torch")) and torch.cuda.is_available():
        torch.cuda.empty_cache()


def choose_backend(backend: str | None = None) -> str:
    """Set what Keras computes with, before it is imported, and give it.

    Parameters
    ----------
    backend : {"tensorflow", "jax", "torch"}, optional
        ``KERAS_BACKEND`` when not given, and where that is not set the first of the three that is installed.

    Raises
    ------
    SettingsError
        If there is no such backend, or Keras was imported with another.
    MissingPackageError
        If it is not installed.
    """
    chosen = backend or os.environ.get("KERAS_BACKEND") or next(iter(installed_backends()), BACKENDS[0])
    if chosen not in BACKENDS:
        raise SettingsError(
            f"backend = {chosen!r} is none that Keras has here.", fix=f"use one of {', '.join(BACKENDS)}"
        )
    if (keras := sys.modules.get("keras")) and keras.backend.backend() != chosen:
        raise SettingsError(
            f"Keras computes with {keras.backend.backend()} already, not with {chosen}.",
            fix="restart the kernel, and choose the backend before Keras is imported",
        )
    if chosen not in installed_backends():
        extra = "pip install 'coursekit[keras]'" if chosen == "tensorflow" else f"pip install {chosen}"
        raise MissingPackageError(f"{chosen} is not installed.", fix=f"{extra}, or use another backend")
    os.environ["KERAS_BACKEND"] = chosen
    share_memory()
    return chosen


def installed_backends() -> tuple[Backend, ...]:
    """Name the backends of Keras that are installed, without importing them."""
    return tuple(name for name in BACKENDS if name in sys.modules or importlib.util.find_spec(name) is not None)


def device_of(model: Any) -> Device:
    """Say which device a Keras model runs on: the one that its weights are on, whatever the backend.

    Parameters
    ----------
    model : keras.Model
        It has weights: built, or called once.

    Raises
    ------
    SettingsError
        If it has none.
    """
    import keras

    # Counters and seeds are whole numbers, which TensorFlow keeps beside the processor in any case.
    weights = [weight for weight in model.weights if "float" in keras.backend.standardize_dtype(weight.dtype)]
    if not weights:
        raise SettingsError(f"{model.name!r} has no weights yet.", fix="build it, or call it once, and ask again")
    backend = keras.backend.backend()
    return _device(backend, [_place_of(backend, weights[0].value)])


def used_devices() -> tuple[Device, ...]:
    """Say which device each framework that this process has imported computes on, if nothing else is said.

    Where Keras was imported, that is its backend alone: it may use another framework to read data. A framework that
    has not met its GPUs meets them now, so ask when the work is done.
    """
    keras = sys.modules.get("keras")
    names = (keras.backend.backend(),) if keras else BACKENDS
    return tuple(_device(name, _places(name, sys.modules[name])) for name in names if name in sys.modules)


def _places(backend: str, module: Any) -> list[str]:
    """Name the devices of a framework, in its own words."""
    if backend == "tensorflow":
        return [device.name for device in module.config.list_logical_devices("GPU")]
    if backend == "jax":
        return [str(device) for device in module.local_devices()]
    return ["cuda:0"] if module.cuda.is_available() else []


def _place_of(backend: str, value: Any) -> str:
    if backend == "jax":
        return str(next(iter(value.devices())))
    return str(value.device)


def _device(backend: str, places: Iterable[str]) -> Device:
    """Read a framework's name of a device: ``.../device:GPU:0``, ``cuda:0``."""
    for place in places:
        if "gpu" in place.lower() or "cuda" in place.lower():
            number = int(place.rpartition(":")[2]) if place.rpartition(":")[2].isdigit() else 0
            return Device(kind="gpu", name=_gpu_name(number), backend=backend)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Device(kind="cpu", name="1 core" if cores == 1 else f"{cores} cores", backend=backend)


def _gpu_name(number: int) -> str:
    found = gpus()
    return found[number].name if number < len(found) else f"GPU {number}"
