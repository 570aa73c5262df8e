"""One rank of a data-parallel training: what runs in each barrier task, in the Python process of an executor."""

from __future__ import annotations

import json
import socket
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from coursekit.errors import CoursekitError, PeerLostError
from coursekit.training.averaging import average_gradients, import_keras, prepare_device
from coursekit.training.batches import Batches
from coursekit.training.checkpoint import State, check_shapes
from coursekit.training.coordinator import Driver
from coursekit.training.patience import EarlyStopping
from coursekit.training.ring import Ring, listen
from coursekit.training.shards import Shards, read_part
from coursekit.training.wire import connect

Report = dict[str, Any]

_START_S: Final = 300.0  # importing TensorFlow takes from seconds to a minute, and each rank another time


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that a rank has to know.

    Parameters
    ----------
    build_model : callable
        Gives a compiled Keras model.
    shards, validation : Shards
        The tables; ``validation`` may be None.
    batches : Batches
        How the first is divided.
    epochs : int
        To train.
    seed : int
        Of the weights, and of layers that draw.
    early_stopping : EarlyStopping or None
        When to end earlier.
    checkpoint_every : int
        Epochs between states that are kept.
    callbacks : callable or None
        Gives further Keras callbacks.
    backend : str
        Keras's.
    threads : int
        Of each rank.
    coordinator : tuple of str and int
        Where the driver listens.
    secret : bytes
        The run's.
    timeout_s : float
        Longest wait for a neighbour, s.
    """

    build_model: Callable[[], Any]
    shards: Shards
    validation: Shards | None
    batches: Batches
    epochs: int
    seed: int
    early_stopping: EarlyStopping | None
    checkpoint_every: int
    callbacks: Callable[[], list[Any]] | None
    backend: str
    threads: int
    coordinator: tuple[str, int]
    secret: bytes
    timeout_s: float


def run_task(job: Job) -> Callable[[Iterable[Any]], Iterator[Report]]:
    """Give the function for ``RDD.barrier().mapPartitions``."""

    def run(_: Iterable[Any]) -> Iterator[Report]:
        from pyspark import BarrierTaskContext

        context = BarrierTaskContext.get()
        rank = context.partitionId()
        host = context.getTaskInfos()[rank].address.rpartition(":")[0]
        listener = listen(host)
        own = json.dumps([host, listener.getsockname()[1], context.taskAttemptId()])
        peers = [json.loads(told) for told in context.allGather(own)]
        attempt = min(number for _, _, number in peers)  # of another attempt of the stage they are greater
        yield run_rank(job, rank, [(host, port) for host, port, _ in peers], listener, attempt)

    return run


def run_rank(
    job: Job, rank: int, addresses: list[tuple[str, int]], listener: socket.socket, attempt: int = 0
) -> Report:
    """Train as one of several ranks, and tell the driver how it goes.

    What fails in the reader's own code is reported and ends all ranks. A rank that is lost is an error of this task:
    Spark then runs all of them again.
    """
    name = f"{rank} {attempt}"
    driver = Driver(connect(job.coordinator, job.secret, name=name, timeout_s=job.timeout_s))
    ring: Ring | None = None
    try:
        ring = Ring(rank, addresses, listener, job.secret, timeout_s=_START_S)
        return _train(job, ring, driver)
    except Exception as error:  # whatever the reader's functions raise
        lost = error if isinstance(error, PeerLostError) else (ring.error if ring else None)
        if lost is None:
            said = error.message if isinstance(error, CoursekitError) else error
            fix = error.fix if isinstance(error, CoursekitError) else ""
            driver.tell("failed", error=f"{type(error).__name__}: {said}", fix=fix, trace=traceback.format_exc())
        elif not driver.should_stop():
            raise lost from None
    finally:
        if ring is not None:
            ring.close()
        listener.close()
        driver.close()
    return {"rank": rank, "is_done": False}


def _train(job: Job, ring: Ring, driver: Driver) -> Report:
    began = time.monotonic()
    state = driver.ask_checkpoint()
    if state is not None and state.is_done(job.epochs, job.early_stopping):
        return {"rank": ring.rank, "is_done": True}  # a rank was lost after the last epoch
    first = state.epoch if state else 0
    keras = import_keras(job.backend)
    device = prepare_device(job.backend, job.threads)
    keras.utils.clear_session()  # the Python process of an executor may have trained before
    # Each rank draws its own dropout; that the first weights are the same is seen to below.
    keras.utils.set_random_seed(_seed_of(job.seed, ring.rank, first))
    model = job.build_model()
    rows = read_part(job.shards, job.batches.part(ring.rank))
    held_out = _read_validation(job.validation, ring)
    _set_state(model, state, ring, columns=rows[0].shape[1])
    from coursekit.training.follow import make_follower  # it needs Keras with its backend chosen

    steps = _Steps(job.batches, ring)
    average_gradients(model, steps.average, job.backend)
    follower = make_follower(job, ring, driver, state, held_out=len(held_out[0]) if held_out else 0)
    ring.all_reduce(np.zeros(1))  # all are ready
    ring.timeout_s = job.timeout_s
    startup_s = time.monotonic() - began
    driver.tell("ready", device=device)
    model.fit(
        generate(job.batches, ring.rank, *rows, epochs=range(first, job.epochs)),
        steps_per_epoch=job.batches.steps,
        epochs=job.epochs,
        initial_epoch=first,
        validation_data=held_out,
        validation_batch_size=max(job.batches.size(ring.rank, 0), 256),
        verbose=0,
        shuffle=False,
        callbacks=[follower, *(job.callbacks() if job.callbacks else [])],
    )
    return {
        "rank": ring.rank,
        "is_done": True,
        "startup_s": startup_s,
        "epoch_s": follower.epoch_s,
        "waited_s": steps.waited_s,
        "sent_bytes": ring.sent_bytes,
        "device": device,
    }


def generate(
    batches: Batches, rank: int, x: NDArray[Any], y: NDArray[Any], *, epochs: range
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Give a rank's part of every batch, epoch after epoch.

    A rank without a row in an epoch's last batch gives one that does not count: Keras has no batches without rows.
    """
    for epoch in epochs:
        for chosen in batches.order(rank, epoch):
            some = chosen if len(chosen) else np.zeros(1, np.intp)
            yield x[some], y[some]


