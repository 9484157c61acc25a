"""One raw value, parsed once into every type it can be read as (semantics 6 and 7).

Nothing here knows the catalog: a value is kept under every type whose literal it is, and the
catalog says later which one to read. Pure; the zone is the project's.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, localcontext
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from orchestrator.columns import from_micros, to_day_number, to_micros
from orchestrator.timing import local_instant

SCALE = 10_000
"""Units of ``money`` and ``scaled`` in 1."""
BIGGEST = 10**15
"""Units of ``money`` and ``scaled`` at most: a hundred thousand million. The totals of thousands
of such values still fit 64 bits; SQLite refuses a sum that does not."""
CACHED_VALUES = 50_000
"""Distinct raw values a reader remembers before it begins anew."""
LONGEST_CACHED = 64

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(?:[.,]([0-9]{1,6})0*)?)?"
    r"(?:([Zz])|([+-][0-9]{2})(?::?([0-9]{2}))?)?"
)
_TRUTHS = {"true": 1, "false": 0}


class Typed(NamedTuple):
    """The typed columns of ``tables.fields.TypedValue``, in their order; None is missing."""

    text: str | None
    number: float | None = None
    scaled: int | None = None
    money: int | None = None
    instant: int | None = None
    """Microseconds since 1970, UTC."""
    on_date: int | None = None
    """YYYYMMDD."""
    truth: int | None = None

    def reads_as(self, type: str) -> bool:
        """Return whether the value is one of that catalog type."""
        return getattr(self, COLUMNS[type]) is not None


MISSING = Typed(None)
COLUMNS = {
    "text": "text",
    "number": "number",
    "money": "money",
    "boolean": "truth",
    "date": "on_date",
    "datetime": "instant",
    "list": "text",
}
"""Catalog type → the typed column that holds it."""


def nfc(text: str) -> str:
    """Return text in NFC, the form all text is compared in."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def parse_value(raw: str, zone: ZoneInfo) -> Typed:
    """Return a raw value under every type it reads as; empty is missing."""
    if not raw:
        return MISSING
    text = nfc(raw)
    first = text[0]
    if "0" <= first <= "9" or first == "-":
        if _NUMBER.fullmatch(text):
            return _number(text)
        if _DAY.fullmatch(text):
            return _date(text, zone)
        return Typed(text, instant=parse_instant(text, zone))
    if text in _TRUTHS:
        return Typed(text, truth=_TRUTHS[text])
    return Typed(text)


def value_reader(zone: ZoneInfo) -> Callable[[str], Typed]:
    """Return ``parse_value`` for that zone, which remembers short values it has seen."""
    seen: dict[str, Typed] = {}

    def read(raw: str) -> Typed:
        found = seen.get(raw)
        if found is None:
            found = parse_value(raw, zone)
            if len(raw) <= LONGEST_CACHED:
                if len(seen) >= CACHED_VALUES:
                    seen.clear()
                seen[raw] = found
        return found

    return read


def _number(text: str) -> Typed:
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    number: float | None = float(text) + 0.0  # + 0.0 turns -0.0 into 0.0
    if len(fraction) <= 4 and len(whole) <= 11:
        units = int(whole + fraction.ljust(4, "0"))
        return Typed(text, number, units, units)
    if not math.isfinite(number or 0.0):
        number = None
    with localcontext() as context:
        context.prec = len(text) + 10
        exact = Decimal(text) * SCALE
        if abs(exact) > BIGGEST:
            return Typed(text, number)
        scaled = round(exact)  # half to even
        return Typed(text, number, scaled, scaled if scaled == exact else None)


def _date(text: str, zone: ZoneInfo) -> Typed:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return Typed(text)
    return Typed(text, instant=wall_micros(day, time(), zone), on_date=to_day_number(day))


