"""An extension of a notebook's kernel that writes down, when the kernel ends, which device its frameworks computed on.

Only the kernel's own process knows: a notebook on a machine with a GPU may have used the processor all the same.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from pathlib import Path
from typing import Any, Final

EXTENSION: Final = __name__
FILE: Final = "COURSEKIT_DEVICE_FILE"
_FRAMEWORKS: Final = ("tensorflow", "jax", "torch")


def load_ipython_extension(shell: Any) -> None:
    """Look after each cell whether a framework was imported, until one was."""

    def look(*_: Any) -> None:
        if any(name in sys.modules for name in _FRAMEWORKS):
            shell.events.unregister("post_run_cell", look)
            # Now, and not before: what is registered last runs first, while the framework is still there.
            atexit.register(_write, Path(os.environ[FILE]))

    if FILE in os.environ:
        shell.events.register("post_run_cell", look)


def _write(path: Path) -> None:
    from coursekit.gpu import used_devices

    path.write_text("; ".join(str(device) for device in used_devices()), encoding="utf-8")


def take_note(path: Path) -> str:
    """Give what a kernel wrote, and remove the file; empty when it used no framework, or was killed."""
    text = ""
    with contextlib.suppress(OSError):
        text = path.read_text(encoding="utf-8")
        path.unlink()
    return text
