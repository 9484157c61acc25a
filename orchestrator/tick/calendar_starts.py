"""Days that start a flow: the calendar's own, and those of dates (semantics 35)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)

from orchestrator import tables, timing
from orchestrator.columns import exact_text, to_day_number, to_micros
from orchestrator.criteria.facts import SpanRow
from orchestrator.criteria.scope import population
from orchestrator.criteria.sources import ComputedTime
from orchestrator.language.moments import WEEKDAYS
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace

if TYPE_CHECKING:
    from orchestrator.tick.candidates import Candidates

NINE = time(9)
"""Local time of calendar starts that name none."""


def of_calendar(
    found: Candidates, every: str, on_day: int | None, at: time | None, timezone: str | None
) -> Select[Any] | None:
    """Return everybody for whom a calendar instant came since the last tick.

    Returns:
        None if it came for nobody.
    """
    found.many = True

    def due(zone: ZoneInfo) -> list[tuple[date, datetime]]:
        days = _instants(found, zone, at or NINE, timedelta(0))
        return [
            (day, when)
            for day, when in days
            if falls_on(day, every, on_day) and _is_new(found, when)
        ]

    def spans(name: str) -> list[SpanRow]:
        zone = _zone(found, name, timezone)
        return [
            SpanRow(name, to_day_number(day), to_day_number(day) + 1, to_micros(when))
            for day, when in due(zone)
        ]

    key = found.tick.add_spans(spans)
    if not any(due(_zone(found, name, timezone)) for name in found.tick.zone_names):
        return None
    customer, span = aliased(tables.customer), aliased(workspace.span)
    since = func.coalesce(customer.c.created_at, customer.c.first_event_at)
    label = literal(f"every:{found.start.id or ''}:") + cast(span.c.low, exact_text())
    query = found.at_this_tick(customer, label, occurred_at=span.c.at, customer_id=customer.c.id)
    return query.join(
        span, and_(span.c.key == key, span.c.zone == func.coalesce(customer.c.timezone, ""))
    ).where(or_(since.is_(None), since <= span.c.at))


def of_date(
    found: Candidates, head: str, name: str, shift: int, *, at: time | None, timezone: str | None
) -> Select[Any]:
    """Return everybody whose date, or its anniversary, came ``shift`` days ago."""
    found.recorded = True
    customer, span = aliased(tables.customer), aliased(workspace.span)
    values, value, type = _values(found, name, customer)
    ranges = _anniversary_ranges if head == "anniversary_of" else _date_ranges

    def spans(zone_name: str) -> list[SpanRow]:
        zone = _zone(found, zone_name, timezone)
        return [
            SpanRow(zone_name, low, high, to_micros(when), day.year)
            for day, when in _instants(found, zone, at or NINE, timedelta(days=shift))
            for low, high in ranges(day, zone, type)
        ]

    key = found.tick.add_spans(spans)
    fits = _fits(head, type, value, span)
    if not _any_new(found, at or NINE, timedelta(days=shift), timezone):
        fits = and_(fits, found.tick.looked_for(found.live, values.c.customer_id))
    named = f"{head}:{name}{shift:+d}:" if shift else f"{head}:{name}:"
    which = span.c.year if head == "anniversary_of" else cast(value, BigInteger)
    label = literal(named) + cast(which, exact_text())
    query = select(
        customer.c.id.label("customer_id"),
        label.label("occurrence"),
        span.c.at.label("occurred_at"),
        literal("").label("tie"),
        literal(found.now).label("entry_at"),
        null().cast(BigInteger).label("entry_event_id"),
    )
    return (
        query.select_from(values.join(customer, values.c.customer_id == customer.c.id))
        .join(span, and_(span.c.key == key, span.c.zone == func.coalesce(customer.c.timezone, "")))
        .where(population(customer, found.tick.now), fits, found.unseen(customer.c.id, label))
    )


def _values(
    found: Candidates, name: str, customer: FromClause
) -> tuple[FromClause, ColumnElement[Any], str]:
    """Return rows (customer_id, value) of a date or datetime attribute, and its type."""
    source = found.tick.scope(customer, found.live.name).attribute(name)
    if isinstance(source, ComputedTime):
        rows = source.by_customer().subquery()
        return rows, rows.c.value, "datetime"
    if source.name == "created_at":
        known = aliased(tables.customer)
        rows = select(
            known.c.id.label("customer_id"), cast(known.c.created_at, BigInteger).label("value")
        ).subquery()
        return rows, rows.c.value, "datetime"
    values = aliased(found.tick.facts.attributes)
    column = values.c.on_date if source.type == "date" else values.c.instant
    rows = (
        select(values.c.customer_id, cast(column, BigInteger).label("value"))
        .where(values.c.name == name, column.is_not(None))
        .subquery()
    )
    return rows, rows.c.value, source.type


def _zone(found: Candidates, name: str, timezone: str | None) -> ZoneInfo:
    return found.tick.zone_of(name) if timezone in (None, "customer") else ZoneInfo(timezone)


def _instants(
    found: Candidates, zone: ZoneInfo, at: time, shift: timedelta
) -> list[tuple[date, datetime]]:
    """Return (day, instant): each local day whose instant X is due and not stale.

    X is the day plus ``shift`` at local ``at``; due is ``live_since <= X <= now``.
    """
    earliest = max(found.live.live_since, found.stale_before())
    day = timing.local_day(earliest, zone) - timedelta(days=1)
    last = timing.local_day(found.tick.now, zone) + timedelta(days=1)
    due = []
    while day <= last:
        when = timing.local_instant(day, at, zone)
        if earliest <= when <= found.tick.now:
            due.append((day - shift, when))
        day += timedelta(days=1)
    return due


def _is_new(found: Candidates, when: datetime) -> bool:
    """Return whether an instant lies after the last tick that evaluated the flow."""
    return found.live.seen_at is None or when > found.live.seen_at


def _any_new(found: Candidates, at: time, shift: timedelta, timezone: str | None) -> bool:
    """Return whether a day's instant has come in any zone since the last tick."""
    last = found.tick.watermark
    return last is None or any(
        when > last
        for name in found.tick.zone_names
        for _, when in _instants(found, _zone(found, name, timezone), at, shift)
    )


