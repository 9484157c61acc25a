"""Fields that the tables share: row ids, text, instants, large numbers, one typed value."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Double, Integer
from sqlmodel import Field, SQLModel

from orchestrator.columns import Instant, LocalDate, exact_text

ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit row id; SQLite numbers rows by itself only for the exact type INTEGER."""


def text_field(*, default: str | None = None, **options: Any) -> Any:
    """Return a text that may be missing, compared by bytes."""
    return Field(default=default, sa_type=exact_text(), **options)


def required_text(**options: Any) -> Any:
    """Return a text that every row has, compared by bytes."""
    return Field(sa_type=exact_text(), **options)


def instant_field() -> Any:
    """Return an instant that may be missing."""
    return Field(default=None, sa_type=Instant)


def required_instant() -> Any:
    """Return an instant that every row has."""
    return Field(sa_type=Instant)


def big_field(**options: Any) -> Any:
    """Return a 64-bit integer."""
    return Field(sa_type=BigInteger, **options)


class TypedValue(SQLModel):
    """One raw value, parsed once into every type it can be read as (semantics 6)."""

    text: str | None = text_field()
    """The raw value, NFC."""
    number: float | None = Field(default=None, sa_type=Double)
    scaled: int | None = Field(default=None, sa_type=BigInteger)
    """``number`` rounded to 1/10,000, as an integer: what totals and averages add."""
    money: int | None = Field(default=None, sa_type=BigInteger)
    """Exact 1/10,000 units; missing if the value has more than four decimals."""
    instant: datetime | None = instant_field()
    on_date: date | None = Field(default=None, sa_type=LocalDate)
    truth: int | None = Field(default=None, sa_type=Integer)
    """1 for ``true``, 0 for ``false``."""
