"""What NVIDIA's management library (NVML) tells of this machine's GPUs; reads, and changes nothing.

NVML comes with the driver. Where there is no driver, or ``nvidia-ml-py`` is not installed, there are no GPUs for
us: `look` gives none, and says why.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuProcess:
    """A process that computes on a GPU.

    Parameters
    ----------
    pid : int
        As the host counts it, which a container does not know.
    owner : str or None
        The Hub's user, else the machine's; None where that cannot be seen from here.
    memory : int or None
        What it holds on the GPU, bytes; None where the driver does not tell.
    """

    pid: int
    owner: str | None
    memory: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """A whole GPU, or a slice of one (MIG).

    Parameters
    ----------
    index : int
        The driver's number of the GPU, which a slice shares with its neighbours.
    uuid : str
        ``"GPU-..."`` or ``"MIG-..."``: what it is handed out by.
    name : str
        The model.
    memory, free_memory : int
        All of it, and what nobody holds, bytes.
    driver : str
        The driver's version.
    capability : str
        CUDA's compute capability, such as ``"9.0"``.
    processes : tuple of GpuProcess
        Who computes on it.
    is_slice : bool
        Whether it is a slice.
    """

    index: int
    uuid: str
    name: str
    memory: int
    free_memory: int
    driver: str
    capability: str
    processes: tuple[GpuProcess, ...] = ()
    is_slice: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """What was seen: the GPUs of the machine, and why there are none."""

    gpus: tuple[Gpu, ...] = ()
    trouble: str = ""


def look(nvml: Any = None) -> Sight:
    """Look at the machine's GPUs; a GPU that is cut into slices is given as its slices.

    Parameters
    ----------
    nvml : module, optional
        ``pynvml``, or something with the same functions.
    """
    if nvml is None:
        try:
            nvml = importlib.import_module("pynvml")
        except ImportError:
            return Sight(trouble="the package nvidia-ml-py is not installed (pip install nvidia-ml-py)")
    try:
        with _opened(nvml):
            driver = _text(nvml.nvmlSystemGetDriverVersion())
            return Sight(
                gpus=tuple(gpu for index in range(nvml.nvmlDeviceGetCount()) for gpu in _read(nvml, index, driver))
            )
    except nvml.NVMLError as error:
        return Sight(trouble=f"NVIDIA's driver does not answer: {error}")


@contextlib.contextmanager
def _opened(nvml: Any) -> Iterator[None]:
    nvml.nvmlInit()
    try:
        yield
    finally:
        nvml.nvmlShutdown()


def _read(nvml: Any, index: int, driver: str) -> Iterator[Gpu]:
    """Give a GPU, or its slices."""
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    slices = list(_slices(nvml, handle))
    for device in slices or [handle]:
        held = nvml.nvmlDeviceGetMemoryInfo(device)
        yield Gpu(
            index=index,
            uuid=_text(nvml.nvmlDeviceGetUUID(device)),
            name=_text(nvml.nvmlDeviceGetName(device)),
            memory=int(held.total),
            free_memory=int(held.free),
            driver=driver,
            capability=".".join(map(str, nvml.nvmlDeviceGetCudaComputeCapability(handle))),
            processes=_processes(nvml, device),
            is_slice=bool(slices),
        )


def _slices(nvml: Any, handle: Any) -> Iterator[Any]:
    try:
        is_cut = nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE
        most = nvml.nvmlDeviceGetMaxMigDeviceCount(handle) if is_cut else 0
    except nvml.NVMLError:  # a GPU that knows no slices
        return
    for number in range(most):
        with contextlib.suppress(nvml.NVMLError):  # a place without a slice
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)


def _processes(nvml: Any, device: Any) -> tuple[GpuProcess, ...]:
    try:
        found = nvml.nvmlDeviceGetComputeRunningProcesses(device)
    except nvml.NVMLError:  # the driver may keep it to itself
        return ()
    return tuple(GpuProcess(pid=one.pid, owner=_owner(one.pid), memory=one.usedGpuMemory) for one in found)


def _owner(pid: int) -> str | None:
    """Whose process it is; None for one of another container, whose number means nothing here."""
    try:
        process = psutil.Process(pid)
        with contextlib.suppress(psutil.AccessDenied):
            if user := process.environ().get("JUPYTERHUB_USER"):
                return user
        return process.username()
    except psutil.Error:
        return None


def _text(value: str | bytes) -> str:
    """Give text, which older versions of the package write as bytes."""
    return value.decode() if isinstance(value, bytes) else value
