"""Build this machine's class-data archive, which makes every later start of Spark faster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from coursekit.cluster.runtime import archive_path, find_runtime
from coursekit.errors import ClusterStartError
from coursekit.spark.training import TrainingError, make_archive


def build_archive(*, fresh: bool = False, tell: Callable[[str], None] = lambda step: None) -> Path:
    """Build the archive of this Java and this Spark, unless it is there.

    Parameters
    ----------
    fresh : bool
        Whether to build it again.
    tell : callable
        Called with what is being done.

    Returns
    -------
    Path
        The archive, about 200 MB.

    Raises
    ------
    ClusterStartError
        If the training application or Java's dump fails.
    """
    runtime = find_runtime()
    path = archive_path(runtime)
    if path.exists() and not fresh:
        return path
    try:
        make_archive(runtime.java, path, tell=tell)
    except TrainingError as error:
        raise ClusterStartError(
            f"the archive could not be built: {error}",
            fix="clusters start without the archive too, only slower; run `coursekit doctor` to see what is wrong",
        ) from None
    return path
