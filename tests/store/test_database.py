"""Opening a store: where it may be, what its tables must be, and that nothing of what is deleted stays."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from dialogue_tts.errors import StoreError
from dialogue_tts.store import database as module
from dialogue_tts.store.database import Database
from dialogue_tts.store.tables import VERSIONS, metadata, servers, voices


def test_the_steps_lead_to_the_tables(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSIONS, "compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == "3"


def test_a_store_is_opened_again_and_by_several_at_once(address: str) -> None:
    failed: list[BaseException] = []

    def opened() -> None:
        try:
            Database.open(address).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=opened) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with Database.open(address).reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(servers)) == 0


def test_a_store_of_a_newer_release_is_refused_and_left_alone(address: str) -> None:
    first = Database.open(address)
    with first.writing() as connection:
        connection.execute(sa.text(f"UPDATE {VERSIONS} SET version_num = '99'"))
    with pytest.raises(StoreError, match="the store has version 99 of its tables, and this release knows 3; use the"):
        Database.open(address)
    with first.reading() as connection:
        assert connection.scalar(sa.text(f"SELECT version_num FROM {VERSIONS}")) == "99"
    first.close()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("mysql://root@localhost/talk", r"no path, and no URL that begins with sqlite:// or postgresql://\."),
        ("http://localhost:5432", "no path, and no URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("nowhere/store.db", r"nowhere/store.db: the store cannot be opened \(No such file or directory\); give"),
        (".", r"cannot be opened \(Is a directory\)"),
        (
            "postgresql://ann:secret-word@127.0.0.1:1/talk",
            r"^postgresql\+pg8000://ann:\*\*\*@127.0.0.1:1/talk: the store cannot be used \(Connection refused\); check",
        ),
        (
            "postgresql://ann@/talk?sslmode=perhaps",
            "there may be host, .* sslmode, one of disable, prefer, require, verify",
        ),
        ("postgresql://ann@/talk?target=any", "there may be host"),
    ],
)
def test_addresses_that_cannot_serve(address: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=says) as told:
        Database.open(address)
    assert "secret-word" not in str(told.value) and "\n" not in str(told.value)
    assert not list(tmp_path.iterdir())


def test_a_file_of_something_else_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "talk.db"
    path.write_bytes(b"It is ten past five. " * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        Database.open(str(path))
    assert path.read_bytes() == b"It is ten past five. " * 100


def test_a_disk_that_is_full_or_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    Database.open(str(path)).close()
    prepared = module._prepared

    def limited(engine: sa.Engine) -> sa.Engine:
        prepared(engine)

        @sa.event.listens_for(engine, "connect")
        def connected(connection: sqlite3.Connection, _: object) -> None:
            for setting in settings:
                connection.execute(f"PRAGMA {setting}").close()

        return engine

    monkeypatch.setattr(module, "_prepared", limited)
    settings = ["query_only=ON"]
    with pytest.raises(StoreError, match=r"attempt to write a readonly database\); check its address"):
        Database.open(str(path))
    settings = ["max_page_count=1"]  # never less than there are
    full = Database.open(str(path))
    with pytest.raises(StoreError, match=r"database or disk is full\); .* that there is room"):
        with full.writing() as connection:
            connection.execute(voices.insert().values(key="a", name="A", data=bytes(100_000)))
    full.close()


def test_a_file_is_its_owners_alone_and_keeps_nothing_of_what_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    database = Database.open(str(path))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir())

    with database.writing() as connection:
        connection.execute(voices.insert().values(key="a", name="A", data=b"somebody's voice" * 1000))
    assert b"somebody's voice" in on_disk()
    with database.writing(forgetting=True) as connection:
        connection.execute(voices.delete())
    assert b"somebody's voice" not in on_disk()
    database.close()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TimeoutError("timed out"), "timed out"),
        (TimeoutError(), "TimeoutError"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
    ],
)
def test_a_connection_that_is_lost(database: Database, error: OSError, says: str) -> None:
    for used in (database.reading, database.writing):
        with pytest.raises(StoreError, match=rf"the store cannot be used \({says}\); check"):
            with used():
                raise error  # as pg8000 does


def test_a_change_is_whole_or_not_at_all(database: Database) -> None:
    with pytest.raises(KeyError):
        with database.writing() as connection:
            connection.execute(servers.insert().values(id="one", alive_until=1.0))
            raise KeyError
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(servers)) == 0
