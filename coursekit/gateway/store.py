"""Remembers what users want, so that a gateway that starts again gives them no less, and keeps the queue in order.

It may be lost without harm: what runs is known by the labels on its nodes, and is then all that is wanted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Engine, Float, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from coursekit.cluster import ClusterSpec

log = logging.getLogger(__name__)
_tables = MetaData()
_wanted = Table(
    "wanted_clusters",
    _tables,
    Column("owner", String(255), primary_key=True),
    Column("cluster", String(30), primary_key=True),
    Column("workers", Integer, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("image", String(255), nullable=False),
    Column("gpus", Integer, nullable=False),
    Column("since", Float, nullable=False),
    Column("granted", Integer, nullable=False),
    Column("assignment", String(64), nullable=False),
)


def open_gateway_database(address: str) -> Engine:
    """Open the gateway's own database; one in memory (``"sqlite://"``) is the same for all threads."""
    in_memory = address in ("sqlite://", "sqlite:///:memory:")
    more: dict[str, Any] = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    return create_engine(address, **(more if in_memory else {}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What one user wants of one cluster; ``granted`` workers were started, 0 while it is queued."""

    owner: str
    spec: ClusterSpec
    since: float
    granted: int
    assignment: str = ""


class WantedStore:
    """The table; what fails is logged and goes on without it.

    Parameters
    ----------
    address : str
        SQLAlchemy's address of a database; ``"sqlite://"`` is one in memory.
    """

    def __init__(self, address: str) -> None:
        self._database = open_gateway_database(address)

    def load(self) -> tuple[Wanted, ...]:
        """Read everything; nothing when it cannot be read."""
        try:
            _tables.create_all(self._database, tables=[_wanted])
            with self._database.connect() as connection:
                rows = connection.execute(select(_wanted)).all()
        except SQLAlchemyError as error:
            log.warning("what was wanted cannot be read, so what runs is what is wanted: %s", error)
            return ()
        return tuple(
            Wanted(
                owner=row.owner,
                spec=ClusterSpec(
                    name=row.cluster,
                    workers=row.workers,
                    cores=row.cores,
                    memory=row.memory,
                    image=row.image,
                    gpus=row.gpus,
                ),
                since=row.since,
                granted=row.granted,
                assignment=row.assignment,
            )
            for row in rows
        )

    def replace(self, wanted: Iterable[Wanted]) -> bool:
        """Write everything anew: it is little, and one transaction is never half done.

        Returns
        -------
        bool
            Whether it was written.
        """
        rows = [
            {
                "owner": one.owner,
                "cluster": one.spec.name,
                "workers": one.spec.workers,
                "cores": one.spec.cores,
                "memory": one.spec.memory,
                "image": one.spec.image,
                "gpus": one.spec.gpus,
                "since": one.since,
                "granted": one.granted,
                "assignment": one.assignment,
            }
            for one in wanted
        ]
        try:
            with self._database.begin() as connection:
                _tables.create_all(connection, tables=[_wanted])  # it may have been locked when this began
                connection.execute(_wanted.delete())
                if rows:
                    connection.execute(_wanted.insert(), rows)
        except SQLAlchemyError as error:
            log.warning("what is wanted cannot be written, and is lost if the gateway ends now: %s", error)
            return False
        return True

    def close(self) -> None:
        """Close the database."""
        self._database.dispose()
