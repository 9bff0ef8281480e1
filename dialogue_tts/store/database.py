"""Opening a store: its address, its tables and their version; and transactions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from dialogue_tts.errors import StoreError
from dialogue_tts.extras import check_extra
from dialogue_tts.store.tables import VERSIONS, servers

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT_S = 15  # for another who writes, or for a connection
SSL: dict[str, Callable[[], SSLContext | bool | None]] = {
    "disable": lambda: False,
    "prefer": lambda: None,
    "require": lambda: True,
    "verify-full": create_default_context,
}
_LOCK = 0x6469616C  # of PostgreSQL, while the tables are looked at: two servers may start at once


class Database:
    """A database whose tables are there and can be written to. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        """Raises StoreError: it cannot be used, or holds the tables of another version."""
        self._engine = engine
        self.address = engine.url.render_as_string(hide_password=True)
        with self.writing() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            self._bring_up_to_date(connection)
        with self.writing() as connection:  # now, and not at the first job
            connection.execute(servers.insert().values(id="", alive_until=0.0))
            connection.execute(servers.delete().where(servers.c.id == ""))

    @classmethod
    def open(cls, address: str) -> Database:
        """The one at a path or a URL; it is made if there is none.

        Raises:
            StoreError: the address is no such thing, or nothing can be read or written there.
        """
        return cls(_engine(_url(address)))

    @classmethod
    def in_memory(cls) -> Database:
        """One that ends with the process."""
        # One connection, which is the database, and goes from thread to thread.
        arguments = {"check_same_thread": False}
        memory = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "connect_args": arguments}
        return cls(_prepared(sa.create_engine("sqlite://", **memory)))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One view of it. Raises StoreError where it cannot be read."""
        with self._errors_told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, forgetting: bool = False) -> Iterator[Connection]:
        """All changes of the block, or none. Raises StoreError where it cannot be written.

        Args:
            forgetting: what was deleted is to leave the files at once.
        """
        with self._errors_told():
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                yield connection
            if forgetting and self._engine.dialect.name == "sqlite":  # it stands in the log of changes, too
                with closing(self._engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give up all connections."""
        self._engine.dispose()

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:  # what the driver's sockets raise comes as it is
            reason = _reason(error)
            told = (
                f"the store cannot be used ({reason}); check its address, that its place is there and can be written to"
            )
            raise StoreError(f"{self.address}: {told}, and that there is room.") from error

    def _bring_up_to_date(self, connection: Connection) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        steps = ScriptDirectory.from_config(config)
        found = MigrationContext.configure(connection, opts={"version_table": VERSIONS}).get_current_revision()
        if found is not None and found not in {step.revision for step in steps.walk_revisions()}:
            told = f"the store has version {found} of its tables, and this release knows {steps.get_current_head()}"
            raise StoreError(f"{self.address}: {told}; use the release that made it, or a newer one.")
        if found != steps.get_current_head():
            command.upgrade(config, "head")


def _url(address: str) -> URL:
    if "://" not in address:
        return URL.create("sqlite", database=str(Path(address).expanduser()))
    try:
        url = sa.make_url(address)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise StoreError("the store's address is no path, and no URL that begins with sqlite:// or postgresql://.")
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite")
    check_extra("postgres", "a store in PostgreSQL", error=StoreError)
    return url.set(drivername="postgresql+pg8000")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        bare, arguments = _in_postgresql(url)
        return sa.create_engine(bare, pool_pre_ping=True, pool_timeout=WAIT_S, connect_args=arguments)
    if not url.database or url.database == ":memory:":
        raise StoreError("the store's address names no file; write a path, or sqlite:///PATH.")
    try:  # its owner's alone: it holds what people say, and their voices
        os.close(os.open(url.database, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        told = f"the store cannot be opened ({error.strerror})"
        raise StoreError(f"{url.database}: {told}; give the path of a file that can be written to.") from None
    return _prepared(sa.create_engine(url, pool_timeout=WAIT_S, connect_args={"timeout": WAIT_S}))


def _in_postgresql(url: URL) -> tuple[URL, dict[str, Any]]:
    """What of libpq's own addresses the driver knows by other names: ?host=FOLDER of a socket, and ?sslmode=."""
    query = dict(url.query)
    host, mode = query.pop("host", None), query.pop("sslmode", "prefer")
    if mode not in SSL or query:
        told = f"after ? there may be host, the folder of a socket, and sslmode, one of {', '.join(SSL)}"
        raise StoreError(f"{url.render_as_string(hide_password=True)}: {told}.")
    arguments: dict[str, Any] = {"timeout": WAIT_S, "ssl_context": SSL[mode]()}
    if host is not None:
        arguments["unix_sock"] = f"{host}/.s.PGSQL.{url.port or 5432}"
    return url.set(query={}), arguments


def _reason(error: SQLAlchemyError | OSError) -> str:
    """What the database says is wrong, in one line."""
    said = getattr(error, "orig", None) or error
    lost = said if isinstance(said, OSError) else said.__cause__  # a connection that there is not
    if isinstance(lost, OSError):
        return lost.strerror or str(lost) or type(lost).__name__
    if said.args and isinstance(said.args[0], dict):  # PostgreSQL's fields; M is the message
        return str(said.args[0].get("M"))
    return str(said).strip().splitlines()[0]


def _prepared(engine: Engine) -> Engine:
    """SQLite that keeps what it promised when the power goes, and nothing of what was deleted."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # else the module decides by itself where transactions begin
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {setting}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
