"""Comparing counts, totals and averages with the numbers of a playbook, exactly."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, and_, false, true

from orchestrator.criteria.modifiers import COUNT_WORDS

SCALE = 10_000
"""Money and summed numbers are integers of 1/10,000 (semantics 6)."""

NumberTest = tuple[str, Any]
"""(count word, bound): the bound is a Decimal, for ``between`` a pair of them."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "at_least": operator.ge,
    "at_most": operator.le,
    "exactly": operator.eq,
    "more_than": operator.gt,
    "less_than": operator.lt,
}


def number_tests(sentence: Any) -> list[NumberTest]:
    """Return the count words that a sentence uses, with their bounds."""
    written = ((word, getattr(sentence, word)) for word in COUNT_WORDS)
    return [(word, bound) for word, bound in written if bound is not None]


def passes(tests: Sequence[NumberTest], value: int) -> bool:
    """Return whether a number passes all tests."""
    return all(
        bound[0] <= value <= bound[1] if word == "between" else _COMPARE[word](value, bound)
        for word, bound in tests
    )


def compare_integer(
    value: ColumnElement[Any], tests: Sequence[NumberTest], *, scale: int = 1
) -> ColumnElement[bool]:
    """Return the tests of an integer expression that counts units of ``1 / scale``."""
    return and_(
        true(), *(_compare_one(value, word, bound, scale) for word, bound in _single(tests))
    )


def compare_average(
    total: ColumnElement[Any], count: ColumnElement[Any], tests: Sequence[NumberTest]
) -> ColumnElement[bool]:
    """Return the tests of ``total / count`` without dividing: total against bound × count."""
    compared = []
    for word, bound in _single(tests):
        scaled = Fraction(bound) * SCALE
        compared.append(
            _COMPARE[word](total * scaled.denominator, count * scaled.numerator),
        )
    return and_(true(), *compared)


def _single(tests: Sequence[NumberTest]) -> list[tuple[str, Decimal]]:
    single = []
    for word, bound in tests:
        if word == "between":
            single += [("at_least", bound[0]), ("at_most", bound[1])]
        else:
            single.append((word, bound))
    return single


def _compare_one(
    value: ColumnElement[Any], word: str, bound: Decimal, scale: int
) -> ColumnElement[bool]:
    units = bound * scale
    whole = int(units.to_integral_value(ROUND_FLOOR))
    if units != whole:
        if word == "exactly":
            return false()
        if word in ("at_least", "less_than"):
            whole = int(units.to_integral_value(ROUND_CEILING))
    compared: ColumnElement[bool] = _COMPARE[word](value, whole)
    return compared
