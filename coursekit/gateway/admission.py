"""What is refused at once, for it could never be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from coursekit.cluster import ClusterSpec
from coursekit.config import format_memory
from coursekit.errors import CapacityError, ClusterDiffersError, GatewayError
from coursekit.gateway.quotas import Resources


def check_possible(spec: ClusterSpec, *, cap: Resources, total: Resources) -> None:
    """Refuse a worker that is more than its owner, or the class, may ever have: it would wait for ever."""
    worker = Resources(cores=spec.cores, memory=spec.memory, gpus=0)
    for limit, whose in ((cap, "you may have"), (total, "the class has")):
        if not worker.fits_in(limit):
            raise CapacityError(
                f"one worker of {spec.cores} cores and {format_memory(spec.memory)} is more than {whose} in all: "
                f"{limit.cores:g} cores and {format_memory(limit.memory)}.",
                fix="ask for smaller workers, and for more of them instead",
            )


def check_number(names: Iterable[str], *, most: int) -> None:
    """Refuse one cluster too many."""
    there = sorted(names)
    if len(there) >= most:
        raise GatewayError(
            f"you have {len(there)} clusters already: {', '.join(there)}.",
            fix="close one of them (coursekit cluster down NAME), or use it",
        )


def check_same_shape(there: ClusterSpec, wanted: ClusterSpec) -> None:
    """Refuse other workers under the name of a cluster that runs."""
    if replace(there, workers=wanted.workers) != wanted:
        raise ClusterDiffersError(
            f"cluster {there.name!r} runs with {there.cores} cores and {format_memory(there.memory)} per worker, "
            f"not with {wanted.cores} and {format_memory(wanted.memory)}.",
            fix=f"close it first (coursekit cluster down {there.name}), or give the new cluster another name",
        )
