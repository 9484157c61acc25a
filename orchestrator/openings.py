"""Slots and quiet hours: what is open or closed by the clock on somebody's wall (semantics 12-15).

Pure, as ``timing`` is: instants are aware and come back in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Protocol
from zoneinfo import ZoneInfo

from orchestrator.language.durations import DailyHours
from orchestrator.timing import LATEST, change_between, instants_of, reading_of

EVERY_DAY = frozenset(range(7))
LONGEST_CLOSED = timedelta(days=400)
"""A slot that does not open for this long is taken to stay closed."""
_DAY = timedelta(days=1)
_STRIDE = timedelta(hours=6)
"""No zone has moved its clock twice within this long since it has kept hours."""


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
    return opening.admits(reading_of(instant, opening.zone or zone))


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
        for reading in _edges(reading_of(start, own).date(), opening.hours):
            yield from _within(start, end, instants_of(reading, own))
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
            yield change_between(before, after, zone)
        before = after


def _forward(instant: datetime, span: timedelta) -> datetime:
    return instant + span if instant < LATEST - span else LATEST


def _minute(reading: datetime) -> int:
    return reading.hour * 60 + reading.minute
