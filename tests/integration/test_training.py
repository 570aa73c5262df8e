"""Keras on the executors of a real cluster, beside the same training in this process."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from coursekit import GiB, SparkCluster, faults
from coursekit.errors import SettingsError, TrainingError
from coursekit.training import EarlyStopping, Uniform, fit_on_executors, search_on_executors
from coursekit.training.batches import Batches
from coursekit.training.checkpoint import State

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

ROWS, BATCH, COLUMNS = 3001, 300, 6  # the last batch has one row, so one of two ranks has none of it


def make_model(units: int = 16, rate: float = 0.01, columns: int = COLUMNS, **compiled: Any) -> Any:
    """Give a function that builds a model; it goes to the executors as it is, for they do not have this module."""

    def build_model() -> Any:
        import keras

        layers = [keras.layers.Dense(units, "relu"), keras.layers.Dense(1, "sigmoid")]
        model = keras.Sequential([keras.Input((columns,)), *layers])
        options = {"loss": "binary_crossentropy", "metrics": ["accuracy"], **compiled}
        model.compile(optimizer=keras.optimizers.Adam(rate), **options)
        return model

    return build_model


def table(rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, COLUMNS))
    y = random.random(rows) < 1 / (1 + np.exp(-3 * x[:, 0] * x[:, 1] - x[:, 2]))
    return pa.table({**{f"x{number}": x[:, number] for number in range(COLUMNS)}, "label": y.astype(np.int32)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with the training table in three files, and a file with the table to validate with."""
    place = tmp_path_factory.mktemp("table")
    (place / "train").mkdir()
    whole = table(ROWS, seed=1)
    for number, start in enumerate((0, 700, 2100)):
        stop = (700, 2100, ROWS)[number]
        pq.write_table(whole.slice(start, stop - start), place / "train" / f"part-{number}.parquet", row_group_size=500)
    pq.write_table(table(501, seed=2), place / "validation.parquet")
    return place


@pytest.fixture(scope="module")
def cluster():
    with SparkCluster(workers=2, cores=1, memory=2 * GiB, name="training") as one:
        one.session("training")
        yield one


@pytest.fixture
def fit(cluster, folder):
    def call(build_model: Any = None, **options: Any) -> Any:
        settings = {"label": "label", "epochs": 3, "batch_size": BATCH, "seed": 5, "show": False, **options}
        return fit_on_executors(build_model or make_model(), folder / "train", **settings)

    return call


def train_here(folder: Path, build_model: Any, *, epochs: int, seed: int) -> tuple[Any, list[float], list[float]]:
    """Train in this process, batch after batch, without anything of coursekit but the order of the rows."""
    import keras

    def arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
        frame = pq.read_table(path).to_pandas()
        return frame.drop(columns="label").to_numpy(np.float32), frame["label"].to_numpy()

    x, y = arrays(folder / "train")
    keras.utils.set_random_seed(seed)
    model = build_model()
    losses, held_out = [], []
    batches = Batches(rows=ROWS, batch_size=BATCH, workers=1, seed=seed)
    for epoch in range(epochs):
        total = 0.0
        for rows in batches.order(0, epoch):
            model.reset_metrics()
            total += len(rows) * float(model.train_on_batch(x[rows], y[rows], return_dict=True)["loss"])
        losses.append(total / ROWS)
        held_out.append(
            float(model.evaluate(*arrays(folder / "validation.parquet"), verbose=0, return_dict=True)["loss"])
        )
    return model, losses, held_out


def test_two_workers_and_one_process_get_the_same_losses_and_weights(fit, folder):
    result = fit(validation=folder / "validation.parquet")
    model, losses, held_out = train_here(folder, make_model(), epochs=3, seed=5)
    np.testing.assert_allclose(result.history["loss"], losses, atol=1e-4)
    np.testing.assert_allclose(result.history["val_loss"], held_out, atol=1e-4)
    for theirs, ours in zip(result.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-3)
    assert losses[-1] < losses[0]
    assert (result.workers, result.resumes, len(result.epoch_s), result.devices) == (2, 0, 3, ["cpu", "cpu"])
    parameters = sum(weights.size for weights in model.get_weights())
    assert result.sent_bytes >= 3 * 11 * parameters * 4  # 2 (p - 1) / p = 1 for two ranks


