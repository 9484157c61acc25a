"""The nearest change: what would flip one answer about one customer, or when the clock will.

Plain arithmetic on what was found; no database. Each kind of condition says in its own
module which of these apply to it.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.criteria.modifiers import COUNT_WORDS
from orchestrator.language.durations import Duration

_CLOSE = range(-3, 4)
"""Days around a calendar step among which its clamping moves the answer."""


@dataclass(frozen=True)
class Found:
    """What was found of a leaf that stands in a customer's way."""

    value: Any
    """The actual value as Python has it: int, Decimal, bool, date, datetime, text or None."""
    kind: str
    """The kind of the ``Actual`` it is."""
    pivot: datetime | None
    """The instant that ``Condition.pivot`` asked for."""
    wanted: bool
    """The truth that the leaf, as it is written, should have."""
    now: datetime
    zone: ZoneInfo
    """The customer's."""


@dataclass(frozen=True)
class Change:
    """The smallest change that would flip an answer: something more, or time alone."""

    says: str | None = None
    """``needs 36.00 more``."""
    at: datetime | None = None
    """The first instant at which it flips if nothing else happens, UTC."""


# --- how many, how much ---------------------------------------------------------------


def lowest(sentence: Any) -> Decimal | None:
    """Return the smallest whole number that the lower bounds of count words admit."""
    found = [_up(bound) for bound in _bounds(sentence, "at_least", 0)]
    if sentence.more_than is not None:
        found.append(_down(sentence.more_than) + 1)
    return max(found, default=None)


def highest(sentence: Any) -> Decimal | None:
    """Return the greatest whole number that the upper bounds of count words admit."""
    found = [_down(bound) for bound in _bounds(sentence, "at_most", 1)]
    if sentence.less_than is not None:
        found.append(_up(sentence.less_than) - 1)
    return min(found, default=None)


def _bounds(sentence: Any, word: str, end: int) -> list[Decimal]:
    """Return the bounds of one side: ``word``, ``exactly`` and that end of ``between``."""
    between = sentence.between[end] if sentence.between is not None else None
    written = (getattr(sentence, word), sentence.exactly, between)
    return [bound for bound in written if bound is not None]


def _up(bound: Decimal) -> Decimal:
    return bound.to_integral_value(ROUND_CEILING)


def _down(bound: Decimal) -> Decimal:
    return bound.to_integral_value(ROUND_FLOOR)


def counts_needed(sentence: Any, *, wanted: bool) -> tuple[int | None, int | None]:
    """Return (at least, at most) of the counts that give the wanted answer, None for no bound.

    Without count words a sentence asks for at least 1. An unwanted answer is left by
    falling below the lower bounds or by rising above the upper ones.
    """
    said = any(getattr(sentence, word) is not None for word in COUNT_WORDS)
    low = lowest(sentence) if said else Decimal(1)
    high = highest(sentence) if said else None
    if wanted:
        return _whole(low), _whole(high)
    return _whole(None if high is None else high + 1), _whole(None if low is None else low - 1)


def _whole(bound: Decimal | None) -> int | None:
    return None if bound is None else int(bound)


Side = tuple[Decimal, bool]
"""A bound, and whether it is strict."""


def number_change(tests: Any, found: Found) -> Change | None:
    """Return how much more or less a number has to be for its tests to be as wanted."""
    if isinstance(found.value, bool) or not isinstance(found.value, int | Decimal):
        return None
    value = Decimal(found.value)
    lows, highs = _sides(tests, wanted=found.wanted)
    missing = max(((bound - value, strict) for bound, strict in lows), default=_ENOUGH)
    excess = max(((value - bound, strict) for bound, strict in highs), default=_ENOUGH)
    for (gap, strict), word in ((missing, "more"), (excess, "less")):
        if (gap, strict) > _ENOUGH:
            return Change(f"needs {_gap(gap, found.kind, strict=strict)}{word}")
    return None


_ENOUGH = (Decimal(0), False)


def _gap(gap: Decimal, kind: str, *, strict: bool) -> str:
    if kind in ("times", "count"):
        return f"{amount(_down(gap) + 1 if strict else _up(gap))} "
    if strict and not gap:
        return ""
    return f"{'more than ' if strict else ''}{amount(gap, money=kind == 'money')} "


def _sides(tests: Any, *, wanted: bool) -> tuple[list[Side], list[Side]]:
    """Return the (lower, upper) bounds that a number must keep for the wanted answer."""
    lows = [(bound, False) for bound in _numbers(tests, "at_least", "exactly", "is_")]
    lows += [(bound, True) for bound in _numbers(tests, "more_than")]
    highs = [(bound, False) for bound in _numbers(tests, "at_most", "exactly", "is_")]
    highs += [(bound, True) for bound in _numbers(tests, "less_than")]
    if between := tests.between:
        lows += [(bound, False) for bound in _plain(between[0])]
        highs += [(bound, False) for bound in _plain(between[1])]
    if wanted:
        return lows, highs
    if len(lows) + len(highs) > 1:  # which one to break is a matter of taste
        return [], []
    flipped = [(bound, not strict) for bound, strict in lows]
    return [(bound, not strict) for bound, strict in highs], flipped


def _numbers(tests: Any, *words: str) -> list[Decimal]:
    return [bound for word in words for bound in _plain(getattr(tests, word, None))]


def _plain(written: Any) -> list[Decimal]:
    """Return a bound, or the value of a literal, if it is a number that stands in the file."""
    value = getattr(written, "value", written)
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return [Decimal(value)] if is_number else []


def more(missing: int) -> Change | None:
    """Return the change that is a greater count; None if nothing is missing."""
    return Change(f"needs {missing} more") if missing > 0 else None


def amount(number: Decimal | int, *, money: bool = False) -> str:
    """Return a number as people write it: ``36.00`` of money, ``2.5`` otherwise."""
    exact = Decimal(number)
    plain = f"{exact.normalize():f}" if exact else "0"
    digits = len(plain.partition(".")[2])
    return f"{exact:.2f}" if money and digits < 2 else plain


# --- when the clock does it -----------------------------------------------------------


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