def parse_instant(text: str, zone: ZoneInfo) -> int | None:
    """Return ISO 8601 as microseconds since 1970, UTC; None if it is no such day or time.

    A time without offset is wall time in the zone, a date its midnight there; a time that the
    zone's clock skips is the first instant after the gap. Digits past the microsecond are zero.
    """
    try:
        if len(text) == 20 and text[19] == "Z" and text[4] == text[7] == "-" and text[10] == "T":
            return to_micros(datetime.fromisoformat(text))  # by far the most frequent form
        match = _MOMENT.fullmatch(text)
        if match is None:
            return _date(text, zone).instant if _DAY.fullmatch(text) else None
        day, clock, second, fraction, utc, hours, minutes = match.groups()
        if utc or hours:
            offset = "+00:00" if utc else f"{hours}:{minutes or '00'}"
            tail = f".{fraction.ljust(6, '0')}" if fraction else ""
            return to_micros(datetime.fromisoformat(f"{day}T{clock}{second or ''}{tail}{offset}"))
        at = time.fromisoformat(clock + (second or ""))
        if fraction:
            at = at.replace(microsecond=int(fraction.ljust(6, "0")))
        return wall_micros(date.fromisoformat(day), at, zone)
    except ValueError:
        return None


def wall_micros(day: date, at: time, zone: ZoneInfo) -> int:
    """Return the first instant at which the zone's clock reads so, in microseconds since 1970."""
    reading = datetime.combine(day, at, zone)
    try:
        first, second = reading.utcoffset(), reading.replace(fold=1).utcoffset()
        if first is not None and first == second:  # neither skipped nor shown twice
            elapsed = reading.replace(tzinfo=None) - _NAIVE_EPOCH - first
            return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    except OverflowError:
        pass
    return to_micros(local_instant(day, at, zone))


_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - subtracted from wall readings


def members(text: str) -> tuple[str, ...]:
    """Return the members of a list: a JSON array of single values, else ``;``-separated.

    A single value is a list of itself, also one that begins like an array and is none.
    """
    if text.startswith("["):
        found = _array(text)
        if found is not None:
            return found
    return tuple(part for part in map(str.strip, text.split(";")) if part)


def _array(text: str) -> tuple[str, ...] | None:
    """Return the members of a JSON array of single values, None if it is none."""
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    parts = [raw_text(item) for item in found]
    return None if None in parts else tuple(nfc(part) for part in parts if part)


def _refuse(name: str) -> str:
    raise ValueError(name)


def raw_text(value: Any) -> str | None:
    """Return a JSON or Parquet scalar as it would stand in a CSV cell; None if it is no scalar.

    Empty stands for null, and for a number that is none.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return plain_decimal(Decimal(repr(value))) if math.isfinite(value) else ""
    if isinstance(value, Decimal):
        return plain_decimal(value) if value.is_finite() else ""
    if isinstance(value, date):  # datetime is one too
        return value.isoformat()
    return None


def plain_decimal(value: Decimal) -> str:
    """Return a number as the literal of a playbook: no exponent, whole numbers without ``.0``."""
    written = format(value, "f")
    return written.removesuffix(".0")


class TypedRow(Protocol):
    """A row that has the columns of ``tables.fields.TypedValue``."""

    text: str | None
    number: float | None
    money: int | None
    instant: datetime | None
    on_date: date | None
    truth: int | None


def typed_value(row: TypedRow, type: str) -> Any:
    """Return a stored row's value as that catalog type, None if it is missing.

    Returns:
        text str, number and money Decimal, boolean bool, date date, datetime aware in UTC,
        list tuple of str.
    """
    found = getattr(row, COLUMNS[type])
    if found is None:
        return None
    if type == "number":
        exact = row.text is not None and _NUMBER.fullmatch(row.text)
        return Decimal(row.text or "0") if exact else Decimal(repr(found))
    if type == "money":
        return Decimal(found).scaleb(-4)
    if type == "boolean":
        return bool(found)
    if type == "list":
        return members(found)
    if type == "datetime" and isinstance(found, int):
        return from_micros(found)
    return found