def test_one_worker_gets_the_same_losses_again(fit, folder):
    _, losses, _ = train_here(folder, make_model(), epochs=2, seed=5)
    np.testing.assert_allclose(fit(epochs=2, workers=1).history["loss"], losses, atol=1e-4)


def test_a_killed_executor_resumes_from_the_last_checkpoint_and_ends_right(fit, folder, cluster, tmp_path):
    def slowly() -> list[Any]:
        import keras

        return [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: time.sleep(0.4))]

    def kill_when_two_epochs_are_done() -> None:
        while (
            not (tmp_path / "newest.npz").exists() or State.from_bytes((tmp_path / "newest.npz").read_bytes()).epoch < 2
        ):
            time.sleep(0.1)
        faults.kill_executor(cluster.session())

    killing = threading.Thread(target=kill_when_two_epochs_are_done)
    killing.start()
    result = fit(epochs=8, checkpoint_dir=tmp_path, callbacks=slowly, timeout_s=20)
    killing.join()
    assert result.resumes == 1
    assert "A rank was lost in epoch" in result.notes[0]
    assert "its last checkpoint" in result.notes[0]
    _, losses, _ = train_here(folder, make_model(), epochs=8, seed=5)
    np.testing.assert_allclose(result.history["loss"], losses, atol=1e-4)
    assert len(result.epoch_s) < 8  # what was done before was not done again


def test_training_goes_on_from_a_folder_as_if_it_had_not_stopped(fit, folder, tmp_path):
    fit(epochs=1, checkpoint_dir=tmp_path)
    result = fit(epochs=3, checkpoint_dir=tmp_path)
    _, losses, _ = train_here(folder, make_model(), epochs=3, seed=5)
    np.testing.assert_allclose(result.history["loss"], losses, atol=1e-4)
    assert len(result.epoch_s) == 2
    with pytest.raises(TrainingError, match="the checkpoint has weights of shapes"):
        fit(make_model(units=3), checkpoint_dir=tmp_path)


def test_early_stopping_ends_all_ranks_and_gives_the_best_weights(fit, folder):
    held_out = folder / "validation.parquet"
    result = fit(
        make_model(units=256, rate=0.05), epochs=40, validation=held_out, early_stopping=EarlyStopping(patience=2)
    )
    losses = result.history["val_loss"]
    assert result.stopped_early
    assert len(losses) == result.best_epoch + 3 < 40
    assert losses[result.best_epoch] == min(losses)
    frame = pq.read_table(held_out).to_pandas()
    loss, _ = result.model.evaluate(frame.drop(columns="label").to_numpy(np.float32), frame["label"], verbose=0)
    assert loss == pytest.approx(min(losses), abs=1e-4)


def test_layers_with_moving_statistics_and_dropout_train_on_two_workers(fit):
    def build_model() -> Any:
        import keras

        layers = keras.layers
        model = keras.Sequential(
            [keras.Input((6,)), layers.Dense(32), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.2)]
        )
        model.add(layers.Dense(1, "sigmoid"))
        model.compile(optimizer=keras.optimizers.Adam(0.01, clipnorm=1.0), loss="binary_crossentropy")
        return model

    losses = fit(build_model, epochs=4).history["loss"]
    assert losses[-1] < losses[0]


