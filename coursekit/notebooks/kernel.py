"""The kernel that notebooks are executed with: this interpreter's own, whatever else is called python3."""

from __future__ import annotations

from typing import ClassVar

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from coursekit.notebooks.device import EXTENSION


class OwnKernelManager(AsyncKernelManager):
    """Starts ``sys.executable -m ipykernel_launcher``: a user's kernel of the same name would be found first."""

    returncode: ClassVar[int | None] = None  # of the last kernel that ended by itself

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict([f"--ext={EXTENSION}"]))

    async def cleanup_resources(self, restart: bool = False) -> None:  # type: ignore[override]
        """Note how the kernel ended, before its process is forgotten."""
        process = getattr(self.provisioner, "process", None)
        type(self).returncode = process.poll() if process else None
        await super().cleanup_resources(restart=restart)

    @classmethod
    def how_it_ended(cls) -> str:
        """Say how the last kernel ended, in a few words."""
        if cls.returncode is None:
            return "nobody knows how"
        if cls.returncode == -9:
            return "killed by signal 9, as the system does when memory runs out"
        return (
            f"killed by signal {-cls.returncode}" if cls.returncode < 0 else f"it left with exit code {cls.returncode}"
        )
