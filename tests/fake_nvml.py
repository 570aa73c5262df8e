# ruff: noqa: N802 -- the names are NVIDIA's
"""NVIDIA's management library, as it would answer on a host that we do not have: the functions that `pynvml` has."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

GIB = 1024**3


@dataclass(kw_only=True)
class FakeGpu:
    """A GPU that is not there; ``slices`` are GPUs of their own that it is cut into."""

    uuid: str
    name: str = "NVIDIA Fake 9000"
    memory: int = 80 * GIB
    free: int = 80 * GIB
    pids: tuple[int, ...] = ()
    slices: tuple[FakeGpu, ...] = field(default=())


class FakeNvml:
    """Answers for some GPUs, or fails as where there is no driver."""

    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception):
        pass

    def __init__(self, *gpus: FakeGpu, has_driver: bool = True) -> None:
        self._gpus = gpus
        self._has_driver = has_driver
        self.opened = 0

    def nvmlInit(self) -> None:
        if not self._has_driver:
            raise self.NVMLError("NVML Shared Library Not Found")
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.opened -= 1

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.1"

    def nvmlDeviceGetCount(self) -> int:
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:
        return self._gpus[index]

    def nvmlDeviceGetMigMode(self, gpu: FakeGpu) -> list[int]:
        if gpu.slices:
            return [1, 1]
        raise self.NVMLError("Not Supported")

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: FakeGpu) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: FakeGpu, number: int) -> FakeGpu:
        if number >= len(gpu.slices):
            raise self.NVMLError("Not Found")
        return gpu.slices[number]

    def nvmlDeviceGetMemoryInfo(self, gpu: FakeGpu) -> Any:
        return SimpleNamespace(total=gpu.memory, free=gpu.free, used=gpu.memory - gpu.free)

    def nvmlDeviceGetUUID(self, gpu: FakeGpu) -> str:
        return gpu.uuid

    def nvmlDeviceGetName(self, gpu: FakeGpu) -> bytes:
        return gpu.name.encode()

    def nvmlDeviceGetCudaComputeCapability(self, gpu: FakeGpu) -> tuple[int, int]:
        return 9, 0

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: FakeGpu) -> list[Any]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=GIB) for pid in gpu.pids]
