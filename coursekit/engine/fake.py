"""An engine that runs nothing, for tests of what stands above engines.

Its nodes understand three commands: ``("sleep",)`` runs until it is stopped, ``("print", text)`` prints and runs on,
``("exit", code)`` ends at once. Any other command runs like ``("sleep",)``.
"""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import replace

from coursekit.engine.base import Capacity, Node, NodeSpec
from coursekit.errors import CapacityError, NodeExistsError, NodeNotFoundError


class FakeEngine:
    """Keeps nodes in a dictionary.

    Parameters
    ----------
    cores : int
        CPU cores it pretends to have.
    memory : int
        Memory it pretends to have, bytes.
    gpus : int
        GPUs it pretends to have: ``"fake-gpu-0"`` and so on.
    """

    name = "fake"
    runs_images = False

    def __init__(self, *, cores: int = 8, memory: int = 16 * 1024**3, gpus: int = 0) -> None:
        self._cores = cores
        self._memory = memory
        self._devices = tuple(f"fake-gpu-{number}" for number in range(gpus))
        self._one_at_a_time = threading.Lock()
        self._nodes: dict[str, Node] = {}
        self._output: dict[str, str] = {}
        self.held: set[tuple[str, str]] = set()
        self.frozen: set[str] = set()
        self.touched: list[tuple[str, str]] = []
        self.joined: list[tuple[str, str, str | None]] = []

    def start(self, spec: NodeSpec) -> Node:
        """Start a node; see `Engine.start`."""
        with self._one_at_a_time:
            return self._start(spec)

    def _start(self, spec: NodeSpec) -> Node:
        if spec.name in self._nodes:
            raise NodeExistsError(f"a node {spec.name!r} is there already.", fix="stop it first")
        free = self.capacity().free_memory
        if spec.memory > free:
            raise CapacityError(
                f"node {spec.name!r} needs {spec.memory} bytes, but {free} are free.",
                fix="ask for less memory",
            )
        free_devices = self._free_devices()
        if spec.gpus > len(free_devices):
            raise CapacityError(
                f"node {spec.name!r} needs {spec.gpus} GPUs, but {len(free_devices)} of {len(self._devices)} are free.",
                fix="wait until somebody gives one back, or do without",
            )
        verb, *arguments = spec.command
        exited = verb == "exit"
        self._output[spec.name] = arguments[0] if verb == "print" else ""
        self._nodes[spec.name] = Node(
            name=spec.name,
            owner=spec.owner,
            group=spec.group,
            role=spec.role,
            labels=dict(spec.labels),
            cores=spec.cores,
            memory=spec.memory,
            gpus=spec.gpus,
            state="exited" if exited else "running",
            exit_code=int(arguments[0]) if exited else None,
            started=time.time(),
            address="127.0.0.1",
            devices=() if exited else free_devices[: spec.gpus],
        )
        return self._nodes[spec.name]

    def stop(self, name: str) -> None:
        """Forget a node; see `Engine.stop`."""
        self._nodes.pop(name, None)
        self._output.pop(name, None)

    def signal(self, name: str, number: int) -> None:
        """Note that a node has ended by SIGKILL; its commands know no other signal; see `Engine.signal`."""
        node = self._known(name)
        if node.is_running and number == signal.SIGKILL:
            self._nodes[name] = replace(node, state="exited", exit_code=137, devices=())

    def freeze(self, name: str) -> None:
        """Note that a node is frozen; see `Engine.freeze`."""
        self._known(name)
        self.frozen.add(name)

    def thaw(self, name: str) -> None:
        """Note that a node goes on; see `Engine.thaw`."""
        self._known(name)
        self.frozen.discard(name)

    def nodes(self, *, owner: str | None = None, group: str | None = None) -> tuple[Node, ...]:
        """List nodes by name; see `Engine.nodes`."""
        known = list(self._nodes.values())  # others may start nodes meanwhile
        chosen = (node for node in known if owner in (None, node.owner) and group in (None, node.group))
        return tuple(sorted(chosen, key=lambda node: node.name))

    def logs(self, name: str, *, lines: int = 100) -> str:
        """Give what a node printed; see `Engine.logs`."""
        self._known(name)
        return "\n".join(self._output[name].splitlines()[-lines:])

    def wait(self, name: str, *, timeout_s: float) -> int | None:
        """Give a node's exit code at once, for nothing happens while one waits; see `Engine.wait`."""
        del timeout_s
        return self._known(name).exit_code

    def capacity(self) -> Capacity:
        """Tell what it pretends to have; see `Engine.capacity`."""
        running = [node for node in list(self._nodes.values()) if node.is_running]
        return Capacity(
            cores=self._cores,
            free_cores=max(0, self._cores - sum(node.cores for node in running)),
            memory=self._memory,
            free_memory=self._memory - sum(node.memory for node in running),
            gpus=len(self._devices),
            free_gpus=len(self._free_devices()),
        )

    def hold(self, group: str, *, owner: str) -> None:
        """Note who holds what in ``held``; see `Engine.hold`."""
        self.held.add((owner, group))

    def join(self, group: str, *, owner: str, driver: str | None = None) -> str:
        """Note who joined in ``joined``, and give an address that leads nowhere; see `Engine.join`."""
        self.joined.append((owner, group, driver))
        return "127.0.0.1"

    def release(self, group: str, *, owner: str) -> None:
        """Note that nobody holds it any longer; see `Engine.release`."""
        self.held.discard((owner, group))

    def touch(self, group: str, *, owner: str) -> None:
        """Note the use in ``touched``; see `Engine.touch`."""
        self.touched.append((owner, group))

    def remove(self, *, owner: str, group: str) -> None:
        """Stop all nodes of a group; see `Engine.remove`."""
        for node in self.nodes(owner=owner, group=group):
            self.stop(node.name)

    def sweep(self) -> tuple[str, ...]:
        """Nothing to do; see `Engine.sweep`."""
        return ()

    def _free_devices(self) -> tuple[str, ...]:
        taken = {device for node in list(self._nodes.values()) for device in node.devices}
        return tuple(device for device in self._devices if device not in taken)

    def _known(self, name: str) -> Node:
        if name not in self._nodes:
            raise NodeNotFoundError(f"there is no node {name!r}.", fix="start it first")
        return self._nodes[name]
