"""The nearest change: what would flip one answer about one customer, by how many or how much.

Plain arithmetic on what was found; no database. Each kind of condition says in its own
module which of these, and of those in ``flips``, apply to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.criteria.modifiers import COUNT_WORDS


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
