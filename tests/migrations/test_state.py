"""Revisions make exactly the tables of the model, and old, new and foreign databases are told apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, text

from orchestrator import tables
from orchestrator.database import open_engine
from orchestrator.errors import EnvironmentFault
from orchestrator.migrations.state import (
    SchemaState,
    known_revisions,
    require_schema,
    schema_state,
    upgrade_schema,
)
from orchestrator.sqlite_file import SCHEMA_TABLE

POSTGRES_CATALOG = (
    (
        "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default,"
        " collation_name, is_identity FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, 3"
    ),
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 2",
    (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2"
    ),
)


def _sqlite_catalog(connection: Connection) -> list[tuple[object, ...]]:
    rows = connection.execute(
        text("SELECT tbl_name, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1, 2")
    )
    return [
        (table, name, re.sub(r"\s+", " ", sql))
        for table, name, sql in rows
        if table != SCHEMA_TABLE
    ]


def _postgres_catalog(connection: Connection) -> list[tuple[object, ...]]:
    rows = (tuple(row) for query in POSTGRES_CATALOG for row in connection.execute(text(query)))
    return [row for row in rows if row[0] != SCHEMA_TABLE]


def _difference(connection: Connection) -> list[object]:
    options = {
        "compare_type": True,
        "include_name": lambda name, kind, _parents: name != SCHEMA_TABLE,
    }
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, tables.metadata))


def test_revisions_equal_the_model_on_sqlite(tmp_path: Path) -> None:
    migrated = open_engine(str(tmp_path / "a.db"))
    upgrade_schema(migrated)
    modelled = create_engine("sqlite://")
    tables.metadata.create_all(modelled)
    with migrated.connect() as left, modelled.connect() as right:
        assert _sqlite_catalog(left) == _sqlite_catalog(right)
        assert _difference(left) == []
    modelled.dispose()


def test_revisions_equal_the_model_on_postgresql(empty_postgres_url: str) -> None:
    engine = open_engine(empty_postgres_url)
    with engine.begin() as connection:
        tables.metadata.create_all(connection)
        modelled = _postgres_catalog(connection)
        tables.metadata.drop_all(connection)
    upgrade_schema(engine)
    with engine.connect() as connection:
        assert _postgres_catalog(connection) == modelled
        assert _difference(connection) == []


def test_each_revision_follows_the_one_before() -> None:
    assert known_revisions() == tuple(f"{n + 1:04}" for n in range(len(known_revisions())))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "sqlite":
        return open_engine(str(tmp_path / "empty.db"))
    return open_engine(request.getfixturevalue("empty_postgres_url"))


def test_an_empty_database_has_no_schema_until_it_is_required(empty: Engine) -> None:
    assert schema_state(empty) is SchemaState.NONE
    with pytest.raises(EnvironmentFault, match="is empty"):
        require_schema(empty)
    require_schema(empty, create=True)
    assert schema_state(empty) is SchemaState.CURRENT
    require_schema(empty)


def test_upgrading_twice_changes_nothing(empty: Engine) -> None:
    upgrade_schema(empty)
    upgrade_schema(empty)
    assert schema_state(empty) is SchemaState.CURRENT


def test_the_volume_breaker_remembers_what_was_sent_before_the_upgrade(empty: Engine) -> None:
    upgrade_schema(empty)
    hour = 3_600_000_000
    message = (
        "INSERT INTO message (id, customer_id, flow, entry, step, occurrence, channel, generation,"
        " message, purpose, release, decided_at, due_at, state, state_at) VALUES"
        " ({0}, {0}, 'hello', 1, 'hi', '0', 'email', 0, 'hi', 'marketing', 'r', {1}, 1, 'sent', 1)"
    )
    with empty.begin() as connection:
        for later in ("step_volume", "attachment"):
            connection.execute(text(f"DROP TABLE {later}"))
        connection.execute(text("DROP INDEX message_failed"))
        connection.execute(text(f"UPDATE {SCHEMA_TABLE} SET version_num = '0008'"))
        at = 1000 * hour
        connection.execute(
            text(
                f"INSERT INTO tick (at, release, last_customer_id, sends) VALUES ({at}, 'r', 3, 1)"
            )
        )
        for number, decided in enumerate((100 * hour, 900 * hour, 900 * hour + 5), 1):
            connection.execute(text(message.format(number, decided)))
    upgrade_schema(empty)
    with empty.connect() as connection:
        rows = [tuple(row) for row in connection.execute(text("SELECT * FROM step_volume"))]
    assert rows == [("hello", "hi", 900, 2, 0, 0)]


def test_a_newer_schema_is_refused(empty: Engine) -> None:
    upgrade_schema(empty)
    with empty.begin() as connection:
        connection.execute(text(f"UPDATE {SCHEMA_TABLE} SET version_num = '9999'"))
    assert schema_state(empty) is SchemaState.NEWER
    with pytest.raises(EnvironmentFault, match="newer version of clmctl"):
        require_schema(empty, create=True)
    with pytest.raises(EnvironmentFault, match="newer version of clmctl"):
        upgrade_schema(empty)


def test_an_older_schema_asks_for_an_upgrade(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade_schema(empty)
    later = (*known_revisions(), "9998")
    monkeypatch.setattr("orchestrator.migrations.state.known_revisions", lambda: later)
    assert schema_state(empty) is SchemaState.OLDER
    with pytest.raises(EnvironmentFault, match="older schema") as caught:
        require_schema(empty, create=True)
    assert "clmctl db upgrade" in str(caught.value.help)


def test_tables_that_clmctl_did_not_make_are_refused(empty_postgres_url: str) -> None:
    engine = open_engine(empty_postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE customer (id int)"))
    with pytest.raises(EnvironmentFault, match="“customer” that clmctl did not make"):
        require_schema(engine, create=True)
