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
        None where nothing is recorded. A database that cannot be used is logged: clusters are given out all the same.
    """
    records = _open(place) if place else None
    if records is None:
        yield None
        return
    try:
        yield lambda picture: _record(records, picture)
    finally:
        records.close()


def _open(place: str) -> Records | None:
    try:
        return Records(database_url(place))
    except CoursekitError as error:
        log.warning("usage is not recorded: %s", error)
        return None


def _record(records: Records, picture: Picture) -> bool:
    return records.tick(picture.at, usages(picture))
