"""The demonstration: a Hub, a class of three bots, a gradebook."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from coursekit.hub.rehearse import Watch, rehearse
from coursekit.hub.results import Rehearsal
from coursekit.hub.roster import require_no_class
from coursekit.hub.server import RunningHub, down, reset, up
from coursekit.hub.settings import HubSettings


@contextmanager
def demonstration(settings: HubSettings, *, watch: Watch, students: int = 3) -> Iterator[tuple[RunningHub, Rehearsal]]:
    """Start a clean Hub, rehearse a class, and take everything down at the end, whatever the end is.

    What an earlier demonstration left, even one that was killed, is stopped and removed first.

    Parameters
    ----------
    settings : HubSettings
        What the Hub should be.
    watch : callable
        Told about every step that is done.
    students : int
        Number of bots.

    Raises
    ------
    HubError
        If the Hub has a roster: a class is there, and nothing of it is removed.

    Yields
    ------
    tuple of RunningHub and Rehearsal
        The Hub, which answers as long as the block runs, and what the bots got.
    """
    require_no_class(settings)
    with _ending_on_sigterm():
        try:
            watch("clean up", 0, 1)
            reset(settings)
            watch("clean up", 1, 1)
            watch("start the Hub", 0, 1)
            hub = up(settings)
            watch("start the Hub", 1, 1)
            yield hub, rehearse(settings, hub, students=students, watch=watch)
        finally:
            _undisturbed(lambda: down(settings))


def wait_for_ever() -> None:
    """Wait until Ctrl-C or SIGTERM."""
    threading.Event().wait()


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C: both take everything down."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _undisturbed(act: Callable[[], object]) -> None:
    """Do something to its end, although the user may press Ctrl-C once more."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        act()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
