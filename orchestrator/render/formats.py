"""Money, numbers and dates as a customer's locale and zone write them (Babel, CLDR)."""

from __future__ import annotations

import re
from copy import copy
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import (
    UnknownCurrencyError,
    format_currency,
    format_decimal,
    validate_currency,
)

from orchestrator.render.faults import RenderError
from orchestrator.render.values import kind_of

LENGTHS = ("short", "medium", "long", "full")
MOST_DIGITS = 6
LARGEST = Decimal(10) ** 18
_NUMERIC = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?\Z", re.ASCII)
_LONGEST_PATTERN = 60

Number = int | Decimal


def to_number(value: object) -> Number:
    """Return the number a value is, or a text plainly says.

    Raises:
        RenderError: it is no number, not finite, or absurdly large.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise RenderError("value", f"{kind_of(value)} is no number")
    if isinstance(value, str):
        if not _NUMERIC.match(value):
            raise RenderError("value", "a text that is no number was to be a number")
        return Decimal(value)
    try:
        number = Decimal(str(value)) if isinstance(value, float) else value
        sound = -LARGEST < number < LARGEST
    except InvalidOperation:
        sound = False
    if sound:
        return number
    raise RenderError("value", "a number is not finite or has more than 18 digits")


def to_moment(value: object) -> date:
    """Return the date or datetime a value is, or an ISO 8601 text says."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise RenderError("value", f"{kind_of(value)} is no date")
    try:
        if len(value) <= len("2026-01-31"):
            return date.fromisoformat(value)
        return datetime.fromisoformat(value)
    except ValueError:
        raise RenderError("value", "a text that is no date was to be a date") from None


class Formats:
    """The formats of one locale, zone and currency; made once each, see ``formats_for``."""

    __slots__ = ("currency", "locale", "zone")

    def __init__(self, locale: Locale, zone: ZoneInfo, currency: str) -> None:
        self.locale = locale
        self.zone = zone
        self.currency = currency

    def money(self, value: object, currency: str | None = None) -> str:
        """Return an amount with its currency (an ISO 4217 code, default the project's)."""
        if not isinstance(currency or "", str):
            raise RenderError("value", f"{kind_of(currency)} is no currency")
        return _money(to_number(value), currency or self.currency, self.locale)

    def number(self, value: object, digits: int | None = None) -> str:
        """Return a number; ``digits`` fixes how many follow the decimal separator."""
        if digits is not None and not (isinstance(digits, int) and 0 <= digits <= MOST_DIGITS):
            raise RenderError("value", f"number takes 0 to {MOST_DIGITS} digits")
        return _number(to_number(value), digits, self.locale)

    def date(self, value: object, form: str = "medium") -> str:
        """Return the day of a date, or of an instant in the customer's zone.

        Args:
            form: short, medium, long, full, or a CLDR pattern such as ``d MMMM yyyy``.
        """
        moment = to_moment(value)
        if not isinstance(form, str) or not 0 < len(form) <= _LONGEST_PATTERN:
            raise RenderError("value", "date takes a length such as long, or a short pattern")
        if isinstance(moment, datetime):
            moment = self.local(moment)
        try:
            return _date(moment, form, self.locale, self.zone)
        except (AttributeError, KeyError, ValueError, TypeError):
            raise RenderError("value", "a date does not fit the pattern") from None

    def local(self, instant: datetime) -> datetime:
        """Return an instant on the customer's clock; one without offset is already there."""
        try:
            aware = instant if instant.tzinfo else instant.replace(tzinfo=self.zone)
            return aware.astimezone(self.zone)
        except (OverflowError, ValueError):
            raise RenderError("value", "a date lies outside the calendar") from None


@cache
def formats_for(locale: str, zone: str, currency: str) -> Formats:
    """Return the formats of names that are known to be good."""
    return Formats(Locale.parse(locale.replace("-", "_")), ZoneInfo(zone), currency)


@cache
def is_locale(name: str) -> bool:
    """Return whether CLDR knows a locale, written ``id-ID`` or ``id_ID``."""
    try:
        Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError, TypeError):
        return False
    return True


@lru_cache(maxsize=512)
def is_zone(name: str) -> bool:
    """Return whether a name is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


@cache
def is_currency(code: str) -> bool:
    """Return whether a code is an ISO 4217 currency that CLDR can print."""
    try:
        validate_currency(code)
    except (UnknownCurrencyError, ValueError):
        return False
    return True


@lru_cache(maxsize=16_384)
def _money(number: Number, currency: str, locale: Locale) -> str:
    if not is_currency(currency):
        raise RenderError("value", "money was given a currency that is no ISO 4217 code")
    return format_currency(number, currency, locale=locale)


@lru_cache(maxsize=16_384)
def _number(number: Number, digits: int | None, locale: Locale) -> str:
    if digits is None:
        return format_decimal(number, locale=locale)
    pattern = copy(locale.decimal_formats[None])
    pattern.frac_prec = (digits, digits)
    return str(pattern.apply(number, locale))


@lru_cache(maxsize=16_384)
def _date(moment: date, form: str, locale: Locale, zone: ZoneInfo) -> str:
    if form in LENGTHS or not isinstance(moment, datetime):
        return format_date(moment, form, locale=locale)
    return format_datetime(moment, form, tzinfo=zone, locale=locale)
