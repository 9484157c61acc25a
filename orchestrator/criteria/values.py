"""Testing one typed value: an attribute, a property, ``entry.x``.

A value is missing when there is no row or its typed column is NULL. Tests are split into
*demands* (false if the value is missing) and *bans* (what must not be the case, so true
if it is missing): every leaf stays two-valued without three-valued logic (semantics 19).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, exists, false, func, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Integer

from orchestrator import tables, timing
from orchestrator.columns import to_day_number
from orchestrator.criteria.modifiers import TEST_WORDS, ValueTests
from orchestrator.criteria.numbers import SCALE, compare_integer
from orchestrator.language.durations import Duration
from orchestrator.language.literals import Literal, Reference
from orchestrator.language.moments import parse_moment
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope

COLUMNS = {
    "text": "text",
    "number": "number",
    "money": "money",
    "boolean": "truth",
    "date": "on_date",
    "datetime": "instant",
    "list": "text",
}
"""Type → the column of ``tables.fields.TypedValue`` that holds it."""


class position(FunctionElement[int]):  # noqa: N801 - a SQL function
    """Where a text first holds another, 0 if nowhere; never LIKE."""

    type = Integer()
    inherit_cache = True


@compiles(position, "postgresql")
def _strpos(element: Any, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(position)
def _instr(element: Any, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@dataclass(frozen=True)
class Value:
    """One typed value of a row that belongs to a customer."""

    type: str
    column: ColumnElement[Any]
    customer_id: ColumnElement[int]
    member: Callable[[Any], Predicate] | None = None
    """For a list: whether it has this member."""
    spelled: ColumnElement[Any] | None = None
    """For a stored boolean: its text, ``true`` or ``false``, which is what is indexed."""


def demands_value(tests: ValueTests) -> bool:
    """Return whether a missing value fails the tests."""
    negations = ("is_not", "is_none_of")
    asked = (
        getattr(tests, "is_" if word == "is" else word)
        for word in TEST_WORDS
        if word not in negations
    )
    return any(bound is not None and bound is not False for bound in asked)


def demands(tests: ValueTests, value: Value, scope: Scope) -> list[Predicate]:
    """Return the tests that a missing value does not pass.

    Of a missing value they may be unknown, which a WHERE takes for false; saying so beside
    each comparison would only mislead PostgreSQL about how many rows there are.
    """
    found: list[Predicate] = []
    column = value.column
    if tests.is_set:
        found.append(column.is_not(None))
    if tests.is_ is not None:
        found.append(_equals(value, tests.is_, scope))
    if tests.is_one_of is not None:
        found.append(or_(*(_equals(value, one, scope) for one in tests.is_one_of)))
    if tests.between is not None:
        low, high = tests.between
        found += [_ordered(value, "at_least", low, scope), _ordered(value, "at_most", high, scope)]
    for word in ("at_least", "at_most", "more_than", "less_than", "before", "after"):
        bound = getattr(tests, word)
        if bound is not None:
            found.append(_ordered(value, word, bound, scope))
    found += _text_tests(tests, value, scope)
    for word in ("in_last", "in_next", "older_than"):
        duration = getattr(tests, word)
        if duration is not None:
            found.append(_relative(value, word, duration, scope))
    return found


def bans(tests: ValueTests, value: Value, scope: Scope) -> list[Predicate]:
    """Return what must not hold: each is false for a missing value."""
    found: list[Predicate] = []
    if tests.is_set is False:
        found.append(value.column.is_not(None))
    if tests.is_not is not None:
        found.append(_equals(value, tests.is_not, scope))
    if tests.is_none_of is not None:
        found.append(or_(*(_equals(value, one, scope) for one in tests.is_none_of)))
    return found


def has_reference(tests: ValueTests) -> bool:
    """Return whether a bound is known only per customer, so that sets cannot be built."""
    found: list[Any] = []
    for bound in vars(tests).values():
        found += bound if isinstance(bound, tuple) else [bound]
    return any(isinstance(item, Literal) and isinstance(item.value, Reference) for item in found)


def plain_bound(literal: Literal, type: str, scope: Scope) -> Any:
    """Return a literal as the typed column stores it; None if it is no such value.

    For ``datetime`` the pair (first instant, first instant after), in microseconds; for
    ``money`` a Decimal amount, which only ``compare_integer`` turns into units.
    """
    written = literal.value
    if type in ("text", "list"):
        return unicodedata.normalize("NFC", literal.text)
    if type == "boolean":
        return int(written) if isinstance(written, bool) else None
    if type in ("number", "money"):
        if isinstance(written, bool) or not isinstance(written, int | Decimal):
            return None
        return float(written) if type == "number" else Decimal(written)
    moment = parse_moment(literal.text)
    if moment is None:
        return None
    if type == "datetime":
        return scope.moment_bounds(moment)
    return to_day_number(moment.date() if isinstance(moment, datetime) else moment)


def _bound(literal: Literal, value: Value, scope: Scope) -> tuple[Any, Any]:
    """Return (lowest, highest) that count as equal to the literal."""
    if isinstance(literal.value, Reference):
        column = scope.reference(literal.value, value.type, value.customer_id)
        return column, column
    bound = plain_bound(literal, value.type, scope)
    if value.type == "datetime" and bound is not None:
        return bound[0], bound[1] - 1
    return bound, bound


def _equals(value: Value, literal: Literal, scope: Scope) -> Predicate:
    low, high = _bound(literal, value, scope)
    if low is None:
        return false()
    if value.spelled is not None and isinstance(low, int):
        spelled: Predicate = value.spelled == ("true" if low else "false")
        return spelled
    if value.type == "datetime" and low is not high:
        return and_(value.column >= low, value.column <= high)
    if isinstance(low, Decimal):
        return compare_integer(value.column, [("exactly", low)], scale=SCALE)
    equal: Predicate = value.column == low
    return equal


def _ordered(value: Value, word: str, literal: Literal, scope: Scope) -> Predicate:
    low, high = _bound(literal, value, scope)
    if low is None:
        return false()
    column = value.column
    if isinstance(low, Decimal):
        return compare_integer(column, [(word, low)], scale=SCALE)
    compared: Predicate = {
        "at_least": column >= low,
        "at_most": column <= high,
        "more_than": column > high,
        "less_than": column < low,
        "after": column > high,
        "before": column < low,
    }[word]
    return compared


def _text_tests(tests: ValueTests, value: Value, scope: Scope) -> list[Predicate]:
    found: list[Predicate] = []
    column = value.column
    if tests.contains is not None:
        part, _ = _bound(tests.contains, value, scope)
        if value.type == "list":
            found.append(value.member(part) if value.member else _among_parts(column, part))
        else:
            found.append(position(column, part) > 0)
    if tests.starts_with is not None:
        start, _ = _bound(tests.starts_with, value, scope)
        found.append(func.substr(column, 1, func.length(start)) == start)
    if tests.ends_with is not None:
        end, _ = _bound(tests.ends_with, value, scope)
        first = func.length(column) - func.length(end) + 1
        found.append(and_(first >= 1, func.substr(column, first) == end))
    return found


def _among_parts(column: ColumnElement[Any], part: Any) -> Predicate:
    """Return whether a ``;``-separated text has a part, blanks round the parts aside."""
    parts = func.replace(func.replace(column, "; ", ";"), " ;", ";")
    return position(literal(";") + parts + ";", literal(";") + part + ";") > 0


def _relative(value: Value, word: str, duration: Duration, scope: Scope) -> Predicate:
    column = value.column
    if value.type == "datetime":
        now = scope.now_micros
        return {
            "in_last": lambda: and_(column > scope.ago(duration), column <= now),
            "in_next": lambda: and_(column > now, column <= scope.ahead(duration)),
            "older_than": lambda: column <= scope.ago(duration),
        }[word]()

    def on(today: date) -> Predicate:
        if word == "in_next":
            last = timing.shift_days(today, duration, +1)
            return column.between(to_day_number(today), to_day_number(last))
        first = to_day_number(timing.shift_days(today, duration, -1))
        if word == "older_than":
            return column < first
        return column.between(first, to_day_number(today))

    rough = or_(*(on(day) for day in scope.facts.local_days), false())
    return and_(rough, scope.on_local_day(value.customer_id, on))


def typed_rows_value(rows: Any, type: str, customer_id: ColumnElement[int]) -> Value:
    """Return the typed value of a row of ``event_value`` or ``attribute_value``."""
    spelled = rows.c.text if type == "boolean" else None
    return Value(type, rows.c[COLUMNS[type]], customer_id, spelled=spelled)


def list_member(name: str, customer_id: ColumnElement[int], whole: ColumnElement[Any]) -> Any:
    """Return the test whether a list attribute has a member; a single value is a list of it."""

    def member(item: Any) -> Predicate:
        items, others = aliased(tables.attribute_item), aliased(tables.attribute_item)
        found = select(items.c.item).where(
            items.c.name == name, items.c.item == item, items.c.customer_id == customer_id
        )
        several = select(others.c.item).where(
            others.c.name == name, others.c.customer_id == customer_id
        )
        return or_(exists(found), and_(whole == item, ~exists(several)))

    return member
