"""What is refused at once, for it could never be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from coursekit.cluster import ClusterSpec
from coursekit.config import format_memory
from coursekit.errors import CapacityError, ClusterDiffersError, GatewayError
from coursekit.gateway.quotas import Resources


def worker_of(spec: ClusterSpec) -> Resources:
    """Give what each worker of a cluster takes."""
    return Resources(cores=spec.cores, memory=spec.memory, gpus=spec.gpus)


def check_possible(spec: ClusterSpec, *, cap: Resources, total: Resources) -> None:
    """Refuse a worker that is more than its owner, or the class, may ever have: it would wait for ever."""
    worker = worker_of(spec)
    for limit, whose in ((cap, "you may have"), (total, "the class has")):
        if not worker.fits_in(limit):
            raise CapacityError(
                f"one worker of {_shape(worker)} is more than {whose} in all: {_shape(limit)}.",
                fix="ask for smaller workers, and for more of them instead",
            )


def _shape(resources: Resources) -> str:
    gpus = f" and {resources.gpus} GPU{'' if resources.gpus == 1 else 's'}" if resources.gpus else ""
    return f"{resources.cores:g} cores{',' if gpus else ' and'} {format_memory(resources.memory)}{gpus}"


def check_number(names: Iterable[str], *, most: int) -> None:
    """Refuse one cluster too many."""
    there = sorted(names)
    if len(there) >= most:
        raise GatewayError(
            f"you have {len(there)} clusters already: {', '.join(there)}.",
            fix="close one of them (coursekit cluster down NAME), or use it",
        )


def is_same_shape(there: ClusterSpec, wanted: ClusterSpec) -> bool:
    """Tell whether two clusters differ in the number of their workers alone."""
    return replace(there, workers=wanted.workers) == wanted


def check_same_shape(there: ClusterSpec, wanted: ClusterSpec) -> None:
    """Refuse other workers under the name of a cluster that runs."""
    if not is_same_shape(there, wanted):
        raise ClusterDiffersError(
            f"cluster {there.name!r} runs with {_shape(worker_of(there))} per worker, "
            f"not with {_shape(worker_of(wanted))}.",
            fix=f"close it first (coursekit cluster down {there.name}), or give the new cluster another name",
        )
