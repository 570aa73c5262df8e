from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.errors import PeerLostError
from coursekit.training.ring import Ring, listen
from coursekit.training.wire import connect, receive, send, welcome

SECRET = b"one run's secret"
HERE = "127.0.0.1"


def in_ring(size: int, work: Callable[[Ring], Any], *, timeout_s: float = 10.0) -> list[Any]:
    """Run a function on every rank of a ring, each in a thread."""
    listeners = [listen(HERE) for _ in range(size)]
    addresses = [(HERE, listener.getsockname()[1]) for listener in listeners]

    def run(rank: int) -> Any:
        ring = Ring(rank, addresses, listeners[rank], SECRET, timeout_s=timeout_s)
        try:
            return work(ring)
        finally:
            ring.close()

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(run, range(size)))


@settings(max_examples=30)
@given(size=st.integers(1, 8), length=st.integers(0, 3000), seed=st.integers(0, 2**32 - 1), wide=st.booleans())
def test_every_rank_gets_the_sum_and_all_the_same_one(size, length, seed, wide):
    kind = np.float64 if wide else np.float32
    arrays = np.random.default_rng(seed).normal(size=(size, length)).astype(kind)
    expected = arrays.astype(np.float64).sum(axis=0)

    def work(ring: Ring) -> Any:
        own = arrays[ring.rank].copy()
        ring.all_reduce(own)
        return own

    results = in_ring(size, work)
    for one in results:
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-6 * size)
        assert one.tobytes() == results[0].tobytes()


@settings(max_examples=15)
@given(size=st.integers(2, 8), length=st.integers(1, 5000))
def test_a_rank_sends_two_times_all_but_one_share_of_the_bytes(size, length):
    def work(ring: Ring) -> int:
        ring.all_reduce(np.ones(length, np.float32))
        return ring.sent_bytes

    ideal = 2 * (size - 1) / size * length * 4
    for sent in in_ring(size, work):
        assert abs(sent - ideal) <= 2 * (size - 1) * 4  # chunks differ by one number


def test_arrays_larger_than_all_buffers_do_not_block_the_ring():
    def work(ring: Ring) -> float:
        own = np.full(4_000_000, ring.rank + 1, np.float32)
        for _ in range(2):
            ring.all_reduce(own)
        return float(own[::100_000].sum())

    assert set(in_ring(3, work)) == {6.0 * 3 * 40}


def test_many_sums_in_a_row_stay_in_step():
    def work(ring: Ring) -> list[float]:
        sums = []
        for number in range(50):
            own = np.array([number * (ring.rank + 1)], np.float64)
            ring.all_reduce(own)
            sums.append(float(own[0]))
        return sums

    for sums in in_ring(4, work):
        assert sums == [10.0 * number for number in range(50)]


def test_a_dead_peer_is_an_error_at_once_on_every_other_rank():
    def work(ring: Ring) -> float:
        if ring.rank == 2:
            return 0.0
        began = time.monotonic()
        with pytest.raises(PeerLostError):
            reduce_for_ever(ring)
        ring.close()
        return time.monotonic() - began

    assert max(in_ring(4, work, timeout_s=30)) < 10


def reduce_for_ever(ring: Ring) -> None:
    while True:
        ring.all_reduce(np.ones(1000, np.float32))


def test_a_silent_peer_is_an_error_when_the_time_is_over():
    over = threading.Event()

    def work(ring: Ring) -> float:
        if ring.rank == 1:
            over.wait(30)
            return 0.0
        began = time.monotonic()
        with pytest.raises(PeerLostError, match=r"did nothing for 0\.5 s"):
            ring.all_reduce(np.ones(10_000_000, np.float32))
        over.set()
        return time.monotonic() - began

    assert max(in_ring(2, work, timeout_s=0.5)) < 10


def test_a_neighbour_that_never_comes_is_an_error():
    listener, other = listen(HERE), listen(HERE)
    port = other.getsockname()[1]
    other.close()
    with pytest.raises(PeerLostError, match="cannot be reached"):
        Ring(0, [(HERE, 1), (HERE, port)], listener, SECRET, timeout_s=0.5)


@pytest.fixture
def server():
    with socket.create_server((HERE, 0)) as listener:
        yield listener


def serve_one(listener: socket.socket, secret: bytes, said: list[Any]) -> threading.Thread:
    def run() -> None:
        peer, _ = listener.accept()
        with peer:
            try:
                said.append(welcome(peer, secret, timeout_s=5))
                said.append(receive(peer, blob_max=10))
            except PeerLostError as error:
                said.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_who_knows_the_secret_is_welcome_and_says_its_name(server):
    said: list[Any] = []
    thread = serve_one(server, SECRET, said)
    with connect(server.getsockname()[:2], SECRET, name="rank 3", timeout_s=5) as peer:
        send(peer, {"step": 1}, b"bytes")
        thread.join()
    assert said == ["rank 3", ({"step": 1}, b"bytes")]


def test_more_bytes_than_expected_are_refused(server):
    said: list[Any] = []
    thread = serve_one(server, SECRET, said)
    with connect(server.getsockname()[:2], SECRET, name="x", timeout_s=5) as peer:
        with suppress(PeerLostError):  # the server may hang up on the length alone
            send(peer, {}, b"far too many")
        thread.join()
    assert "more than is accepted" in str(said[1])


def test_a_server_that_does_not_know_the_secret_is_not_trusted(server):
    said: list[Any] = []
    thread = serve_one(server, b"another", said)
    with pytest.raises(PeerLostError, match="does not know this run's secret"):
        connect(server.getsockname()[:2], SECRET, name="x", timeout_s=5)
    thread.join()
    assert isinstance(said[0], PeerLostError)


def test_a_caller_that_does_not_know_the_secret_is_refused(server):
    said: list[Any] = []
    thread = serve_one(server, SECRET, said)
    with socket.create_connection(server.getsockname()[:2]) as stranger:
        stranger.sendall(bytes(32) + b"\x01x")
        stranger.recv(64, socket.MSG_WAITALL)
        stranger.sendall(bytes(32))  # no proof
        assert stranger.recv(1) == b""
    thread.join()
    assert "does not know this run's secret" in str(said[0])


def test_a_proof_cannot_be_sent_back_to_whoever_gave_it(server):
    said: list[Any] = []
    thread = serve_one(server, SECRET, said)
    with socket.create_connection(server.getsockname()[:2]) as stranger:
        stranger.sendall(bytes(32) + b"\x01x")
        answer = stranger.recv(64, socket.MSG_WAITALL)
        stranger.sendall(answer[32:])
        assert stranger.recv(1) == b""
    thread.join()
    assert isinstance(said[0], PeerLostError)


def test_strangers_do_not_keep_a_ring_from_closing():
    listeners = [listen(HERE) for _ in range(2)]
    addresses = [(HERE, listener.getsockname()[1]) for listener in listeners]
    stranger = socket.create_connection(addresses[0])
    stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(200))

    def run(rank: int) -> float:
        own = np.array([rank + 1.0])
        ring = Ring(rank, addresses, listeners[rank], SECRET, timeout_s=10)
        ring.all_reduce(own)
        ring.close()
        return float(own[0])

    with stranger, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(2))) == [3.0, 3.0]
