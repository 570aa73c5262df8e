"""Removes a group's containers when nobody needs them: the command of a keeper node.

The guard of the process engine (`coursekit.engine.guard`) watches the lease and the Jupyter server, and ends its
command with SIGTERM when both are gone; this command then removes the containers and their network.

Run as ``python -m coursekit.engine.keeper REALM OWNER GROUP``.
"""

from __future__ import annotations

import signal
import sys

from coursekit.engine.docker import DockerEngine


def main() -> None:
    """Wait for the end, then sweep."""
    realm, owner, group = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    engine = DockerEngine(realm=realm, keep=True)
    signal.sigwait({signal.SIGTERM})
    engine.sweep(owner=owner, group=group)


if __name__ == "__main__":
    main()