class _Steps:
    """Counts the batches, for each rank's gradients weigh as much as it has rows in the batch."""

    def __init__(self, batches: Batches, ring: Ring) -> None:
        self._batches = batches
        self._ring = ring
        self._step = 0
        self.waited_s = 0.0

    def average(self, gradients: NDArray[np.float32]) -> NDArray[np.float32]:
        """Average the gradients of one batch over its rows."""
        began = time.monotonic()
        size, total = self._batches.size(self._ring.rank, self._step), self._batches.total(self._step)
        self._step = (self._step + 1) % self._batches.steps
        whole = gradients * np.float32(size / total) if size else np.zeros_like(gradients)
        self._ring.all_reduce(whole)
        self.waited_s += time.monotonic() - began
        return whole


def _set_state(model: Any, state: State | None, ring: Ring, *, columns: int) -> None:
    """Give every rank the weights of the checkpoint, or those that rank 0 drew."""
    if not model.built:
        model.build((None, columns))
    model.optimizer.build(model.trainable_variables)
    if state is not None:
        check_shapes(state, model.weights)
        model.set_weights(state.weights)
        for variable, value in zip(model.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        return
    weights = model.get_weights()
    flat = np.concatenate([np.ravel(one).astype(np.float64) for one in weights])
    flat *= ring.rank == 0
    ring.all_reduce(flat)
    parts = np.split(flat, np.cumsum([one.size for one in weights])[:-1])
    model.set_weights([part.reshape(one.shape).astype(one.dtype) for part, one in zip(parts, weights, strict=True)])


def _read_validation(shards: Shards | None, ring: Ring) -> tuple[NDArray[Any], NDArray[Any]] | None:
    if shards is None:
        return None
    start, stop = (shards.total * number // ring.size for number in (ring.rank, ring.rank + 1))
    return read_part(shards, range(start, stop))


def _seed_of(seed: int, rank: int, epoch: int) -> int:
    """Give rank 0 of a fresh start the reader's seed itself, so that it draws the weights that one process would."""
    if rank == epoch == 0:
        return seed
    return int(np.random.SeedSequence([seed, rank, epoch]).generate_state(1)[0])
