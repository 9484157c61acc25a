"""Where a named value of a customer is found: stored, built in, computed, or the entry's.

Every source answers the same two questions: whether the customer's value passes tests,
and what the value is.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    cast,
    func,
    not_,
    or_,
    select,
    true,
)

from orchestrator.criteria.measures import Measure, TimeOf
from orchestrator.criteria.modifiers import ValueTests
from orchestrator.criteria.names import CUSTOMER_COLUMNS, RESULT_FACTS
from orchestrator.criteria.numbers import NumberTest
from orchestrator.criteria.stored_sources import (
    BuiltIn,
    OfEntry,
    OfResult,
    OfRun,
    OfStep,
    OnCustomer,
    Source,
    Stored,
)
from orchestrator.criteria.values import (
    Value,
    bans,
    demands,
    has_reference,
)
from orchestrator.language.literals import Literal

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope


class ComputedNumber(OnCustomer):
    """A count, total, average or number of different values."""

    def __init__(self, scope: Scope, name: str, type: str, measure: Measure) -> None:
        super().__init__(scope, name, type)
        self.measure = measure

    @property
    def shown_as(self) -> str:
        if self.measure.head == "total_of":
            return "money" if self.type == "money" else "scaled"
        return "number" if self.measure.head == "average_of" else "count"

    def passes(self, tests: ValueTests) -> Predicate:
        if has_reference(tests):
            return super().passes(tests)
        held = [self._holds([(word, bound)]) for word, bound in _orderings(tests)]
        if tests.is_ is not None:
            held.append(self._equals(tests.is_))
        if tests.is_one_of is not None:
            held.append(or_(*(self._equals(one) for one in tests.is_one_of)))
        if tests.is_not is not None:
            held.append(not_(self._equals(tests.is_not)))
        if tests.is_none_of is not None:
            held += [not_(self._equals(one)) for one in tests.is_none_of]
        if tests.is_set is not None:
            held.append(self._is_set() if tests.is_set else not_(self._is_set()))
        return and_(true(), *held)

    def _equals(self, bound: Literal) -> Predicate:
        return self._holds([("exactly", Decimal(str(bound.value)))])

    def _is_set(self) -> Predicate:
        """Return whether there is a value; counts and totals of nothing are 0, so always."""
        if self.measure.head != "average_of":
            return true()
        events = self.scope.properties(self.measure.operand, self.measure, self.measure.where)
        return events.averaged(self.type, [])

    def _holds(self, tests: list[NumberTest]) -> Predicate:
        return measured(self.scope, self.measure, self.type, tests)

    def scalar(self, type: str | None = None) -> ColumnElement[Any]:
        measure, scope = self.measure, self.scope
        if measure.head == "count_of":
            return scope.events(measure.operand, measure, measure.where).scalar(func.count())
        events = scope.properties(measure.operand, measure, measure.where)
        if measure.head == "number_of_different":
            of = scope.property_type(measure.operand)
            return events.scalar(events.distinct_values(of))
        if measure.head == "average_of":
            return events.scalar(events.average_of(self.type))
        return events.scalar(events.sum_of(self.type))


class ComputedTime(OnCustomer):
    """The first or last time of an event, plus a duration."""

    def __init__(self, scope: Scope, name: str, measure: TimeOf) -> None:
        super().__init__(scope, name, "datetime")
        self.measure = measure

    def _time(self) -> tuple[Any, ColumnElement[Any]]:
        measure = self.measure
        events = self.scope.events(measure.operand, measure, measure.where)
        time = events.time(measure.head)
        return events, time + measure.plus.micros if measure.plus else time

    def passes(self, tests: ValueTests) -> Predicate:
        if has_reference(tests):
            self.scope = self.scope.probing()
        events, time = self._time()
        value = Value(self.type, time, events.rows.c.customer_id)
        must = demands(tests, value, self.scope)
        banned = bans(tests, value, self.scope)
        held = [events.grouped(and_(*must))] if must else []
        return and_(true(), *held, *(not_(events.grouped(ban)) for ban in banned))

    def by_customer(self) -> Select[Any]:
        """Return the value of every customer who has one: ``customer_id``, ``value``."""
        events, time = self._time()
        owner = events.rows.c.customer_id
        value = cast(time, BigInteger).label("value")
        return select(owner, value).where(*events.tests).group_by(owner)

    def scalar(self, type: str | None = None) -> ColumnElement[Any]:
        events, time = self._time()
        value: ColumnElement[Any] = events.scalar(time)
        return value


def source(scope: Scope, name: str) -> Source:
    """Return where a name's values are found.

    Raises:
        LookupError: the catalog does not know the name.
    """
    if name == "entry.at":
        return OfRun(scope, name, "datetime")
    if name == "entry.start":
        return OfRun(scope, name, "text")
    if name.startswith("entry."):
        return OfEntry(scope, name, scope.entry_types.get(name.removeprefix("entry."), "text"))
    step, _, fact = name.partition(".")
    if step in scope.result_types:
        type = scope.result_types[step].get(fact, "text")
        return (OfStep if fact in RESULT_FACTS else OfResult)(scope, name, type)
    attribute = scope.names.attributes.get(name)
    if isinstance(attribute, TimeOf):
        return ComputedTime(scope, name, attribute)
    if isinstance(attribute, Measure):
        return ComputedNumber(
            scope, name, scope.names.measure_type(attribute) or "number", attribute
        )
    if attribute is not None:
        return Stored(scope, name, attribute.type)
    if name in CUSTOMER_COLUMNS:
        return BuiltIn(scope, name, CUSTOMER_COLUMNS[name])
    raise LookupError(f"the catalog knows no attribute {name!r}")


def measured(scope: Scope, measure: Any, type: str, tests: list[NumberTest]) -> Predicate:
    """Return whether a measure (or a condition with the same words) passes number tests."""
    head, operand = measure.head, measure.operand
    if head in ("count_of", "did", "did_not"):
        return scope.events(operand, measure, measure.where).counted(tests)
    events = scope.properties(operand, measure, measure.where)
    if head == "number_of_different":
        return events.differing(scope.property_type(operand), tests)
    return events.averaged(type, tests) if head == "average_of" else events.totalled(type, tests)


def _orderings(tests: ValueTests) -> list[NumberTest]:
    found: list[NumberTest] = []
    for word in ("at_least", "at_most", "more_than", "less_than"):
        bound = getattr(tests, word)
        if bound is not None:
            found.append((word, Decimal(str(bound.value))))
    if tests.between is not None:
        low, high = (Decimal(str(bound.value)) for bound in tests.between)
        found.append(("between", (low, high)))
    return found
