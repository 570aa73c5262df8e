"""What comes of a training on executors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """A trained model, and how the training went.

    Parameters
    ----------
    model : keras.Model
        In the driver, compiled, with the weights of the best epoch (with early stopping) or of the last one.
    history : dict of str to list of float
        Metrics of each epoch over the rows of all ranks, named as Keras does. A metric that is no mean over rows, such
        as AUC, is the mean of the ranks' own values: evaluate ``model`` for the exact one.
    best_epoch : int or None
        The best epoch, the first being 0; None without early stopping.
    stopped_early : bool
        Whether patience ended before the epochs did.
    workers : int
        Ranks.
    batch_size : int
        Rows of a batch, of all ranks together.
    rows : int
        Rows of an epoch.
    seconds : float
        From the call to the end, s.
    startup_s : float
        Of it, until the slowest rank had imported the framework, read its rows and built the model, s.
    epoch_s : list of float
        Training time of each epoch of the last attempt, of the slowest rank and without validation, s.
    waited_s : float
        Mean over ranks of the time spent in exchanging gradients, s; it includes waiting for slower ranks.
    sent_bytes : int
        Bytes that each rank sent to its neighbour, the most of any.
    resumes : int
        How often ranks were lost and training went on from a checkpoint.
    notes : list of str
        What was out of the ordinary, in words.
    devices : list of str
        What each rank computed on.
    backend : str
        Keras's.
    """

    model: Any
    history: dict[str, list[float]]
    best_epoch: int | None
    stopped_early: bool
    workers: int
    batch_size: int
    rows: int
    seconds: float
    startup_s: float
    epoch_s: list[float]
    waited_s: float
    sent_bytes: int
    resumes: int
    notes: list[str]
    devices: list[str]
    backend: str

    @property
    def rows_per_s(self) -> float:
        """Training throughput of all ranks, rows per second; not a number when no epoch was trained."""
        return self.rows * len(self.epoch_s) / sum(self.epoch_s) if sum(self.epoch_s) else float("nan")

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4f}" for name, values in self.history.items())
        resumed = f", resumed {self.resumes} times" if self.resumes else ""
        return (
            f"FitResult({self.workers} ranks on {self.backend}, {len(next(iter(self.history.values()), []))} epochs: "
            f"{last}; {self.rows_per_s:,.0f} rows/s, {self.seconds:.1f} s in all, {self.startup_s:.1f} s of it to "
            f"start{resumed})"
        )
