"""The database's clock: the one that schedulers and workers on several machines share.

Leases, rates and breakers are judged by it, and nothing else. What is decided comes from the
instant a tick was given, and what a message must meet from the worker's own clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, literal_column, select

from orchestrator.columns import from_micros

SKEW_WARNED, SKEW_STOPS = timedelta(seconds=5), timedelta(seconds=60)
"""How far a machine's clock may be off it: so far nothing is said, so far nothing stops."""
_NOW = {
    "sqlite": "(CAST(strftime('%s','now') AS INTEGER) * 1000000"
    " + CAST(substr(strftime('%f','now'), 4) AS INTEGER) * 1000)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
}


def now_by(connection: Connection) -> ColumnElement[int]:
    """Return the expression for what the database's clock reads, in µs since 1970."""
    return literal_column(_NOW[connection.dialect.name])


def database_now(connection: Connection) -> datetime:
    """Return what the database's clock reads, in UTC."""
    return from_micros(connection.execute(select(now_by(connection))).scalar_one())