def falls_on(day: date, every: str, on_day: int | None) -> bool:
    """Return whether an ``every`` start names that local day."""
    if every == "day":
        return True
    if every == "month":
        last = (date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)).day
        return day.day == min(on_day or 1, last)
    return WEEKDAYS[day.weekday()] == every


def _date_ranges(day: date, zone: ZoneInfo, type: str) -> list[tuple[int, int]]:
    if type == "date":
        return [(to_day_number(day), to_day_number(day) + 1)]
    start, end = timing.day_bounds(day, zone)
    return [(to_micros(start), to_micros(end))]


def _anniversary_ranges(day: date, zone: ZoneInfo, type: str) -> list[tuple[int, int]]:
    """Return what an anniversary on this day means: day numbers, or each year's instants."""
    month_days = timing.anniversary_days(day)
    if type == "date":
        return [(day.year * 10_000 + number, 0) for number in month_days]
    found = []
    for year in range(1900, day.year):
        for number in month_days:
            try:
                then = date(year, number // 100, number % 100)
            except ValueError:
                continue
            start, end = timing.day_bounds(then, zone)
            found.append((to_micros(start), to_micros(end)))
    return found


def _fits(head: str, type: str, value: Any, span: FromClause) -> ColumnElement[bool]:
    if head == "anniversary_of" and type == "date":
        return and_(value % 10_000 == span.c.low % 10_000, value / 10_000 < span.c.low / 10_000)
    return and_(span.c.low <= value, value < span.c.high)
