"""Named data sets as files: made or fetched once, kept in the cache, checked, given as a path."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from coursekit.config import cache_dir
from coursekit.datasets.catalog import Entry, PublicFile, find_entry, read_catalog
from coursekit.datasets.files import (
    RECORD_SUFFIX,
    FileState,
    check_file,
    checksum,
    is_intact,
    locked,
    require_space,
    write_record,
    writing,
)
from coursekit.datasets.progress import Advance, progress_bar
from coursekit.errors import CorruptDatasetError, SettingsError

Source = Literal["generated", "public"]

SUFFIXES: Final = {"parquet": ".parquet", "csv": ".csv", "text": ".log"}
SEED_LIMIT: Final = 2**256  # longer numbers make longer file names than file systems allow
THREADS_MAX: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Which rows of a data set are wanted, and in what form.

    Parameters
    ----------
    entry : Entry
        The data set.
    rows : int or None
        How many; None means all of a public file.
    seed : int
        Of a generated set.
    format : str
        One of the entry's formats.
    source : {"generated", "public"}
        Made here, or read from the public file.
    path : Path or None
        A copy of the public file; None means the one in the cache.
    """

    entry: Entry
    rows: int | None
    seed: int
    format: str
    source: Source
    path: Path | None

    def __post_init__(self) -> None:
        entry = self.entry
        if self.rows is not None and self.rows < 1:
            raise SettingsError(f"rows = {self.rows}, but a data set has at least one.", fix="ask for 1 row or more")
        if not 0 <= self.seed < SEED_LIMIT:
            raise SettingsError(f"seed = {self.seed} is not from 0 to 2**256 - 1.", fix="use a number from 0")
        if self.format not in entry.formats:
            raise SettingsError(
                f"format = {self.format!r}, but {entry.name} comes as {' or '.join(entry.formats)}.",
                fix=f"use format={entry.formats[0]!r}",
            )
        if self.source not in get_args(Source):
            raise SettingsError(f"source = {self.source!r}.", fix='use "generated" or "public"')
        if self.source == "public" and entry.public is None:
            raise SettingsError(f"{entry.name} has no public file.", fix='use source="generated"')
        if self.path is not None and self.source != "public":
            raise SettingsError(f'path = {str(self.path)!r} without source="public".', fix='add source="public"')


def folder(name: str) -> Path:
    """Where the files of a data set are kept."""
    return cache_dir() / "datasets" / name


def dataset(
    name: str,
    *,
    rows: int | None = None,
    seed: int = 0,
    format: str | None = None,
    source: Source = "generated",
    path: str | os.PathLike[str] | None = None,
) -> str:
    """Give a named data set as a file: ``spark.read.parquet(dataset("higgs", rows=100_000))``.

    The first call makes the file, or fetches it; later ones find it in the cache (`coursekit.config.cache_dir`).
    Several processes may ask at once; none ever sees a file that is not whole.

    Parameters
    ----------
    name : str
        ``"higgs"``, ``"weblogs"``, ...; see ``coursekit dataset list``.
    rows : int, optional
        How many; when not given, as many as the catalog says, or all of a public file. Fewer rows of ``higgs`` are
        the beginning of more rows with the same seed.
    seed : int
        Of a generated set: the same gives the same rows. 0 or more.
    format : str, optional
        ``"parquet"``, ``"csv"`` or ``"text"``, as far as the set comes in it; the first of the set's when not given.
    source : {"generated", "public"}
        Made here, offline; or the published original, fetched if it is not in the cache.
    path : path, optional
        Where a copy of the public file lies already.

    Returns
    -------
    str
        Absolute path of the file.

    Raises
    ------
    UnknownDatasetError
        If there is no such set.
    SettingsError
        If an argument cannot be.
    DownloadError
        If the public file cannot be fetched.
    CorruptDatasetError
        If the public file is not what it should be.
    DatasetError
        If the disk is full or the cache cannot be written.
    """
    entry = find_entry(name)
    request = Request(
        entry=entry,
        rows=entry.rows if rows is None and source == "generated" else rows,
        seed=seed,
        format=format or entry.formats[0],
        source=source,
        path=None if path is None else Path(path).expanduser().resolve(),
    )
    target = folder(name).resolve() / _file_name(request)
    if not is_intact(target):
        with locked(target):
            # Another process may have made it while this one waited.
            if not is_intact(target):
                _make(request, target)
    return str(target)


def _file_name(request: Request) -> str:
    suffix = SUFFIXES[request.format]
    if request.source == "generated":
        return f"generated-v{request.entry.version}-seed{request.seed}-rows{request.rows}{suffix}"
    origin = ""
    if request.path is not None:
        origin = f"-from-{_identity(request.path)}"
    return f"public{origin}-rows{request.rows or 'all'}{suffix}"


