"""The quotas that hold: the course's, and beside them those that instructors gave to single users.

What an instructor gave is kept in the gateway's database, for it should outlive the gateway; the course's own quotas
stay in the instructor's file, which no program writes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, String, Table, select
from sqlalchemy.exc import SQLAlchemyError

from coursekit.errors import GatewayUnavailableError, SettingsError
from coursekit.gateway.quotas import Quota, Quotas, Resources
from coursekit.gateway.store import open_gateway_database

log = logging.getLogger(__name__)
_KINDS: Final = ("guarantee", "cap")
_metadata = MetaData()
_given = Table(
    "given_quotas",
    _metadata,
    Column("user", String(255), primary_key=True),
    *(
        Column(f"{kind}_{name}", column, nullable=False)
        for kind in _KINDS
        for name, column in (("cores", Float), ("memory", BigInteger), ("gpus", Integer))
    ),
    Column("weight", Float, nullable=False),
    Column("given_by", String(255), nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A quota that somebody gave to one user."""

    quota: Quota
    by: str


class QuotaStore:
    """The table of quotas that instructors gave.

    Parameters
    ----------
    address : str
        SQLAlchemy's address of a database; ``"sqlite://"`` is one in memory.
    """

    def __init__(self, address: str) -> None:
        self._database = open_gateway_database(address)

    def load(self) -> dict[str, Given]:
        """Read all; none when they cannot be read, so that the class goes on with the course's quotas."""
        try:
            _metadata.create_all(self._database)
            with self._database.connect() as connection:
                rows = connection.execute(select(_given)).mappings().all()
            return {row["user"]: _read(row) for row in rows}
        except (SQLAlchemyError, SettingsError) as error:
            log.warning("quotas that instructors gave cannot be read, so the course's hold: %s", error)
            return {}

    def write(self, user: str, given: Given | None) -> None:
        """Write one user's; None takes it back.

        Raises
        ------
        GatewayUnavailableError
            If the database cannot be written: a quota that would be forgotten is not given.
        """
        try:
            _metadata.create_all(self._database)
            with self._database.begin() as connection:
                connection.execute(_given.delete().where(_given.c.user == user))
                if given is not None:
                    connection.execute(_given.insert(), [_row(user, given)])
        except SQLAlchemyError as error:
            log.warning("the quota of %s cannot be written: %s", user, error)
            raise GatewayUnavailableError(
                f"the quota of {user} could not be written, so it stays as it was.",
                fix="try again in a minute; if it stays so, an operator finds the reason in the gateway's log",
            ) from None

    def close(self) -> None:
        """Close the database."""
        self._database.dispose()


class QuotaBook:
    """Which quotas hold now.

    Parameters
    ----------
    course : Quotas
        What the course's settings say.
    store : QuotaStore
        Where that of instructors is kept.
    """

    def __init__(self, course: Quotas, store: QuotaStore) -> None:
        self.store = store
        self._course = course
        self._given: dict[str, Given] = {}

    def take(self, given: Mapping[str, Given]) -> None:
        """Begin with what the store has."""
        self._given = dict(given)

    def put(self, user: str, given: Given | None) -> None:
        """Let a quota hold from now on; None lets the course's own hold again."""
        if given is None:
            self._given.pop(user, None)
        else:
            self._given[user] = given

    def at(self, moment: datetime) -> Quotas:
        """Give the quotas that hold at a moment."""
        given = {user: one.quota for user, one in self._given.items()}
        return replace(self._course, users={**self._course.users, **given}).at(moment)

    def of_course(self, user: str) -> Quota:
        """Give what the course's settings say of a user."""
        return self._course.of(user)

    def given(self, user: str) -> Given | None:
        """Give what an instructor gave to a user."""
        return self._given.get(user)


def _row(user: str, given: Given) -> dict[str, Any]:
    quota = given.quota
    parts = {"guarantee": quota.guarantee, "cap": quota.cap}
    amounts = {
        f"{kind}_{name}": getattr(part, name) for kind, part in parts.items() for name in ("cores", "memory", "gpus")
    }
    return {"user": user, **amounts, "weight": quota.weight, "given_by": given.by}


def _read(row: Any) -> Given:
    parts = {
        kind: Resources(**{name: row[f"{kind}_{name}"] for name in ("cores", "memory", "gpus")}) for kind in _KINDS
    }
    return Given(quota=Quota(**parts, weight=row["weight"]), by=row["given_by"])
