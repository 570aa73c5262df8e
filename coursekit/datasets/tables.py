"""Tables in and out of files, a chunk at a time, so that ten million rows need little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from coursekit.config import MiB
from coursekit.datasets.progress import Advance
from coursekit.errors import CorruptDatasetError

READ_BLOCK: Final = 32 * MiB


def write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], advance: Advance) -> None:
    """Write record batches as Parquet, each a row group of its own."""
    stream = iter(batches)
    first = next(stream, None)
    # A dictionary of values that hardly repeat makes a file of floats half as large again.
    repetitive = [] if first is None else [name for name in schema.names if _is_repetitive(first.column(name))]
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=repetitive) as writer:
        for batch in chain([] if first is None else [first], stream):
            writer.write_batch(batch)
            advance(batch.num_rows)


def _is_repetitive(column: pa.Array) -> bool:
    return not pa.types.is_nested(column.type) and len(column.unique()) * 10 < len(column)


def write_csv(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], advance: Advance) -> None:
    """Write record batches as CSV with a line of column names, without quotes."""
    # The names are written here because pyarrow quotes them.
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        file.write(",".join(schema.names).encode() + b"\n")
        with pyarrow.csv.CSVWriter(file, schema, write_options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)
                advance(batch.num_rows)


WRITERS: Final[dict[str, Callable[[Path, pa.Schema, Iterable[pa.RecordBatch], Advance], None]]] = {
    "parquet": write_parquet,
    "csv": write_csv,
}


def read_csv(path: Path, schema: pa.Schema, *, rows: int | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Read a CSV file without a line of names, gzipped or not, in batches of equal size.

    Parameters
    ----------
    rows : int or None
        How many to read from the beginning; None reads all.
    batch_rows : int
        Rows of each batch but the last.

    Raises
    ------
    CorruptDatasetError
        If the file is not there, does not have the schema's columns or has fewer rows.
    """
    left = rows
    try:
        for batch in _rebatch(_open(path, schema), batch_rows):
            if left is None:
                yield batch
                continue
            yield batch.slice(0, left)
            left -= min(left, batch.num_rows)
            if left == 0:
                return
    except (pa.ArrowException, OSError) as error:
        raise CorruptDatasetError(
            f"{path} cannot be read as {len(schema)} columns of numbers: {error}", fix="give the path of another copy"
        ) from error
    if left:
        raise CorruptDatasetError(
            f"{path} has {left} rows fewer than the {rows} asked for.", fix="ask for fewer rows, or use a complete copy"
        )


def _open(path: Path, schema: pa.Schema) -> pyarrow.csv.CSVStreamingReader:
    return pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(column_names=schema.names, block_size=READ_BLOCK),
        convert_options=pyarrow.csv.ConvertOptions(column_types=schema, null_values=[]),
    )


def _rebatch(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Cut a stream of batches of any size into batches of one size."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        if count >= rows:
            table = pa.Table.from_batches(held).combine_chunks()
            whole = count - count % rows
            for start in range(0, whole, rows):
                yield from table.slice(start, rows).to_batches()
            held, count = table.slice(whole).to_batches(), count - whole
    if count:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()
