"""Data-parallel Keras on executors beside one process, and beside a plain loop written by hand.

Three ways train the same network on the same table with the same global batch, in one run:

- `fit_on_executors`, with 1, 2 and 4 workers of one core;
- Keras's ``fit`` in one process with as many threads;
- TensorFlow's own data-parallel loop, ``MultiWorkerMirroredStrategy`` with ``strategy.run`` and ``tf.data``, in as many
  processes with one thread each.

The first epoch of each is left out: it traces the step. With more workers than cores they take turns, and
times say nothing of speed-up; losses and AUC are worth comparing all the same.

Examples
--------
    python benchmarks/training.py
    python benchmarks/training.py --rows 100000 --workers 2 --json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet as pq
from sklearn.metrics import roc_auc_score

from coursekit import GiB, SparkCluster, dataset
from coursekit.training import fit_on_executors

COLUMNS = 28
TEST_ROWS = 20_000


def make_model(units: int) -> Any:
    """Give a function that builds the network, and goes to the executors as it is."""

    def build_model() -> Any:
        import keras

        hidden = [keras.layers.Dense(units, "relu") for _ in range(2)]
        model = keras.Sequential([keras.Input((28,)), *hidden, keras.layers.Dense(1, "sigmoid")])
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy")
        return model

    return build_model


def load(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    frame = pq.read_table(dataset("higgs", rows=rows, seed=seed)).to_pandas()
    return frame.drop(columns="label").to_numpy(np.float32), frame["label"].to_numpy(np.float32)


def on_executors(options: argparse.Namespace, workers: int) -> dict[str, Any]:
    with SparkCluster(workers=workers, cores=1, memory=2 * GiB, name="benchmark") as cluster:
        result = fit_on_executors(
            make_model(options.units),
            dataset("higgs", rows=options.rows),
            label="label",
            epochs=options.epochs,
            batch_size=options.batch,
            spark=cluster.session("benchmark"),
            show=False,
        )
    x, y = load(TEST_ROWS, seed=1)
    return {
        "epoch_s": result.epoch_s,
        "losses": result.history["loss"],
        "auc": roc_auc_score(y, result.model.predict(x, batch_size=4096, verbose=0)[:, 0]),
        "startup_s": round(result.startup_s, 1),
        "waited_share": round(result.waited_s / sum(result.epoch_s), 3),
    }


def in_processes(options: argparse.Namespace, way: str, processes: int, threads: int) -> dict[str, Any]:
    """Run this program again as one or several processes of a plain training."""
    ports = [_free_port() for _ in range(processes)]
    with tempfile.TemporaryDirectory() as folder:
        started = []
        for rank in range(processes):
            workers = {"worker": [f"127.0.0.1:{port}" for port in ports]}
            settings = {
                **os.environ,
                "TF_CONFIG": json.dumps({"cluster": workers, "task": {"type": "worker", "index": rank}}),
                "TF_CPP_MIN_LOG_LEVEL": "2",
            }
            command = [sys.executable, __file__, "--way", way, "--threads", str(threads), "--out", f"{folder}/{rank}"]
            for name in ("rows", "epochs", "batch", "units"):
                command += [f"--{name}", str(getattr(options, name))]
            started.append(subprocess.Popen(command, env=settings, stderr=subprocess.DEVNULL))
        codes = [one.wait() for one in started]
        if any(codes):
            raise SystemExit(f"{way} ended with exit codes {codes}")
        return dict(json.loads(Path(folder, "0").read_text()))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def plain(options: argparse.Namespace) -> dict[str, Any]:
    """Train in this process: Keras's fit, or a loop by hand under TensorFlow's strategy."""
    import time

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(max(2, options.threads))
    strategy = tf.distribute.MultiWorkerMirroredStrategy() if options.way == "strategy" else None
    x, y = load(options.rows, seed=0)
    import keras

    keras.utils.set_random_seed(0)
    if strategy is None:
        model, times = make_model(options.units)(), []
        timer = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: times.append(-time.perf_counter()),
            on_epoch_end=lambda epoch, logs: times.append(times.pop() + time.perf_counter()),
        )
        history = model.fit(x, y, batch_size=options.batch, epochs=options.epochs, verbose=0, callbacks=[timer])
        losses = history.history["loss"]
    else:
        model, times, losses = _train_by_hand(options, strategy, x, y)
    x, y = load(TEST_ROWS, seed=1)
    auc = roc_auc_score(y, np.asarray(model(x))[:, 0])
    return {"epoch_s": times, "losses": losses, "auc": auc}


def _train_by_hand(options: argparse.Namespace, strategy: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """Train as TensorFlow's guide for several workers does: each reads its part, the strategy averages."""
    import time

    import keras
    import tensorflow as tf

    rank, ranks = strategy.cluster_resolver.task_id, strategy.num_replicas_in_sync
    own = slice(len(x) * rank // ranks, len(x) * (rank + 1) // ranks)
    rows = tf.data.Dataset.from_tensor_slices((x[own], y[own][:, None])).shuffle(own.stop - own.start, seed=0)
    batches = rows.batch(options.batch // ranks, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    distributed = strategy.distribute_datasets_from_function(lambda context: batches)
    with strategy.scope():
        model = make_model(options.units)()
        optimizer = keras.optimizers.Adam(1e-3)
        optimizer.build(model.trainable_variables)

    @tf.function
    def step(inputs: Any) -> Any:
        def one(features: Any, label: Any) -> Any:
            with tf.GradientTape() as tape:
                each = keras.losses.binary_crossentropy(label, model(features, training=True))
                loss = tf.reduce_sum(each) / options.batch
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            return loss

        return strategy.reduce("SUM", strategy.run(one, args=inputs), axis=None)

    steps = options.rows // ranks // (options.batch // ranks)
    times, losses = [], []
    for _ in range(options.epochs):
        began, total = time.perf_counter(), 0.0
        iterator = iter(distributed)
        for _ in range(steps):
            total += step(next(iterator))
        losses.append(float(total) / steps)
        times.append(time.perf_counter() - began)
    return model, times, losses


def compare(options: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "rows": options.rows,
        "batch": options.batch,
        "units": options.units,
        "cores": os.cpu_count(),
        "ways": {},
    }
    for workers in options.workers:
        ours = on_executors(options, workers)
        ways = {
            "executors": ours,
            "one_process": in_processes(options, "fit", 1, workers),
            "plain_loop": in_processes(options, "strategy", workers, 1),
        }
        figures["ways"][str(workers)] = ways
        for way in ways.values():
            way["epoch_s"] = [round(one, 3) for one in way["epoch_s"]]
            way["median_s"] = round(statistics.median(way["epoch_s"][1:]), 3)
        if not options.json:
            print(_table(workers, ways), flush=True)
    every = figures["ways"].values()
    figures["overhead_over_plain_loop"] = {
        workers: round(ways["executors"]["median_s"] / ways["plain_loop"]["median_s"], 3)
        for workers, ways in figures["ways"].items()
    }
    losses = np.array([ways["executors"]["losses"] for ways in every])
    figures["loss_spread_over_workers"] = float(np.ptp(losses, axis=0).max())
    figures["auc_from_one_process"] = max(abs(ways["executors"]["auc"] - ways["one_process"]["auc"]) for ways in every)
    figures["load"] = round(os.getloadavg()[0], 1)
    return figures


def _table(workers: int, ways: dict[str, dict[str, Any]]) -> str:
    lines = [f"\n{workers} workers{'epoch, s':>24}{'last loss':>12}{'AUC':>8}"]
    lines += [
        f"  {name:20}{way['median_s']:>12.3f}{way['losses'][-1]:>12.4f}{way['auc']:>8.4f}" for name, way in ways.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000, help="of the HIGGS-like data (default 100,000)")
    parser.add_argument("--epochs", type=int, default=5, help="of which the first is not timed (default 5)")
    parser.add_argument("--batch", type=int, default=1_000, help="rows of all ranks together (default 1,000)")
    parser.add_argument("--units", type=int, default=300, help="of each of two hidden layers (default 300)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="(default 1 2 4)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--way", choices=("fit", "strategy"), help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        options.out.write_text(json.dumps(plain(options)))
        return
    figures = compare(options)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"\n{options.rows:,} rows, batch {options.batch:,}; {os.cpu_count()} cores, load {figures['load']}, ", end="")
    print(f"Python {platform.python_version()}")
    for name in ("overhead_over_plain_loop", "loss_spread_over_workers", "auc_from_one_process"):
        print(f"{name} {figures[name]}")


if __name__ == "__main__":
    main()
