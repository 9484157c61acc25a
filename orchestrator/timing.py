"""Time arithmetic of the language: windows, waits, local days, slots (semantics 8-15).

Pure: every function takes the instant it reasons from. Instants are aware and come back
in UTC; past the years 1 to 9999 they stay at the edge of the calendar.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import chain
from typing import Protocol
from zoneinfo import ZoneInfo

from orchestrator.language.durations import DailyHours, Duration
from orchestrator.language.zones import zone_names

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
EVERY_DAY = frozenset(range(7))
LONGEST_CLOSED = timedelta(days=400)
"""A slot that does not open for this long is taken to stay closed."""

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
_STRIDE = timedelta(hours=6)
"""No zone has moved its clock twice within this long since it has kept hours."""


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
    return _clock(instant, zone).date()


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
    for found in _instants(reading, zone):
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
    local = _clock(now, zone)
    return local_instant(shift_days(local.date(), span, +1), local.time(), zone)


def _clock(instant: datetime, zone: ZoneInfo) -> datetime:
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


def _instants(reading: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the instants at which the zone's clock reads so: none, one or two, in order."""
    first, second = (_utc(reading, zone, fold) for fold in (0, 1))
    if first in (EARLIEST, LATEST) or _clock(first, zone) == reading:
        yield first
        if second > first:
            yield second


