r"""Time series of a detector: coloured noise, in it damped oscillations, chirps of merging stars, and a few anomalies.

- The *noise* is an autoregressive process of first order, :math:`n_t = a\,n_{t-1} + e_t`, with innovations of
  variance 1.
- Half of the series without a chirp have a *damped oscillation*, the ringing of something in the instrument.
- A *chirp* is the gravitational wave of two bodies that spiral into each other. To lowest order, a time :math:`\tau =
  t_c - t` before they merge, its frequency is :math:`f = \frac{1}{\pi} (5 / 256\,\tau)^{3/8}\, m^{-5/8}`, hence
  proportional to :math:`(t_c - t)^{-3/8}`, its amplitude is proportional to :math:`\tau^{-1/4}`, its phase is
  :math:`-2\,(5\,m)^{-5/8}\,\tau^{5/8}`; :math:`m` is the chirp mass as a time, :math:`G M_c / c^3` [1]_. It ends at
  the innermost stable circular orbit of two equal masses.
- An *anomaly* is what nobody has told the model of: a short burst, a step, or a stretch in which the detector is dead.

How loud a chirp or an oscillation is, is given by its signal-to-noise ratio, that of a matched filter:
:math:`\rho^2 = \sum_t (h_t - a\,h_{t-1})^2`.

References
----------
.. [1] M. Maggiore, *Gravitational Waves*, vol. 1, Oxford University Press (2007), section 4.1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.random import Generator
from numpy.typing import NDArray

from coursekit.datasets.chunks import list_column, list_matrix, stream, take

SAMPLES: Final = 512
RATE_HZ: Final = 1024
CHUNK_ROWS: Final = 1_000
CORRELATION: Final = 0.7  # a
CHIRP_SHARE, OSCILLATION_SHARE, ANOMALY_SHARE = 0.5, 0.5, 0.02
LOUDNESS: Final = (5.0, 15.0)  # signal-to-noise ratio, uniform in between
CHIRP_MASSES: Final = (8.0, 30.0)  # solar masses
MERGER_S: Final = (0.3, 0.49)  # after the series' begin
FREQUENCIES_HZ: Final = (40.0, 200.0)  # of damped oscillations
DAMPING_S: Final = (0.01, 0.06)
BURST, STEP, DEAD = 1, 2, 3  # kinds of anomaly; 0 is none

SUN_S: Final = 4.925491e-6  # G M / c^3 of the sun, s

SCHEMA: Final = pa.schema(
    [
        ("label", pa.int32()),
        ("anomaly", pa.int32()),
        ("loudness", pa.float32()),
        ("chirp_mass", pa.float32()),
        ("merger_s", pa.float32()),
        ("strain", pa.list_(pa.float32(), SAMPLES)),
    ]
)

Floats = NDArray[np.float64]


def chirp(time_s: Floats, merger_s: Floats, chirp_mass: Floats, phase: Floats) -> Floats:
    """Give chirps of arbitrary amplitude.

    Parameters
    ----------
    time_s : array of float, shape (samples,)
        Times, s.
    merger_s, chirp_mass, phase : array of float, shape (k,)
        When the bodies merge, s; their chirp mass, solar masses; the phase at the merger, rad.

    Returns
    -------
    array of float, shape (k, samples)
        0 from the innermost stable circular orbit on.
    """
    mass_s = (chirp_mass * SUN_S)[:, None]
    left_s = np.maximum(merger_s[:, None] - time_s, 1e-9)
    waves = left_s**-0.25 * np.cos(phase[:, None] - 2.0 * (5.0 * mass_s) ** -0.625 * left_s**0.625)
    # Two equal masses: M = 2^(6/5) Mc; the wave's frequency on that orbit is 1 / (6^(3/2) pi M).
    last_hz = 1.0 / (6.0**1.5 * np.pi * 2.0**1.2 * mass_s)
    return np.where((merger_s[:, None] > time_s) & (frequency(left_s, mass_s) < last_hz), waves, 0.0)


def frequency(left_s: Floats, mass_s: Floats) -> Floats:
    """Give the frequency of a chirp, Hz, a time before the merger, s, for a chirp mass as a time, s."""
    found: Floats = (5.0 / (256.0 * left_s)) ** 0.375 * mass_s**-0.625 / np.pi
    return found


def loudness(waves: Floats) -> Floats:
    """Give the signal-to-noise ratio of each wave, shape (k, samples), in this noise."""
    before = np.pad(waves, ((0, 0), (1, 0)))[:, :-1]
    found: Floats = np.sqrt(np.sum((waves - CORRELATION * before) ** 2, axis=1))
    return found


def _draw_noise(rng: Generator, rows: int) -> Floats:
    noise = rng.normal(0.0, 1.0, (rows, SAMPLES))
    noise[:, 0] /= (1.0 - CORRELATION**2) ** 0.5  # as if it had been going on for ever
    for sample in range(1, SAMPLES):
        noise[:, sample] += CORRELATION * noise[:, sample - 1]
    return noise


def _draw_oscillations(rng: Generator, time_s: Floats, rows: int) -> Floats:
    begin = rng.uniform(0.05, 0.4, (rows, 1))
    since = time_s - begin
    damping, hertz = rng.uniform(*DAMPING_S, (rows, 1)), rng.uniform(*FREQUENCIES_HZ, (rows, 1))
    waves = np.exp(-np.maximum(since, 0.0) / damping) * np.sin(2.0 * np.pi * hertz * since)
    return np.where(since > 0, waves, 0.0)


def _plant(rng: Generator, strain: Floats, kind: NDArray[np.int32]) -> None:
    """Put anomalies into series of shape (rows, samples), in place."""
    samples = np.arange(SAMPLES)
    at = rng.integers(SAMPLES // 8, 7 * SAMPLES // 8, (len(strain), 1))
    burst = 8.0 * np.exp(-(((samples - at) / 6.0) ** 2)) * np.cos((samples - at) * 1.2)
    strain += np.where(kind[:, None] == BURST, burst, 0.0)
    strain += np.where((kind[:, None] == STEP) & (samples >= at), 5.0, 0.0)
    strain[(kind[:, None] == DEAD) & (np.abs(samples - at) < 32)] = 0.0


def chunk(seed: int, index: int) -> pa.RecordBatch:
    """Generate series ``index * CHUNK_ROWS`` to ``(index + 1) * CHUNK_ROWS - 1`` of the set with this seed.

    Returns
    -------
    pyarrow.RecordBatch
        `CHUNK_ROWS` rows of `SCHEMA`. ``chirp_mass`` and ``merger_s`` are 0 where there is no chirp, ``loudness`` is 0
        where there is noise alone. Anomalies are planted in series of all kinds.

    Raises
    ------
    SettingsError
        If the seed or the index is negative.
    """
    rng = stream(seed, index)
    time_s = np.arange(SAMPLES) / RATE_HZ
    label = rng.random(CHUNK_ROWS) < CHIRP_SHARE
    rings = ~label & (rng.random(CHUNK_ROWS) < OSCILLATION_SHARE)
    merger_s, mass = rng.uniform(*MERGER_S, CHUNK_ROWS), rng.uniform(*CHIRP_MASSES, CHUNK_ROWS)
    waves = chirp(time_s, merger_s, mass, rng.uniform(0.0, 2.0 * np.pi, CHUNK_ROWS))
    waves[~label] = 0.0
    waves[rings] = _draw_oscillations(rng, time_s, int(rings.sum()))
    loud = np.where(label | rings, rng.uniform(*LOUDNESS, CHUNK_ROWS), 0.0)
    waves *= (loud / np.maximum(loudness(waves), 1e-12))[:, None]
    strain = _draw_noise(rng, CHUNK_ROWS) + waves
    kind = np.where(rng.random(CHUNK_ROWS) < ANOMALY_SHARE, rng.integers(1, 4, CHUNK_ROWS), 0).astype(np.int32)
    _plant(rng, strain, kind)
    numbers = loud, np.where(label, mass, 0.0), np.where(label, merger_s, 0.0)
    columns = [pa.array(label.astype(np.int32)), pa.array(kind)]
    columns += [pa.array(number.astype(np.float32)) for number in numbers]
    return pa.record_batch([*columns, list_column(strain.astype(np.float32))], schema=SCHEMA)


def batches(rows: int, *, seed: int) -> Iterator[pa.RecordBatch]:
    """Generate the first ``rows`` series; fewer are always the beginning of more."""
    return take(lambda index: chunk(seed, index), rows, CHUNK_ROWS)


def read(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], dict[str, NDArray[np.generic]]]:
    """Read a file that `coursekit.dataset` gave.

    Returns
    -------
    strain : array of float32, shape (rows, SAMPLES)
        In units of the noise's innovations.
    facts : dict of str to array, shape (rows,)
        The other columns.
    """
    table = pyarrow.parquet.read_table(path)
    facts = {name: table[name].to_numpy() for name in SCHEMA.names if name != "strain"}
    return list_matrix(table["strain"]), facts
