"""`GatewayClient`: keeps clusters by asking the class's gateway, which alone holds the engine."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from coursekit.cluster.http import GatewayConnection
from coursekit.cluster.provisioner import Access, Change, ClusterStatus, QueuePlace
from coursekit.cluster.spec import ClusterSpec
from coursekit.cluster.wire import read_access, read_change, read_error, read_queue, read_status
from coursekit.config import format_time
from coursekit.errors import ClusterNotFoundError, ClusterStartError, CoursekitError, QueueError, SettingsError

_WAIT_S: Final = 20
_QUEUE_S: Final = 900.0
_LOOK_S: Final = 0.3
_LISTEN_AGAIN_S: Final = 2.0


class GatewayClient:
    """Keeps the clusters of whose token it has; the same calls as `LocalProvisioner`.

    Parameters
    ----------
    url : str, optional
        The gateway's address; ``COURSEKIT_GATEWAY_URL`` when not given.
    token : str, optional
        The user's token of the Hub; ``JUPYTERHUB_API_TOKEN`` when not given.
    queue_s : float
        For how long `apply` waits when not one worker may run yet, s.
    tell : callable
        Is told in words what happens while one waits; prints when not given.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        queue_s: float = _QUEUE_S,
        tell: Callable[[str], None] = print,
    ) -> None:
        self._gateway = GatewayConnection(
            _given(url, "COURSEKIT_GATEWAY_URL", "the gateway's address"),
            _given(token, "JUPYTERHUB_API_TOKEN", "your token of the Hub"),
        )
        self._queue_s = queue_s
        self._tell = tell
        self._listening: dict[str, threading.Event] = {}

    def apply(self, spec: ClusterSpec) -> Change:
        """Ask for a cluster, and wait until it has been changed as far as one's share of the class allows now.

        Raises
        ------
        QueueError
            If not one worker could run for ``queue_s``; its place in the queue is kept for some minutes.
        CapacityError, ClusterDiffersError, ClusterStartError, GatewayError
            As the gateway says.
        """
        if spec.workers == 0:
            return Change()
        body: dict[str, Any] = {"workers": spec.workers, "cores": spec.cores, "memory": spec.memory}
        body |= {key: value for key in ("image", "gpus") if (value := getattr(spec, key))}
        body |= {"assignment": current_assignment()}
        view = self._gateway.ask("PUT", f"clusters/{spec.name}", body)
        started, told = time.monotonic(), None
        while not view["settled"]:
            place = read_queue(view["queue"])
            if place is not None and (place.position, place.missing) != told:
                told = (place.position, place.missing)
                self._tell(f"Cluster {spec.name!r} is {place}.")
            if place is not None and not place.position:
                self.delete(spec.name)
                raise QueueError(
                    f"cluster {spec.name!r} gets no worker: {place.reason}.",
                    fix="close another cluster of yours (coursekit cluster down NAME), or ask for smaller workers",
                )
            if place is not None and time.monotonic() - started > self._queue_s:
                raise _waited_in_vain(spec, place, self._queue_s)
            path = f"clusters/{spec.name}?revision={view['revision']}&wait_s={_WAIT_S}"
            try:
                view = self._gateway.ask("GET", path)
            except ClusterNotFoundError as error:
                if "it was stopped, for" in error.message:
                    raise
                # The gateway was killed before it had written down what was asked.
                view = self._gateway.ask("PUT", f"clusters/{spec.name}", body)
        if view["error"] is not None:
            raise read_error(view["error"])
        if (place := read_queue(view["queue"])) is not None:
            self._tell(f"Cluster {spec.name!r} has {view['granted']} of {spec.workers} workers, and is {place}.")
        return read_change(view["change"])

    def wait_ready(self, name: str, *, timeout_s: float = 90.0) -> ClusterStatus:
        """Wait until every worker that may run has registered with the master.

        Raises
        ------
        ClusterStartError
            If a worker has died, or ``timeout_s`` passes.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            status = self.status(name)
            if status.state == "running" and status.registered >= len(status.workers):
                return status
            died = [f"{one.name} ({one.cause})" for one in status.workers if one.state == "died"]
            if died or time.monotonic() > deadline:
                what = f"{', '.join(died)} ended while starting" if died else f"not ready after {timeout_s:.0f} s"
                raise ClusterStartError(
                    f"{status.registered} of {len(status.workers)} workers of cluster {name!r} are ready: {what}.",
                    fix=f"look at what they say with `coursekit cluster logs {name}`, then try again",
                )
            time.sleep(_LOOK_S)

    def status(self, name: str) -> ClusterStatus:
        """Tell how a cluster is, with its place in the queue."""
        return read_status(self._gateway.ask("GET", f"clusters/{name}/status"))

    def clusters(self) -> tuple[ClusterStatus, ...]:
        """List one's clusters by name."""
        return tuple(read_status(one) for one in self._gateway.ask("GET", "clusters")["clusters"])

    def spec(self, name: str) -> ClusterSpec:
        """Give what is wanted of a cluster."""
        view = self._gateway.ask("GET", f"clusters/{name}")
        return ClusterSpec(name=name, **{key: view[key] for key in ("workers", "cores", "memory", "image", "gpus")})

    def access(self, name: str) -> Access:
        """Give what a driver needs; this server is connected to the cluster for it."""
        return read_access(self._gateway.ask("GET", f"clusters/{name}/access"))

    def logs(self, name: str, *, lines: int = 50) -> dict[str, str]:
        """Give the last lines of every node, by node name."""
        found: dict[str, str] = self._gateway.ask("GET", f"clusters/{name}/logs?lines={min(max(lines, 1), 1000)}")[
            "logs"
        ]
        return found

    def delete(self, name: str) -> None:
        """Stop a cluster and all that belongs to it; one that is not there is no error."""
        self._gateway.ask("DELETE", f"clusters/{name}")

    def worker(self, name: str, number: int) -> str:
        """Give the name of a worker's node, the first being 0."""
        workers = self.status(name).workers
        if not 0 <= number < len(workers):
            raise SettingsError(
                f"cluster {name!r} has no worker {number}: it has {len(workers)}.",
                fix="count from 0: " + ", ".join(f"{index} is {worker.name}" for index, worker in enumerate(workers)),
            )
        return workers[number].name

    @property
    def engine(self) -> RemoteWorkers:
        """One's own workers, to let something go wrong on them."""
        return RemoteWorkers(self, self._gateway)

    def hold(self, name: str) -> None:
        """Nothing to say: a cluster lives as long as its owner's server, and is not idle."""

    def touch(self, name: str) -> None:
        """Say that the cluster is being used now."""
        self._gateway.ask("POST", f"clusters/{name}/touch")

    def release(self, name: str) -> None:
        """Listen no longer; see `hold`."""
        if (over := self._listening.pop(name, None)) is not None:
            over.set()

    def quota(self) -> dict[str, Any]:
        """Give what one is promised, and may have at most."""
        found: dict[str, Any] = self._gateway.ask("GET", "quota")
        return found

    def capacity(self) -> dict[str, Any]:
        """Give what the class has, and what is free of it."""
        found: dict[str, Any] = self._gateway.ask("GET", "capacity")
        return found

    def usage(self) -> dict[str, Any]:
        """Give what one uses now."""
        found: dict[str, Any] = self._gateway.ask("GET", "usage")
        return found

    def listen(self, name: str, tell: Callable[[str], None]) -> None:
        """Pass on, until it is released, what is decided about a cluster; from a thread of its own."""
        if name not in self._listening:
            over = self._listening[name] = threading.Event()
            threading.Thread(
                target=self._listen, args=(name, tell, over), daemon=True, name="coursekit-gateway-events"
            ).start()

    def _listen(self, name: str, tell: Callable[[str], None], over: threading.Event) -> None:
        last = ""
        while not over.is_set():
            with contextlib.suppress(Exception):  # the gateway starts again, or is gone: messages are no one's undoing
                for number, event in self._gateway.events(over, last):
                    last = number
                    if event["cluster"] == name and event["kind"] != "queued":  # whoever asked is told by `apply`
                        tell(event["message"])
            over.wait(_LISTEN_AGAIN_S)


