"""Machine learning on provisioned resources: what a course's notebooks import.

>>> from coursekit import GiB, SparkCluster, dataset
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coursekit.config import GiB, KiB, MiB
from coursekit.errors import CoursekitError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from coursekit.cluster import ClusterSpec
    from coursekit.datasets import dataset
    from coursekit.spark import SparkCluster

__all__ = ["ClusterSpec", "CoursekitError", "GiB", "KiB", "MiB", "SparkCluster", "dataset"]
__version__ = "0.1.0"

# Imported when they are asked for, so that the command line starts fast.
_HOMES = {"ClusterSpec": "coursekit.cluster", "SparkCluster": "coursekit.spark", "dataset": "coursekit.datasets"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'coursekit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Make ``%load_ext coursekit`` add the ``%sc`` magic."""
    from coursekit.spark.magic import register

    register(shell)
