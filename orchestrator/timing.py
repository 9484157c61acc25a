"""Time arithmetic of the language: windows, waits, local days (semantics 8-11).

Pure: every function takes the instant it reasons from. Instants are aware and come back
in UTC; past the years 1 to 9999 they stay at the edge of the calendar.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from orchestrator.language.durations import Duration
from orchestrator.language.zones import zone_names

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)

_FIXED = {
    "min": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MONTHS = {"month": 1, "year": 12}
_SHORTEST_MONTH = timedelta(days=28)
_DAYS = {"day": 1, "week": 7}
_DAY = timedelta(days=1)


# --- windows and limits ---------------------------------------------------------------


def minus(now: datetime, span: Duration) -> datetime:
    """Return the instant that long before ``now``, as windows and limits count (rule 8)."""
    return _step(now, span, -1)


def plus(now: datetime, span: Duration) -> datetime:
    """Return the instant that long after ``now``, as windows and limits count (rule 8)."""
    return _step(now, span, +1)


def shortest(span: Duration) -> timedelta:
    """Return the least that a window can span: a month has 28 days at least."""
    if span.unit in _FIXED:
        return span.amount * _FIXED[span.unit]
    return span.amount * _MONTHS[span.unit] * _SHORTEST_MONTH


def _step(now: datetime, span: Duration, sign: int) -> datetime:
    now = now.astimezone(UTC)
    try:
        if span.unit in _FIXED:
            return now + sign * span.amount * _FIXED[span.unit]
        day = _shift_months(now.date(), sign * span.amount * _MONTHS[span.unit])
    except OverflowError:
        return EARLIEST if sign < 0 else LATEST
    return datetime.combine(day, now.timetz())


# --- the local calendar ---------------------------------------------------------------


def shift_days(day: date, span: Duration, sign: int) -> date:
    """Return the calendar day a span away; months and years clamp to the month's last day.

    Args:
        span: in days, weeks, months or years.
        sign: +1 for later, -1 for earlier.
    Raises:
        ValueError: the span is in minutes or hours.
    """
    if span.unit not in _DAYS and span.unit not in _MONTHS:
        raise ValueError(f"{span} is no number of days")
    try:
        if span.unit in _DAYS:
            return day + timedelta(days=sign * span.amount * _DAYS[span.unit])
        return _shift_months(day, sign * span.amount * _MONTHS[span.unit])
    except OverflowError:
        return date.min if sign < 0 else date.max


def _shift_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def anniversary_days(day: date) -> frozenset[int]:
    """Return the month-days, as MMDD, whose anniversary falls on this day.

    29 February has its anniversary on 28 February in common years (rule 15).
    """
    month_day = day.month * 100 + day.day
    if month_day == 228 and not isleap(day.year):
        return frozenset((228, 229))
    return frozenset((month_day,))


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the date that the zone's calendar shows at that instant."""
    return reading_of(instant, zone).date()


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants ``[start, end)`` of a local day, from midnight to midnight."""
    start = local_instant(day, time(), zone)
    end = local_instant(day + _DAY, time(), zone) if day < date.max else LATEST
    return start, end


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the first instant at which the zone's clock reads that date and time.

    A reading that the clock skips is the first instant after the gap (rule 10).
    """
    reading = datetime.combine(day, at)
    for found in instants_of(reading, zone):
        return found
    return _after_gap(reading, zone)


def begins(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """Return a written moment on a wall clock; a bare day begins at its first instant."""
    if not isinstance(moment, datetime):
        return day_bounds(moment, zone)[0]
    if moment.tzinfo is not None:
        return moment
    return local_instant(moment.date(), moment.time(), zone)


def is_over(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """Return when a written moment is over on a wall clock; a bare day is with its end."""
    if isinstance(moment, datetime):
        return begins(moment, zone)
    return day_bounds(moment, zone)[1]


def wait_until(now: datetime, span: Duration, zone: ZoneInfo) -> datetime:
    """Return when a wait that begins now is over (rule 9).

    Minutes and hours are elapsed time; days, weeks, months and years keep the time of day
    on the zone's clock.
    """
    if span.unit in ("min", "hour"):
        return plus(now, span)
    local = reading_of(now, zone)
    return local_instant(shift_days(local.date(), span, +1), local.time(), zone)


def reading_of(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return what the zone's clock reads, without a zone."""
    try:
        return instant.astimezone(zone).replace(tzinfo=None, fold=0)
    except OverflowError:
        early = instant < datetime(5000, 1, 1, tzinfo=UTC)
        return datetime.min if early else datetime.max  # noqa: DTZ901  # on the wall


def _utc(reading: datetime, zone: ZoneInfo, fold: int) -> datetime:
    try:
        return reading.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    except OverflowError:
        return EARLIEST if reading.year < 5000 else LATEST


def instants_of(reading: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the instants at which the zone's clock reads so: none, one or two, in order."""
    first, second = (_utc(reading, zone, fold) for fold in (0, 1))
    if first in (EARLIEST, LATEST) or reading_of(first, zone) == reading:
        yield first
        if second > first:
            yield second


def _after_gap(reading: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of the change that skipped this reading."""
    before, after = sorted(_utc(reading, zone, fold) for fold in (0, 1))
    return change_between(before, after, zone)


def change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first whole second of the offset that holds at ``after``."""
    new = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()) - 1, int(after.timestamp()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == new:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


# --- zones ----------------------------------------------------------------------------


@cache
def zone_named(name: str) -> ZoneInfo | None:
    """Return the zone of exactly that IANA name; None for anything else."""
    return ZoneInfo(name) if name in zone_names() else None


def zone_or(name: str | None, fallback: ZoneInfo) -> tuple[ZoneInfo, bool]:
    """Return the zone of that name and True, or the fallback and False (rule 11)."""
    zone = zone_named(name) if name else None
    return (zone, True) if zone else (fallback, False)


def short_time(instant: datetime, zone: ZoneInfo) -> str:
    """Return ``2026-03-02 10:00:00 CET``: for columns, to the second, by the clocks of a zone."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
