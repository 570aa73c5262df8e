"""A machine on which time passes only while a job runs: with it tests try out how somebody measures, without waiting.

What a test hands to a student's function leads, by ``__globals__``, to the module in which it was written. So it is
written here, and not in the test whose names are nobody's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class FakeMachine:
    """A machine, its clock, and one job that runs on it by Amdahl's law.

    Parameters
    ----------
    serial_s : float
        What one worker does alone, s.
    parallel_s : float
        What all of them share, s.
    first_s : float
        How much longer the first run of each number of workers takes, s.
    delays_s : sequence of float
        What the neighbours add to one run after the other, s; begins again at its end.
    """

    serial_s: float
    parallel_s: float
    first_s: float = 0.0
    delays_s: Sequence[float] = (0.0,)
    started: list[int] = field(default_factory=list, init=False)
    """The numbers of workers of all runs, in order."""
    _now_s: float = field(default=1000.0, init=False)
    _done: int = field(default=0, init=False)

    def clock(self) -> float:
        """Give the time, s, from some moment on."""
        return self._now_s

    def job(self, workers: int) -> FakeRun:
        """Start the job.

        Raises
        ------
        AssertionError
            If the run before is not done: two at once would disturb each other.
        """
        if self._done < len(self.started):
            raise AssertionError("a job was started before the one before it was done")
        first_s = 0.0 if workers in self.started else self.first_s
        delay_s = self.delays_s[len(self.started) % len(self.delays_s)]
        self.started.append(workers)
        return FakeRun(self, self.serial_s + self.parallel_s / workers + first_s + delay_s)

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds
        self._done += 1


class FakeRun:
    """A run of the job, of the form of a future: its time passes when its result is waited for."""

    def __init__(self, machine: FakeMachine, seconds: float) -> None:
        self._machine, self._seconds = machine, seconds
        self._is_done = False

    def done(self) -> bool:
        """Whether the run has ended."""
        return self._is_done

    def result(self, timeout: float | None = None) -> None:
        """Wait for the end; a run has no other result."""
        if not self._is_done:
            self._machine._pass(self._seconds)
            self._is_done = True
