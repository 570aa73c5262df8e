"""Writes what the class uses into the database of usage, with each look of the gateway."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator

from coursekit.errors import CoursekitError
from coursekit.gateway.picture import Picture
from coursekit.gateway.records import Records, Usage
from coursekit.gateway.tables import database_url

log = logging.getLogger(__name__)

Record = Callable[[Picture], bool]
"""Records a look, and says whether it could."""


def usages(picture: Picture) -> Iterator[Usage]:
    """Say of each cluster what it uses, and whether it stands in the queue for more; pure."""
    waiting = {one.cluster for one in picture.decision.waiting if one.position}
    for claim in picture.claims:
        yield Usage(
            cluster=claim.cluster,
            owner=claim.owner,
            resources=claim.worker * claim.running,
            assignment=picture.assignments.get(claim.cluster, ""),
            is_waiting=claim.cluster in waiting,
        )


@contextlib.contextmanager
def recording(place: str) -> Iterator[Record | None]:
    """Give what watches the class and records it, for as long as the context lasts.

    Parameters
    ----------
    place : str
        The database, a file or an address; empty for none.

    Yields
    ------
    callable or None
        None where nothing is to be recorded. A database that cannot be used is logged: clusters are given out all the
        same, and each look tries again.
    """
    if not place:
        yield None
        return
    recorder = Recorder(database_url(place))
    try:
        yield recorder.record
    finally:
        recorder.close()


class Recorder:
    """The database of usage, opened as soon as it can be: it may be locked, or its disk full, when a gateway begins.

    Parameters
    ----------
    url : str
        As SQLAlchemy reads it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._trouble = ""
        self._records = self._open()

    def record(self, picture: Picture) -> bool:
        """Record a look, and say whether that was possible."""
        self._records = self._records or self._open()
        return self._records is not None and self._records.tick(picture.at, usages(picture))

    def close(self) -> None:
        """Give up the connections."""
        if self._records is not None:
            self._records.close()

    def _open(self) -> Records | None:
        try:
            return Records(self._url)
        except CoursekitError as error:
            if str(error) != self._trouble:  # once, not with each look
                self._trouble = str(error)
                log.warning("usage is not recorded until this is mended: %s", error)
            return None