def _after_gap(reading: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of the change that skipped this reading."""
    before, after = sorted(_utc(reading, zone, fold) for fold in (0, 1))
    return _change_between(before, after, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
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


# --- slots ----------------------------------------------------------------------------


class Opening(Protocol):
    """Something that is open or closed by the clock on somebody's wall."""

    @property
    def zone(self) -> ZoneInfo | None:
        """Whose clock; None is the customer's."""

    @property
    def hours(self) -> DailyHours | None:
        """The hours at whose ends it may open or close, besides midnight."""

    def admits(self, reading: datetime) -> bool:
        """Return whether it is open when that clock reads so."""


@dataclass(frozen=True)
class Slot:
    """Open in some hours of some weekdays: ``send_between``, ``then_between``, ``on_days``.

    The weekday is that of the instant itself, also past midnight (rule 12).
    """

    hours: DailyHours | None = None
    """None is all day."""
    weekdays: frozenset[int] = EVERY_DAY
    """Monday is 0."""
    dates_closed: frozenset[date] = frozenset()
    zone: ZoneInfo | None = None

    def admits(self, reading: datetime) -> bool:
        """Return whether the slot is open when its clock reads so."""
        return (
            reading.weekday() in self.weekdays
            and reading.date() not in self.dates_closed
            and (self.hours is None or self.hours.contains(_minute(reading)))
        )

    def is_open(self, instant: datetime, zone: ZoneInfo) -> bool:
        """Return whether the slot is open then, for a customer of that zone."""
        return is_open(self, instant, zone)

    def opens_next(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first instant inside, not before the given one; None if there is none."""
        return first_open(instant, zone, (self,))


@dataclass(frozen=True)
class QuietSlot:
    """Closed in some hours of some weekdays, and on some dates all day: quiet hours."""

    hours: DailyHours
    weekdays: frozenset[int] = EVERY_DAY
    """The weekdays that have these quiet hours; the others have none."""
    dates_quiet: frozenset[date] = frozenset()
    zone: ZoneInfo | None = None

    def admits(self, reading: datetime) -> bool:
        """Return whether it is not quiet when its clock reads so."""
        if reading.date() in self.dates_quiet:
            return False
        return reading.weekday() not in self.weekdays or not self.hours.contains(_minute(reading))

    def is_open(self, instant: datetime, zone: ZoneInfo) -> bool:
        """Return whether it is not quiet then, for a customer of that zone."""
        return is_open(self, instant, zone)

    def opens_next(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first instant that is not quiet, not before the given one."""
        return first_open(instant, zone, (self,))


def is_open(opening: Opening, instant: datetime, zone: ZoneInfo) -> bool:
    """Return whether it is open at that instant, for a customer of that zone."""
    return opening.admits(_clock(instant, opening.zone or zone))


@lru_cache(maxsize=1024)  # the sends of a tick ask the same of every zone again and again
def next_allowed(
    instant: datetime, zone: ZoneInfo, quiet: QuietSlot | None, slot: Slot | None
) -> datetime | None:
    """Return the first instant, not before the given one, that both let pass (rule 55)."""
    return first_open(instant, zone, [rule for rule in (quiet, slot) if rule])


def next_refused(
    instant: datetime, zone: ZoneInfo, quiet: QuietSlot | None, slot: Slot | None
) -> datetime | None:
    """Return the first instant, after the given one, that one of them does not let pass."""
    return first_closed(instant, zone, [rule for rule in (quiet, slot) if rule])


def first_open(instant: datetime, zone: ZoneInfo, openings: Sequence[Opening]) -> datetime | None:
    """Return the first instant, not before the given one, at which all are open.

    Returns:
        None if they are never open together within 400 days.
    """
    instant = instant.astimezone(UTC)
    for moment in chain([instant], _moments_after(instant, zone, openings)):
        if all(is_open(rule, moment, zone) for rule in openings):
            return moment
    return None


def first_closed(instant: datetime, zone: ZoneInfo, openings: Sequence[Opening]) -> datetime | None:
    """Return the first instant after the given one at which one of them is closed.

    Returns:
        None if all stay open for 400 days.
    """
    for moment in _moments_after(instant.astimezone(UTC), zone, openings):
        if not all(is_open(rule, moment, zone) for rule in openings):
            return moment
    return None


def _moments_after(
    instant: datetime, zone: ZoneInfo, openings: Sequence[Opening]
) -> Iterator[datetime]:
    """Yield in order every instant after one, for 400 days, at which an opening may change."""
    last = _forward(instant, LONGEST_CLOSED)
    start = instant
    while start < last:
        end = _forward(start, _DAY)
        yield from (one for one in sorted({*_moments(start, end, zone, openings)}) if one > instant)
        start = end


def _moments(
    start: datetime, end: datetime, zone: ZoneInfo, openings: Sequence[Opening]
) -> Iterator[datetime]:
    """Yield every instant of ``[start, end]`` at which one of the openings may open or close."""
    for opening in openings:
        own = opening.zone or zone
        for reading in _edges(_clock(start, own).date(), opening.hours):
            yield from _within(start, end, _instants(reading, own))
        yield from _within(start, end, _changes(start, end, own))


def _within(start: datetime, end: datetime, found: Iterable[datetime]) -> Iterator[datetime]:
    return (moment for moment in found if start <= moment <= end)


def _edges(day: date, hours: DailyHours | None) -> Iterator[datetime]:
    """Yield the readings at which hours begin or end around a local day, and its midnights."""
    minutes = {0} if hours is None else {0, hours.start, hours.end % (24 * 60)}
    for ordinal in range(day.toordinal() - 1, day.toordinal() + 4):
        if date.min.toordinal() <= ordinal <= date.max.toordinal():
            midnight = datetime.fromordinal(ordinal)
            yield from (midnight + timedelta(minutes=minute) for minute in minutes)


def _changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the instants of ``(start, end]`` at which the zone's offset changes."""
    before = start
    while before < end:
        after = min(_forward(before, _STRIDE), end)
        try:
            changed = before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
        except OverflowError:
            return
        if changed:
            yield _change_between(before, after, zone)
        before = after


def _forward(instant: datetime, span: timedelta) -> datetime:
    return instant + span if instant < LATEST - span else LATEST


def _minute(reading: datetime) -> int:
    return reading.hour * 60 + reading.minute


# --- zones ----------------------------------------------------------------------------


@cache
def zone_named(name: str) -> ZoneInfo | None:
    """Return the zone of exactly that IANA name; None for anything else."""
    return ZoneInfo(name) if name in zone_names() else None


def zone_or(name: str | None, fallback: ZoneInfo) -> tuple[ZoneInfo, bool]:
    """Return the zone of that name and True, or the fallback and False (rule 11)."""
    zone = zone_named(name) if name else None
    return (zone, True) if zone else (fallback, False)
