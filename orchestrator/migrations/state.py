"""Which schema a database has, and bringing it to ours."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from orchestrator import tables
from orchestrator.database import place_of
from orchestrator.database_faults import database_faults
from orchestrator.errors import EnvironmentFault
from orchestrator.sqlite_file import SCHEMA_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

UPGRADE_LOCK = 1_296_843_587
"""PostgreSQL advisory lock: one upgrade at a time."""


class SchemaState(StrEnum):
    """How a database's schema stands to ours."""

    NONE = "none"
    """There are no tables of ours."""
    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"
    """A later version of clmctl made it."""


@cache
def known_revisions() -> tuple[str, ...]:
    """Return the ids of all revisions, oldest first."""
    names = (entry.name for entry in files("orchestrator.migrations.versions").iterdir())
    return tuple(sorted(name[:4] for name in names if name[:4].isdigit()))


def schema_revision(connection: Connection) -> str | None:
    """Return the id of the revision the database is at, None if it has no tables of ours.

    Raises:
        EnvironmentFault: tables of our names stand there that no revision of ours made.
    """
    names = set(inspect(connection).get_table_names())
    if SCHEMA_TABLE in names:
        found = connection.execute(text(f"SELECT max(version_num) FROM {SCHEMA_TABLE}")).scalar()
        if found is not None:
            return str(found)
    taken = sorted(names & set(tables.metadata.tables))
    if taken:
        raise EnvironmentFault(
            f"The database already has a table “{taken[0]}” that clmctl did not make.",
            help="Use a database, or a PostgreSQL schema, of its own.",
        )
    return None


def schema_state(engine: Engine) -> SchemaState:
    """Return how the database's schema stands to ours."""
    with database_faults(), engine.connect() as connection:
        revision = schema_revision(connection)
    if revision is None:
        return SchemaState.NONE
    known = known_revisions()
    if revision == known[-1]:
        return SchemaState.CURRENT
    return SchemaState.OLDER if revision in known else SchemaState.NEWER


def upgrade_schema(engine: Engine) -> None:
    """Bring the database to our schema, in one transaction; nothing happens if it is there.

    Raises:
        EnvironmentFault: a newer version of clmctl made the database.
    """
    if schema_state(engine) is SchemaState.NEWER:
        raise _newer(engine)
    with database_faults(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        upgrade(connection)


def require_schema(engine: Engine, *, create: bool = False) -> None:
    """Refuse a database whose schema is not ours.

    Args:
        create: make the tables if there are none.
    Raises:
        EnvironmentFault: the schema is missing, older or newer.
    """
    state = schema_state(engine)
    if state is SchemaState.NONE and create:
        upgrade_schema(engine)
    elif state is SchemaState.NONE:
        raise EnvironmentFault(
            f"The database {place_of(engine)} is empty.",
            help="Load something first: clmctl import customers FILE",
        )
    elif state is SchemaState.OLDER:
        raise EnvironmentFault(
            f"The database {place_of(engine)} has an older schema than this version needs.",
            help="Make a backup, then run: clmctl db upgrade",
        )
    elif state is SchemaState.NEWER:
        raise _newer(engine)


def _newer(engine: Engine) -> EnvironmentFault:
    return EnvironmentFault(
        f"The database {place_of(engine)} was made by a newer version of clmctl.",
        help="Install that version; an older one cannot know what the new tables mean.",
    )


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for that connection, whose transaction it uses."""
    from alembic.config import Config  # costs 0.1 s, and most runs need no upgrade

    config = Config()
    config.set_main_option("script_location", "orchestrator:migrations")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Run the missing revisions on a connection; the caller commits."""
    from alembic import command  # costs 0.1 s, and most runs need no upgrade

    command.upgrade(alembic_config(connection), "head")
