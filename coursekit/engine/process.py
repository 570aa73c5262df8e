"""The embedded engine: nodes are process groups of this machine.

A node is a guard (see `coursekit.engine.guard`) with the node's command below it. The node's specification is in
the guard's environment, which its descendants inherit: that is where it is read back from, and how everything that
belongs to a node is found when it is stopped. Memory and cores are not enforced by this engine.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

import psutil
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from coursekit.config import format_memory, idle_limit_s, run_dir
from coursekit.engine import guard
from coursekit.engine.base import Capacity, Node, NodeSpec
from coursekit.errors import CapacityError, EngineError, NodeExistsError, NodeNotFoundError
from coursekit.ports import LOOPBACK

_LABEL: Final = "COURSEKIT_NODE"
_STOP_S: Final = 15.0
_JUPYTER_LINGER_S: Final = 600.0
_SCRIPT_LINGER_S: Final = 5.0
_NOT_KEPT: Final = ("command", "environment", "image", "beside_driver")  # of a `NodeSpec`, in its `Node`


class ProcessEngine:
    """Runs nodes as processes of this machine.

    Parameters
    ----------
    directory : Path, optional
        Work files, logs and leases of the nodes; `coursekit.config.run_dir` when not given. Two engines with
        different directories do not see each other's nodes.
    keep : bool
        Whether nodes stay until they are stopped. Otherwise they end with the Jupyter server they were started
        from, or when no process has held their group for a while (``COURSEKIT_LINGER_S``).
    """

    name = "process"
    runs_images = False

    def __init__(self, directory: Path | None = None, *, keep: bool = False) -> None:
        self._directory = (directory or run_dir()).resolve()
        self._keep = keep
        self._leases: dict[tuple[str, str], IO[bytes]] = {}

    def start(self, spec: NodeSpec) -> Node:
        """Start a node; see `Engine.start`."""
        if any(node.name == spec.name for node in self.nodes()):
            raise NodeExistsError(
                f"a node {spec.name!r} is there already.",
                fix="stop it first, or choose another name",
            )
        free = psutil.virtual_memory().available
        if spec.memory > free:
            raise CapacityError(
                f"node {spec.name!r} needs {format_memory(spec.memory)}, but {format_memory(free)} are free here.",
                fix="ask for fewer workers or less memory, or close what else uses memory",
            )
        directory = self._node_directory(spec.name)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        with (directory / "log").open("wb") as log:
            subprocess.run(
                self._guard_command(spec),
                env={**os.environ, **spec.environment, _LABEL: self._label(spec)},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        return self._appeared(spec.name)

    def stop(self, name: str) -> None:
        """Stop a node with everything below it; see `Engine.stop`."""
        for process in self._processes(name):
            if _is_guard(process):
                _send(process, signal.SIGTERM)
        if not self._gone(name, within_s=_STOP_S):
            for process in self._processes(name):
                _send(process, signal.SIGKILL)
            self._gone(name, within_s=_STOP_S)
        shutil.rmtree(self._node_directory(name), ignore_errors=True)

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a node's command; SIGKILL goes to everything but its guard, which tells of it."""
        if number == signal.SIGKILL:
            self._kill(name)
            return
        guards = [process for process in self._processes(name) if _is_guard(process)]
        if not guards:
            raise self._not_found(name)
        for command in guards[0].children():
            _send(command, number)

    def freeze(self, name: str) -> None:
        """Halt everything of a node but its guard; see `Engine.freeze`."""
        self._signal_all(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen node go on; see `Engine.thaw`."""
        self._signal_all(name, signal.SIGCONT)

    def nodes(self, *, owner: str | None = None, group: str | None = None) -> tuple[Node, ...]:
        """List nodes, running and exited, by name; see `Engine.nodes`."""
        found = (_read_node(process, label) for process, label in self._labelled() if _is_guard(process))
        chosen = (
            node for node in found if node is not None and owner in (None, node.owner) and group in (None, node.group)
        )
        return tuple(sorted(chosen, key=lambda node: node.name))

    def logs(self, name: str, *, lines: int = 100) -> str:
        """Give the last lines that a node printed; see `Engine.logs`."""
        try:
            text = (self._node_directory(name) / "log").read_text(errors="replace")
        except FileNotFoundError:
            raise self._not_found(name) from None
        return "\n".join(text.splitlines()[-lines:])

    def wait(self, name: str, *, timeout_s: float) -> int | None:
        """Wait until a node has exited and give its exit code; see `Engine.wait`."""
        deadline = time.monotonic() + timeout_s
        while True:
            node = self._find(name)
            if node is None:
                raise self._not_found(name)
            if not node.is_running or time.monotonic() >= deadline:
                return node.exit_code
            time.sleep(0.05)

    def capacity(self) -> Capacity:
        """Tell what this machine has and what is free of it; see `Engine.capacity`."""
        cores = psutil.cpu_count() or 1
        used = sum(node.cores for node in self.nodes() if node.is_running)
        memory = psutil.virtual_memory()
        return Capacity(cores=cores, free_cores=max(0, cores - used), memory=memory.total, free_memory=memory.available)

    def hold(self, group: str, *, owner: str) -> None:
        """Take a share of the group's lease until this process ends; see `Engine.hold`.

        Guards that are just ending what was there before are waited for: a node that is there afterwards stays.
        """
        if (owner, group) in self._leases:
            self.touch(group, owner=owner)
            return
        path = self._lease_path(owner, group)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        with guard.ending_path(path).open("ab") as ending:
            fcntl.flock(ending, fcntl.LOCK_EX)
            fcntl.flock(file, fcntl.LOCK_SH)
        self._leases[owner, group] = file
        self.touch(group, owner=owner)

    def join(self, group: str, *, owner: str, driver: str | None = None) -> str:
        """Give this machine's own address; see `Engine.join`."""
        del group, owner, driver
        return LOOPBACK

    def release(self, group: str, *, owner: str) -> None:
        """Give up this process's share of the group's lease; see `Engine.release`."""
        file = self._leases.pop((owner, group), None)
        if file is not None:
            file.close()

    def touch(self, group: str, *, owner: str) -> None:
        """Note the time on the group's lease, where the guards look at it; see `Engine.touch`."""
        if (owner, group) in self._leases:
            os.utime(self._lease_path(owner, group))

    def remove(self, *, owner: str, group: str) -> None:
        """Stop all nodes of a group; see `Engine.remove`."""
        for node in self.nodes(owner=owner, group=group):
            self.stop(node.name)

    def sweep(self) -> tuple[str, ...]:
        """Nothing to do: each node's guard ends with its server by itself; see `Engine.sweep`."""
        return ()

    def is_held(self, group: str, *, owner: str) -> bool:
        """Whether any living process uses the group."""
        return guard.is_held(self._lease_path(owner, group))

    def _kill(self, name: str) -> None:
        while (node := self._find(name)) is not None and node.is_running:
            self._signal_all(name, signal.SIGKILL)
            time.sleep(0.01)
        if node is None:
            raise self._not_found(name)

    def _signal_all(self, name: str, number: int) -> None:
        if self._find(name) is None:
            raise self._not_found(name)
        for process in self._processes(name):
            if not _is_guard(process):
                _send(process, number)

    def _guard_command(self, spec: NodeSpec) -> list[str]:
        command = [sys.executable, "-I", "-S", guard.__file__]
        if not self._keep:
            server = os.environ.get("JPY_PARENT_PID")  # set by jupyter_client for the kernels that it starts
            linger = os.environ.get("COURSEKIT_LINGER_S") or (_JUPYTER_LINGER_S if server else _SCRIPT_LINGER_S)
            command += ["--lease", str(self._lease_path(spec.owner, spec.group)), "--linger", str(linger)]
            command += ["--idle", str(idle_limit_s())]
            if server:
                command += ["--keeper", server]
        return [*command, "--", *spec.command]

    def _label(self, spec: NodeSpec) -> str:
        known = {key: value for key, value in asdict(spec).items() if key not in _NOT_KEPT}
        return json.dumps({**known, "directory": str(self._directory)})

    def _node_directory(self, name: str) -> Path:
        return self._directory / "nodes" / name

    def _lease_path(self, owner: str, group: str) -> Path:
        return self._directory / "leases" / f"{owner}.{group}"

    def _labelled(self) -> Iterator[tuple[psutil.Process, dict[str, Any]]]:
        """Every process of this engine's nodes with its label; other users' processes cannot be read."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                label = _read_label(process.environ().get(_LABEL, ""))
                if label.get("directory") == str(self._directory):
                    yield process, label

    def _processes(self, name: str) -> Iterator[psutil.Process]:
        return (process for process, label in self._labelled() if label["name"] == name)

    def _gone(self, name: str, *, within_s: float) -> bool:
        """Wait until nothing of a node is left; a zombie that init has yet to reap counts as gone."""
        deadline = time.monotonic() + within_s
        while any(True for _ in self._processes(name)):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def _find(self, name: str) -> Node | None:
        return next((node for node in self.nodes() if node.name == name), None)

    def _appeared(self, name: str) -> Node:
        """Wait for the guard, which takes a moment to be on its own."""
        look = retry(retry=retry_if_result(lambda node: node is None), wait=wait_fixed(0.01), stop=stop_after_delay(10))
        try:
            node = look(self._find)(name)
        except RetryError:
            raise EngineError(
                f"node {name!r} did not start: {self.logs(name) or 'it printed nothing'}",
                fix="look whether the machine is out of processes or memory, then try again",
            ) from None
        assert node is not None
        return node

    def _not_found(self, name: str) -> NodeNotFoundError:
        names = ", ".join(node.name for node in self.nodes()) or "none"
        return NodeNotFoundError(f"there is no node {name!r}.", fix=f"choose one that is there: {names}")


def _read_label(text: str) -> dict[str, Any]:
    """Read a process's label; empty if it is none: anybody may give a variable that name."""
    try:
        label = json.loads(text)
    except ValueError:
        return {}
    return label if isinstance(label, dict) else {}


def _is_guard(process: psutil.Process) -> bool:
    """Whether the process leads its node: the guard script in a session of its own."""
    with contextlib.suppress(psutil.Error, OSError):
        return guard.__file__ in process.cmdline()[:5] and os.getsid(process.pid) == process.pid
    return False


def _read_node(process: psutil.Process, label: dict[str, Any]) -> Node | None:
    try:
        arguments = process.cmdline()
        started = process.create_time()
    except psutil.Error:
        return None
    exited = arguments[-2:-1] == ["--exited"]
    known = {key: value for key, value in label.items() if key != "directory"}
    return Node(
        **known,
        state="exited" if exited else "running",
        exit_code=int(arguments[-1]) if exited else None,
        started=started,
        address=LOOPBACK,
        host=socket.gethostname(),
    )


def _send(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
