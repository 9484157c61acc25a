"""Values of a customer that stand in a row: attributes, columns, those of an event or a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
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
from orchestrator.criteria.modifiers import ValueTests
from orchestrator.criteria.values import (
    COLUMNS,
    Value,
    bans,
    demands,
    has_reference,
    list_member,
    typed_rows_value,
)
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
