"""Anniversaries of dates on the customer's own calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    and_,
    or_,
)

from orchestrator import timing
from orchestrator.columns import to_day_number, to_micros
from orchestrator.criteria.facts import SpanRow
from orchestrator.language.durations import Duration

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope

FIRST_YEAR = 1900
"""The earliest year whose anniversaries are looked for."""


def anniversary(scope: Scope, name: str, in_next: Duration | None) -> Predicate:
    """Return whether a local day from today on is an anniversary of a date or datetime."""
    values = scope.probing().attribute(name)
    if values.type == "datetime":
        instant = values.scalar()
        return and_(
            instant.is_not(None),
            scope.in_span(scope.subject, instant, _spans_of(scope, in_next)),
        )
    values = scope.attribute(name)
    rows = values.rows()
    value = rows[1]

    def on(today: date) -> Predicate:
        return or_(*(_falls_in(value.column, *part) for part in _years(today, in_next)))

    return values.found(rows, scope.on_local_day(value.customer_id, on))


def _years(today: date, in_next: Duration | None) -> Sequence[tuple[date, date]]:
    """Return the days asked about, cut at the turns of the years."""
    last = timing.shift_days(today, in_next, +1) if in_next else today
    return [
        (max(today, date(year, 1, 1)), min(last, date(year, 12, 31)))
        for year in range(today.year, last.year + 1)
    ]


def _falls_in(column: ColumnElement[Any], first: date, last: date) -> Predicate:
    """Return whether a day of a later year in ``[first, last]`` repeats the date's own."""
    low = to_day_number(first) % 10_000
    high = max(timing.anniversary_days(last))
    return and_(column // 10_000 < first.year, column % 10_000 >= low, column % 10_000 <= high)


def _spans_of(scope: Scope, in_next: Duration | None) -> Any:
    def spans(zone_name: str) -> list[SpanRow]:
        zone, _ = timing.zone_or(zone_name, scope.zone)
        today = timing.local_day(scope.now, zone)
        found = []
        for first, last in _years(today, in_next):
            for year in range(FIRST_YEAR, first.year):
                low = timing.day_bounds(_in_year(first, year), zone)[0]
                high = timing.day_bounds(_end_in_year(last, year), zone)[1]
                found.append(SpanRow(zone_name, to_micros(low), to_micros(high)))
        return found

    return spans


def _in_year(day: date, year: int) -> date:
    if (day.month, day.day) == (2, 29) and not _leap(year):
        return date(year, 3, 1)
    return day.replace(year=year)


def _end_in_year(day: date, year: int) -> date:
    if day.month == 2 and max(timing.anniversary_days(day)) == 229:
        return date(year, 2, 29 if _leap(year) else 28)
    return day.replace(year=year)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
