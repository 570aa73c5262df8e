"""Tables in Parquet files of which each rank reads its own part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from coursekit.errors import SettingsError

Paths = str | Path | Sequence[str | Path]

_FLOAT: Final = np.dtype(np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shards:
    """Parquet files that together are one table.

    Parameters
    ----------
    paths : tuple of str
        The files, in the order of the rows; nodes find them under the same paths.
    rows : tuple of int
        Rows of each.
    features : tuple of str
        Columns that are the input.
    label : str
        The column that is to be predicted.
    """

    paths: tuple[str, ...]
    rows: tuple[int, ...]
    features: tuple[str, ...]
    label: str

    @property
    def total(self) -> int:
        """Rows of all files."""
        return sum(self.rows)


def find_shards(paths: Paths, *, label: str, features: Sequence[str] | None = None) -> Shards:
    """Look at the ends of Parquet files, where rows and columns are written down; no row is read.

    Parameters
    ----------
    paths : path or sequence of paths
        Files, or folders whose ``*.parquet`` files are taken in the order of their names, as Spark writes them.
    label : str
        The column that is to be predicted.
    features : sequence of str, optional
        The input's columns; all but the label when not given.

    Raises
    ------
    SettingsError
        If there is no file, one cannot be read, a column is missing or not numeric.
    """
    from pyarrow import ArrowException
    from pyarrow import parquet as pq

    files = [file for path in ([paths] if isinstance(paths, str | Path) else paths) for file in _files(Path(path))]
    if not files:
        raise SettingsError(f"shards = {paths!r} name no Parquet file.", fix="give files, or a folder with *.parquet")
    rows = []
    for file in files:
        try:
            found = pq.ParquetFile(file)
        except (OSError, ArrowException) as error:
            raise SettingsError(f"{file} cannot be read: {error}.", fix="give Parquet files that are there") from error
        with found:
            schema = found.schema_arrow
            features = features or [name for name in schema.names if name != label]
            _check_columns(file, schema, (*features, label))
            rows.append(found.metadata.num_rows)
    return Shards(paths=tuple(map(str, files)), rows=tuple(rows), features=tuple(features or ()), label=label)


def read_part(shards: Shards, part: range) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Read some neighbouring rows: only the row groups that hold them.

    Parameters
    ----------
    shards : Shards
        The table.
    part : range
        Numbers of the rows, counted over all files.

    Returns
    -------
    features : array of float32, shape (len(part), len(shards.features))
    label : array, shape (len(part),)
        Of float32, or of int64 where the column holds whole numbers.

    Raises
    ------
    SettingsError
        If a file has changed, or a value is missing.
    """
    columns = [*shards.features, shards.label]
    x = np.empty((len(part), len(shards.features)), _FLOAT)
    y: NDArray[Any] | None = None
    filled = 0
    for piece in _pieces(shards, part, columns):
        rows = piece.num_rows
        for number, name in enumerate(shards.features):
            x[filled : filled + rows, number] = _values(piece, name)
        labels = _values(piece, shards.label)
        labels = labels.astype(np.int64 if labels.dtype.kind in "iu" else _FLOAT)
        y = np.empty(len(part), labels.dtype) if y is None else y
        y[filled : filled + rows] = labels
        filled += rows
    if filled != len(part):
        raise SettingsError(
            f"{filled} of rows {part.start} to {part.stop} are there: the files have changed.", fix="run the cell again"
        )
    return x, np.empty(0, _FLOAT) if y is None else y


def _pieces(shards: Shards, part: range, columns: list[str]) -> Iterable[Any]:
    """Give the tables of the row groups that hold rows of a part, cut to it."""
    from pyarrow import parquet as pq

    first = 0
    for path, rows in zip(shards.paths, shards.rows, strict=True):
        start, first = first, first + rows
        if start >= part.stop or first <= part.start:
            continue
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                low, high = max(start, part.start), min(stop, part.stop)
                if low < high:
                    yield file.read_row_group(group, columns=columns).slice(low - start, high - low)
                start = stop


def _values(piece: Any, name: str) -> NDArray[Any]:
    column = piece.column(name)
    if column.null_count:
        raise SettingsError(
            f"column {name!r} has {column.null_count} missing values.",
            fix="fill or drop them before the table is written",
        )
    values: NDArray[Any] = column.to_numpy()
    return values


def _files(path: Path) -> list[Path]:
    path = path.expanduser().resolve()
    if path.is_dir():
        return sorted(file for file in path.glob("*.parquet") if not file.name.startswith((".", "_")))
    return [path]


def _check_columns(file: Path, schema: Any, columns: Sequence[str]) -> None:
    from pyarrow import types

    for name in columns:
        if name not in schema.names:
            near = ", ".join(schema.names[:8])
            raise SettingsError(f"{file.name} has no column {name!r}.", fix=f"choose among its columns: {near}, ...")
        kind = schema.field(name).type
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise SettingsError(
                f"column {name!r} of {file.name} is of type {kind}, not a number.",
                fix="name numeric columns in features=",
            )
