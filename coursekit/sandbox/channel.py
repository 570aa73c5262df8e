"""The line between the supervisor of a sandbox and the process that runs the student's code.

That process is the student's to read and write once their code runs in it, descriptors and all. So each message is
numbered and signed with a key that no object holds which their code can get at, and what goes in (the tests that are
yet to come) is enciphered too: who reads the descriptor gets noise, and who writes to it is noticed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Final

KEY_BYTES: Final = 32
_HEAD: Final = 8 + KEY_BYTES
_MESSAGE_MAX: Final = 256 * 1024 * 1024


class ForgedMessageError(Exception):
    """A message that the other side did not write, or not in this place."""


def make_sender(fd: int, key: bytes, direction: bytes) -> Callable[[bytes], None]:
    """Make a function that writes numbered, enciphered and signed messages to a descriptor."""
    seal, write, count = _sealer(key, direction), os.write, 0

    def send(message: bytes) -> None:
        nonlocal count
        rest = memoryview(seal(count, message))
        count += 1
        while rest:
            rest = rest[write(fd, rest) :]

    return send


def make_receiver(fd: int, key: bytes, direction: bytes) -> Callable[[], bytes]:
    """Make a function that waits for the next message.

    Raises
    ------
    EOFError
        If the other side has closed.
    ForgedMessageError
        If the next message is none of the other side's.
    """
    opener, read, count = make_opener(key, direction), os.read, 0

    def exactly(size: int) -> bytes:
        parts, missing = [], size
        while missing:
            part = read(fd, min(missing, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def receive() -> bytes:
        nonlocal count
        head = exactly(_HEAD)
        size = int.from_bytes(head[:8], "big")
        if size > _MESSAGE_MAX:
            raise ForgedMessageError("a length that cannot be")
        message = opener(count, head, exactly(size))
        count += 1
        return message

    return receive


def take_message(buffer: bytearray, count: int, opener: Callable[[int, bytes, bytes], bytes]) -> bytes | None:
    """Take the next message off the front of a buffer; None when it is not all there yet.

    Raises
    ------
    ForgedMessageError
        If it is none of the other side's.
    """
    if len(buffer) < _HEAD:
        return None
    head = bytes(buffer[:_HEAD])
    size = int.from_bytes(head[:8], "big")
    if size > _MESSAGE_MAX:
        raise ForgedMessageError("a length that cannot be")
    if len(buffer) < _HEAD + size:
        return None
    body = bytes(buffer[_HEAD : _HEAD + size])
    del buffer[: _HEAD + size]
    return opener(count, head, body)


def sign_line(key: bytes, number: int, text: str) -> str:
    """Sign a line of what the supervisor tells."""
    return hmac.digest(key, f"{number} {text}".encode(), "sha256").hex()


def make_opener(key: bytes, direction: bytes) -> Callable[[int, bytes, bytes], bytes]:
    """Make a function that checks and deciphers the message of a number."""
    sign, same, shake = hmac.digest, hmac.compare_digest, hashlib.shake_256

    def open_message(count: int, head: bytes, body: bytes) -> bytes:
        label = direction + count.to_bytes(8, "big")
        if not same(head[8:], sign(key, label + head[:8] + body, "sha256")):
            raise ForgedMessageError(f"message {count} is not signed")
        return _xor(body, shake(key + label).digest(len(body)))

    return open_message


def _sealer(key: bytes, direction: bytes) -> Callable[[int, bytes], bytes]:
    sign, shake = hmac.digest, hashlib.shake_256

    def seal(count: int, message: bytes) -> bytes:
        label = direction + count.to_bytes(8, "big")
        body = _xor(message, shake(key + label).digest(len(message)))
        size = len(body).to_bytes(8, "big")
        return size + sign(key, label + size + body, "sha256") + body

    return seal


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")
