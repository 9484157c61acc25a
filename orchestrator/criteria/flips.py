"""When the clock flips one answer about one customer: the first instant to come, by time alone.

Plain arithmetic on what was found; no database.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.criteria.nearest import Found
from orchestrator.language.durations import Duration

_CLOSE = range(-3, 4)
"""Days around a calendar step among which its clamping moves the answer."""


def left_behind(instant: datetime, span: Duration) -> datetime:
    """Return the first ``now`` that is a span after an instant: ``now - span >= instant``."""
    return _first(timing.plus(instant, span), lambda now: timing.minus(now, span) >= instant)


def within_reach(instant: datetime, span: Duration) -> datetime:
    """Return the first ``now`` with an instant at most a span ahead: ``instant <= now + span``."""
    return _first(timing.minus(instant, span), lambda now: timing.plus(now, span) >= instant)


def _first(step: datetime, is_there: Callable[[datetime], bool]) -> datetime:
    """Return a calendar step, or the midnight after it if clamping made it too short."""
    if is_there(step):
        return step
    return timing.day_bounds(step.date(), ZoneInfo("UTC"))[1]


def window_flip(window: Any, instant: datetime | None, found: Found) -> datetime | None:
    """Return when an instant comes to lie in a window (or not, as wanted), by time alone.

    Args:
        window: has ``in_last`` and ``older_than``; with fixed bounds beside, nothing is said.
    """
    if instant is None or getattr(window, "before", None) or getattr(window, "after", None):
        return None
    in_last = getattr(window, "in_last", None)
    older_than = getattr(window, "older_than", None)

    def holds(now: datetime) -> bool:
        recent = in_last is None or instant > timing.minus(now, in_last)
        old = older_than is None or instant <= timing.minus(now, older_than)
        return instant <= now and recent and old

    steps = [left_behind(instant, span) for span in (in_last, older_than) if span]
    return first_flip(steps, holds, found)


def value_flip(tests: Any, found: Found) -> datetime | None:
    """Return when a date or datetime comes to pass its relative tests (or not, as wanted)."""
    spans = [
        (word, span)
        for word in ("in_last", "in_next", "older_than")
        if (span := getattr(tests, word)) is not None
    ]
    if not spans:
        return None
    if isinstance(found.value, datetime):
        return _instant_flip(found.value, spans, found)
    if isinstance(found.value, date):
        return _date_flip(found.value, spans, found)
    return None


def _instant_flip(
    value: datetime, spans: Sequence[tuple[str, Duration]], found: Found
) -> datetime | None:
    def holds(now: datetime) -> bool:
        return all(
            {
                "in_last": lambda span: timing.minus(now, span) < value <= now,
                "in_next": lambda span: now < value <= timing.plus(now, span),
                "older_than": lambda span: value <= timing.minus(now, span),
            }[word](span)
            for word, span in spans
        )

    steps = [value]
    steps += [left_behind(value, span) for _, span in spans]
    steps += [within_reach(value, span) for _, span in spans]
    return first_flip(steps, holds, found)


def _date_flip(value: date, spans: Sequence[tuple[str, Duration]], found: Found) -> datetime | None:
    def holds(now: datetime) -> bool:
        today = timing.local_day(now, found.zone)
        return all(
            {
                "in_last": lambda span: timing.shift_days(today, span, -1) <= value <= today,
                "in_next": lambda span: today <= value <= timing.shift_days(today, span, +1),
                "older_than": lambda span: value < timing.shift_days(today, span, -1),
            }[word](span)
            for word, span in spans
        )

    days = {value}
    days |= {timing.shift_days(value, span, sign) for _, span in spans for sign in (-1, +1)}
    return first_flip(midnights(days, found.zone), holds, found)


def midnights(days: Iterable[date], zone: ZoneInfo) -> list[datetime]:
    """Return the beginnings of some local days and of those around them."""
    ordinals = {day.toordinal() + shift for day in days for shift in _CLOSE}
    first, last = date.min.toordinal() + 1, date.max.toordinal() - 1
    known = (date.fromordinal(one) for one in sorted(ordinals) if first <= one <= last)
    return [timing.day_bounds(day, zone)[0] for day in known]


def anniversary_flip(value: Any, in_next: Duration | None, found: Found) -> datetime | None:
    """Return when an anniversary begins (or ceases) to be today or in so many days."""
    day = timing.local_day(value, found.zone) if isinstance(value, datetime) else value
    if not isinstance(day, date):
        return None
    today = timing.local_day(found.now, found.zone)

    def holds(now: datetime) -> bool:
        first = timing.local_day(now, found.zone)
        last = timing.shift_days(first, in_next, +1) if in_next else first
        upcoming = next_anniversary(day, first)
        return upcoming is not None and upcoming <= last

    upcoming = next_anniversary(day, today)
    if upcoming is None:
        return None
    begins = timing.shift_days(upcoming, in_next, -1) if in_next else upcoming
    days = {begins, upcoming, upcoming + timedelta(days=1)}
    return first_flip(midnights(days, found.zone), holds, found)


def next_anniversary(day: date, first: date) -> date | None:
    """Return the first anniversary of a day in a later year, on ``first`` or after it."""
    for year in range(max(first.year, day.year + 1), max(first.year, day.year + 1) + 2):
        if year > date.max.year:
            return None
        leap = (day.month, day.day) == (2, 29) and not isleap(year)
        found = date(year, 2, 28) if leap else day.replace(year=year)
        if found >= first:
            return found
    return None


def first_flip(
    steps: Iterable[datetime], holds: Callable[[datetime], bool], found: Found
) -> datetime | None:
    """Return the first of some instants to come at which the answer is the wanted one."""
    later = sorted(step for step in steps if step > found.now)
    return next((step for step in later if holds(step) is found.wanted), None)
