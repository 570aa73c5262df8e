"""What a rank does between batches and after each epoch, as a callback of Keras."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import keras
import numpy as np

from coursekit.training.checkpoint import State
from coursekit.training.patience import Best

if TYPE_CHECKING:
    from coursekit.training.coordinator import Driver
    from coursekit.training.rank import Job
    from coursekit.training.ring import Ring

_REPORT_S: Final = 0.5


def make_follower(job: Job, ring: Ring, driver: Driver, state: State | None, *, held_out: int) -> Follower:
    """Make the callback of a rank that begins, or goes on from a state.

    Parameters
    ----------
    held_out : int
        Rows that this rank validates with.
    """
    return Follower(
        job,
        ring,
        driver,
        history=state.history if state else [],
        best=Best(**(state.best if state else {})),
        held_out=held_out,
    )


class Follower(keras.callbacks.Callback):  # type: ignore[misc]
    """Makes each epoch's metrics those of all ranks, decides when to stop, and reports to the driver.

    It comes first among the callbacks, so that others see, and decide by, the metrics of all.
    """

    def __init__(
        self, job: Job, ring: Ring, driver: Driver, *, history: list[dict[str, float]], best: Best, held_out: int
    ) -> None:
        super().__init__()
        self._job = job
        self._ring = ring
        self._driver = driver
        self._history = list(history)
        self._best = best
        self._held_out = held_out
        self._seen: dict[str, float] = {}
        self._began = self._reported = self._trained = 0.0
        self.epoch_s: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._began = self._reported = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report now and then; remember the metrics as they were before a batch in which no row was ours."""
        self._trained = time.monotonic()
        batches = self._job.batches
        if batches.size(self._ring.rank, batch):
            self._seen = dict(logs or {})
        if self._ring.rank == 0 and self._trained - self._reported > _REPORT_S:
            self._reported = self._trained
            rate = batches.batch_size * (batch + 1) / (self._trained - self._began)
            loss = float(self._seen.get("loss", np.nan))
            self._driver.tell("step", step=batch + 1, steps=batches.steps, loss=loss, rows_per_s=rate)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Average metrics and moving statistics over all ranks; keep the state; stop when it is time."""
        assert logs is not None
        self.epoch_s.append(self._trained - self._began)
        logs.update(self._average({**logs, **{name: self._seen[name] for name in logs if name in self._seen}}))
        self._average_statistics()
        self._history.append(dict(logs))
        is_best, is_over = self._judge(epoch, logs)
        is_last = is_over or epoch + 1 == self._job.epochs
        is_due = (epoch + 1) % self._job.checkpoint_every == 0
        if self._ring.rank == 0:
            blob = self._state().to_bytes() if is_best or is_last or is_due else b""
            rate = self._job.batches.rows / self.epoch_s[-1]
            self._driver.finish_epoch(blob, is_best=is_best, logs=dict(logs), rows_per_s=rate)
        if is_over:
            self.model.stop_training = True

    def _average(self, logs: dict[str, float]) -> dict[str, float]:
        """Weigh each rank's metrics with its rows."""
        rows = len(self._job.batches.part(self._ring.rank))
        names = sorted(logs)
        weights = [self._held_out if name.startswith("val_") else rows for name in names]
        sums = np.array([*(weight * logs[name] for name, weight in zip(names, weights, strict=True)), *weights], float)
        self._ring.all_reduce(sums)
        values, totals = np.split(sums, 2)
        return {name: float(value / total) for name, value, total in zip(names, values, totals, strict=True)}

    def _average_statistics(self) -> None:
        """Average what layers have gathered of their own rows, such as the means of batch normalization."""
        own = [one for one in self.model.non_trainable_variables if "float" in str(one.dtype)]
        if own and self._ring.size > 1:
            rows = len(self._job.batches.part(self._ring.rank)) / self._job.batches.rows
            arrays = [np.asarray(keras.ops.convert_to_numpy(one)) for one in own]
            flat = np.concatenate([np.ravel(one).astype(np.float64) for one in arrays]) * rows
            self._ring.all_reduce(flat)
            parts = np.split(flat, np.cumsum([one.size for one in arrays])[:-1])
            for variable, array, part in zip(own, arrays, parts, strict=True):
                variable.assign(part.reshape(array.shape).astype(array.dtype))

    def _judge(self, epoch: int, logs: dict[str, float]) -> tuple[bool, bool]:
        """Tell whether this epoch is the best one, and whether patience has ended."""
        rule = self._job.early_stopping
        if rule is None:
            return False, False
        if rule.monitor not in logs:
            raise KeyError(f"early stopping monitors {rule.monitor!r}, but the metrics are {', '.join(logs)}")
        self._best = self._best.after(epoch, logs[rule.monitor], rule)
        return self._best.epoch == epoch, self._best.is_over(rule)

    def _state(self) -> State:
        numpy = keras.ops.convert_to_numpy
        return State(
            weights=self.model.get_weights(),
            optimizer=[np.asarray(numpy(one)) for one in self.model.optimizer.variables],
            history=self._history,
            best=self._best.as_json(),
        )
