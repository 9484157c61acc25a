"""Getting many rows into a table at once, each database by its quickest way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection

Rows = Sequence[Sequence[Any]]
"""Plain values in the order of the columns; instants in microseconds."""


def fill(connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> None:
    """Write rows as they are: ``executemany`` on SQLite, ``COPY`` on PostgreSQL."""
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        driver: Any = connection.connection.driver_connection
        driver.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)
        return
    driver = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def write_new(connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> int:
    """Write those rows to a SQLite table that break no unique index; return how many did not."""
    driver: Any = connection.connection.driver_connection
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join("?" * len(columns))
    cursor = driver.executemany(
        f'INSERT INTO "{table}" ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING', rows
    )
    return int(cursor.rowcount)


def temp_table(connection: Connection, name: str, columns: str) -> None:
    """Make an empty TEMP table of that name, or empty the one there is.

    ``TEXT`` in ``columns`` compares by bytes, as the text of all tables does.
    """
    if connection.dialect.name == "postgresql":
        columns = columns.replace("TEXT", 'TEXT COLLATE "C"')
    connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {name} ({columns})")
    connection.exec_driver_sql(f"DELETE FROM {name}")


def differs(connection: Connection) -> str:
    """Return the operator that compares two values of which each may be missing."""
    return "IS NOT" if connection.dialect.name == "sqlite" else "IS DISTINCT FROM"


def mark_dirty(connection: Connection, customers: Collection[int]) -> None:
    """Put customers on the next tick's work list."""
    if not customers:
        return
    temp_table(connection, "incoming_dirty", "customer_id BIGINT PRIMARY KEY")
    fill(connection, "incoming_dirty", ("customer_id",), [(one,) for one in sorted(customers)])
    connection.exec_driver_sql(
        "INSERT INTO dirty (customer_id) SELECT customer_id FROM incoming_dirty"
        " ORDER BY customer_id"
    )
