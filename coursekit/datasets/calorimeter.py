"""Images of a calorimeter, 16 x 16 cells: did one particle make this spray, or did two?

A jet is a spray of particles, here `HITS` on average, whose energies the cells of a calorimeter add up. With *one
prong* they spread around one axis, with *two prongs* around two, which share the momentum as z to 1 - z: so look the
decay products of a heavy particle that is fast. The one-prong jets are drawn as wide as the two-prong ones, so that a
jet's width alone says little and its shape has to be seen. Directions are random; every cell has noise.

The idea of jets as images: J. Cogan, M. Kagan, E. Strauss, A. Schwartzman, "Jet-images: computer vision inspired
techniques for jet tagging", JHEP 02 (2015) 118, doi:10.1007/JHEP02(2015)118.
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

SIDE: Final = 16  # cells
CHUNK_ROWS: Final = 2_000
HITS: Final = 40.0  # mean number of particles
ENERGY_GEV: Final = 2.0  # mean of a particle
NOISE_RATE, NOISE_GEV = 0.05, 1.0  # mean hits of noise in a cell, and mean energy of one
CENTRE_SPREAD: Final = 0.8  # cells, of the jet's axis around the image's centre
PRONG_WIDTH: Final = (0.8, 1.4)  # cells, standard deviation around an axis; uniform in between
SEPARATION: Final = (2.5, 6.0)  # cells between the axes
SHARING: Final = (0.2, 0.5)  # z of the softer prong

SCHEMA: Final = pa.schema([("label", pa.int32()), ("cells", pa.list_(pa.float32(), SIDE * SIDE))])

Floats = NDArray[np.float64]


def draw_images(seed: int, index: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Draw one chunk of images.

    Parameters
    ----------
    seed, index : int
        Of the data set and of the chunk in it, each 0 or more.

    Returns
    -------
    images : array of float32, shape (CHUNK_ROWS, SIDE, SIDE)
        Energies in the cells, GeV.
    labels : array of int32, shape (CHUNK_ROWS,)
        1 for two prongs, 0 for one; each with probability one half.

    Raises
    ------
    SettingsError
        If the seed or the index is negative.
    """
    rng = stream(seed, index)
    labels = rng.integers(0, 2, CHUNK_ROWS).astype(np.int32)
    hits = rng.poisson(HITS, CHUNK_ROWS)
    jet = np.repeat(np.arange(CHUNK_ROWS), hits)  # to which image a hit belongs
    place = _draw_places(rng, labels, jet)
    energy = rng.exponential(ENERGY_GEV, len(jet))
    cell = np.floor(place + SIDE / 2).astype(np.int64)
    is_seen = np.all((cell >= 0) & (cell < SIDE), axis=0)
    flat = (jet * SIDE + cell[0]) * SIDE + cell[1]
    size = CHUNK_ROWS * SIDE * SIDE
    images = np.bincount(flat[is_seen], weights=energy[is_seen], minlength=size).astype(np.float64, copy=False)
    noise = rng.poisson(NOISE_RATE, size)
    images += rng.gamma(np.maximum(noise, 1), NOISE_GEV) * (noise > 0)
    return images.astype(np.float32).reshape(CHUNK_ROWS, SIDE, SIDE), labels


def _draw_places(rng: Generator, labels: NDArray[np.int32], jet: NDArray[np.int64]) -> Floats:
    """Draw where hits fall, shape (2, hits), cells from the image's centre."""
    size = len(labels)
    centre = rng.normal(0.0, CENTRE_SPREAD, (2, size))
    angle = rng.uniform(0.0, 2.0 * np.pi, size)
    axis = np.stack([np.cos(angle), np.sin(angle)])
    separation, sharing = rng.uniform(*SEPARATION, size), rng.uniform(*SHARING, size)
    width = rng.uniform(*PRONG_WIDTH, size)
    # Two axes at a distance d with shares z and 1 - z add z (1 - z) d^2 to the variance along the line through them. A
    # one-prong jet gets half of it in each direction: the same mean square radius, but round.
    two = labels == 1
    round_width = np.sqrt(width**2 + sharing * (1.0 - sharing) * separation**2 / 2.0)
    is_softer = rng.random(len(jet)) < sharing[jet]
    # Measured from the point between the axes where the jet's momentum goes.
    along = np.where(is_softer, 1.0 - sharing[jet], -sharing[jet]) * separation[jet] * two[jet]
    spread = np.where(two, width, round_width)[jet]
    places: Floats = centre[:, jet] + axis[:, jet] * along + rng.normal(0.0, 1.0, (2, len(jet))) * spread
    return places


def chunk(seed: int, index: int) -> pa.RecordBatch:
    """Generate one chunk of images as rows of `SCHEMA`, cells row by row; see `draw_images`."""
    images, labels = draw_images(seed, index)
    return pa.record_batch([pa.array(labels), list_column(images.reshape(CHUNK_ROWS, -1))], schema=SCHEMA)


def batches(rows: int, *, seed: int) -> Iterator[pa.RecordBatch]:
    """Generate the first ``rows`` images; fewer are always the beginning of more."""
    return take(lambda index: chunk(seed, index), rows, CHUNK_ROWS)


def read(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Read a file that `coursekit.dataset` gave.

    Returns
    -------
    images : array of float32, shape (rows, SIDE, SIDE)
        Energies in the cells, GeV.
    labels : array of int32, shape (rows,)
        1 for two prongs, 0 for one.
    """
    table = pyarrow.parquet.read_table(path)
    return list_matrix(table["cells"]).reshape(-1, SIDE, SIDE), table["label"].to_numpy()
