"""The database of usage: its address, its tables, and that SQLite waits for its turn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from coursekit.errors import MissingPackageError, RecordsError, SettingsError

try:
    import sqlalchemy as sa
except ModuleNotFoundError:
    raise MissingPackageError(
        "SQLAlchemy, which reads and writes the usage of a class, is not installed.",
        fix='pip install "coursekit[gateway]"',
    ) from None

from sqlalchemy.exc import ArgumentError, NoSuchModuleError

__all__ = ["SCHEMA", "database_url", "intervals", "metadata", "open_database", "sa", "state", "usage_database"]

SCHEMA: Final = 1
"""Version of the tables: it grows when a table changes, and then there is no way back."""

metadata = sa.MetaData()

# One row.
state = sa.Table(
    "coursekit_usage_state",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("ticked", sa.Double),  # the last tick, seconds since the epoch
)

intervals = sa.Table(
    "coursekit_usage_intervals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("cluster", sa.String(255), nullable=False),
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("assignment", sa.String(255), nullable=False),
    sa.Column("cores", sa.Double, nullable=False),
    sa.Column("memory", sa.BigInteger, nullable=False),
    sa.Column("gpus", sa.Integer, nullable=False),
    sa.Column("is_waiting", sa.Boolean, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("began", sa.Double, nullable=False),
    sa.Column("ended", sa.Double, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
)
# A cluster can have one open interval: the database itself refuses to count it twice.
sa.Index(
    "coursekit_usage_open",
    intervals.c.cluster,
    unique=True,
    sqlite_where=intervals.c.is_open,
    postgresql_where=intervals.c.is_open,
)


def database_url(place: str | Path) -> str:
    """Give the address of a database that is named by its file, or by its address already."""
    return str(place) if "://" in str(place) else f"sqlite:///{Path(place).absolute()}"


def usage_database(state: Path) -> str:
    """Name the database of a Hub's usage: a file in its state folder (``COURSEKIT_USAGE`` overrides)."""
    return os.environ.get("COURSEKIT_USAGE") or str(state / "usage.sqlite")


def open_database(url: str, *, busy_s: float, create: bool) -> sa.Engine:
    """Open a database; nothing is read or written yet.

    Parameters
    ----------
    url : str
        As SQLAlchemy reads it.
    busy_s : float
        How long SQLite waits when another program is writing, s.
    create : bool
        Whether SQLite may make a file.

    Raises
    ------
    SettingsError
        If the address is not one.
    MissingPackageError
        If the package for that kind of database is not installed.
    RecordsError
        If there is no file and none must be made.
    """
    try:
        address = sa.make_url(url)
        is_file = address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:")
        engine = sa.create_engine(address, pool_pre_ping=True, connect_args={"timeout": busy_s} if is_file else {})
    except (ArgumentError, NoSuchModuleError):
        raise SettingsError(
            f"{url!r} is not the address of a database.",
            fix="write it like sqlite:////path/usage.sqlite or postgresql+psycopg://user@host/name",
        ) from None
    except ModuleNotFoundError as error:
        package = "psycopg[binary]" if error.name == "psycopg" else error.name
        raise MissingPackageError(
            f"{error.name}, which that kind of database needs, is not installed.", fix=f'pip install "{package}"'
        ) from None
    if is_file:
        _prepare_file(Path(str(address.database)), create=create)
        _take_turns(engine)
    return engine


def _prepare_file(path: Path, *, create: bool) -> None:
    if path.exists():
        return
    if not create:
        raise RecordsError(
            f"there is no usage at {path}.", fix="start the Hub, which records it, or name another place: --database"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # who used what is nobody else's business
    except OSError as error:
        raise RecordsError(
            f"the usage database {path} cannot be made: {error.strerror}.",
            fix="name another place in COURSEKIT_USAGE, or let this account write there",
        ) from None


def _take_turns(engine: sa.Engine) -> None:
    """Let readers and one writer work at the same time, and let a transaction that writes begin as one.

    Python's own ``sqlite3`` begins with the first change, too late to wait for another writer without an error:
    https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#serializable-isolation-savepoints-transactional-ddl
    """

    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE")
