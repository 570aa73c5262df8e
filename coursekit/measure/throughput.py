"""Samples per second by batch size, and what a training step costs at least."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from coursekit.measure.fits import Estimate

_SETTLE: Final = 2


def measure_throughput(
    step: Callable[[int], object], *, batch_sizes: Iterable[int], repeats: int = 5, settle: int = _SETTLE
) -> dict[int, Estimate]:
    """Give samples per second, by batch size.

    Parameters
    ----------
    step : callable
        Called with the batch size; returns when the step is *done*: a framework that only queues it on a GPU has to be
        waited for inside.
    batch_sizes : iterable of int
        Samples a step.
    repeats : int
        Steps that are timed for each.
    settle : int
        Steps before them that are not: the first ones trace, compile and fill caches.
    """
    found: dict[int, Estimate] = {}
    for size in sorted(set(batch_sizes)):
        for _ in range(settle):
            step(size)
        rates = []
        for _ in range(repeats):
            begin = time.perf_counter()
            step(size)
            rates.append(size / (time.perf_counter() - begin))
        error = statistics.stdev(rates) / len(rates) ** 0.5 if len(rates) > 1 else 0.0
        found[size] = Estimate(statistics.fmean(rates), error)
    return found


def attainable_flops(intensity: float, *, peak_flops: float, bandwidth: float) -> float:
    """Give the bound of the roofline model: what a step can compute at best, floating-point operations per second.

    Parameters
    ----------
    intensity : float
        Operations per byte that is moved to or from memory.
    peak_flops : float
        What the device computes at best, operations per second.
    bandwidth : float
        What its memory moves at best, bytes per second.

    References
    ----------
    S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore
    architectures", CACM 52, 65 (2009).
    """
    return min(peak_flops, intensity * bandwidth)


def dense_step(batch: int, widths: Sequence[int], *, bytes_per_number: int = 4) -> tuple[float, float]:
    """Count what a training step of a network of dense layers costs at least.

    Forward, the gradient of the inputs and that of the weights are three products of matrices, each of
    ``2 * batch * n * m`` operations. Weights are read twice and written with their gradients, activations are written
    and read again.

    Parameters
    ----------
    batch : int
        Samples.
    widths : sequence of int
        Of the input, of each layer, of the output.
    bytes_per_number : int
        4 for float32, 2 for half precision.

    Returns
    -------
    flops : float
        Operations of a step.
    moved : float
        Bytes that have to be moved to or from memory.
    """
    pairs = list(itertools.pairwise(widths))
    flops = sum(6.0 * batch * n * m for n, m in pairs)
    weights = sum(n * m for n, m in pairs)
    activations = batch * sum(widths)
    return flops, bytes_per_number * (4.0 * weights + 3.0 * activations)
