"""Raw text to typed value, and tests of a value (semantics 6, 7, 13-15, 19)."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from reference.world import composed

from orchestrator import timing
from orchestrator.criteria.modifiers import ValueTests
from orchestrator.language.literals import Literal, Reference

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
UNITS = 10_000
MISSING = None


def typed(raw: str | None, kind: str, zone: ZoneInfo) -> Any:
    """Return the raw text as a value of that type, or None if it is none.

    ``number`` becomes a float, ``money`` an integer of 1/10,000; times without offset are
    wall time in ``zone``.
    """
    if raw is None or raw == "":
        return MISSING
    return READERS[kind](composed(raw), zone)


def _number(raw: str, zone: ZoneInfo) -> float | None:
    return float(raw) if NUMBER.fullmatch(raw) else MISSING


def _money(raw: str, zone: ZoneInfo) -> int | None:
    if not NUMBER.fullmatch(raw):
        return MISSING
    units = Decimal(raw) * UNITS
    return int(units) if units == int(units) else MISSING


def _truth(raw: str, zone: ZoneInfo) -> bool | None:
    return {"true": True, "false": False}.get(raw)


def _day(raw: str, zone: ZoneInfo) -> date | None:
    try:
        return date.fromisoformat(raw) if DAY.fullmatch(raw) else MISSING
    except ValueError:
        return MISSING


def _instant(raw: str, zone: ZoneInfo) -> datetime | None:
    try:
        read = datetime.fromisoformat(raw)
    except ValueError:
        return MISSING
    return aware(read, zone)


def _members(raw: str, zone: ZoneInfo) -> tuple[str, ...]:
    if raw.startswith("["):
        try:
            found = json.loads(raw)
        except ValueError:
            pass
        else:
            return tuple(str(item) for item in found)
    return tuple(item.strip() for item in raw.split(";") if item.strip())


READERS: dict[str, Callable[[str, ZoneInfo], Any]] = {
    "text": lambda raw, zone: raw,
    "number": _number,
    "money": _money,
    "boolean": _truth,
    "date": _day,
    "datetime": _instant,
    "list": _members,
}


def aware(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """Return the instant: a naive one is wall time in the zone, a day is its midnight."""
    if not isinstance(moment, datetime):
        return timing.local_instant(moment, time(), zone)
    if moment.tzinfo is None:
        return timing.local_instant(moment.date(), moment.time(), zone)
    return moment.astimezone(UTC)


def scaled(value: float) -> int:
    """Return a number rounded to 1/10,000, as totals and averages add it (rule 6)."""
    return round(Decimal(str(value)) * UNITS)


@dataclass(frozen=True)
class Clocks:
    """What a test of a time needs: now, the project's zone, the customer's today."""

    now: datetime
    project: ZoneInfo
    customer: ZoneInfo

    @property
    def today(self) -> date:
        """The customer's local date."""
        return timing.local_day(self.now, self.customer)


Resolve = Callable[[Reference], Any]


def passes(tests: ValueTests, value: Any, kind: str, clocks: Clocks, resolve: Resolve) -> bool:
    """Return whether a value (None if missing) passes every test."""

    def meant(literal: Literal) -> Any:
        if isinstance(literal.value, Reference):
            return resolve(literal.value)
        if kind == "datetime" and DAY.fullmatch(literal.text):
            return WholeDay(date.fromisoformat(literal.text), clocks.project)
        return of_literal(literal, kind, clocks.project)

    answers: list[bool] = []
    if tests.is_set is not None:
        answers.append((value is not None) == tests.is_set)
    if tests.is_not is not None:
        answers.append(not _equal(value, meant(tests.is_not)))
    if tests.is_none_of is not None:
        answers.append(not any(_equal(value, meant(one)) for one in tests.is_none_of))
    if tests.is_ is not None:
        answers.append(_equal(value, meant(tests.is_)))
    if tests.is_one_of is not None:
        answers.append(any(_equal(value, meant(one)) for one in tests.is_one_of))
    answers += _comparisons(tests, value, kind, meant)
    answers += _texts(tests, value, meant)
    answers += _times(tests, value, kind, clocks)
    return all(answers)


