"""The catalog: what each named data set is, whose it is and what its columns mean."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from coursekit.errors import UnknownDatasetError


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicFile:
    """A file that others publish.

    Parameters
    ----------
    file, page : str
        Its name, and the page that describes it.
    urls : tuple of str
        Where it can be fetched; tried in turn.
    rows, size : int
        Lines, and bytes.
    sha256 : str
        Checksum of the file, in hexadecimal digits.
    """

    file: str
    page: str
    urls: tuple[str, ...]
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column, its unit (empty when it has none) and its meaning."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One data set.

    Parameters
    ----------
    name, title, summary, licence, citation : str
        In words.
    formats : tuple of str
        What it can be written as; the first is the usual one.
    version : int
        Of the generator: another number means other rows for a seed.
    rows : int
        How many rows are made when nobody says.
    row_bytes : int
        No row takes more, in any format.
    columns : tuple of Column
        In order.
    public : PublicFile or None
        The published original, if there is one.
    """

    name: str
    title: str
    summary: str
    licence: str
    citation: str
    formats: tuple[str, ...]
    version: int
    rows: int
    row_bytes: int
    columns: tuple[Column, ...] = field(repr=False)
    public: PublicFile | None = None


def catalog_file() -> Path:
    """Find ``catalog.toml``: in an installed package beside this module, in a checkout in ``datasets/``."""
    here = Path(__file__).resolve()
    installed = here.with_name("catalog.toml")
    return installed if installed.exists() else here.parents[2] / "datasets" / "catalog.toml"


@cache
def read_catalog() -> tuple[Entry, ...]:
    """Read all data sets, in the catalog's order."""
    with catalog_file().open("rb") as file:
        return tuple(_entry(name, table) for name, table in tomllib.load(file).items())


def _entry(name: str, table: dict[str, Any]) -> Entry:
    public = table.pop("public", None)
    return Entry(
        name=name,
        columns=tuple(
            Column(name=key, unit=unit, meaning=meaning) for key, (unit, meaning) in table.pop("columns").items()
        ),
        formats=tuple(table.pop("formats")),
        public=public and PublicFile(urls=tuple(public.pop("urls")), **public),
        summary=table.pop("summary").strip(),
        **table,
    )


def find_entry(name: str) -> Entry:
    """Find a data set by name.

    Raises
    ------
    UnknownDatasetError
        If the catalog has none of that name.
    """
    for entry in read_catalog():
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in read_catalog())
    raise UnknownDatasetError(f"there is no data set {name!r}; there are: {known}.", fix="use one of these names")
