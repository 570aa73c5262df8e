"""HIGGS-like events: any number of rows, the same rows whoever generates them.

The columns, their order and their normalisation are those of the public HIGGS set of the UCI repository (Whiteson 2014,
doi:10.24432/C5V312). Rows come in chunks of `CHUNK_ROWS`, each from a random stream of its own (seed and index), so
that a laptop and a hundred Spark executors make the same data set::

    def generate(indices):  # for DataFrame.mapInPandas
        for frame in indices:
            for index in frame["id"]:
                yield higgs.chunk(seed, int(index)).to_pandas()

"The same" holds for one version of numpy on one kind of processor; elsewhere the last digits may differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from coursekit.datasets.higgs_detector import observe
from coursekit.datasets.higgs_physics import draw_background, draw_signal
from coursekit.datasets.kinematics import FloatArray
from coursekit.errors import SettingsError

CHUNK_ROWS: Final = 10_000
SIGNAL_FRACTION: Final = 0.53  # as in the public set
EFFICIENCY: Final = 0.30  # of the selection, rounded down: how many collisions to draw for one row

LABEL: Final = "label"
LOW_LEVEL: Final = (
    "lepton_pT",
    "lepton_eta",
    "lepton_phi",
    "missing_energy_magnitude",
    "missing_energy_phi",
    *(f"jet_{k}_{name}" for k in (1, 2, 3, 4) for name in ("pt", "eta", "phi", "b_tag")),
)
HIGH_LEVEL: Final = ("m_jj", "m_jjj", "m_lv", "m_jlv", "m_bb", "m_wbb", "m_wwbb")
FEATURES: Final = LOW_LEVEL + HIGH_LEVEL
COLUMNS: Final = (LABEL, *FEATURES)
SCHEMA: Final = pa.schema([(name, pa.float32()) for name in COLUMNS])

# Every column is divided by its scale: as in the public set, a column with negative values then has mean 0 and variance
# 1 (all of these are symmetric about zero), any other has mean 1. Fixed numbers, so that a row does not depend on how
# many rows are made with it: `measure_scales(seed=0, chunks=200)`, two million events; for azimuths pi / sqrt(3). GeV
# for momenta and masses, rad for azimuths, no unit for the others.
SCALES: Final[dict[str, float]] = {
    "lepton_pT": 54.7969,
    "lepton_eta": 1.07398,
    "lepton_phi": 1.8138,
    "missing_energy_magnitude": 60.2811,
    "missing_energy_phi": 1.8138,
    "jet_1_pt": 97.2551,
    "jet_1_eta": 1.04229,
    "jet_1_phi": 1.8138,
    "jet_1_b_tag": 1.142,
    "jet_2_pt": 66.9884,
    "jet_2_eta": 1.07812,
    "jet_2_phi": 1.8138,
    "jet_2_b_tag": 0.922053,
    "jet_3_pt": 49.0352,
    "jet_3_eta": 1.11759,
    "jet_3_phi": 1.8138,
    "jet_3_b_tag": 0.810752,
    "jet_4_pt": 36.3715,
    "jet_4_eta": 1.16168,
    "jet_4_phi": 1.8138,
    "jet_4_b_tag": 0.709422,
    "m_jj": 109.671,
    "m_jjj": 202.425,
    "m_lv": 88.2466,
    "m_jlv": 181.882,
    "m_bb": 123.838,
    "m_wbb": 305.386,
    "m_wwbb": 479.115,
}


def draw_events(seed: int, index: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Draw one chunk of selected events before normalisation.

    Parameters
    ----------
    seed, index : int
        Of the data set and of the chunk in it, each 0 or more.

    Returns
    -------
    features : array of float32, shape (28, CHUNK_ROWS)
        In the order of `FEATURES`; GeV, rad and b-tags 0, 1, 2.
    is_signal : array of bool, shape (CHUNK_ROWS,)
        Each true with probability `SIGNAL_FRACTION`, independently.

    Raises
    ------
    SettingsError
        If the seed or the index is negative.
    """
    if seed < 0 or index < 0:
        raise SettingsError(
            f"seed = {seed}, index = {index}, but neither can be negative.", fix="use whole numbers from 0"
        )
    # Not default_rng([seed, index]): seed 2**32, chunk 0 would be seed 0, chunk 1.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
    is_signal = rng.random(CHUNK_ROWS) < SIGNAL_FRACTION
    features = np.empty((len(FEATURES), CHUNK_ROWS), dtype=np.float32)
    for draw, rows in ((draw_signal, is_signal), (draw_background, ~is_signal)):
        wanted = int(rows.sum())
        parts: list[FloatArray] = []
        missing = wanted
        while missing > 0:
            parts.append(observe(rng, draw(rng, int(missing / EFFICIENCY) + 100)[0]))
            missing -= parts[-1].shape[1]
        features[:, rows] = np.concatenate(parts, axis=1)[:, :wanted]
    return features, is_signal


def chunk(seed: int, index: int, *, normalised: bool = True) -> pa.RecordBatch:
    """Generate rows ``index * CHUNK_ROWS`` to ``(index + 1) * CHUNK_ROWS - 1`` of the set with this seed.

    Parameters
    ----------
    seed, index : int
        Of the data set and of the chunk in it, each 0 or more.
    normalised : bool
        As the public set is (no units), or in GeV, rad and b-tags 0, 1, 2.

    Returns
    -------
    pyarrow.RecordBatch
        `CHUNK_ROWS` rows of `SCHEMA`; ``.to_pandas()`` gives what ``mapInPandas`` wants.

    Raises
    ------
    SettingsError
        If the seed or the index is negative.
    """
    features, is_signal = draw_events(seed, index)
    if normalised:
        features /= np.array([SCALES[name] for name in FEATURES], dtype=np.float32)[:, None]
    return pa.record_batch([pa.array(is_signal.astype(np.float32)), *map(pa.array, features)], schema=SCHEMA)


def batches(rows: int, *, seed: int, threads: int = 1) -> Iterator[pa.RecordBatch]:
    """Generate the first ``rows`` rows, chunk after chunk, few of them in memory at a time.

    Parameters
    ----------
    rows : int
        As many as are wanted; fewer rows are always the beginning of more.
    threads : int
        Chunks made at once. The rows do not depend on it.
    """
    count = -(-rows // CHUNK_ROWS)
    for index, batch in enumerate(_in_order(count, seed, threads)):
        yield batch.slice(0, rows - index * CHUNK_ROWS)


def _in_order(count: int, seed: int, threads: int) -> Iterator[pa.RecordBatch]:
    """Make chunks 0 to ``count - 1``, at most ``2 * threads`` ahead of the reader."""
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[pa.RecordBatch]] = deque()
        for index in range(count):
            ahead.append(pool.submit(chunk, seed, index))
            if len(ahead) > 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def measure_scales(*, seed: int, chunks: int) -> dict[str, float]:
    """Measure the scale of every column, as `SCALES` holds it: root mean square if signed, mean if not."""
    total, squares, smallest = (np.zeros(len(FEATURES)) for _ in range(3))
    for index in range(chunks):
        features = draw_events(seed, index)[0].astype(np.float64)
        total += features.sum(axis=1)
        squares += (features**2).sum(axis=1)
        smallest = np.minimum(smallest, features.min(axis=1))
    rows = chunks * CHUNK_ROWS
    scales = np.where(smallest < 0, np.sqrt(squares / rows), total / rows)
    return dict(zip(FEATURES, scales.tolist(), strict=True))
