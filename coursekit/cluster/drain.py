"""Takes workers out of a cluster without losing what they hold: Spark's graceful decommissioning.

A worker that gets SIGPWR tells the master, the master tells the drivers, and they send the worker's executors no more
tasks. The executors end what they run, hand their shuffle and cached blocks over to others, and leave.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import time
import urllib.request
from typing import Any, Final
from urllib.parse import urlsplit

from coursekit.engine import Engine, Node

DRAIN_S: Final = 60.0
_POLL_S: Final = 0.1
_ANSWER_S: Final = 5.0
_POWER: Final = getattr(signal, "SIGPWR", None)  # Linux; elsewhere workers are stopped, and lost work is computed again


def drain(engine: Engine, master: Node, workers: list[Node], *, timeout_s: float = DRAIN_S) -> None:
    """Let workers hand over what they hold, and wait until their executors have left or ``timeout_s`` has passed.

    Parameters
    ----------
    engine : Engine
        What runs the nodes.
    master : Node
        The cluster's master, running.
    workers : list of Node
        Those that are to be stopped.
    timeout_s : float
        When they are stopped anyhow, s: what they held is then computed again.
    """
    pages = worker_pages(ask_master(master))
    leaving = [node for node in workers if node.name in pages and _executors(node, pages[node.name])]
    if _POWER is None or not leaving:
        return
    for node in leaving:
        engine.signal(node.name, _POWER)
    deadline = time.monotonic() + timeout_s
    while any(_executors(node, pages[node.name]) for node in leaving) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def ask_master(master: Node) -> dict[str, Any]:
    """Read the master's own state; empty while it does not answer."""
    return _ask(f"http://{master.address}:{master.labels['ui_port']}/json/") if master.address else {}


def listens(master: Node) -> bool:
    """Whether a master's port is open: workers may set out, though it is not yet alive."""
    if not master.address:
        return False
    with (
        contextlib.suppress(OSError),
        socket.create_connection((master.address, int(master.labels["port"])), _ANSWER_S),
    ):
        return True
    return False


def alive_workers(state: dict[str, Any]) -> set[str]:
    """Give the names of the nodes of the workers that the master calls alive."""
    return {node_of(worker["id"]) for worker in state.get("workers", ()) if worker["state"] == "ALIVE"}


def worker_pages(state: dict[str, Any]) -> dict[str, int]:
    """Give the ports of the workers' own pages by node name."""
    ports = ((node_of(worker["id"]), urlsplit(worker["webuiaddress"]).port) for worker in state.get("workers", ()))
    return {name: port for name, port in ports if port is not None}


def node_of(worker: str) -> str:
    """Read a node's name from the id of its worker (`coursekit.cluster.plan` writes it)."""
    return worker.partition(".")[0]


def _executors(node: Node, port: int) -> int:
    """Count a worker's executors; none of one that does not answer: it has nothing left to wait for."""
    host = node.labels["listen"] or node.address
    return len(_ask(f"http://{host}:{port}/json/").get("executors", ()))


def _ask(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:  # noqa: S310 -- of our own nodes
            state: dict[str, Any] = json.load(answer)
            return state
    except (OSError, http.client.HTTPException, ValueError):
        return {}
