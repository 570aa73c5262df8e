"""Data-parallel Keras on executors in containers: one, two and four of them, and one that is killed in mid-training.

It is a notebook in a container of its own, as students have it; its cells assert.
"""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from docker_fixtures import require_docker
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = [pytest.mark.spark, pytest.mark.docker, pytest.mark.timeout(900)]

SETUP = """
import tempfile
import threading
import time
from pathlib import Path

import keras
import numpy as np
from pyarrow import parquet as pq

from coursekit import GiB, SparkCluster, dataset, faults
from coursekit.measure import auc
from coursekit.training import fit_on_executors

train, test = dataset("higgs", rows=10_000), dataset("higgs", rows=10_000, seed=1)


def build_model():
    import keras

    hidden = [keras.layers.Dense(32, "relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((28,)), *hidden, keras.layers.Dense(1, "sigmoid")])
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy")
    return model


def arrays(path):
    frame = pq.read_table(path).to_pandas()
    return frame.drop(columns="label").to_numpy(np.float32), frame["label"].to_numpy(np.float32)


def auc_of(model):
    x, y = arrays(test)
    return auc(y, model.predict(x, batch_size=4096, verbose=0)[:, 0]).value


cluster = SparkCluster(workers=4, cores=1, memory=2 * GiB, name="four")
spark = cluster.session("training")


def fit(workers, epochs=4, **options):
    return fit_on_executors(
        build_model, train, label="label", epochs=epochs, batch_size=500, workers=workers, show=False, **options
    )
"""

SAME = """
results = {workers: fit(workers) for workers in (1, 2, 4)}
for workers, result in results.items():
    print(workers, [round(loss, 4) for loss in result.history["loss"]], round(auc_of(result.model), 4))
    np.testing.assert_allclose(result.history["loss"], results[1].history["loss"], atol=1e-3)
assert results[1].history["loss"][-1] < results[1].history["loss"][0]
"""

ONE_PROCESS = """
keras.utils.set_random_seed(0)
here = build_model()
here.fit(*arrays(train), batch_size=500, epochs=4, verbose=0)
for workers, result in results.items():
    assert abs(auc_of(result.model) - auc_of(here)) < 0.005, (workers, auc_of(result.model), auc_of(here))
"""

KILLED = """
def slowly():
    import keras

    return [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: time.sleep(0.5))]


kept = Path(tempfile.mkdtemp())


def kill_in_mid_training():
    while not (kept / "newest.npz").exists():
        time.sleep(0.1)
    faults.kill_worker(cluster, 0)  # the container, by SIGKILL
    cluster.repair()


killing = threading.Thread(target=kill_in_mid_training)
killing.start()
killed = fit(4, checkpoint_dir=kept, callbacks=slowly, timeout_s=20)
killing.join()
print(killed.notes)
assert killed.resumes == 1
np.testing.assert_allclose(killed.history["loss"], results[1].history["loss"], atol=1e-3)
"""

CLOSE = """
cluster.close()
"""


def test_containers_train_as_one_process_does_even_if_one_of_them_is_killed(open_folder):
    require_docker("spark", "tensorflow")
    cells = [new_code_cell(source.strip()) for source in (SETUP, SAME, ONE_PROCESS, KILLED, CLOSE)]
    contract = {"title": "Four", "minutes": 5, "runtime": "tensorflow", "workers": 4, "memory": "2g", "cores": 1}
    source, out = open_folder / "four.ipynb", open_folder / "out"
    nbformat.write(new_notebook(cells=cells, metadata={"coursekit": contract}), source)
    command = [sys.executable, "-m", "coursekit", "notebook", "run", "--engine", "docker", "--tolerance", "0"]
    done = subprocess.run([*command, "--out", str(out), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
