"""What a Swarm's manager cannot do from afar: signal or pause a container, done by a small program on its own host.

The program talks to that host's daemon over its socket, and uses nothing but Python's standard library, so that every
image of the course can run it.
"""

from __future__ import annotations

import http.client
import socket
import sys
import urllib.parse
from pathlib import Path

_SOCKET = "/var/run/docker.sock"
_HARMLESS = (404, 409, 500)  # it is gone, has ended, or is paused already


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(_SOCKET)


def agent_command(container: str, action: str, *words: str) -> list[str]:
    """Give the command that does something to a container of the host that it runs on.

    Parameters
    ----------
    container : str
        Its id.
    action : {"kill", "pause", "unpause"}
        What to do.
    *words : str
        For ``"kill"`` the signal.
    """
    return ["python3", "-c", Path(__file__).read_text(), container, action, *words]


def main() -> None:
    """Do it, and fail if the daemon does not know what was asked."""
    container, action, *words = sys.argv[1:]
    query = "?" + urllib.parse.urlencode({"signal": words[0]}) if words else ""
    connection = _Connection("localhost")
    connection.request("POST", f"/containers/{container}/{action}{query}")
    answer = connection.getresponse()
    if answer.status >= 400 and answer.status not in _HARMLESS:
        sys.exit(answer.read().decode(errors="replace"))


if __name__ == "__main__":
    main()
