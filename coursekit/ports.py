"""Ports of this machine's own address: free ones, and who listens on those that are taken."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Final

import psutil

LOOPBACK: Final = "127.0.0.1"


def loopback(number: int) -> str:
    """Give an address of this machine's own: on Linux another one for each number, up to 200."""
    return f"127.0.0.{1 + number}" if sys.platform == "linux" and number <= 200 else LOOPBACK


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def stable_port(path: Path, part: str, host: str = LOOPBACK) -> int:
    """Find a free port, the same each time as long as nobody else has taken it.

    Parameters
    ----------
    path : Path
        Where the choice is written down.
    part : str
        Whose port it is.
    host : str
        Of which of this machine's addresses.
    """
    try:
        chosen = {str(key): int(value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        chosen = {}
    if part not in chosen or not _is_free(host, chosen[part]):
        chosen[part] = free_port()
        path.write_text(json.dumps(chosen), encoding="utf-8")
    return chosen[part]


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True


def first_free_port(port: int) -> int:
    """Find the first port from a number on that nobody listens on."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) != 0:
                return port
        port += 1


def listener(port: int) -> str | None:
    """Name the program that listens on a port, like ``"python (process 42)"``, if the system tells us."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,)
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return None
