"""A black box for searches: a training that takes no time, with a known best value, noise, failures and a journal.

It is written here and not in a test for the reason that `coursekit.grading.machine` gives.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class BlackBox:
    """A training that scores a trial at once, on the driver or on an executor, and writes down that it did.

    A trial is a mapping of hyper-parameters to numbers, with a ``"seed"`` of its own. The same trial with the same
    budget gets the same score, wherever it runs.

    Parameters
    ----------
    journal : Path
        The file that each training is written to. Drivers and executors have to see the same file.
    best : mapping of str to float
        Where the best trial is; positive, for distances are counted in powers of ten.
    noise : float
        Standard deviation of the score's noise with a budget of 1; it falls with the root of the budget.
    slow : float
        What the very best trial lacks with a budget of 1; it falls as one over the budget. Trials far from the best
        lack nothing, so a small budget flatters them.
    crashes : mapping of int to int
        Seeds of trials that raise an error, and the budget from which on they do.
    gives : mapping of int to object
        What some trials give in place of a score, by their seed: nan, say, or None.
    """

    journal: Path
    best: Mapping[str, float]
    noise: float = 0.0
    slow: float = 0.0
    crashes: Mapping[int, int] = field(default_factory=dict)
    gives: Mapping[int, Any] = field(default_factory=dict)

    def value(self, trial: Mapping[str, Any]) -> float:
        """Give what the trial is worth: 0 for the best, minus the squared distance in powers of ten for the others."""
        return -sum(math.log10(float(trial[name]) / best) ** 2 for name, best in self.best.items())

    def __call__(self, trial: Mapping[str, Any], budget: int) -> Any:
        """Train, which takes no time, and give a score; higher is better.

        Raises
        ------
        MemoryError
            For a trial that crashes.
        """
        own, budget = int(trial["seed"]), int(budget)
        write_journal(self.journal, seed=own, budget=budget)
        if budget >= self.crashes.get(own, math.inf):
            raise MemoryError(f"trial with seed {own} does not fit")
        if own in self.gives:
            return self.gives[own]
        value = self.value(trial)
        luck = float(np.random.default_rng([own, budget]).normal())
        return value - self.slow * math.exp(value) / budget + self.noise * luck / math.sqrt(budget)

    def run(self, trials: Sequence[Mapping[str, Any]], budget: int) -> list[dict[str, Any]]:
        """Train some trials here, one after the other, and give a row for each.

        Parameters
        ----------
        trials : sequence of mapping
            What to train.
        budget : int
            What each of them gets.

        Returns
        -------
        list of dict
            ``"trial"`` (its place among those given), ``"score"`` (nan if it failed) and ``"error"`` (empty if not).
        """
        rows: list[dict[str, Any]] = []
        for number, trial in enumerate(trials):
            score, error = math.nan, ""
            try:
                found = self(trial, budget)
                if isinstance(found, float) and math.isfinite(found):
                    score = found
                else:
                    error = f"ValueError: the score is {found!r}"
            except MemoryError as problem:
                error = f"MemoryError: {problem}"
            rows.append({"trial": number, "score": score, "error": error})
        return rows


def write_journal(journal: Path, **entry: float) -> None:
    """Write one line to a journal: what is given, the process, and the partition (-1 outside of Spark's tasks)."""
    from pyspark import TaskContext

    task = TaskContext.get()
    line = {**entry, "process": os.getpid(), "partition": task.partitionId() if task else -1}
    with journal.open("a", encoding="utf-8") as file:  # one short write, so lines of several processes do not mix
        file.write(json.dumps(line) + "\n")


def read_journal(journal: Path) -> list[dict[str, Any]]:
    """Read what has been written so far, in order; nothing if there is no such file."""
    if not journal.exists():
        return []
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
