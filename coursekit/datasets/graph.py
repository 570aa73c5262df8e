"""Links between pages: a directed graph whose in-degrees follow a power law, with two planted pages.

A row is a link, from ``source`` to ``target``; several links between the same two pages count several times. The
number of in-links of a page falls as k^-2.1 and that of its out-links as k^-2.7, about as measured for the web
(Broder et al. 2000). Some pages link nowhere (they *dangle*). Planted, at numbers that depend on the seed:

- the *hub*, which pages of all kinds link to;
- the *farmed* page, which has more in-links than the hub, nearly all of them from a *farm*: a few pages that nobody
  links to. An honest ranking puts it far below the hub.

References
----------
A. Broder et al., "Graph structure in the web", Computer Networks 33, 309 (2000), doi:10.1016/S1389-1286(00)00083-9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from coursekit.datasets.chunks import shared_stream, stream, take
from coursekit.errors import SettingsError

CHUNK_ROWS: Final = 50_000
LINKS_PER_PAGE: Final = 10
PAGES_MIN: Final = 1_000

# Where the page of rank r is drawn with probability (r + r0)^-s, degrees k are distributed as k^-(1 + 1/s).
IN_EXPONENT, OUT_EXPONENT = 1 / 1.1, 1 / 1.7
RANK_OFFSET: Final = 10.0  # r0: without it the first page alone would have several per cent of all links
LINKING_SHARE: Final = 0.8  # of the pages outside the farm; the others dangle
FARM_PAGES, FARM_LINKS = 0.005, 0.04  # shares of all pages, and of all links: few pages with many links each
HUB_LINKS: Final = 0.03

SCHEMA: Final = pa.schema([("source", pa.int64()), ("target", pa.int64())])

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Planted:
    """The planted pages: the hub, the farmed page, and the pages of the farm in increasing order."""

    hub: int
    farmed: int
    farm: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Numbering:
    """Page numbers of hidden places 0 to ``pages - 1``: ``(a * place + b) mod pages``, one to one."""

    pages: int
    factor: int
    shift: int

    def __call__(self, place: Ints) -> Ints:
        return (self.factor * place + self.shift) % self.pages


def count_pages(rows: int) -> int:
    """Give the number of pages of a graph with that many links: ten links a page, and a thousand pages at least."""
    return max(PAGES_MIN, rows // LINKS_PER_PAGE)


def _numbering(seed: int, pages: int) -> tuple[_Numbering, _Numbering]:
    """Give the numbers of all pages, and the order in which those outside the farm are ranked as sources."""
    if pages < PAGES_MIN:
        raise SettingsError(f"pages = {pages}, but a graph has at least {PAGES_MIN}.", fix=f"use {PAGES_MIN} or more")
    rng = shared_stream(seed)
    found = []
    for size in (pages, _outside_farm(pages)):
        factor = int(rng.integers(size // 3, size))
        while math.gcd(factor, size) > 1:
            factor += 1
        found.append(_Numbering(size, factor, int(rng.integers(size))))
    return found[0], found[1]


def _outside_farm(pages: int) -> int:
    return pages - math.ceil(FARM_PAGES * pages)


def planted(seed: int, pages: int) -> Planted:
    """Tell which pages were planted.

    Parameters
    ----------
    seed : int
        Of the data set, 0 or more.
    pages : int
        Of the graph, see `count_pages`.

    Raises
    ------
    SettingsError
        If there are too few pages, or the seed is negative.
    """
    number, _ = _numbering(seed, pages)
    hub, farmed = number(np.array(_places(pages))).tolist()
    farm = number(np.arange(_outside_farm(pages), pages, dtype=np.int64))
    return Planted(hub=hub, farmed=farmed, farm=tuple(sorted(farm.tolist())))


def _places(pages: int) -> tuple[int, int]:
    """Give the hidden places of hub and farmed page, in the tail of the ranks, where hardly a link goes by chance."""
    return pages // 2, 3 * pages // 5


def _draw_ranks(u: NDArray[np.float64], ranks: int, exponent: float) -> Ints:
    """Draw ranks 0 to ``ranks - 1`` with density proportional to ``(rank + r0)^-exponent``, by its inverse integral."""
    power = 1.0 - exponent
    low, high = RANK_OFFSET**power, (ranks + RANK_OFFSET) ** power
    drawn = (low + u * (high - low)) ** (1.0 / power) - RANK_OFFSET
    whole: Ints = np.clip(drawn.astype(np.int64), 0, ranks - 1)
    return whole


def chunk(seed: int, index: int, pages: int) -> pa.RecordBatch:
    """Generate links ``index * CHUNK_ROWS`` to ``(index + 1) * CHUNK_ROWS - 1`` of a graph.

    Parameters
    ----------
    seed, index : int
        Of the data set and of the chunk in it, each 0 or more.
    pages : int
        Of the graph; page numbers are 0 to ``pages - 1``.

    Returns
    -------
    pyarrow.RecordBatch
        `CHUNK_ROWS` rows of `SCHEMA`.

    Raises
    ------
    SettingsError
        If there are too few pages, or seed or index are negative.
    """
    number, order = _numbering(seed, pages)
    outside = _outside_farm(pages)
    rng = stream(seed, index)
    source = order(_draw_ranks(rng.random(CHUNK_ROWS), int(LINKING_SHARE * outside), OUT_EXPONENT))
    target = _draw_ranks(rng.random(CHUNK_ROWS), outside, IN_EXPONENT)
    hub, farmed = _places(pages)
    kind = rng.random(CHUNK_ROWS)
    target[kind < HUB_LINKS] = hub
    from_farm = kind > 1.0 - FARM_LINKS
    source[from_farm] = rng.integers(outside, pages, int(from_farm.sum()))
    target[from_farm] = farmed
    return pa.record_batch([pa.array(number(source)), pa.array(number(target))], schema=SCHEMA)


def batches(rows: int, *, seed: int) -> Iterator[pa.RecordBatch]:
    """Generate a graph of that many links, on `count_pages` of them pages; see `chunk`."""
    pages = count_pages(rows)
    return take(lambda index: chunk(seed, index, pages), rows, CHUNK_ROWS)
