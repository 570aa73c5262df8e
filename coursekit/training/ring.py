"""A ring all-reduce over TCP: every rank ends with the sum of all ranks' arrays, bit for bit the same.

Each of the ``p`` ranks sends to its right neighbour and receives from its left one. The array is cut into ``p`` chunks.
In ``p - 1`` steps each chunk travels once round the ring and is summed on its way; in another ``p - 1`` steps the sums
travel round. So a rank sends ``2 (p - 1) / p`` times the array's bytes, however many ranks there are, which no
algorithm can do with less (P. Patarasu and X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of
workstations", J. Parallel Distrib. Comput. 69 (2009) 117, doi:10.1016/j.jpdc.2008.09.002).
"""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from coursekit.errors import PeerLostError
from coursekit.training.wire import connect, welcome

_FIX: Final = "run the cell again; `cluster.logs()` tells what happened to the nodes"


def listen(host: str) -> socket.socket:
    """Open a free port for the left neighbour."""
    return socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


class Ring:
    """One rank's place in the ring.

    Parameters
    ----------
    rank : int
        0 to ``len(addresses) - 1``.
    addresses : sequence of tuple of str and int
        Where each rank listens.
    listener : socket
        What this rank listens with; closed when both neighbours are there.
    secret : bytes
        The run's.
    timeout_s : float
        Longest time without a byte from, or to, a neighbour, s.

    Raises
    ------
    PeerLostError
        If a neighbour does not come in time, or does not know the secret.
    """

    def __init__(
        self,
        rank: int,
        addresses: Sequence[tuple[str, int]],
        listener: socket.socket,
        secret: bytes,
        *,
        timeout_s: float = 60.0,
    ) -> None:
        self.rank = rank
        self.size = len(addresses)
        self.sent_bytes = 0
        self.error: PeerLostError | None = None
        self.timeout_s = timeout_s
        self._left: socket.socket | None = None
        self._right: socket.socket | None = None
        if self.size > 1:
            self._join(addresses, listener, secret)
        listener.close()

    def _join(self, addresses: Sequence[tuple[str, int]], listener: socket.socket, secret: bytes) -> None:
        """Call the right neighbour while the left one calls: all do so at once, so neither may wait for the other."""
        accepting = threading.Thread(target=self._accept, args=(listener, secret), daemon=True)
        accepting.start()
        try:
            right = addresses[(self.rank + 1) % self.size]
            self._right = connect(right, secret, name=str(self.rank), timeout_s=self.timeout_s)
        finally:
            accepting.join(self.timeout_s + 1 if self._right else 0)
        if self._left is None:
            self.close()
            raise PeerLostError(
                f"rank {(self.rank - 1) % self.size} did not call within {self.timeout_s:g} s.", fix=_FIX
            )
        for one in (self._left, self._right):
            one.setblocking(False)

    def _accept(self, listener: socket.socket, secret: bytes) -> None:
        """Wait for the left neighbour; strangers are sent away."""
        deadline = time.monotonic() + self.timeout_s
        expected = str((self.rank - 1) % self.size)
        while self._left is None and (left_s := deadline - time.monotonic()) > 0:
            listener.settimeout(left_s)
            with contextlib.suppress(OSError, PeerLostError):
                peer, _ = listener.accept()
                if welcome(peer, secret, timeout_s=min(left_s, 5.0)) == expected:
                    self._left = peer
                else:
                    peer.close()

    def all_reduce(self, array: NDArray[Any]) -> None:
        """Put the sum over all ranks into an array, in place.

        Parameters
        ----------
        array : array, shape (n,)
            Contiguous; the same length and type on every rank.

        Raises
        ------
        PeerLostError
            If a neighbour ends or does nothing for ``timeout_s``.
        """
        if self.size == 1 or array.size == 0:
            return
        try:
            self._reduce(array)
        except PeerLostError as error:
            self.error = error  # frameworks raise what a function of ours raised as an error of their own
            raise

    def _reduce(self, array: NDArray[Any]) -> None:
        bounds = [array.size * part // self.size for part in range(self.size + 1)]
        chunks = [array[start:stop] for start, stop in itertools.pairwise(bounds)]
        scratch = np.empty(max(chunk.size for chunk in chunks), array.dtype)
        for step in range(self.size - 1):
            own, other = (self.rank - step) % self.size, (self.rank - step - 1) % self.size
            received = scratch[: chunks[other].size]
            self._exchange(chunks[own], received)
            chunks[other] += received
        for step in range(self.size - 1):
            own, other = (self.rank + 1 - step) % self.size, (self.rank - step) % self.size
            self._exchange(chunks[own], chunks[other])

    def _exchange(self, out: NDArray[Any], into: NDArray[Any]) -> None:
        """Send to the right and receive from the left at once: if all sent first, full buffers would stop all."""
        assert self._left is not None
        assert self._right is not None
        sending, receiving = out.data.cast("B"), into.data.cast("B")
        while sending or receiving:
            moved = 0
            try:
                if sending:
                    with contextlib.suppress(BlockingIOError):
                        count = self._right.send(sending)
                        sending, moved = sending[count:], moved + count
                        self.sent_bytes += count
                if receiving:
                    with contextlib.suppress(BlockingIOError):
                        count = self._left.recv_into(receiving)
                        if count == 0:
                            raise ConnectionError("it closed the connection")
                        receiving, moved = receiving[count:], moved + count
            except OSError as error:
                raise PeerLostError(f"rank {self.rank} lost a neighbour: {error}.", fix=_FIX) from error
            if not moved:
                self._wait(bool(sending), bool(receiving))

    def _wait(self, is_sending: bool, is_receiving: bool) -> None:
        poll = select.poll()
        if is_sending:
            poll.register(self._right, select.POLLOUT)  # type: ignore[arg-type]
        if is_receiving:
            poll.register(self._left, select.POLLIN)  # type: ignore[arg-type]
        if not poll.poll(self.timeout_s * 1000):
            raise PeerLostError(f"a neighbour of rank {self.rank} did nothing for {self.timeout_s:g} s.", fix=_FIX)

    def close(self) -> None:
        """Leave the ring: the neighbours notice at once."""
        for one in (self._left, self._right):
            if one is not None:
                one.close()
