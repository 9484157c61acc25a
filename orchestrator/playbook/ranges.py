"""Ranges of numbers and tests of one value, and whether anything can pass them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from orchestrator.criteria.modifiers import Counts, ValueTests
from orchestrator.language.durations import Duration
from orchestrator.language.literals import Literal, Reference

_DAYS: dict[str, tuple[Decimal, Decimal]] = {
    "min": (Decimal(1) / 1440, Decimal(1) / 1440),
    "hour": (Decimal(1) / 24, Decimal(1) / 24),
    "day": (Decimal(1), Decimal(1)),
    "week": (Decimal(7), Decimal(7)),
    "month": (Decimal(28), Decimal(31)),
    "year": (Decimal(365), Decimal(366)),
}
"""Unit → the shortest and the longest it gets, in days."""


def least_days(duration: Duration) -> Decimal:
    """Return how many days a duration has at least."""
    return duration.amount * _DAYS[duration.unit][0]


def most_days(duration: Duration) -> Decimal:
    """Return how many days a duration has at most."""
    return duration.amount * _DAYS[duration.unit][1]


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``; None is no bound, ends belong unless open."""

    low: Decimal | None
    high: Decimal | None
    open_low: bool = False
    open_high: bool = False

    @property
    def empty(self) -> bool:
        """Whether no number is inside."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.open_low or self.open_high))

    def contains(self, other: Range) -> bool:
        """Return whether every number of the other range is inside this one."""
        return _low_key(self) <= _low_key(other) and _high_key(other) <= _high_key(self)

    def meet(self, other: Range) -> Range:
        """Return the numbers that are in both."""
        low = max(self, other, key=_low_key)
        high = min(self, other, key=_high_key)
        return Range(low.low, high.high, low.open_low, high.open_high)

    def whole(self) -> Range:
        """Return the range of the whole numbers inside."""
        low, high = self.low, self.high
        if low is not None:
            up = low.to_integral_value(ROUND_CEILING)
            low = up + 1 if self.open_low and up == low else up
        if high is not None:
            down = high.to_integral_value(ROUND_FLOOR)
            high = down - 1 if self.open_high and down == high else down
        return Range(low, high)


def _low_key(item: Range) -> tuple[bool, Decimal, bool]:
    return (item.low is not None, item.low or Decimal(0), item.open_low)


def _high_key(item: Range) -> tuple[bool, Decimal, bool]:
    return (item.high is None, item.high or Decimal(0), not item.open_high)


def range_of_counts(counts: Counts, *, whole: bool) -> Range:
    """Return the numbers that pass the count words; none of them means at least 1."""
    tests = [
        Range(counts.at_least, None),
        Range(None, counts.at_most),
        Range(counts.exactly, counts.exactly),
        Range(counts.more_than, None, open_low=counts.more_than is not None),
        Range(None, counts.less_than, open_high=counts.less_than is not None),
        Range(*(counts.between or (None, None))),
    ]
    everything = Range(None, None)
    met = everything
    for test in tests:
        met = met.meet(test)
    if met == everything:
        return Range(Decimal(1), None)
    return met.whole() if whole else met


# --- tests of one value ---------------------------------------------------------------


def value_conflict(tests: Sequence[ValueTests]) -> str | None:
    """Return why no value passes all of the tests, or None if one may."""
    return _choice_conflict(tests) or _range_conflict(tests) or _time_conflict(tests)


def _choice_conflict(tests: Sequence[ValueTests]) -> str | None:
    """Compare what the value must be with what it must not be."""
    allowed: set[str] | None = None
    refused: set[str] = set()
    for test in tests:
        for written in filter(None, ((test.is_,) if test.is_ else None, test.is_one_of)):
            texts = _texts(written)
            if texts is not None:
                allowed = texts if allowed is None else allowed & texts
        for written in filter(None, ((test.is_not,) if test.is_not else None, test.is_none_of)):
            refused |= _texts(written) or set()
    if allowed is not None and not allowed - refused:
        return "no value is left by these tests"
    if any(test.is_set is False for test in tests) and _needs_value(tests):
        return "a value that is not set passes no other test"
    return None


def _needs_value(tests: Sequence[ValueTests]) -> bool:
    negations = {"is_not", "is_none_of", "is_set"}
    return any(set(test.marks) - negations for test in tests) or any(test.is_set for test in tests)


def _texts(written: Sequence[Literal]) -> set[str] | None:
    values = [item.value for item in written]
    if any(isinstance(value, Reference) for value in values):
        return None
    return {_canonical(item) for item in written}


def _canonical(literal: Literal) -> str:
    number = _number(literal)
    return literal.text if number is None else f"{number.normalize():f}"


def _range_conflict(tests: Sequence[ValueTests]) -> str | None:
    met = Range(None, None)
    for test in tests:
        low, high = test.between or (None, None)
        for part in (
            Range(_number(test.at_least), _number(test.at_most)),
            Range(_number(test.more_than), None, open_low=_number(test.more_than) is not None),
            Range(None, _number(test.less_than), open_high=_number(test.less_than) is not None),
            Range(_number(low), _number(high)),
            Range(_number(test.is_), _number(test.is_)),
        ):
            met = met.meet(part)
    return "no number passes all of these tests" if met.empty else None


def _number(literal: Literal | None) -> Decimal | None:
    value = literal.value if literal else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _time_conflict(tests: Sequence[ValueTests]) -> str | None:
    recent = [most_days(test.in_last) for test in tests if test.in_last]
    old = [least_days(test.older_than) for test in tests if test.older_than]
    if recent and old and max(old) >= min(recent):
        return "no time is both so recent and so long ago"
    if old and any(test.in_next for test in tests):
        return "no time is both past and to come"
    return None
