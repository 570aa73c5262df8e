"""Which rows make which batch, and which rank has them: pure, and the same for any number of ranks.

The rows, in the order of the files, are cut into as many *blocks* of neighbours as a batch has rows. Each batch takes
one row of each block, chosen at random anew in each epoch. So batches differ from epoch to epoch, each is spread over
the whole table even where that is sorted, and a rank that holds some of the blocks (neighbouring rows: its own files
and row groups) has its part of every batch. Nothing of that depends on the number of ranks, which is why training on
any number of them gives the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_GOLDEN: Final = 0x9E3779B97F4A7C15
_MASK: Final = 2**64 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Batches:
    """How the rows of a table are divided into batches, and each batch among ranks.

    Parameters
    ----------
    rows : int
        Rows of the table, at least ``batch_size``.
    batch_size : int
        Rows of a batch, of all ranks together, at least ``workers``. The last batch of an epoch has what is left.
    workers : int
        Ranks.
    seed : int or None
        The same gives the same batches; None leaves the order as it is in every epoch.
    """

    rows: int
    batch_size: int
    workers: int
    seed: int | None = 0

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-self.rows // self.batch_size)

    @property
    def last(self) -> int:
        """Rows of an epoch's last batch."""
        return self.rows - (self.steps - 1) * self.batch_size

    def block_start(self, block: int) -> int:
        """Give the first row of a block; ``last`` of the blocks have a row for the last batch, spread evenly."""
        return block * (self.steps - 1) + block * self.last // self.batch_size

    def blocks(self, rank: int) -> range:
        """Give the blocks of a rank."""
        return range(rank * self.batch_size // self.workers, (rank + 1) * self.batch_size // self.workers)

    def part(self, rank: int) -> range:
        """Give the rows of a rank."""
        blocks = self.blocks(rank)
        return range(self.block_start(blocks.start), self.block_start(blocks.stop))

    def size(self, rank: int, step: int) -> int:
        """Give how many rows of a batch a rank has."""
        if step < self.steps - 1:
            return len(self.blocks(rank))
        return len(self.part(rank)) - len(self.blocks(rank)) * (self.steps - 1)

    def total(self, step: int) -> int:
        """Give how many rows a batch has."""
        return self.batch_size if step < self.steps - 1 else self.last

    def order(self, rank: int, epoch: int) -> list[NDArray[np.intp]]:
        """Give a rank's rows of each batch of an epoch.

        Returns
        -------
        list of array of int
            For each batch, the positions in the rank's `part`, ascending; shape (``size(rank, step)``,).
        """
        part = self.part(rank)
        starts = np.array([self.block_start(block) for block in self.blocks(rank)], dtype=np.intp) - part.start
        lengths = np.diff(starts, append=len(part))
        block = np.repeat(np.arange(len(starts)), lengths)
        batch = np.arange(len(part)) - starts[block]
        if self.seed is not None:
            shuffled = np.lexsort((self._draw(part, epoch), block))
            batch[shuffled] = batch.copy()
        by_batch = np.argsort(batch, kind="stable")
        return np.split(by_batch, np.cumsum([self.size(rank, step) for step in range(self.steps - 1)]))

    def _draw(self, part: range, epoch: int) -> NDArray[np.uint64]:
        """Draw a number for each row, from nothing but seed, epoch and the row's number.

        SplitMix64: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
        doi:10.1145/2660193.2660195.
        """
        first = np.uint64(_mix(_mix(self.seed or 0) + epoch))
        with np.errstate(over="ignore"):
            state = first + np.arange(part.start + 1, part.stop + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return state ^ (state >> np.uint64(31))


def _mix(number: int) -> int:
    """Spread a number over 64 bits: SplitMix64's next value."""
    state = (number + _GOLDEN) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)
