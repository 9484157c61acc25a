"""Sets of events, and what they say about a customer: how often, how much, when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
)

from orchestrator import tables
from orchestrator.criteria.measures import split_property
from orchestrator.criteria.modifiers import ValueTests, Where
from orchestrator.criteria.numbers import (
    SCALE,
    NumberTest,
    compare_average,
    compare_integer,
    passes,
)
from orchestrator.criteria.values import (
    COLUMNS,
    Value,
    bans,
    demands,
    demands_value,
    has_reference,
    typed_rows_value,
)
from orchestrator.language.durations import Duration
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope


class Events:
    """The events of one name that pass some tests, by customer.

    ``rows`` has one row per event with ``customer_id`` and ``occurred_at``; ``id`` is the
    column of the event's id in it.
    """

    def __init__(
        self, scope: Scope, name: str, rows: FromClause, id: ColumnElement[int], stored_as: str
    ) -> None:
        self.scope = scope
        self.name = name
        self.rows = rows
        self.id = id
        self.stored_as = stored_as
        self.is_far = False
        self.tests: list[Predicate] = [rows.c.name == stored_as]

    # --- building ---------------------------------------------------------------------

    @classmethod
    def named(
        cls, scope: Scope, name: str, window: Any = None, where: Where | None = None
    ) -> Events:
        """Return the events of a name inside a window, as far as they exist by now.

        A far-reaching set with a demand on a property is read from the property's own rows,
        which lie together, rather than from events that each look for their property.
        """
        prop = None if scope.each else _demanded(scope, window, where)
        if prop is not None:
            return cls.having(scope, f"{name}.{prop}", window, where)
        rows = aliased(tables.event)
        return cls(scope, name, rows, rows.c.id, name).narrowed(window, where)

    @classmethod
    def having(cls, scope: Scope, operand: str, window: Any, where: Where | None) -> Events:
        """Return the events that have a property (``purchase.amount``), one row each."""
        rows = aliased(tables.event_value)
        name, _ = split_property(operand)
        return cls(scope, name, rows, rows.c.event_id, operand).narrowed(window, where)

    def narrowed(self, window: Any, where: Where | None) -> Events:
        """Return these events, further those of a window with properties only."""
        self.tests += self.scope.in_window(self.rows.c.occurred_at, window)
        self.is_far = self.scope.reaches_far(window)
        if getattr(window, "since", None):
            self.scope = self.scope.probing()
        for prop, tests in (where or {}).items():
            if has_reference(tests):
                self.scope = self.scope.probing()
            self.tests += self._property_tests(prop, tests)
        return self

    def _property_tests(self, prop: str, tests: ValueTests) -> list[Predicate]:
        """Return the tests of one property of the same event."""
        type = self.scope.names.property_type(self.name, prop) or "text"
        values, value = self._value(type)
        must_not = bans(tests, value, self.scope)
        banned = [not_(self._has(prop, values, or_(*must_not)))] if must_not else []
        return [*self._demands(prop, type, tests), *banned]

    def _demands(self, prop: str, type: str, tests: ValueTests) -> list[Predicate]:
        if self.stored_as == f"{self.name}.{prop}":
            own = typed_rows_value(self.rows, type, self.rows.c.customer_id)
            return demands(tests, own, self.scope)
        values, value = self._value(type)
        must = demands(tests, value, self.scope)
        return [self._has(prop, values, and_(*must))] if must else []

    def _value(self, type: str) -> tuple[FromClause, Value]:
        values = aliased(tables.event_value)
        return values, typed_rows_value(values, type, self.rows.c.customer_id)

    def _has(self, prop: str, values: FromClause, test: Predicate) -> Predicate:
        query = select(values.c.event_id).where(self.same_event(values, prop), test)
        return exists(query.correlate(self.rows, *self.scope.outer))

    def same_event(self, values: FromClause, prop: str) -> Predicate:
        """Return the join of a row of ``event_value`` to these events, by its whole key."""
        return and_(
            values.c.name == f"{self.name}.{prop}",
            values.c.customer_id == self.rows.c.customer_id,
            values.c.occurred_at == self.rows.c.occurred_at,
            values.c.event_id == self.id,
        )

    # --- what follows -----------------------------------------------------------------

    def followed(self, later: Events, within: Duration, same: str | None) -> Predicate:
        """Return whether ``later`` has an event in ``(this, this + within]``.

        Args:
            same: a property that both have, equal; then ``later`` are that property's rows.
        """
        at = self.rows.c.occurred_at
        query = select(later.id).where(
            *later.tests,
            later.rows.c.customer_id == self.rows.c.customer_id,
            later.rows.c.occurred_at > at,
            later.rows.c.occurred_at <= cast(at, BigInteger) + within.micros,
        )
        if same is not None:
            query = query.where(self._same_property(later, same))
        return exists(query.correlate(self.rows, *self.scope.outer))

    def _same_property(self, later: Events, prop: str) -> Predicate:
        """Return whether the property equals that of ``later``, whose rows hold it."""
        mine = aliased(tables.event_value)
        type = self.scope.names.property_type(self.name, prop) or "text"
        column = COLUMNS[type]
        query = select(mine.c.event_id).where(
            self.same_event(mine, prop), mine.c[column] == later.rows.c[column]
        )
        return exists(query.correlate(self.rows, later.rows, *self.scope.outer))

    def over_by_now(self, within: Duration) -> Predicate:
        """Return whether the time to follow has passed: ``now >= this + within``."""
        return self.rows.c.occurred_at <= self.scope.now_micros - within.micros

    # --- what they say ----------------------------------------------------------------

    def ids(self) -> Select[Any]:
        """Return the select of the customers of these events, once per event."""
        return select(self.rows.c.customer_id).where(*self.tests)

    def any(self) -> Predicate:
        """Return whether the customer has at least one of these events."""
        query = self.ids()
        if self.is_far and not self.scope.each:
            # read in the order of customers: SQLite builds the set without sorting it
            query = query.group_by(self.rows.c.customer_id)
        return self.scope.among(query, self.rows.c.customer_id)

    def grouped(self, test: ColumnElement[bool]) -> Predicate:
        """Return whether the customer has such events, and their aggregate passes a test."""
        query = self.ids().group_by(self.rows.c.customer_id).having(test)
        return self.scope.among(query, self.rows.c.customer_id)

    def counted(self, tests: Sequence[NumberTest], *, scale: int = 1, of: Any = None) -> Predicate:
        """Return whether the count (or another integer that is 0 without events) passes.

        A test that 0 passes holds for customers without any such event too.
        """
        value = func.count() if of is None else of
        passed = compare_integer(value, tests, scale=scale)
        return not_(self.grouped(not_(passed))) if passes(tests, 0) else self.grouped(passed)

    def totalled(self, type: str, tests: Sequence[NumberTest]) -> Predicate:
        """Return whether the sum of the property passes; the sum of nothing is 0."""
        column = self._summed(type)
        return self.counted(tests, scale=SCALE, of=func.sum(column))

    def averaged(self, type: str, tests: Sequence[NumberTest]) -> Predicate:
        """Return whether the average of the property passes; of nothing it is missing."""
        column = self._summed(type)
        return self.grouped(compare_average(func.sum(column), func.count(), tests))

    def differing(self, type: str, tests: Sequence[NumberTest]) -> Predicate:
        """Return whether the number of different values passes; of nothing it is 0."""
        return self.counted(tests, of=self.distinct_values(type))

    def distinct_values(self, type: str) -> ColumnElement[int]:
        """Return the aggregate that counts different values of the property."""
        column = self.rows.c[COLUMNS[type]]
        self.tests.append(column.is_not(None))
        return func.count(column.distinct())

    def _summed(self, type: str) -> ColumnElement[Any]:
        column: ColumnElement[Any] = self.rows.c.money if type == "money" else self.rows.c.scaled
        self.tests.append(column.is_not(None))
        return column

    def time(self, which: str) -> ColumnElement[Any]:
        """Return the aggregate of the ``first`` or ``last`` occurrence."""
        aggregate = func.min if which == "first" else func.max
        return aggregate(self.rows.c.occurred_at)

    def scalar(self, value: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return an aggregate of one customer's events as a value of that customer."""
        query = select(value).where(*self.tests, self.rows.c.customer_id == self.scope.subject)
        return self.scope.correlate(query).scalar_subquery()

    def nth_time(self, turn: int, *, late: bool) -> ColumnElement[Any]:
        """Return the time of one customer's n-th event, from 0; NULL if there is none."""
        at = self.rows.c.occurred_at
        query = select(at).where(*self.tests, self.rows.c.customer_id == self.scope.subject)
        ordered = query.order_by(at.desc() if late else at, self.id).limit(1).offset(turn)
        return self.scope.correlate(ordered).scalar_subquery()

    def sum_of(self, type: str) -> ColumnElement[Any]:
        """Return the aggregate that sums the property, in 1/10,000."""
        return func.coalesce(func.sum(self._summed(type)), 0)

    def average_of(self, type: str) -> ColumnElement[Any]:
        """Return the aggregate average of the property as a number; NULL of nothing."""
        return func.sum(self._summed(type)) * 1.0 / func.count() / SCALE


def _demanded(scope: Scope, window: Any, where: Where | None) -> str | None:
    """Return the first property that an event of a far-reaching window must have, if any."""
    if not scope.reaches_far(window):
        return None
    return next((prop for prop, tests in (where or {}).items() if demands_value(tests)), None)