def test_an_error_in_the_readers_function_is_told_and_not_tried_again(fit, tmp_path):
    def fails_on_a_rank() -> list[Any]:
        with (tmp_path / "calls").open("a") as file:
            file.write("x")
        raise ValueError("no callbacks today")

    with pytest.raises(TrainingError, match=r"on rank [01]: ValueError: no callbacks today") as caught:
        fit(callbacks=fails_on_a_rank)
    assert "fails_on_a_rank" in caught.value.__notes__[0]
    assert len((tmp_path / "calls").read_text()) <= 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 3}, "workers = 3, but the session has 2 executors"),
        ({"workers": 0}, "somebody has to work"),
        ({"batch_size": 1}, "leaves some of 2 ranks without a row"),
        ({"batch_size": 4000}, r"batch_size = 4,000, but the table has 3,001 rows"),
        ({"epochs": 0}, "epochs = 0"),
        ({"label": "target"}, "has no column 'target'"),
        ({"features": ["x0", "x1"]}, "the model takes 6 features, but the table has 2"),
        ({"build_model": lambda: None}, "gave NoneType, not a compiled model"),
        ({"backend": "theano"}, "cannot train"),
        ({"validation": "/nowhere.parquet"}, "cannot be read"),
        ({"early_stopping": EarlyStopping()}, "nothing to validate with"),
        ({"checkpoint_dir": "/proc/nowhere"}, "cannot be kept in /proc/nowhere"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_starts(fit, cluster, options, message):
    tracker = cluster.session().sparkContext.statusTracker()
    before = len(tracker.getJobIdsForGroup())
    with pytest.raises(SettingsError, match=message):
        fit(**options)
    assert len(tracker.getJobIdsForGroup()) == before


def test_a_loss_that_is_a_sum_is_refused(fit):
    import keras

    with pytest.raises(SettingsError, match="no mean over rows"):
        fit(make_model(loss=keras.losses.BinaryCrossentropy(reduction="sum")))


@pytest.fixture
def search(cluster):
    def call(evaluate: Any, space: Any, **options: Any) -> Any:
        return search_on_executors(evaluate, space, **{"show": False, **options})

    return call


def test_a_random_search_finds_the_same_trials_and_scores_wherever_it_runs(search, cluster):
    def evaluate(depth: int, rate: float, seed: int) -> float:
        from sklearn.datasets import make_classification
        from sklearn.model_selection import cross_val_score
        from sklearn.tree import DecisionTreeClassifier

        data = make_classification(400, random_state=0)
        model = DecisionTreeClassifier(max_depth=depth, min_impurity_decrease=rate, random_state=seed, max_features=3)
        return float(cross_val_score(model, *data, cv=3).mean())

    space = {"depth": [1, 2, 5], "rate": Uniform(low=1e-4, high=0.1, log=True)}
    from coursekit.training.space import draw, seeds
    from coursekit.training.trial import Trial, run_trial

    result = search(evaluate, space, trials=6, seed=3)
    here = [
        run_trial(evaluate, Trial(number=number, values=values, seed=own)).metrics["score"]
        for number, (values, own) in enumerate(zip(draw(space, 6, 3), seeds(6, 3), strict=True))
    ]
    assert result.table.sort_values("trial")["score"].tolist() == here
    assert result.best_score == max(here)
    assert result.table.iloc[0][["depth", "rate"]].to_dict() == result.best


def test_a_failed_and_a_killed_trial_are_results(search):
    def evaluate(kind: str) -> dict[str, float]:
        import os
        import signal

        if kind == "raises":
            raise ValueError("bad luck")
        if kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return {"accuracy": 0.5, "loss": 1.0}

    result = search(evaluate, {"kind": ["good", "raises", "killed"]}, method="grid", metric="loss", maximize=False)
    errors = result.table.set_index("kind")["error"]
    assert result.best == {"kind": "good"}
    assert errors["raises"] == "ValueError: bad luck"
    assert "was killed 2 times" in errors["killed"]
    assert "raise ValueError" in result.errors[1]


def test_halving_gives_more_to_the_best_with_keras_too(search):
    def evaluate(rate: float, budget: int, seed: int) -> float:
        import keras
        import numpy as np

        keras.utils.set_random_seed(seed % 2**31)
        x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
        return -float(model.fit(x, 2 * x, epochs=budget, verbose=0).history["loss"][-1])

    result = search(evaluate, {"rate": [1e-5, 1e-4, 0.2]}, method="halving", trials=4, budgets=(1, 2, 4), seed=1)
    assert result.table["budget"].tolist() == [4, 2, 1, 1]
    rounds = result.table.set_index("trial")
    assert rounds.loc[result.table["trial"][0], "rate"] == rounds["rate"].max()
