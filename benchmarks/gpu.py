"""A training step on this machine's GPU: Keras beside a loop written by hand, full and mixed precision, beside the CPU.

Two networks of the course: a multilayer perceptron on 28 features, and a convolutional network on 32 x 32 images; the
data are drawn at random, for only time is measured. Keras' `fit` and a plain loop in the same framework
(``plain_training.py``) start from the same weights and see the same batches in the same order, so their losses are
compared too: a loop that did less work would show. Each device has a process of its own; the processor's is a run of
the same script with the GPUs hidden. Epochs are timed after one that is not, in which everything is compiled.

Examples
--------
    python benchmarks/gpu.py
    python benchmarks/gpu.py --backend torch --batch 16384 --steps 100 --json
    python benchmarks/gpu.py --batch 256 --steps 10 --repeats 2 --devices cpu     # a minute, without a GPU
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
from plain_training import PLAIN

from coursekit.gpu import BACKENDS, choose_backend, device_of, gpus

MODELS = {
    "mlp": ["dense", "dense", "dense", "output"],
    "cnn": ["convolution", "convolution", "convolution", "flatten", "dense", "output"],
}
POLICIES = {"float32": "float32", "mixed": "mixed_bfloat16"}


def make_model(name: str, policy: str) -> Any:
    """Make a network of the course; its outputs are logits."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(policy)
    if name == "mlp":
        hidden = [layers.Dense(512, "relu") for _ in range(3)]
        return keras.Sequential([keras.Input((28,)), *hidden, layers.Dense(1, dtype=policy)])
    convolutions = [layers.Conv2D(width, 3, 2, "same", activation="relu") for width in (32, 64, 128)]
    dense = [layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(10, dtype=policy)]
    return keras.Sequential([keras.Input((32, 32, 3)), *convolutions, *dense])


def make_data(name: str, rows: int) -> tuple[Any, Any]:
    """Draw inputs and targets."""
    rng = np.random.default_rng(1)
    shape = (rows, 28) if name == "mlp" else (rows, 32, 32, 3)
    return rng.normal(size=shape).astype(np.float32), rng.integers(0, 2 if name == "mlp" else 10, rows)


def time_keras(model: Any, name: str, x: Any, y: Any, options: argparse.Namespace) -> tuple[list[float], float]:
    """Fit for one epoch that is not timed and some that are; give their seconds and the first one's loss."""
    import keras

    kind = keras.losses.BinaryCrossentropy if name == "mlp" else keras.losses.SparseCategoricalCrossentropy
    model.compile(keras.optimizers.Adam(1e-3), kind(from_logits=True), steps_per_execution=options.steps_per_execution)
    seconds, losses = [], []
    for _ in range(1 + options.repeats):
        began = time.perf_counter()
        history = model.fit(x, y, batch_size=options.batch, shuffle=False, verbose=0)
        seconds.append(time.perf_counter() - began)
        losses.append(float(history.history["loss"][0]))
    return seconds[1:], losses[0]


def time_plain(epoch: Any, x: Any, y: Any, options: argparse.Namespace) -> tuple[list[float], float]:
    """Run the plain loop as `time_keras` runs Keras."""
    seconds, losses = [], []
    for _ in range(1 + options.repeats):
        began = time.perf_counter()
        losses.append(epoch(x, y, options.batch))
        seconds.append(time.perf_counter() - began)
    return seconds[1:], losses[0]


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time all networks and precisions on the device of this process."""
    choose_backend(options.backend)
    rows = options.batch * options.steps
    found = []
    for name in options.models:
        x, y = make_data(name, rows)
        for precision in options.precisions:
            model = make_model(name, POLICIES[precision])
            first = [np.array(weight) for weight in model.get_weights()]
            keras_s, keras_loss = time_keras(model, name, x, y, options)
            make_plain, compiled = PLAIN[options.backend], bool(model.jit_compile)
            plain = make_plain(MODELS[name], first, is_mixed=precision == "mixed", compiled=compiled)
            plain_s, plain_loss = time_plain(plain, x, y, options)
            if not np.isclose(keras_loss, plain_loss, rtol=0.02):
                raise SystemExit(f"{name}, {precision}: Keras lost {keras_loss}, the plain loop {plain_loss}")
            keras_rate, plain_rate = (rows / statistics.median(each) for each in (keras_s, plain_s))
            device = device_of(model)
            found.append(
                {
                    "device": device.kind,
                    "device_name": device.name,
                    "model": name,
                    "precision": precision,
                    "keras_samples_per_s": round(keras_rate),
                    "plain_samples_per_s": round(plain_rate),
                    "keras_over_plain": round(keras_rate / plain_rate, 3),
                    "spread": round(max(max(each) / min(each) for each in (keras_s, plain_s)), 2),
                    "keras_loss": round(keras_loss, 4),
                    "plain_loss": round(plain_loss, 4),
                }
            )
    return found


def run_on(device: str, arguments: list[str]) -> list[dict[str, Any]]:
    """Measure in a process of its own, which sees the GPUs or none."""
    hidden = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"} if device == "cpu" else {}
    command = [sys.executable, __file__, *arguments, "--here"]
    done = subprocess.run(command, env={**os.environ, **hidden}, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the run on the {device} ended with {done.returncode}")
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def main() -> None:
    options = parse()
    if options.here:
        print(json.dumps(measure(options)))
        return
    there = gpus()
    devices = options.devices or (["gpu", "cpu"] if there else ["cpu"])
    if "gpu" in devices and not there:
        raise SystemExit("no GPU is seen here (coursekit gpu says why); --devices cpu measures the processor")
    rows = [row for device in devices for row in run_on(device, sys.argv[1:])]
    on_cpu = {(row["model"], row["precision"]): row["keras_samples_per_s"] for row in rows if row["device"] == "cpu"}
    for row in rows:
        base = on_cpu.get((row["model"], row["precision"]))
        row["over_cpu"] = round(row["keras_samples_per_s"] / base, 2) if base else None
    conditions = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "gpus": [{"name": gpu.name, "driver": gpu.driver, "capability": gpu.capability} for gpu in there],
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        **{key: getattr(options, key) for key in ("backend", "batch", "steps", "repeats", "steps_per_execution")},
    }
    for key, value in conditions.items():
        print(f"{key}: {value}")
    columns = [key for key in rows[0] if not key.endswith("loss")]
    print(" | ".join(columns))
    for row in rows:
        print(" | ".join(str(row[key]) for key in columns))
    if options.json:
        print(json.dumps({**conditions, "rows": rows}))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=BACKENDS, default=os.environ.get("KERAS_BACKEND", "tensorflow"))
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=list(MODELS))
    parser.add_argument("--precisions", nargs="+", choices=tuple(POLICIES), default=list(POLICIES))
    parser.add_argument(
        "--devices", nargs="+", choices=("gpu", "cpu"), help="default: a GPU if there is one, and the CPU"
    )
    parser.add_argument("--batch", type=int, default=4096, help="samples a step")
    parser.add_argument("--steps", type=int, default=50, help="steps an epoch")
    parser.add_argument("--repeats", type=int, default=5, help="epochs that are timed")
    parser.add_argument("--steps-per-execution", type=int, default=1, help="steps that Keras does without coming back")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
