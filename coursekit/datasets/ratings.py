"""Ratings of films by viewers: a matrix of low rank with noise, of which a twentieth is seen.

A rating is a mean, plus what this viewer and this film have on average, plus how well their tastes match (a product
of `RANK` numbers of the viewer with `RANK` numbers of the film), plus noise, rounded to half stars. So it is known
how well anybody can predict it: no better than the noise and the rounding allow, see `noise_floor`.

Every chunk holds all ratings of its own `VIEWERS` viewers, each of `SEEN` different films, the popular ones more
often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from coursekit.datasets.chunks import shared_stream, stream, take

FILMS: Final = 1_000
VIEWERS: Final = 200  # of each chunk
SEEN: Final = 50  # films of each viewer
CHUNK_ROWS: Final = VIEWERS * SEEN
RANK: Final = 4

MEAN: Final = 3.3  # all in stars
VIEWER_SPREAD, FILM_SPREAD, TASTE_SPREAD, NOISE = 0.3, 0.4, 0.6, 0.5
LEAST, MOST, STEP = 0.5, 5.0, 0.5
POPULARITY_EXPONENT: Final = 0.6

SCHEMA: Final = pa.schema([("viewer", pa.int32()), ("film", pa.int32()), ("stars", pa.float32())])

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Films:
    """What the films of a seed are: mean deviation in stars, tastes of shape (FILMS, RANK), share of views."""

    deviation: Floats
    taste: Floats
    popularity: Floats


def films(seed: int) -> Films:
    """Draw the films that all viewers of a seed rate.

    Raises
    ------
    SettingsError
        If the seed is negative.
    """
    rng = shared_stream(seed)
    weights = rng.permutation(np.arange(1, FILMS + 1, dtype=np.float64)) ** -POPULARITY_EXPONENT
    return Films(
        deviation=rng.normal(0.0, FILM_SPREAD, FILMS),
        taste=rng.normal(0.0, 1.0, (FILMS, RANK)),
        popularity=weights / weights.sum(),
    )


def noise_floor() -> float:
    """Give the root mean square error, in stars, of who knows everything but the noise (and ignores the two ends).

    Rounding to steps adds the variance of a uniform number of that width, ``STEP**2 / 12``.
    """
    return float(np.hypot(NOISE, STEP / 12**0.5))


def chunk(seed: int, index: int) -> pa.RecordBatch:
    """Generate ratings ``index * CHUNK_ROWS`` to ``(index + 1) * CHUNK_ROWS - 1`` of the set with this seed.

    Returns
    -------
    pyarrow.RecordBatch
        `CHUNK_ROWS` rows of `SCHEMA`, viewer after viewer; no viewer rates a film twice.

    Raises
    ------
    SettingsError
        If the seed or the index is negative.
    """
    shared = films(seed)
    rng = stream(seed, index)
    # The largest SEEN of log(weight) + Gumbel noise are a draw without replacement in proportion to the weights.
    keys = np.log(shared.popularity) + rng.gumbel(size=(VIEWERS, FILMS))
    seen = np.argpartition(-keys, SEEN, axis=1)[:, :SEEN]
    deviation = rng.normal(0.0, VIEWER_SPREAD, (VIEWERS, 1))
    taste = rng.normal(0.0, TASTE_SPREAD / RANK**0.5, (VIEWERS, RANK))
    match = np.einsum("vr,vsr->vs", taste, shared.taste[seen])
    exact = MEAN + deviation + shared.deviation[seen] + match + rng.normal(0.0, NOISE, seen.shape)
    stars = np.clip(np.round(exact / STEP) * STEP, LEAST, MOST)
    viewer = np.repeat(np.arange(index * VIEWERS, (index + 1) * VIEWERS, dtype=np.int32), SEEN)
    columns = viewer, seen.reshape(-1).astype(np.int32), stars.reshape(-1).astype(np.float32)
    return pa.record_batch([pa.array(column) for column in columns], schema=SCHEMA)


def batches(rows: int, *, seed: int) -> Iterator[pa.RecordBatch]:
    """Generate the first ``rows`` ratings; fewer are always the beginning of more."""
    return take(lambda index: chunk(seed, index), rows, CHUNK_ROWS)