def _identity(path: Path) -> str:
    """Give a short name that changes when the file does."""
    if not path.is_file():
        raise SettingsError(f"path = {str(path)!r} is not a file.", fix="give the path of HIGGS.csv.gz")
    status = path.stat()
    return hashlib.sha256(f"{path} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:12]


def _make(request: Request, target: Path) -> None:
    if request.entry.public is not None and request.source == "public":
        _make_from_public(request, request.entry.public, target)
        return
    assert request.rows is not None
    require_space(target.parent, request.rows * request.entry.row_bytes)
    with progress_bar(f"generating {request.entry.name}", request.rows) as advance, writing(target) as temporary:
        GENERATORS[request.entry.name](request, request.rows, temporary, advance)


def _generate_higgs(request: Request, rows: int, path: Path, advance: Advance) -> None:
    from coursekit.datasets import higgs
    from coursekit.datasets.tables import WRITERS

    batches = higgs.batches(rows, seed=request.seed, threads=_threads())
    WRITERS[request.format](path, higgs.SCHEMA, batches, advance)


def _generate_weblogs(request: Request, rows: int, path: Path, advance: Advance) -> None:
    from coursekit.datasets import weblogs

    lines, _ = weblogs.generate(rows, request.seed)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
    advance(rows)


def _generate_table(request: Request, rows: int, path: Path, advance: Advance) -> None:
    """Write a set whose generator is the module of its name, with ``batches(rows, seed=...)`` of ``SCHEMA``.

    They are imported by name, so that `coursekit.notebooks.kept` knows that what a notebook reads depends on them.
    """
    from coursekit.datasets import calorimeter, chirps, events, graph, ratings
    from coursekit.datasets.tables import WRITERS

    by_name = {"calorimeter": calorimeter, "chirps": chirps, "events": events, "graph": graph, "ratings": ratings}
    generator = by_name[request.entry.name]
    WRITERS[request.format](path, generator.SCHEMA, generator.batches(rows, seed=request.seed), advance)


GENERATORS: Final[dict[str, Callable[[Request, int, Path, Advance], None]]] = {
    "higgs": _generate_higgs,
    "weblogs": _generate_weblogs,
    **dict.fromkeys(("graph", "ratings", "events", "calorimeter", "chirps"), _generate_table),
}


def _threads() -> int:
    """Give the cores that this process may use, within reason; numpy frees the interpreter while it works."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, THREADS_MAX)


def _make_from_public(request: Request, public: PublicFile, target: Path) -> None:
    from coursekit.datasets import higgs
    from coursekit.datasets.tables import WRITERS, read_csv

    original = request.path or public_file(request.entry.name, public)
    wanted = request.rows or (public.rows if request.path is None else None)
    require_space(target.parent, (wanted or 0) * request.entry.row_bytes)
    batches = read_csv(original, higgs.SCHEMA, rows=wanted, batch_rows=higgs.CHUNK_ROWS)
    with progress_bar(f"reading {original.name}", wanted or public.rows) as advance, writing(target) as temporary:
        WRITERS[request.format](temporary, higgs.SCHEMA, batches, advance)


def public_file(name: str, public: PublicFile) -> Path:
    """Give the public file, fetched if it is not in the cache, with its checksum verified once.

    Raises
    ------
    DownloadError
        If it cannot be fetched.
    CorruptDatasetError
        If it is not what the catalog says.
    """
    from coursekit.datasets.download import fetch

    target = folder(name) / public.file
    fetch(public, target)
    if not is_intact(target):
        digest = checksum(target)
        if digest != public.sha256:
            raise CorruptDatasetError(
                f"{target} has sha256 {digest}, not {public.sha256}.", fix="delete it, and it will be fetched again"
            )
        write_record(target, digest)
    return target


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedFile:
    """A file in the cache: of which set, where, how many bytes, and whether it is as it was written."""

    dataset: str
    path: Path
    size: int
    state: FileState


def cached_files(name: str | None = None, *, verified: bool = False) -> tuple[CachedFile, ...]:
    """List what the cache holds.

    Parameters
    ----------
    name : str, optional
        Of one data set; of all when not given.
    verified : bool
        Compute every file's checksum, which takes a while. Otherwise a file counts as ok when size and time agree.

    Raises
    ------
    UnknownDatasetError
        If there is no such set.
    """
    entries = read_catalog() if name is None else (find_entry(name),)
    return tuple(_inspect(entry, path, verified) for entry in entries for path in _data_files(folder(entry.name)))


def verify(name: str | None = None) -> tuple[CachedFile, ...]:
    """Check every file in the cache against its checksum, byte for byte; see `cached_files`."""
    return cached_files(name, verified=True)


def _data_files(place: Path) -> list[Path]:
    """Give the data files of a folder, those included of which only the record is left."""
    visible = [path for path in place.glob("*") if not path.name.startswith(".") and path.suffix != ".part"]
    return sorted({path.with_name(path.name.removesuffix(RECORD_SUFFIX)) for path in visible})


def _inspect(entry: Entry, path: Path, verified: bool) -> CachedFile:
    state: FileState = "ok"
    public = entry.public
    if verified and public is not None and path.name == public.file and path.exists():
        state = "ok" if checksum(path) == public.sha256 else "changed"
    elif verified or not is_intact(path):
        state = check_file(path)
    size = path.stat().st_size if path.exists() else 0
    return CachedFile(dataset=entry.name, path=path, size=size, state=state)
