"""What an attack on the Hub is: an attempt, what must be seen of it, and the same thing done where it is allowed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from attacks.hub.scene import Scene

Act = Callable[[Scene], str]
"""Does something and gives what was seen: a command's output and exit code, or an answer's status and body."""

_REACH = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
except OSError as error:
    print("closed:", error)
else:
    print("reached")
"""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attempt.

    Parameters
    ----------
    title : str
        What is tried, the end of a sentence that begins with "a student cannot".
    attempt : callable
        Tries it.
    seen : str
        A pattern that what was seen must match: the refusal itself, so that an attempt that did not run is no success.
    control : callable
        Does the same to what is the attacker's own; shows that the attempt would work were it not refused.
    allowed : str
        A pattern that the control must match, and the attempt must not.
    open : str
        Why it succeeds nevertheless; empty where it does not. What is written here is known, and told to operators.
    """

    title: str
    attempt: Act
    seen: str
    control: Act
    allowed: str
    open: str = ""


def python(code: str, *words: str) -> str:
    """Write a command that runs a program."""
    return shlex.join(["python", "-c", code, *words])


def reach(host: Callable[[Scene], str], port: Callable[[Scene], str | int] | int) -> Act:
    """Connect from the attacker's server."""
    return lambda scene: scene.run(_reaching(scene, host, port))


def reach_from_executor(host: Callable[[Scene], str], port: Callable[[Scene], str | int] | int) -> Act:
    """Connect from where the attacker's executors run."""
    return lambda scene: scene.run_on_executor(_reaching(scene, host, port))


def _reaching(scene: Scene, host: Callable[[Scene], str], port: Callable[[Scene], str | int] | int) -> str:
    return python(_REACH, host(scene), str(port if isinstance(port, int) else port(scene)))


def shell(command: str) -> Act:
    """Do something in a terminal of the attacker's server."""
    return lambda scene: scene.run(command)


def executor(command: str) -> Act:
    """Do something where the attacker's executors run."""
    return lambda scene: scene.run_on_executor(command)
