"""Ports of this machine's own address: free ones, and who listens on those that are taken."""

from __future__ import annotations

import contextlib
import socket
import sys
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
