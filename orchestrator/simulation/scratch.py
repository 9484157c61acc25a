"""A throw-away copy of a project's database: what a simulation writes to, and forgets.

The copy is always SQLite, whatever the original is, and one connection serves all its ticks.
The original is read in one transaction and never written.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database import scratch_engine, start_snapshot, summarize_statistics
from orchestrator.importing.staging import fill
from orchestrator.tick.beginning import watermark

FACTS = (
    tables.customer,
    tables.alias,
    tables.attribute_value,
    tables.attribute_item,
    tables.consent,
    tables.suppression,
    tables.event,
    tables.event_value,
    tables.receipt,
)
"""What is known of people; every other table is what ticks and schedulers remember."""
BATCH = 5_000
OWN_EVENTS = ("told:", "answer:")
"""What names begin with of events that ticks wrote."""


@contextmanager
def copied(source: Engine, begin: datetime) -> Iterator[tuple[Engine, datetime | None]]:
    """Copy a database for a simulation that begins at ``begin``, and remove the copy afterwards.

    After the latest live tick the copy holds all, and the simulation goes on from there. At or
    before it, and where there was none, the copy holds facts only: it starts afresh.

    Yields:
        an engine over the copy, and the watermark it goes on from; None is a fresh start.
    """
    with tempfile.TemporaryDirectory(prefix="clmctl-") as folder:
        path = Path(folder) / "scratch.db"
        with source.connect() as connection:
            if connection.dialect.name == "sqlite":
                _copy_pages(connection, path)
                engine = scratch_engine(path)
            else:
                engine = scratch_engine(path)
                _copy_rows(connection, engine)
        try:
            latest = _latest_tick(engine)
            goes_on = latest is not None and begin > latest
            if not goes_on:
                _forget_ticks(engine, begin)
            summarize_statistics(engine)
            yield engine, latest if goes_on else None
        finally:
            engine.dispose()


def _latest_tick(engine: Engine) -> datetime | None:
    with engine.connect() as connection:
        return watermark(connection)[0]


def _copy_pages(source: Connection, path: Path) -> None:
    """Copy a SQLite database, its indexes too, as one state of the data."""
    theirs: Any = source.connection.driver_connection
    with closing(sqlite3.connect(path)) as ours:
        theirs.backup(ours)


def _copy_rows(source: Connection, engine: Engine) -> None:
    """Copy all rows of all tables, as one state of the data."""
    start_snapshot(source)
    with engine.begin() as target:
        tables.metadata.create_all(target)
        for table in tables.metadata.sorted_tables:
            _stream(source, target, table)
    source.rollback()


def _stream(source: Connection, target: Connection, table: Table) -> None:
    """Copy the rows of one table as the database holds them: no value is read on the way."""
    names = [column.name for column in table.columns]
    listed = ", ".join(f'"{name}"' for name in names)
    streamed = source.execution_options(yield_per=BATCH).exec_driver_sql(
        f'SELECT {listed} FROM "{table.name}"'  # noqa: S608  # names of our own tables
    )
    for rows in streamed.partitions(BATCH):
        fill(target, table.name, names, rows)


def _forget_ticks(engine: Engine, begin: datetime) -> None:
    """Leave facts only: nothing that ticks wrote, in tables of their own or among the facts.

    Consents that flows wrote by ``begin`` are how people stand then, and stay.
    """
    with engine.begin() as connection:
        for table in tables.metadata.sorted_tables:
            if table not in FACTS:
                connection.exec_driver_sql(f'DELETE FROM "{table.name}"')  # noqa: S608  # the same
        connection.exec_driver_sql(
            "DELETE FROM consent WHERE source = 'flow' AND at > ?", (to_micros(begin),)
        )
        for prefix in OWN_EVENTS:
            between = (prefix, f"{prefix}\U0010ffff")
            connection.exec_driver_sql("DELETE FROM event WHERE name BETWEEN ? AND ?", between)
            connection.exec_driver_sql(
                "DELETE FROM event_value WHERE name BETWEEN ? AND ?", between
            )
