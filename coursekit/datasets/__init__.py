"""Named data sets: ``dataset("higgs", rows=100_000)`` gives the path of a file, made or fetched, and checked.

Every generated set has a module of its name beside this one (`coursekit.datasets.higgs`, ...); all are pure functions
of a seed.
"""

from __future__ import annotations

from coursekit.datasets.catalog import Entry, find_entry, read_catalog
from coursekit.datasets.store import CachedFile, cached_files, dataset, verify

__all__ = ["CachedFile", "Entry", "cached_files", "dataset", "find_entry", "read_catalog", "verify"]
