"""The first process of a node of the ``process`` engine: it starts the node's command and outlives it.

Run as a script by a bare interpreter (standard library only), in a session of its own. The guard

- takes the command down with it when it is killed itself (Linux: the parent-death signal);
- ends the node when its keeper (the Jupyter server) is gone, or when no process has held the node's lease for
  ``--linger`` seconds: a lease is a shared file lock, so the kernel of the operating system gives it up for a
  process that was killed. Before a guard ends its node it takes a share of a second lock, which whoever takes a lease
  waits for: so nobody is given a node that is about to end;
- ends the node when it has not been used for ``--idle`` seconds: who uses it touches the lease;
- stays, when the command ends, with ``--exited CODE`` on its own command line, so that the end can be explained
  and no file has to remember it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import math
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from io import BufferedWriter
from pathlib import Path
from types import FrameType

_POLL_S = 0.5
_TERM_S = 10.0
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Guard one node from its start to its stop."""
    options = _parse()
    if options.exited is None:
        if os.fork():
            os._exit(0)  # the caller waits for this process only; the guard itself belongs to init
        os.setsid()
    wake, asked_to_stop = threading.Event(), threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        asked_to_stop.set()
        wake.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    child = None if options.exited is not None else _spawn(options, wake)
    abandoned = _abandonment(options)
    while not wake.wait(_POLL_S):
        if abandoned():
            asked_to_stop.set()
            break
    if child is not None and not asked_to_stop.is_set():
        _exec_as_exited(child.returncode)
    _end(child)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lease", type=Path)
    parser.add_argument("--linger", type=float, default=5.0)
    parser.add_argument("--idle", type=float, default=math.inf)
    parser.add_argument("--keeper", type=int)
    parser.add_argument("--exited", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def _spawn(options: argparse.Namespace, wake: threading.Event) -> subprocess.Popen[bytes]:
    """Start the command; ``wake`` is set when it has ended."""
    command = options.command[1:]
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_guard)
    except OSError as error:
        print(f"coursekit: cannot start {command[0]!r}: {error.strerror}", file=sys.stderr, flush=True)
        _exec_as_exited(127)
        raise

    def watch() -> None:
        child.wait()
        wake.set()

    threading.Thread(target=watch, daemon=True).start()
    return child


def _die_with_guard() -> None:
    """Ask Linux to kill the command when the guard dies, even by SIGKILL."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _exec_as_exited(returncode: int) -> None:
    """Become a guard that only says with which code its command ended (128 + signal for a signal)."""
    code = 128 - returncode if returncode < 0 else returncode
    cause = f"killed by signal {-returncode}" if returncode < 0 else f"exit code {code}"
    print(f"coursekit: the node's command ended: {cause}", file=sys.stderr, flush=True)
    _sweep_group()
    arguments = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    os.execv(sys.executable, [sys.executable, "-I", "-S", __file__, *arguments, "--exited", str(code)])  # noqa: S606


def _sweep_group() -> None:
    """Kill what the command left behind in the guard's process group, but not the guard."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(0, signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a stop that comes before the next handler is set ends the guard


def _abandonment(options: argparse.Namespace) -> Callable[[], bool]:
    """Give a function that tells whether nobody needs the node any longer; once it says so, nobody takes the lease."""
    lease: Path | None = options.lease
    keeper = _pidfd(options.keeper)
    alone_since: float | None = None
    ending: BufferedWriter | None = None

    def abandoned() -> bool:
        nonlocal alone_since, ending
        is_orphan = keeper is not None and bool(select.select([keeper], [], [], 0)[0])
        if lease is None:
            return is_orphan
        if is_orphan or _unused_s(lease) > options.idle:
            ending = _announce_end(lease)
            return True
        if is_held(lease):
            alone_since = None
            return False
        alone_since = alone_since or time.monotonic()
        if time.monotonic() - alone_since < options.linger:
            return False
        if not lease.exists():  # whoever made it has cleared it away
            return True
        ending = _announce_end(lease)
        if ending is None:
            return False
        if is_held(lease):  # somebody has taken it since
            ending.close()
            return False
        return True

    return abandoned


def ending_path(lease: Path) -> Path:
    """Give the file that guards lock while they end what the lease is for."""
    return lease.with_name(f"{lease.name}.ending")


def _announce_end(lease: Path) -> BufferedWriter | None:
    """Lock the file with the other guards until this process ends; None when somebody is just taking the lease."""
    try:
        file = ending_path(lease).open("ab")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _pidfd(pid: int | None) -> int | None:
    """Open a descriptor that becomes readable when the process ends; it cannot mean a later one of the same number."""
    if pid is None or not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        reader, writer = os.pipe()
        os.close(writer)  # a pipe without a writer is readable at once: the keeper is gone already
        return reader


def _unused_s(lease: Path) -> float:
    """Seconds since somebody who uses the node said so."""
    try:
        return time.time() - lease.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def is_held(lease: Path) -> bool:
    """Whether any living process has a shared lock on the lease."""
    try:
        with lease.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _end(child: subprocess.Popen[bytes] | None) -> None:
    """Stop the command and all that is left in the group, the guard last."""
    if child is not None:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_TERM_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
