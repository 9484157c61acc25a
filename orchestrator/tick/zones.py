"""Questions whose answer is one per time zone, asked of rows by their customer's zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, exists, false, func, literal, select, true

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.criteria.facts import SpanRow
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick

NEVER = timedelta(days=400)
"""How long a run waits for a slot that does not open, before it is looked at again."""


def due_by_zone(
    tick: Tick, due: Callable[[ZoneInfo], datetime | None], timezone: str | None = None
) -> ColumnElement[int]:
    """Return the instant that ``due`` gives for the zone of a run's customer.

    Args:
        due: zone → aware UTC instant; None stands for "not within the years to come".
        timezone: the zone asked instead of each customer's own; None or ``customer`` is theirs.
    """
    instants = {
        name: to_micros(due(_fixed(timezone) or tick.zone_of(name)) or tick.now + NEVER)
        for name in tick.zone_names
    }
    if len(set(instants.values())) == 1:
        return literal(next(iter(instants.values())))
    key = tick.add_spans(lambda name: [SpanRow(name, 0, 1, instants[name])])
    span, customer = aliased(workspace.span), aliased(tables.customer)
    query = select(span.c.at).where(
        span.c.key == key,
        customer.c.id == workspace.run.c.customer_id,
        span.c.zone == func.coalesce(customer.c.timezone, ""),
    )
    return query.correlate(workspace.run).scalar_subquery()


def in_zones(
    tick: Tick,
    customer: FromClause,
    test: Callable[[ZoneInfo], bool],
    timezone: str | None = None,
) -> ColumnElement[bool]:
    """Return whether the zone of a customer, or the one that is said, passes a test."""
    names = [name for name in tick.zone_names if test(_fixed(timezone) or tick.zone_of(name))]
    if len(names) in (0, len(tick.zone_names)):
        return true() if names else false()
    span = aliased(workspace.span)
    key = tick.add_spans(lambda name: [SpanRow(name, 0, 1)] if name in names else [])
    query = select(span.c.key).where(
        span.c.key == key, span.c.zone == func.coalesce(customer.c.timezone, "")
    )
    return exists(query.correlate(customer))


def _fixed(timezone: str | None) -> ZoneInfo | None:
    return None if timezone in (None, "customer") else ZoneInfo(str(timezone))
