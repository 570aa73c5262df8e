"""Removes a group's containers when nobody needs them any longer.

A keeper is a node of the process engine, on the machine (or in the container) of the notebook's server. That
engine's guard (`coursekit.engine.guard`) watches the lease, the time of the last use and the Jupyter server, and ends
the keeper's command with SIGTERM when nobody is left; the command then removes the containers and their network.

Run as ``python -m coursekit.engine.keeper ENGINE REALM OWNER GROUP``.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys

from coursekit.engine.base import NodeSpec
from coursekit.engine.process import ProcessEngine
from coursekit.errors import NodeExistsError


class Keepers:
    """The keepers of one container engine's groups.

    Parameters
    ----------
    engine : str
        The engine's name.
    realm : str
        Its realm.
    keep : bool
        Whether groups stay until they are stopped: then there is no keeper.
    """

    def __init__(self, engine: str, realm: str, *, keep: bool) -> None:
        self._engine = engine
        self._realm = realm
        self._keep = keep
        self._processes = ProcessEngine()

    def hold(self, group: str, *, owner: str) -> None:
        """Take a share of the group's lease, and see that a keeper watches it."""
        self._processes.hold(group, owner=owner)
        self._processes.touch(group, owner=owner)
        name = self._name(group, owner)
        if self._keep or self._watches(name):
            return
        self._processes.stop(name)
        command = (sys.executable, "-m", "coursekit.engine.keeper", self._engine, self._realm, owner, group)
        with contextlib.suppress(NodeExistsError):  # another notebook's call was faster
            self._processes.start(NodeSpec(name=name, owner=owner, group=group, role="keeper", command=command))

    def release(self, group: str, *, owner: str, is_empty: bool) -> None:
        """Give up this process's share; the keeper of an empty group has nothing left to do."""
        self._processes.release(group, owner=owner)
        if is_empty:
            self._processes.stop(self._name(group, owner))

    def touch(self, group: str, *, owner: str) -> None:
        """Note the time of the use."""
        self._processes.touch(group, owner=owner)

    def is_abandoned(self, host: str | None, group: str, *, owner: str) -> bool:
        """Whether a group that was started from a host, this one, has neither a keeper nor a user any longer."""
        if host != socket.gethostname() or self._watches(self._name(group, owner)):
            return False
        return not self._processes.is_held(group, owner=owner)

    def _watches(self, name: str) -> bool:
        return any(node.name == name and node.is_running for node in self._processes.nodes())

    def _name(self, group: str, owner: str) -> str:
        return f"{self._realm}-{owner}-{group}-keeper"


def main() -> None:
    """Wait for the end, then remove the group."""
    name, realm, owner, group = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.sigwait({signal.SIGTERM})
    # Only now, for while a cluster starts there is no time to lose with what is needed at its end.
    from coursekit.engine.docker import DockerEngine
    from coursekit.engine.swarm import SwarmEngine

    engine = {"docker": DockerEngine, "swarm": SwarmEngine}[name](realm=realm, keep=True)
    engine.remove(owner=owner, group=group)


if __name__ == "__main__":
    main()
