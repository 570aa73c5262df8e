"""A stream of measurements that arrive late: for each, when it happened and when it came.

`DETECTORS` detectors send `RATE_PER_S` measurements a second in all. Most arrive within seconds, some after a minute,
and `REPEATED` of the messages are second copies, as networks that promise to deliver *at least once* send them.
Planted:

- an *outage*: one detector's line is down from `OUTAGE_S` on, and all that it measured meanwhile arrives at its end;
- a *drift*: from `DRIFT_FROM_S` on, the energies of another detector read `DRIFT_GAIN` times too high.

Each measurement is of signal (energies in a peak, narrow) or of background (energies that fall exponentially, wide).
Which detectors are planted depends on the seed. Rows are in the order of what happened, not of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

from coursekit.datasets.chunks import shared_stream, stream, take

START: Final = datetime(2025, 9, 1, tzinfo=UTC)
DETECTORS: Final = 8
RATE_PER_S: Final = 50
CHUNK_ROWS: Final = 5_000
CHUNK_S: Final = CHUNK_ROWS / RATE_PER_S

SOON_S, LATE_S = 2.0, 60.0  # mean delays
LATE: Final = 0.05  # share of measurements with the long one
REPEATED: Final = 0.01
OUTAGE_S: Final = (60.0, 120.0)  # begin and end, after START
DRIFT_FROM_S: Final = 240.0
DRIFT_GAIN: Final = 1.25

SIGNAL: Final = 0.3
PEAK_GEV, PEAK_SPREAD_GEV, BACKGROUND_GEV = 60.0, 6.0, 40.0

SCHEMA: Final = pa.schema(
    [
        ("event", pa.int64()),
        ("detector", pa.int32()),
        ("event_time", pa.timestamp("us", tz="UTC")),
        ("arrival_time", pa.timestamp("us", tz="UTC")),
        ("energy", pa.float32()),
        ("width", pa.float32()),
        ("label", pa.int32()),
    ]
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Planted:
    """The detector whose line breaks, and the one that drifts."""

    outage: int
    drift: int


def planted(seed: int) -> Planted:
    """Tell which detectors misbehave.

    Raises
    ------
    SettingsError
        If the seed is negative.
    """
    outage, drift = shared_stream(seed).choice(DETECTORS, 2, replace=False).tolist()
    return Planted(outage=outage, drift=drift)


def chunk(seed: int, index: int) -> pa.RecordBatch:
    """Generate what happened from ``index * CHUNK_S`` to ``(index + 1) * CHUNK_S`` seconds after `START`.

    Returns
    -------
    pyarrow.RecordBatch
        `CHUNK_ROWS` rows of `SCHEMA`, in order of ``event_time``; second copies among them have the same values, all
        but ``arrival_time``.

    Raises
    ------
    SettingsError
        If the seed or the index is negative.
    """
    wrong = planted(seed)
    rng = stream(seed, index)
    copies = round(REPEATED * CHUNK_ROWS)
    happened = CHUNK_ROWS - copies
    # Given their number, the times of a Poisson process are independent and uniform.
    time_s = np.sort(rng.random(happened)) * CHUNK_S + index * CHUNK_S
    detector = rng.integers(0, DETECTORS, happened)
    label = (rng.random(happened) < SIGNAL).astype(np.int64)
    energy, width = _measure(rng, label)
    energy[(detector == wrong.drift) & (time_s >= DRIFT_FROM_S)] *= DRIFT_GAIN
    rows = np.sort(np.concatenate([np.arange(happened), rng.choice(happened, copies, replace=False)]))
    arrival_s = time_s[rows] + _draw_delays(rng, CHUNK_ROWS)
    is_down = (detector == wrong.outage) & (OUTAGE_S[0] <= time_s) & (time_s < OUTAGE_S[1])
    arrival_s[is_down[rows]] = OUTAGE_S[1] + rng.random(int(is_down[rows].sum()))
    return pa.record_batch(
        [
            pa.array(index * CHUNK_ROWS + rows),
            pa.array(detector[rows].astype(np.int32)),
            _timestamps(time_s[rows]),
            _timestamps(arrival_s),
            pa.array(energy[rows].astype(np.float32)),
            pa.array(width[rows].astype(np.float32)),
            pa.array(label[rows].astype(np.int32)),
        ],
        schema=SCHEMA,
    )


def _measure(rng: Generator, label: Ints) -> tuple[Floats, Floats]:
    """Draw energies, GeV, and widths of showers, cm."""
    size = len(label)
    peak = rng.normal(PEAK_GEV, PEAK_SPREAD_GEV, size)
    falling = 5.0 + rng.exponential(BACKGROUND_GEV, size)
    width = np.where(label == 1, rng.gamma(16.0, 0.18, size), rng.gamma(9.0, 0.42, size))
    return np.where(label == 1, np.maximum(peak, 5.0), falling), width


def _draw_delays(rng: Generator, size: int) -> Floats:
    mean = np.where(rng.random(size) < LATE, LATE_S, SOON_S)
    return rng.exponential(1.0, size) * mean


def _timestamps(seconds: Floats) -> pa.Array:
    start = np.datetime64(START.replace(tzinfo=None), "us")
    return pa.array(start + np.round(seconds * 1e6).astype("timedelta64[us]"), pa.timestamp("us", tz="UTC"))


def batches(rows: int, *, seed: int) -> Iterator[pa.RecordBatch]:
    """Generate the first ``rows`` rows; fewer are always the beginning of more."""
    return take(lambda index: chunk(seed, index), rows, CHUNK_ROWS)