class RemoteWorkers:
    """One's own workers, by the names of their nodes; what `coursekit.faults` needs of an engine."""

    def __init__(self, client: GatewayClient, gateway: GatewayConnection) -> None:
        self._client = client
        self._gateway = gateway

    def signal(self, name: str, number: int) -> None:
        """Kill a worker; no other signal can be sent from here."""
        if number != signal.SIGKILL:
            raise SettingsError(f"signal {number} cannot be sent through the gateway.", fix="kill the worker: SIGKILL")
        self._ask(name, "kill")

    def freeze(self, name: str) -> None:
        """Halt everything in a worker."""
        self._ask(name, "freeze")

    def thaw(self, name: str) -> None:
        """Let a frozen worker go on."""
        self._ask(name, "thaw")

    def _ask(self, node: str, action: str) -> None:
        for status in self._client.clusters():
            for number, worker in enumerate(status.workers):
                if worker.name == node:
                    self._gateway.ask("POST", f"clusters/{status.name}/workers/{number}/faults", {"action": action})
                    return
        raise SettingsError(f"you have no worker {node!r}.", fix="look at cluster.status().workers")


def current_assignment() -> str:
    """Name what this notebook works on: ``COURSEKIT_ASSIGNMENT``, or its folder, as nbgrader fetches assignments."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", os.environ.get("COURSEKIT_ASSIGNMENT") or Path.cwd().name)[:64]


def _waited_in_vain(spec: ClusterSpec, place: QueuePlace, queue_s: float) -> CoursekitError:
    return QueueError(
        f"cluster {spec.name!r} waited for {format_time(queue_s)} and has no worker yet: it is {place}.",
        fix="run the cell again to go on waiting (the place is kept), or ask for fewer or smaller workers",
    )


def _given(value: str | None, variable: str, what: str) -> str:
    found = value or os.environ.get(variable)
    if not found:
        raise SettingsError(f"{variable} is not set, so {what} is not known.", fix="start your server from the Hub")
    return found
