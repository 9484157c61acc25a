"""Column types that mean the same on SQLite and on PostgreSQL.

Instants are integers (microseconds since 1970, UTC) and local dates are integers
(``YYYYMMDD``), so that comparison, arithmetic and indexes are identical on both
databases and no database's own date functions are ever asked (see ADR 0002).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
GREATEST = 2**63 - 1
"""The greatest integer that a column holds: nothing is found by a greater one."""
EVER = -(2**60)
"""Microseconds standing for "since ever": before every instant that can be written."""


def to_micros(instant: datetime) -> int:
    """Return whole microseconds since 1970; refuses a naive datetime with ValueError."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset: naive datetimes are refused")
    return (instant - EPOCH) // MICROSECOND


@lru_cache(maxsize=4096)
def from_micros(micros: int) -> datetime:
    """Return the aware UTC instant that many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)


def to_day_number(day: date) -> int:
    """Return a local date as YYYYMMDD, an integer that sorts like the date."""
    return day.year * 10_000 + day.month * 100 + day.day


def from_day_number(number: int) -> date:
    """Return the local date that YYYYMMDD stands for."""
    return date(number // 10_000, number // 100 % 100, number % 100)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, stored as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | int | None, dialect: Dialect) -> int | None:
        if value is None or isinstance(value, int):
            return value
        return to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return BigInteger() if isinstance(value, int) else self


class LocalDate(TypeDecorator[date]):
    """A calendar date without a zone, stored as the integer YYYYMMDD."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: date | int | None, dialect: Dialect) -> int | None:
        if value is None or isinstance(value, int):
            return value
        return to_day_number(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> date | None:
        return None if value is None else from_day_number(value)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return Integer() if isinstance(value, int) else self


def exact_text() -> TypeEngine[str]:
    """Return a text type compared and ordered by its UTF-8 bytes on both databases."""
    return String().with_variant(String(collation="C"), "postgresql")
