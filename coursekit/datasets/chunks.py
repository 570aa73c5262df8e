"""Rows in chunks, each from a random stream of its own: the same rows whoever makes them, in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

from coursekit.errors import SettingsError

_SHARED: Final = (0, 0)  # two words, where the index of a chunk below 2**32 is one: no chunk has this stream


def stream(seed: int, index: int) -> Generator:
    """Give the random numbers of one chunk.

    Parameters
    ----------
    seed, index : int
        Of the data set and of the chunk in it, each 0 or more.

    Raises
    ------
    SettingsError
        If either is negative.
    """
    if seed < 0 or index < 0:
        raise SettingsError(
            f"seed = {seed}, index = {index}, but neither can be negative.", fix="use whole numbers from 0"
        )
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


def shared_stream(seed: int) -> Generator:
    """Give the random numbers that all chunks of a seed share: what is planted, and where.

    Raises
    ------
    SettingsError
        If the seed is negative.
    """
    if seed < 0:
        raise SettingsError(f"seed = {seed}, but it cannot be negative.", fix="use a whole number from 0")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=_SHARED))


def take(make: Callable[[int], pa.RecordBatch], rows: int, chunk_rows: int) -> Iterator[pa.RecordBatch]:
    """Make the first ``rows`` rows, chunk after chunk, the last one cut.

    Parameters
    ----------
    make : callable
        Gives the chunk of an index, ``chunk_rows`` rows.
    rows : int
        As many as are wanted.
    chunk_rows : int
        Rows of each chunk.
    """
    for index in range(-(-rows // chunk_rows)):
        yield make(index).slice(0, rows - index * chunk_rows)


def list_column(values: NDArray[np.float32]) -> pa.FixedSizeListArray:
    """Give the rows of a matrix as a column of lists of one length.

    Parameters
    ----------
    values : array of float32, shape (rows, length)
        One list a row.
    """
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), values.shape[1])


def list_matrix(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float32]:
    """Read such a column back, shape (rows, length)."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values: NDArray[np.float32] = whole.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(whole), -1)
