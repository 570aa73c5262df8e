"""Times of one job on different numbers of workers, and what they say about it.

What is fitted are times, not speed-ups: a speed-up is a quotient of two measured times, and a fit to speed-ups would
count the errors of the first one again in all others.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.errors import SettingsError
from coursekit.measure.fits import Estimate, Fit, Model, Term, fit_terms

Progress = Callable[[int, int, str], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """Times of one job on different numbers of workers.

    Parameters
    ----------
    seconds : mapping of int to sequence of float
        Wall-clock seconds of each repeat, by number of workers; one worker has to be among them.
    work_grows : bool
        Whether the work grew with the workers (weak scaling), or stayed the same (strong scaling).

    Raises
    ------
    SettingsError
        If one worker was not measured, or a time is not positive.
    """

    seconds: Mapping[int, Sequence[float]]
    work_grows: bool = False

    def __post_init__(self) -> None:
        if not self.seconds.get(1):
            raise SettingsError(
                f"workers = {sorted(self.seconds)} lacks 1, which every speed-up is measured against.",
                fix="measure one worker too",
            )
        for workers, times in self.seconds.items():
            if workers < 1 or any(not 0 < value < float("inf") for value in times):
                raise SettingsError(
                    f"{workers} workers with times of {list(times)} s cannot be.", fix="give positive seconds"
                )

    @property
    def workers(self) -> tuple[int, ...]:
        """The numbers of workers that were measured, in order."""
        return tuple(sorted(workers for workers, times in self.seconds.items() if times))

    def time(self, workers: int) -> Estimate:
        """Give the mean time, s, and its standard error (0 for one repeat: nothing is known of it then)."""
        times = self.seconds[workers]
        error = statistics.stdev(times) / len(times) ** 0.5 if len(times) > 1 else 0.0
        return Estimate(statistics.fmean(times), error)

    def speedup(self, workers: int) -> Estimate:
        """Give how much faster the work is done than by one worker.

        Where the work grows with the workers, ``n`` times as much of it is done: the *scaled* speed-up.
        """
        one, many = self.time(1), self.time(workers)
        value = one.value / many.value * (workers if self.work_grows else 1)
        error = value * float(np.hypot(one.error / one.value, many.error / many.value)) if workers > 1 else 0.0
        return Estimate(value, error)

    def efficiency(self, workers: int) -> Estimate:
        """Give the speed-up per worker."""
        speedup = self.speedup(workers)
        return Estimate(speedup.value / workers, speedup.error / workers)

    def karp_flatt(self, workers: int) -> Estimate:
        r"""Give the serial share that a speed-up amounts to, :math:`e = (1/S - 1/n) / (1 - 1/n)`.

        Where it stays the same over ``n``, a serial part limits the job; where it rises, overhead that grows with the
        workers does; a negative one is a speed-up above ``n``, or a bad first time [1]_.

        Raises
        ------
        SettingsError
            For one worker, of which it says nothing.

        References
        ----------
        .. [1] A. H. Karp, H. P. Flatt, "Measuring parallel processor performance", CACM 33, 539 (1990).
        """
        if workers < 2:
            raise SettingsError("Karp and Flatt's share is not defined for 1 worker.", fix="ask for 2 or more")
        speedup = self.speedup(workers)
        scale = 1 - 1 / workers
        return Estimate((1 / speedup.value - 1 / workers) / scale, speedup.error / speedup.value**2 / scale)

    def rows(self) -> list[dict[str, Any]]:
        """Give one row per number of workers, for a table."""
        return [
            {
                "workers": workers,
                "repeats": len(self.seconds[workers]),
                "seconds": str(self.time(workers)),
                "speed-up": str(self.speedup(workers)),
                "efficiency": str(self.efficiency(workers)),
                "Karp-Flatt": str(self.karp_flatt(workers)) if workers > 1 else "",
            }
            for workers in self.workers
        ]

    def amdahl(self) -> Model:
        r"""Fit :math:`T(n) = T_1 (f + (1 - f) / n)`: a share ``f`` of the work is done by one worker alone [1]_.

        References
        ----------
        .. [1] G. M. Amdahl, "Validity of the single processor approach to achieving large scale computing
           capabilities", AFIPS 30, 483 (1967).
        """
        _require(not self.work_grows, "Amdahl's law is of work that stays the same", "gustafson()")
        fit = self._fit(np.ones_like, lambda n: 1 / n)
        serial, parallel = fit.values
        whole = serial + parallel
        share = fit.function(serial / whole, np.array([parallel, -serial]) / whole**2)
        return fit.model("Amdahl", {"serial share": share, "seconds on one": fit.function(whole, np.ones(2))})

    def universal(self) -> Model:
        r"""Fit :math:`T(n) = T_1 (1 + \sigma (n - 1) + \kappa n (n - 1)) / n`, the universal scalability law [1]_.

        ``contention`` (:math:`\sigma`) is what waits for one another, ``coherence`` (:math:`\kappa`) what everybody
        exchanges with everybody: with it more workers are slower from some number on.

        References
        ----------
        .. [1] N. J. Gunther, "A general theory of computational scalability based on rational functions",
           arXiv:0808.1431 (2008).
        """
        _require(not self.work_grows, "the universal law is of work that stays the same", "gustafson()")
        fit = self._fit(lambda n: 1 / n, lambda n: (n - 1) / n, lambda n: n - 1)
        one, contention, coherence = fit.values
        of_contention = np.array([-contention / one**2, 1 / one, 0])
        of_coherence = np.array([-coherence / one**2, 0, 1 / one])
        return fit.model(
            "universal scalability law",
            {
                "contention": fit.function(contention / one, of_contention),
                "coherence": fit.function(coherence / one, of_coherence),
                "seconds on one": fit.coefficient(0),
            },
        )

    def gustafson(self) -> Model:
        r"""Fit :math:`T(n) = T_1 (1 + g (n - 1))`, whose scaled speed-up is :math:`n / (1 + g (n - 1))`.

        Gustafson's serial share of the time *on n processors* is :math:`f' = (n - S) / (n - 1)` [1]_, given by
        `serial_share`; for a perfect job, whose time stays the same, it is 0.

        References
        ----------
        .. [1] J. L. Gustafson, "Reevaluating Amdahl's law", CACM 31, 532 (1988).
        """
        _require(self.work_grows, "Gustafson's law is of work that grows with the workers", "amdahl()")
        fit = self._fit(np.ones_like, lambda n: n - 1)
        one, growth = fit.values
        rate = fit.function(growth / one, np.array([-growth / one**2, 1 / one]))
        return fit.model("Gustafson", {"growth": rate, "seconds on one": fit.coefficient(0)})

    def serial_share(self, workers: int) -> Estimate:
        """Give Gustafson's serial share, of the time on that many workers, from their scaled speed-up."""
        _require(self.work_grows, "Gustafson's share is of work that grows with the workers", "karp_flatt()")
        _require(workers > 1, "Gustafson's share is not defined for 1 worker", "2 or more")
        speedup = self.speedup(workers)
        return Estimate((workers - speedup.value) / (workers - 1), speedup.error / (workers - 1))

    def _fit(self, *terms: Term) -> Fit:
        if len(self.workers) < len(terms):
            raise SettingsError(
                f"workers = {list(self.workers)} are {len(self.workers)} points for {len(terms)} parameters.",
                fix="measure more numbers of workers",
            )
        points = [(float(workers), value) for workers in self.workers for value in self.seconds[workers]]
        n, seconds = np.array(points).T
        return fit_terms(n, seconds, terms)


def _require(holds: bool, what: str, instead: str) -> None:
    if not holds:
        raise SettingsError(f"{what}.", fix=f"use {instead} instead")


def measure_scaling(
    job: Callable[[int], object],
    *,
    workers: Iterable[int],
    repeats: int = 3,
    prepare: Callable[[int], object] | None = None,
    work_grows: bool = False,
    progress: Progress | None = None,
) -> Scaling:
    """Time a job on different numbers of workers.

    Each number is prepared once and then measured ``repeats`` times; the numbers are gone through in turns, so that a
    neighbour who slows the machine down for a while does so for all of them.

    Parameters
    ----------
    job : callable
        Called with the number of workers; returns when the work is done.
    workers : iterable of int
        Numbers of workers; 1 has to be among them.
    repeats : int
        Times that each is measured.
    prepare : callable, optional
        Called with the number before each time, not timed: scale the cluster, warm it up.
    work_grows : bool
        Whether the job does ``n`` times the work on ``n`` workers.
    progress : callable, optional
        Called with how many were done, how many there are, and what comes next.
    """
    counts = sorted(set(workers))
    if 1 not in counts or repeats < 1:
        raise SettingsError(
            f"workers = {counts}, repeats = {repeats}: one worker has to be measured, and each at least once.",
            fix="use workers=(1, 2, 4), repeats=3",
        )
    seconds: dict[int, list[float]] = {count: [] for count in counts}
    turns = [count for turn in range(repeats) for count in (counts if turn % 2 == 0 else reversed(counts))]
    for number, count in enumerate(turns):
        if progress is not None:
            progress(number, len(turns), f"{count} workers")
        if prepare is not None:
            prepare(count)
        begin = time.perf_counter()
        job(count)
        seconds[count].append(time.perf_counter() - begin)
    if progress is not None:
        progress(len(turns), len(turns), "done")
    return Scaling(seconds=seconds, work_grows=work_grows)
