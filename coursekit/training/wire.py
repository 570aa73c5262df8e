"""Messages between the driver and its ranks: both sides prove that they know the run's secret; nothing is unpickled.

The proof is a challenge and its answer by HMAC (RFC 2104) in both directions, so the secret itself is never sent. What
follows is neither encrypted nor signed: a cluster's network has no strangers on it, but other processes of the machine
may try the port.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import struct
from typing import Any, Final

from coursekit.errors import PeerLostError

Message = dict[str, Any]

_NONCE: Final = 32
_MAC: Final = 32
_MESSAGE_MAX: Final = 16 * 1024**2
_LENGTHS: Final = struct.Struct(">IQ")
_FIX: Final = "run the cell again; `cluster.logs()` tells what happened to the nodes"


def connect(address: tuple[str, int], secret: bytes, *, name: str, timeout_s: float) -> socket.socket:
    """Connect to a peer, and prove to each other that both know the secret.

    Parameters
    ----------
    address : tuple of str and int
        Host and port.
    secret : bytes
        The run's.
    name : str
        Who calls: signed with the secret, at most 255 bytes of UTF-8.
    timeout_s : float
        Longest wait for the connection and for each answer, s.

    Raises
    ------
    PeerLostError
        If nobody answers in time, or who answers does not know the secret.
    """
    where = "{}:{}".format(*address)
    try:
        peer = socket.create_connection(address, timeout=timeout_s)
    except OSError as error:
        raise PeerLostError(f"{where} cannot be reached: {error}.", fix=_FIX) from error
    try:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ours, said = secrets.token_bytes(_NONCE), name.encode()
        peer.sendall(ours + bytes([len(said)]) + said)
        theirs = receive_exactly(peer, _NONCE)
        if not hmac.compare_digest(receive_exactly(peer, _MAC), _proof(secret, b"server", ours, theirs, said)):
            raise PeerLostError(f"{where} does not know this run's secret.", fix=_FIX)
        peer.sendall(_proof(secret, b"client", theirs, ours, said))
        if receive_exactly(peer, 1) != b"+":
            raise PeerLostError(f"{where} refused the connection.", fix=_FIX)
    except OSError as error:
        peer.close()
        raise PeerLostError(f"{where} does not answer: {error}.", fix=_FIX) from error
    except PeerLostError:
        peer.close()
        raise
    return peer


def welcome(peer: socket.socket, secret: bytes, *, timeout_s: float) -> str:
    """Let a caller prove that it knows the secret, and give its name.

    Raises
    ------
    PeerLostError
        If it does not know the secret, or says nothing in time. Its connection is closed then.
    """
    try:
        peer.settimeout(timeout_s)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        theirs = receive_exactly(peer, _NONCE)
        said = receive_exactly(peer, receive_exactly(peer, 1)[0])
        ours = secrets.token_bytes(_NONCE)
        peer.sendall(ours + _proof(secret, b"server", theirs, ours, said))
        if not hmac.compare_digest(receive_exactly(peer, _MAC), _proof(secret, b"client", ours, theirs, said)):
            raise PeerLostError("a caller does not know this run's secret.", fix=_FIX)
        peer.sendall(b"+")
        return said.decode()
    except (OSError, UnicodeDecodeError) as error:
        peer.close()
        raise PeerLostError(f"a caller said nothing of use: {error}.", fix=_FIX) from error
    except PeerLostError:
        peer.close()
        raise


def send(peer: socket.socket, message: Message, blob: bytes = b"") -> None:
    """Send a message as JSON, with bytes beside it.

    Raises
    ------
    PeerLostError
        If the peer is gone.
    """
    text = json.dumps(message).encode()
    try:
        peer.sendall(_LENGTHS.pack(len(text), len(blob)) + text)
        peer.sendall(blob)
    except OSError as error:
        raise PeerLostError(f"a peer is gone: {error}.", fix=_FIX) from error


def receive(peer: socket.socket, *, blob_max: int) -> tuple[Message, bytes]:
    """Receive a message and its bytes.

    Parameters
    ----------
    peer : socket
        One that has proved to know the secret.
    blob_max : int
        More bytes than that are not accepted.

    Raises
    ------
    PeerLostError
        If the peer is gone, or sends what is no message.
    """
    try:
        length, size = _LENGTHS.unpack(receive_exactly(peer, _LENGTHS.size))
        if length > _MESSAGE_MAX or size > blob_max:
            raise PeerLostError(f"a peer sends {length + size} bytes, more than is accepted.", fix=_FIX)
        message = json.loads(receive_exactly(peer, length))
        return message, receive_exactly(peer, size)
    except (OSError, ValueError) as error:
        raise PeerLostError(f"a peer is gone: {error}.", fix=_FIX) from error


def receive_exactly(peer: socket.socket, count: int) -> bytes:
    """Receive so many bytes; fewer are an error (`ConnectionError`), for the peer has closed."""
    received = bytearray(count)
    view, got = memoryview(received), 0
    while got < count:
        more = peer.recv_into(view[got:])
        if more == 0:
            raise ConnectionError("the connection was closed")
        got += more
    return bytes(received)


def _proof(secret: bytes, role: bytes, challenge: bytes, own: bytes, name: bytes) -> bytes:
    """Answer a challenge. The role keeps an answer from being sent back to whoever gave it."""
    return hmac.digest(secret, role + challenge + own + name, "sha256")
