"""Where a named value of a customer is found: stored, built in, computed, or the entry's.

Every source answers the same two questions: whether the customer's value passes tests,
and what the value is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from orchestrator import tables
from orchestrator.criteria.measures import Measure, TimeOf
from orchestrator.criteria.modifiers import ValueTests
from orchestrator.criteria.names import CUSTOMER_COLUMNS, RESULT_FACTS
from orchestrator.criteria.numbers import NumberTest
from orchestrator.criteria.values import (
    COLUMNS,
    Value,
    bans,
    demands,
    has_reference,
    list_member,
    typed_rows_value,
)
from orchestrator.language.literals import Literal
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope


class Source(ABC):
    """One named value per customer."""

    def __init__(self, scope: Scope, name: str, type: str) -> None:
        self.scope = scope
        self.name = name
        self.type = type

    def passes(self, tests: ValueTests) -> Predicate:
        """Return whether the customer's value passes all tests."""
        if has_reference(tests):
            self.scope = self.scope.probing()
        demanded, banned = self.rows(), self.rows()
        must = demands(tests, demanded[1], self.scope)
        must_not = bans(tests, banned[1], self.scope)
        held = [self.found(demanded, and_(*must))] if must else []
        held += [not_(self.found(banned, or_(*must_not)))] if must_not else []
        return and_(true(), *held)

    @property
    def shown_as(self) -> str:
        """How ``explain`` shows the value: the kind of an ``Actual``."""
        return "text" if self.type == "list" else self.type

    @abstractmethod
    def rows(self) -> tuple[FromClause, Value]:
        """Return fresh rows that hold the value, and the value in them."""

    @abstractmethod
    def found(self, rows: tuple[FromClause, Value], test: Predicate) -> Predicate:
        """Return whether the customer has a row that passes a test."""

    @abstractmethod
    def scalar(self, type: str | None = None) -> ColumnElement[Any]:
        """Return the customer's value itself; NULL if it is missing."""


class Stored(Source):
    """A declared attribute, one row of ``attribute_value`` per customer."""

    def rows(self) -> tuple[FromClause, Value]:
        rows = aliased(self.scope.facts.attributes)
        value = typed_rows_value(rows, self.type, rows.c.customer_id)
        if self.type == "list":
            member = list_member(self.name, rows.c.customer_id, rows.c.text)
            value = Value(self.type, value.column, value.customer_id, member)
        return rows, value

    def found(self, rows: tuple[FromClause, Value], test: Predicate) -> Predicate:
        table, value = rows
        query = select(table.c.customer_id).where(table.c.name == self.name, test)
        return self.scope.among(query, value.customer_id)

    def scalar(self, type: str | None = None) -> ColumnElement[Any]:
        rows = aliased(self.scope.facts.attributes)
        query = select(rows.c[COLUMNS[type or self.type]]).where(
            rows.c.name == self.name, rows.c.customer_id == self.scope.subject
        )
        return self.scope.correlate(query).scalar_subquery()


class OnCustomer(Source):
    """A value that stands beside the customer's row as one expression, NULL if missing."""

    def rows(self) -> tuple[FromClause, Value]:
        return self.scope.customer, Value(self.type, self.scalar(), self.scope.subject)

    def found(self, rows: tuple[FromClause, Value], test: Predicate) -> Predicate:
        return func.coalesce(test, false())


class BuiltIn(OnCustomer):
    """A column of the customer row itself."""

    def scalar(self, type: str | None = None) -> ColumnElement[Any]:
        return self.scope.customer.c["external_id" if self.name == "id" else self.name]


class OfEvent(Source, ABC):
    """A property of one event that the run knows."""

    @abstractmethod
    def _event_id(self) -> ColumnElement[Any]:
        """Return the id of the event; NULL if there is none."""

    def rows(self) -> tuple[FromClause, Value]:
        rows = aliased(tables.event_value)
        return rows, typed_rows_value(rows, self.type, self.scope.subject)

    def _of_event(self, rows: FromClause) -> Predicate:
        known = aliased(tables.event)
        _, _, prop = self.name.partition(".")
        event_id = self._event_id()
        return and_(
            rows.c.event_id == event_id,
            rows.c.customer_id == self.scope.subject,
            exists(
                select(known.c.id)
                .where(
                    known.c.id == rows.c.event_id,
                    known.c.occurred_at == rows.c.occurred_at,
                    rows.c.name == known.c.name + literal(f".{prop}"),
                )
                .correlate(rows, *self.scope.outer)
            ),
        )

    def found(self, rows: tuple[FromClause, Value], test: Predicate) -> Predicate:
        table, _ = rows
        query = select(table.c.event_id).where(self._of_event(table), test)
        return exists(self.scope.correlate(query))

    def scalar(self, type: str | None = None) -> ColumnElement[Any]:
        rows = aliased(tables.event_value)
        query = select(rows.c[COLUMNS[type or self.type]]).where(self._of_event(rows))
        return self.scope.correlate(query).scalar_subquery()


class OfEntry(OfEvent):
    """A property of the event that started the run: ``entry.x``."""

    def _event_id(self) -> ColumnElement[Any]:
        if self.scope.run is None:
            raise ValueError(f"{self.name} is asked about where there is no run")
        found: ColumnElement[Any] = self.scope.run.c.entry_event_id
        return found


class OfResult(OfEvent):
    """A property of the event that ended a step of the run: ``answer.x``."""

    def _event_id(self) -> ColumnElement[Any]:
        return of_result(self.scope, self.name.partition(".")[0], "event_id")


class OfStep(OnCustomer):
    """``answer.did``, ``answer.at`` and ``answer.timed_out``: what the step itself knows."""

    def scalar(self, type: str | None = None) -> ColumnElement[Any]:
        step, _, fact = self.name.partition(".")
        return of_result(self.scope, step, fact)


def of_result(scope: Scope, step: str, column: str) -> ColumnElement[Any]:
    """Return a column of what a step of the run brought back; NULL if nothing yet."""
    run, kept = scope.run, aliased(scope.facts.results)
    if run is None:
        raise ValueError(f"{step} is asked about where there is no run")
    query = select(kept.c[column]).where(
        kept.c.flow == run.c.flow,
        kept.c.customer_id == scope.subject,
        kept.c.entry == run.c.entry,
        kept.c.step == step,
    )
    return scope.correlate(query).scalar_subquery()


class OfRun(OnCustomer):
    """``entry.at`` and ``entry.start``: what the run itself knows of its start."""

    def scalar(self, type: str | None = None) -> ColumnElement[Any]:
        if self.scope.run is None:
            raise ValueError(f"{self.name} is asked about where there is no run")
        return self.scope.run.c["entry_at" if self.name == "entry.at" else "start"]


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
