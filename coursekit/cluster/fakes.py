"""Masters that only seem to be there, for what stands above clusters: with the fake engine no Spark runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from coursekit.cluster import local
from coursekit.cluster.plan import WORKER
from coursekit.cluster.runtime import IMAGE_RUNTIME
from coursekit.engine import Engine, FakeEngine, Node


@contextlib.contextmanager
def seeming_masters(engine: FakeEngine) -> Iterator[None]:
    """Let the masters of a fake engine answer as Spark's do, in this process, for as long as the context lasts."""

    def ask(master: Node) -> dict[str, Any]:
        nodes = engine.nodes(owner=master.owner, group=master.group)
        running = [node for node in nodes if node.role == WORKER and node.is_running]
        workers = [{"id": f"{node.name}.0", "state": "ALIVE", "webuiaddress": "http://none:1"} for node in running]
        return {"status": "ALIVE", "aliveworkers": len(workers), "workers": workers, "activeapps": []}

    def drain(engine: Engine, master: Node, workers: list[Node]) -> None:
        del engine, master, workers

    with (
        patch.object(local, "ask_master", ask),
        patch.object(local, "listens", lambda master: True),
        patch.object(local, "drain", drain),
        patch.object(local, "find_runtime", lambda: IMAGE_RUNTIME),
    ):
        yield
