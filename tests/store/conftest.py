"""A store of each kind, empty: SQLite in a file, and PostgreSQL in a cluster of its own where its programs are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from dialogue_tts.store.database import Database

_numbers = count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a running PostgreSQL, but for the database's name."""
    places = os.pathsep.join([os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))])
    initdb, pg_ctl = (shutil.which(name, path=places) for name in ("initdb", "pg_ctl"))
    if not initdb or not pg_ctl:
        pytest.skip("PostgreSQL is not tested: initdb and pg_ctl are not there (apt-get install postgresql)")
    as_root = os.geteuid() == 0  # as whom it refuses to run
    if as_root and (not shutil.which("runuser") or subprocess.run(["id", "postgres"], capture_output=True).returncode):
        pytest.skip("PostgreSQL is not tested: it does not run as root, and there is no user postgres")
    other = ["runuser", "-u", "postgres", "--"] if as_root else []
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:  # a socket's path must be short
        if as_root:
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        quiet = {"check": True, "capture_output": True, "cwd": folder}
        subprocess.run([*other, initdb, "-D", data, "-A", "trust", "-U", "ann", "--no-sync"], **quiet)
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        # Its log goes to a file: the server would hold a pipe open, and `run` wait for its end.
        subprocess.run([*other, pg_ctl, "-D", data, "-w", "-l", f"{folder}/log", "-o", settings, "start"], **quiet)
        try:
            yield f"postgresql://ann@/DATABASE?host={folder}"
        finally:
            subprocess.run([*other, pg_ctl, "-D", data, "-m", "immediate", "-w", "stop"], **quiet)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store is to be that nobody has made."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    template, name = request.getfixturevalue("postgresql"), f"store{next(_numbers)}"
    socket = f"{template.rpartition('=')[2]}/.s.PGSQL.5432"
    engine = sa.create_engine(
        "postgresql+pg8000://ann@/postgres", isolation_level="AUTOCOMMIT", connect_args={"unix_sock": socket}
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return str(template.replace("DATABASE", name))


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """A store."""
    found = Database.open(address)
    yield found
    found.close()
