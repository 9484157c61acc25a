"""The event that a start is about: the customer's latest, and whether it was used up."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from orchestrator import tables
from orchestrator.flow.starts.did import DidStart
from orchestrator.tick import keys
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow


def latest_event(
    tick: Tick, live: LiveFlow, start: DidStart, customer_id: int, *, key: str | None
) -> tuple[int, str, datetime] | None:
    """Return (row id, source id, time) of the customer's last event that a start is about.

    Args:
        key: the value of the flow's ``key`` that the event must have; None is any.
    """
    customer = tables.customer.alias()
    scope = tick.scope(customer, live.name, each=True)
    events = scope.events(start.operand, None, start.where)
    rows = events.rows
    columns = (
        rows.c.id.label("entry_event_id"), rows.c.source_id,
        rows.c.occurred_at.label("entry_at"), rows.c.customer_id,
    )  # fmt: skip
    query = select(*columns).where(*events.tests, customer.c.id == customer_id)
    query = query.select_from(rows.join(customer, customer.c.id == rows.c.customer_id))
    if start.number is not None:
        query = query.order_by(rows.c.occurred_at, rows.c.source_id)
        query = query.offset(start.number - 1).limit(1)
    found = query.subquery()
    latest = select(found.c.entry_event_id, found.c.source_id, found.c.entry_at)
    if key is not None:
        latest = latest.where(keys.key_value(tick, live, start, found) == key)
    latest = latest.order_by(found.c.entry_at.desc(), found.c.source_id.desc())
    row = tick.connection.execute(latest.limit(1)).first()
    return (row[0], row[1], row[2]) if row else None


def used_up(
    tick: Tick, live: LiveFlow, start: DidStart, customer_id: int, source_id: str
) -> tuple[datetime, str | None] | None:
    """Return when a tick saw an event as an occurrence of a start, and why it was refused."""
    seen = tables.occurrence
    query = select(seen.c.at, seen.c.reason).where(
        seen.c.flow == live.name,
        seen.c.customer_id == customer_id,
        seen.c.occurrence == f"event:{source_id}" + (f"+{start.after}" if start.after else ""),
    )
    row = tick.connection.execute(query).first()
    return (row[0], row[1]) if row else None
