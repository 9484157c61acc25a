"""What a tick reads before it begins: the latest tick, and the time zones there are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, literal, select

from orchestrator import tables
from orchestrator.tables.reading import aliased


def watermark(connection: Connection) -> tuple[datetime | None, int]:
    """Return the latest live tick's instant and the last customer id it saw."""
    query = select(tables.tick.c.at, tables.tick.c.last_customer_id)
    row = connection.execute(query.order_by(tables.tick.c.at.desc()).limit(1)).first()
    return (row[0], row[1]) if row else (None, 0)


def zone_names(connection: Connection) -> list[str]:
    """Return the different time zones, '' for none, one step in the index per zone."""
    zone, later = tables.customer.c.timezone, aliased(tables.customer)
    least = select(func.min(zone).label("name")).cte("zone", recursive=True)
    after = select(func.min(later.c.timezone)).where(later.c.timezone > least.c.name)
    following = select(after.correlate(least).scalar_subquery()).where(least.c.name.is_not(None))
    names = least.union_all(following)
    found = connection.scalars(select(names.c.name).where(names.c.name.is_not(None))).all()
    nameless = connection.execute(select(literal(1)).where(zone.is_(None)).limit(1)).first()
    return sorted({*found, ""} if nameless else set(found))
