"""How a tick works with TEMP tables: created once per connection, counted, read first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    MetaData,
    String,
    Table,
    delete,
    func,
    literal_column,
    select,
    text,
)

from orchestrator.columns import exact_text

_LAID_OUT = "clmctl.tick_tables"
"""Notes on a connection that its TEMP tables are there."""
SAMPLED = 10
"""What PostgreSQL's ANALYZE of a TEMP table looks at, in units of 300 rows: enough for sizes."""


def lay_out(connection: Connection, work: MetaData) -> None:
    """Create the TEMP tables on this connection, or empty those of the tick before."""
    if connection.info.get(_LAID_OUT):
        for table in work.tables.values():
            connection.execute(delete(table))
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET default_statistics_target = {SAMPLED}"))
    work.create_all(connection, checkfirst=False)
    connection.info[_LAID_OUT] = True


def refresh_statistics(connection: Connection, table: Table) -> None:
    """Tell PostgreSQL's planner what a TEMP table holds: nobody else ever does."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {table.name}"))


def leading(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column of a TEMP table that is joined to a large one, so that it is read first.

    SQLite takes every TEMP table to be as large as any other. It asks no index of an expression,
    so it cannot read the large table from end to end and look each row up in the small one.
    """
    if isinstance(column.type, String):
        return column + literal_column("''", exact_text())
    return column + literal_column("0")


def is_empty(connection: Connection, rows: FromClause) -> bool:
    """Return whether there is no row."""
    return (
        connection.execute(
            select(func.count()).select_from(rows.select().limit(1).subquery())
        ).scalar_one()
        == 0
    )
