"""One database, on SQLite or PostgreSQL, opened and brought up to date.

SQLite: WAL, `synchronous=FULL` unless told otherwise, foreign keys on; a writing transaction begins IMMEDIATE, so that two
writers wait for each other instead of failing half-way.  PostgreSQL: READ COMMITTED; who needs one writer takes `lock`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from tarim.base.errors import DefinitionError, Unavailable
from tarim.records.migrations import Migrations, upgrade

KINDS: Final = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
_UPGRADE: Final = "records-upgrade"
_WRITING: Final = "tarim_writing"


class DatabaseLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a database.

    connections_max: of one process.  wait_s: how long a connection or a lock is waited for.  statement_s_max: how long one
    statement may take on PostgreSQL.  durable: whether a commit waits for the disk; False only for tables that are
    rebuilt from a journal.
    """

    connections_max: int = 16
    wait_s: int = 10
    statement_s_max: int = 60
    durable: bool = True


class Database:
    """A pool of connections.  Threads may share it; close it, or use it as a context."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __repr__(self) -> str:
        return f"<Database {self.engine.url.render_as_string(hide_password=True)}>"

    @classmethod
    def open(cls, url: str, contexts: Sequence[Migrations], limits: DatabaseLimits | None = None) -> Database:
        """The database of a URL with the tables of these contexts up to date.

        url: `sqlite:////folder/records.db`, or `postgresql://user@host/name`.
        Raises DefinitionError for another kind of URL, Unavailable when it cannot be reached, Conflict when it is newer.
        """
        limits = limits or DatabaseLimits()
        address = _address(url)
        engine = _sqlite(address, limits) if address.drivername == "sqlite" else _postgresql(address, limits)
        database = cls(engine)
        try:
            with database.writing() as connection:
                database.lock(connection, _UPGRADE)
                upgrade(connection, contexts)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, committed at the end and undone by any error.  Raises Unavailable."""
        with self._connected() as connection:
            connection.execution_options(**{_WRITING: True})
            with connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with, of what was committed.  Raises Unavailable."""
        with self._connected() as connection:
            yield connection

    def lock(self, connection: Connection, name: str) -> None:
        """Hold the lock of this name until the transaction ends.  On SQLite every writing transaction is alone anyhow."""
        if self.kind == "postgresql":
            number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little", signed=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except (OperationalError, DBAPIError) as error:
            if isinstance(error, OperationalError) or error.connection_invalidated:
                raise Unavailable(f"the database does not answer: {type(error.orig).__name__}") from None
            raise
        except SQLAlchemyError as error:
            if type(error).__name__ == "TimeoutError":
                raise Unavailable("every connection to the database is in use; ask again") from None
            raise


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise DefinitionError("the database's URL cannot be read; it is like sqlite:////folder/records.db") from None
    kind = address.get_backend_name()
    if kind not in KINDS:
        raise DefinitionError(f"the database is sqlite or postgresql, not {kind}")
    return address.set(drivername=KINDS[kind])


def _sqlite(address: URL, limits: DatabaseLimits) -> Engine:
    if not address.database or address.database == ":memory:":
        raise DefinitionError("a SQLite database is a file: sqlite:////folder/records.db")
    path = Path(address.database)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    engine = create_engine(
        address,
        pool_size=limits.connections_max,
        max_overflow=0,
        pool_timeout=limits.wait_s,
        connect_args={"timeout": limits.wait_s, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # sqlite3 begins nothing by itself
        for each in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if limits.durable else 'NORMAL'}",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-32768",
        ):
            connection.execute(f"PRAGMA {each}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _postgresql(address: URL, limits: DatabaseLimits) -> Engine:
    commit = "on" if limits.durable else "off"
    options = f"-c statement_timeout={limits.statement_s_max}s -c lock_timeout={limits.wait_s}s -c synchronous_commit={commit}"
    return create_engine(
        address,
        pool_size=limits.connections_max,
        max_overflow=0,
        pool_timeout=limits.wait_s,
        pool_pre_ping=True,
        connect_args={"connect_timeout": limits.wait_s, "options": options, "application_name": "tarim"},
    )
