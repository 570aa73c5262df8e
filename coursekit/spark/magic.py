"""``spark = %sc 4``: a driver and four executors in one line."""

from __future__ import annotations

import argparse
import shlex
import time
from typing import TYPE_CHECKING, Any, NoReturn

from coursekit.config import GiB, parse_memory
from coursekit.errors import SettingsError
from coursekit.spark.cluster import SparkCluster, start_and_tell
from coursekit.spark.progress import show_progress

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from pyspark.sql import SparkSession

_USAGE = "write it like:  spark = %sc 4   or   spark = %sc 2 --cores 1 --memory 2g --name mine   or   %sc stop"

_clusters: dict[str, SparkCluster] = {}


class _Parser(argparse.ArgumentParser):
    """Raises instead of leaving the program."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"%sc: {message}.", fix=_USAGE)


def register(shell: InteractiveShell) -> None:
    """Add ``%sc`` to a notebook's kernel, and show failures as cards, other errors of the course as message and fix.

    From then on cells show the progress of Spark's jobs (`coursekit.spark.progress`).
    """
    from coursekit.errors import CoursekitError
    from coursekit.spark.failing import kinds_of_failure, silence_echoes

    kernel: Any = shell  # IPython's own types do not know of plain functions as magics
    kernel.register_magic_function(start_cluster, magic_kind="line", magic_name="sc")
    kernel.set_custom_exc((CoursekitError, *kinds_of_failure()), _show_error)
    silence_echoes()
    show_progress()


def start_cluster(line: str) -> SparkSession | None:
    """Start, scale or show a cluster: ``%sc N``, ``%sc`` alone, ``%sc stop``.

    Jobs then show their progress in the cell that started them; ``%env COURSEKIT_PROGRESS=0`` switches that off.

    Parameters
    ----------
    line : str
        The number of executors (0: local mode) and ``--cores``, ``--memory``, ``--name``.

    Returns
    -------
    SparkSession or None
        A session on the cluster; None for ``%sc`` alone and ``%sc stop``.
    """
    options = _parse(line)
    known = _clusters.get(options.name)
    if options.what == "stop":
        if known is not None:
            _clusters.pop(options.name).close()
            print(f"Cluster {options.name!r} is stopped.")
        return None
    if options.what is None:
        _show(known)
        return None
    started = time.monotonic()
    cluster = SparkCluster(
        _number(options.what), cores=options.cores, memory=parse_memory(options.memory), name=options.name
    )
    _clusters[options.name] = cluster
    spark = cluster.session(options.app)
    print(start_and_tell(cluster, started))
    return spark


def _parse(line: str) -> argparse.Namespace:
    parser = _Parser(prog="%sc", add_help=False)
    parser.add_argument("what", nargs="?")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--memory", default=str(2 * GiB))
    parser.add_argument("--name", default="default")
    parser.add_argument("--app", default="coursekit")
    return parser.parse_args(shlex.split(line))


def _number(text: str) -> int:
    if not text.isdigit():
        raise SettingsError(f"%sc: {text!r} is not a number of executors.", fix=_USAGE)
    return int(text)


def _show(cluster: SparkCluster | None) -> None:
    from IPython.display import display

    if cluster is None:
        print("No cluster was started from this notebook.", _USAGE)
    else:
        display(cluster)  # type: ignore[no-untyped-call]


def _show_error(shell: Any, kind: type[BaseException], error: BaseException, trace: Any, tb_offset: Any = None) -> Any:
    """Show a card, or message and fix, in place of a stack trace, but let the cell fail all the same."""
    from coursekit.errors import CoursekitError
    from coursekit.spark.failing import make_card, show_card, show_failure

    if not isinstance(error, CoursekitError):
        return show_failure(shell, kind, error, trace, tb_offset)
    if (card := make_card(shell, error, trace)) is not None:
        return show_card(shell, kind, error, card)
    shown = [f"\x1b[31m{kind.__name__}\x1b[0m: {error}"]
    shell._showtraceback(kind, str(error), shown)
    return shown