def of_literal(literal: Literal, kind: str, zone: ZoneInfo) -> Any:
    """Return what a literal of the playbook means beside a value of that type."""
    if kind == "money":
        return Fraction(literal.text) * UNITS
    if kind == "exact":
        return Fraction(literal.text)
    if kind == "number":
        return float(literal.text)
    if kind == "text":
        return composed(str(literal.value))
    if kind == "list":
        return composed(str(literal.value))
    return typed(literal.text, kind, zone)


@dataclass(frozen=True)
class WholeDay:
    """A bare date beside a datetime: the calendar day in the project's zone (rule 14)."""

    day: date
    zone: ZoneInfo


def _keys(value: Any, other: Any) -> tuple[Any, Any]:
    """Return both in a form that compares as the language does."""
    if isinstance(other, WholeDay):
        return timing.local_day(value, other.zone), other.day
    if isinstance(value, str):
        return value.encode("utf-8"), other.encode("utf-8")
    return value, other


def _compare(value: Any, other: Any, holds: Callable[[Any, Any], Any]) -> bool:
    """Return whether both are there and the comparison holds."""
    return value is not None and other is not None and bool(holds(*_keys(value, other)))


def _equal(value: Any, other: Any) -> bool:
    return _compare(value, other, operator.eq)


def _comparisons(
    tests: ValueTests, value: Any, kind: str, meant: Callable[[Literal], Any]
) -> list[bool]:
    asked = [
        (tests.at_least, operator.ge),
        (tests.at_most, operator.le),
        (tests.more_than, operator.gt),
        (tests.less_than, operator.lt),
        (tests.before, operator.lt),
        (tests.after, operator.gt),
    ]
    if tests.between is not None:
        asked += [(tests.between[0], operator.ge), (tests.between[1], operator.le)]
    return [
        _compare(value, meant(literal), holds) for literal, holds in asked if literal is not None
    ]


def _texts(tests: ValueTests, value: Any, meant: Callable[[Literal], Any]) -> list[bool]:
    answers = []
    if tests.contains is not None:
        wanted = meant(tests.contains)
        answers.append(value is not None and wanted is not None and wanted in value)
    if tests.starts_with is not None:
        wanted = meant(tests.starts_with)
        answers.append(value is not None and wanted is not None and value.startswith(wanted))
    if tests.ends_with is not None:
        wanted = meant(tests.ends_with)
        answers.append(value is not None and wanted is not None and value.endswith(wanted))
    return answers


def _times(tests: ValueTests, value: Any, kind: str, clocks: Clocks) -> list[bool]:
    if value is None:
        asked = (tests.in_last, tests.in_next, tests.older_than)
        return [False for one in asked if one is not None]
    return _days(tests, value, clocks) if kind == "date" else _instants(tests, value, clocks)


def _days(tests: ValueTests, value: date, clocks: Clocks) -> list[bool]:
    answers = []
    today = clocks.today
    if tests.in_last is not None:
        answers.append(timing.shift_days(today, tests.in_last, -1) <= value <= today)
    if tests.in_next is not None:
        answers.append(today <= value <= timing.shift_days(today, tests.in_next, +1))
    if tests.older_than is not None:
        answers.append(value < timing.shift_days(today, tests.older_than, -1))
    return answers


def _instants(tests: ValueTests, value: datetime, clocks: Clocks) -> list[bool]:
    answers = []
    now = clocks.now
    if tests.in_last is not None:
        answers.append(timing.minus(now, tests.in_last) < value <= now)
    if tests.in_next is not None:
        answers.append(now < value <= timing.plus(now, tests.in_next))
    if tests.older_than is not None:
        answers.append(value <= timing.minus(now, tests.older_than))
    return answers


def next_anniversary(day: date, today: date) -> date:
    """Return the first anniversary on or after ``today``, in a year after ``day``'s own."""
    year = max(today.year, day.year + 1)
    while True:
        found = anniversary(day, year)
        if found >= today:
            return found
        year += 1


def anniversary(day: date, year: int) -> date:
    """Return the day's anniversary in that year; 29 February is 28 in common years."""
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)
