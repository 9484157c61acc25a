"""Waits for a date of the customer (semantics 45)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, and_, cast, func, or_, select, update

from orchestrator import timing
from orchestrator.columns import from_day_number, from_micros, to_micros
from orchestrator.criteria.facts import SpanRow
from orchestrator.flow.steps.wait_until_date import WaitUntilDate
from orchestrator.tick import workspace
from orchestrator.tick.calendar_starts import NINE
from orchestrator.tick.moves import leave_step

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

run, span = workspace.run, workspace.span


def stay_until_date(walk: Walk, step: WaitUntilDate) -> None:
    """Let every run here wait for its date; where that is past, do what ``if_past`` says."""
    tick, live, node = walk.tick, walk.live, walk.node
    now = to_micros(tick.now)
    tick.execute(update(run).where(walk.here).values(due_at=_due(walk, step)))
    leave_step(tick, live, node, node.next, and_(walk.here, run.c.due_at == now))
    past = and_(walk.here, or_(run.c.due_at.is_(None), run.c.due_at < now))
    if step.if_past == "exit":
        walk.end(past, "step", "if_past")
    else:
        follows = live.graph.nodes[node.next].next if node.next is not None else None
        to = node.next if step.if_past == "go_on" else follows
        leave_step(tick, live, node, to, past)
    tick.execute(update(run).where(walk.here).values(moving=0))


def _due(walk: Walk, step: WaitUntilDate) -> Any:
    """Return the instant that a run waits for; NULL if its date is missing."""
    customer, source = walk.customer, walk.scope().attribute(str(step.operand))
    value, zone = cast(source.scalar(), BigInteger), func.coalesce(customer.c.timezone, "")
    rows = run.join(customer, customer.c.id == run.c.customer_id)
    dates: dict[str, list[int]] = defaultdict(list)
    query = select(zone, value).distinct().select_from(rows).where(walk.here)
    for name, found in walk.tick.connection.execute(query):
        if found is not None:
            dates[name].append(found)
    is_date = source.type == "date"

    def ranges(name: str) -> list[SpanRow]:
        local = walk.tick.zone_of(name)
        return [
            SpanRow(name, found, found, to_micros(_instant(step, found, local, is_date=is_date)))
            for found in dates.get(name, ())
        ]

    key = walk.tick.add_spans(ranges)
    due = select(span.c.at).where(
        customer.c.id == run.c.customer_id,
        span.c.key == key,
        span.c.zone == zone,
        span.c.low == value,
    )
    return due.correlate(run).scalar_subquery()


def _instant(step: WaitUntilDate, value: int, zone: ZoneInfo, *, is_date: bool) -> datetime:
    """Return the date, or the datetime, moved by local days, at the local time of day."""
    local: datetime | None = None if is_date else from_micros(value).astimezone(zone)
    day: date = from_day_number(value) if local is None else local.date()
    at: time = step.at or (NINE if local is None else local.time())
    if step.before is None and step.after is None and step.at is None and local is not None:
        return from_micros(value)
    if step.before is not None:
        day = timing.shift_days(day, step.before, -1)
    elif step.after is not None:
        day = timing.shift_days(day, step.after, +1)
    return timing.local_instant(day, at, zone)
