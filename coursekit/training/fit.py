"""`fit_on_executors`: Keras's ``fit``, data-parallel on the executors of a Spark session."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coursekit.config import format_memory
from coursekit.errors import SettingsError, TrainingError
from coursekit.training.averaging import choose_backend, import_keras
from coursekit.training.batches import Batches
from coursekit.training.checkpoint import Checkpoints, State, check_shapes
from coursekit.training.coordinator import Coordinator
from coursekit.training.patience import EarlyStopping
from coursekit.training.place import Place
from coursekit.training.rank import Job, Report, run_task
from coursekit.training.result import FitResult
from coursekit.training.shards import Paths, Shards, find_shards
from coursekit.training.show import Display

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_VALUE_BYTES: Final = 4


def fit_on_executors(
    build_model: Callable[[], Any],
    shards: Paths,
    *,
    label: str,
    epochs: int,
    batch_size: int,
    features: Sequence[str] | None = None,
    validation: Paths | None = None,
    workers: int | None = None,
    spark: SparkSession | None = None,
    seed: int = 0,
    shuffle: bool = True,
    early_stopping: EarlyStopping | None = None,
    checkpoint_dir: str | Path | None = None,
    checkpoint_every: int = 1,
    resume: bool = True,
    callbacks: Callable[[], list[Any]] | None = None,
    backend: str | None = None,
    timeout_s: float = 60.0,
    show: bool = True,
) -> FitResult:
    """Train a Keras model on several executors at once, with the result that one process would have.

    One barrier task, a *rank*, runs on each executor. A rank reads its own rows from the Parquet files, computes the
    gradients of its part of each batch with Keras's ``fit``, and averages them with the other ranks in a ring. All
    ranks so make the same step, that of the whole batch.

    Parameters
    ----------
    build_model : callable
        Gives a compiled Keras model with the loss as a mean over rows (Keras's default). Called in the driver, which
        checks the model, and on every rank; so it should import Keras itself.
    shards : path or sequence of paths
        Parquet files, or folders of them, that executors find under the same paths. Each rank keeps its rows in
        memory; the driver reads none.
    label : str
        The column to predict.
    epochs : int
        To train, at least 1.
    batch_size : int
        Rows of a batch, of all ranks together: at least ``workers``, at most the table's rows.
    features : sequence of str, optional
        The input's columns, all numeric; every column but the label when not given.
    validation : path or sequence of paths, optional
        Another table, on which the model is evaluated after each epoch.
    workers : int, optional
        Ranks; as many as there are executors when not given (one in Spark's local mode).
    spark : SparkSession, optional
        The active session when not given.
    seed : int
        Of the weights, of what layers draw and of the batches, 0 to 2**32 - 1.
    shuffle : bool
        Make other batches in each epoch.
    early_stopping : EarlyStopping, optional
        Stop when a metric gets no better, and take the best weights.
    checkpoint_dir : path, optional
        A folder of the driver's in which the newest and the best state are kept, so that another kernel can go on.
        Within a run, a lost rank needs none: states are kept in the driver.
    checkpoint_every : int
        Epochs between states.
    resume : bool
        Go on from what is in ``checkpoint_dir``; False removes it.
    callbacks : callable, optional
        Gives more Keras callbacks, called on each rank. They see the metrics of all ranks and have to decide the same
        on each, as Keras's ``ReduceLROnPlateau`` does.
    backend : {"tensorflow", "jax", "torch"}, optional
        Keras's; ``KERAS_BACKEND``, or TensorFlow, when not given.
    timeout_s : float
        A rank that does nothing for so long is given up, s.
    show : bool
        Show loss and throughput while it runs.

    Returns
    -------
    FitResult
        The model with its weights, the history, times and throughput.

    Raises
    ------
    SettingsError
        If batch, shards, workers or model do not fit together; before anything starts.
    MissingPackageError
        If Keras or the backend is not installed.
    TrainingError
        If the reader's functions fail on a rank, or ranks are lost more often than Spark tries again.

    Notes
    -----
    Equal to one process are the gradients, so the weights and losses, up to rounding. Not equal are layers that draw
    (each rank drops out units of its own) and batch normalization (each rank normalizes with its part of the batch;
    the moving statistics are averaged after each epoch).

    Examples
    --------
    >>> def build_model():
    ...     import keras
    ...
    ...     model = keras.Sequential(
    ...         [keras.Input((28,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(1, "sigmoid")]
    ...     )
    ...     model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    ...     return model
    >>> with SparkCluster(workers=2) as cluster:  # doctest: +SKIP
    ...     spark = cluster.session("training")
    ...     result = fit_on_executors(
    ...         build_model, dataset("higgs", rows=100_000), label="label", epochs=5, batch_size=1024
    ...     )
    ...     result.history["loss"]
    """
    began = time.monotonic()
    place = Place(spark)
    workers = place.choose_workers(workers)
    table = find_shards(shards, label=label, features=features)
    held_out = None if validation is None else find_shards(validation, label=label, features=table.features)
    settings = _Settings(epochs=epochs, batch_size=batch_size, seed=seed, checkpoint_every=checkpoint_every)
    _check(settings, place, table, held_out, workers)
    if early_stopping is not None and early_stopping.monitor.startswith("val_") and held_out is None:
        raise SettingsError(
            f"early stopping monitors {early_stopping.monitor!r}, but there is nothing to validate with.",
            fix='give validation=, or EarlyStopping(monitor="loss")',
        )
    backend = choose_backend(backend)
    model = _build(build_model, backend, table)
    checkpoints = Checkpoints(None if checkpoint_dir is None else Path(checkpoint_dir).expanduser())
    if not resume:
        checkpoints.clear()
    elif checkpoints.newest:
        check_shapes(State.from_bytes(checkpoints.newest), model.weights)
    batches = Batches(rows=table.total, batch_size=batch_size, workers=workers, seed=seed if shuffle else None)
    with Coordinator(place.host, checkpoints, epochs=epochs) as coordinator:
        job = Job(
            build_model=build_model,
            shards=table,
            validation=held_out,
            batches=batches,
            epochs=epochs,
            seed=seed,
            early_stopping=early_stopping,
            checkpoint_every=checkpoint_every,
            callbacks=callbacks,
            backend=backend,
            threads=place.cores,
            coordinator=coordinator.address,
            secret=coordinator.secret,
            timeout_s=timeout_s,
        )
        reports = _run(place, job, coordinator, Display(is_wanted=show))
    return _result(job, model, checkpoints, reports, coordinator, time.monotonic() - began)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settings:
    epochs: int
    batch_size: int
    seed: int
    checkpoint_every: int


def _check(settings: _Settings, place: Place, table: Shards, held_out: Shards | None, workers: int) -> None:
    """Refuse what does not fit, before anything starts."""
    for name, value in (("epochs", settings.epochs), ("checkpoint_every", settings.checkpoint_every)):
        if value < 1:
            raise SettingsError(f"{name} = {value}, but it has to be at least 1.", fix=f"use {name}=1 or more")
    if not 0 <= settings.seed < 2**32:
        raise SettingsError(f"seed = {settings.seed} is not from 0 to 2**32 - 1.", fix="use a number from 0")
    if settings.batch_size < workers:
        raise SettingsError(
            f"batch_size = {settings.batch_size} leaves some of {workers} ranks without a row.",
            fix=f"use batch_size={workers} or more; it counts the rows of all ranks together",
        )
    if settings.batch_size > table.total:
        raise SettingsError(
            f"batch_size = {settings.batch_size:,}, but the table has {table.total:,} rows.",
            fix=f"use batch_size={max(table.total, 1):,} or less",
        )
    if held_out is not None and held_out.total < workers:
        raise SettingsError(
            f"the validation table has {held_out.total} rows for {workers} ranks.", fix="give at least a row for each"
        )
    needed = -(-table.total // workers) * (len(table.features) + 1) * _VALUE_BYTES
    if (there := place.python_memory) is not None and needed > there:
        raise SettingsError(
            f"each of {workers} ranks would hold {format_memory(needed)} of rows, but a worker has about "
            f"{format_memory(there)} for Python.",
            fix="use more workers, workers with more memory, or fewer rows",
        )


def _build(build_model: Callable[[], Any], backend: str, table: Shards) -> Any:
    """Build the model in the driver, and see whether it can be trained."""
    keras = import_keras(backend)
    model = build_model()
    if not isinstance(model, keras.Model) or not model.compiled or model.optimizer is None:
        raise SettingsError(
            f"build_model() gave {type(model).__name__}, not a compiled model.",
            fix="let it return a keras.Model after model.compile(optimizer=..., loss=...)",
        )
    reduction = getattr(model.loss, "reduction", "")
    if reduction in ("sum", "none"):
        raise SettingsError(
            f"the loss has reduction={reduction!r}: its gradients are no mean over rows.",
            fix='use reduction="sum_over_batch_size", which is the default',
        )
    columns = len(table.features)
    if not model.built:
        model.build((None, columns))
    shape = model.input_shape
    if isinstance(shape, tuple) and len(shape) == 2 and shape[1] not in (None, columns):
        raise SettingsError(
            f"the model takes {shape[1]} features, but the table has {columns}.",
            fix="name the columns with features=, or change the model's Input",
        )
    return model


def _run(place: Place, job: Job, coordinator: Coordinator, display: Display) -> list[Report]:
    """Run the ranks, and show how they stand."""
    workers = job.batches.workers
    rdd = place.on_whole_executors(place.context.parallelize(range(workers), workers)).barrier()
    # Spark runs a barrier stage again only where a shuffle follows; the last stage of a job might have had effects
    # (DAGScheduler, "Could not recover from a failed barrier ResultStage").
    ranks = rdd.mapPartitions(run_task(job)).map(lambda report: (0, report)).partitionBy(1).values()

    def look() -> None:
        display.show_standing(coordinator.standing)

    try:
        reports: list[Report] = place.run(ranks.collect, workers=workers, look=look)
    except (TrainingError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise TrainingError(
            f"the ranks could not be run: {str(error).strip().splitlines()[0]}",
            fix="look at the trace below, and at cluster.logs()",
        ) from error
    if coordinator.error:
        theirs = "mend the function; it fails on the executors, not in the driver"
        failed = TrainingError(coordinator.error, fix=coordinator.fix or theirs)
        failed.add_note(coordinator.trace)
        raise failed
    display.show_standing(coordinator.standing, is_over=True)
    return reports


def _result(
    job: Job, model: Any, checkpoints: Checkpoints, reports: list[Report], coordinator: Coordinator, seconds: float
) -> FitResult:
    newest = State.from_bytes(checkpoints.newest)
    best = State.from_bytes(checkpoints.best) if job.early_stopping and checkpoints.best else newest
    model.set_weights(best.weights)
    timed = [report for report in reports if "epoch_s" in report]
    standing = replace(coordinator.standing)
    return FitResult(
        model=model,
        history={name: [logs[name] for logs in newest.history] for name in newest.history[-1]},
        best_epoch=newest.best.get("epoch"),
        stopped_early=newest.epoch < job.epochs,
        workers=job.batches.workers,
        batch_size=job.batches.batch_size,
        rows=job.batches.rows,
        seconds=seconds,
        startup_s=max((report["startup_s"] for report in timed), default=0.0),
        epoch_s=[max(times) for times in zip(*(report["epoch_s"] for report in timed), strict=True)],
        waited_s=sum(report["waited_s"] for report in timed) / max(1, len(timed)),
        sent_bytes=max((report["sent_bytes"] for report in timed), default=0),
        resumes=standing.resumes,
        notes=standing.notes,
        devices=standing.devices,
        backend=job.backend,
    )
