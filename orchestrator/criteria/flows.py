"""Conditions on runs: who is in a flow, and when they last entered or left it.

``Facts.runs`` are the runs as conditions may know them: in parts 2 and 3 of a tick as the
tick before left them, from part 4 on with the runs that part 3 ended and those that
entered since. A run that ends while it walks is in its flow until the tick is over, as it
is for ``leaves_flow``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, and_, func, select

from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope


def in_flow(scope: Scope, flow: str) -> Predicate:
    """Return whether the customer has an active run of a flow."""
    runs = aliased(scope.facts.runs)
    query = select(runs.c.customer_id).where(*_active(runs, flow))
    return scope.among(query, runs.c.customer_id)


def moved(scope: Scope, head: str, flow: str, window: Any) -> Predicate:
    """Return whether the latest entry into (or exit from) a flow lies in the window."""
    runs = aliased(scope.facts.runs)
    at = _move(runs, head)
    query = (
        select(runs.c.customer_id)
        .where(runs.c.flow == flow, at.is_not(None))
        .group_by(runs.c.customer_id)
        .having(and_(*scope.in_window(func.max(at), window)))
    )
    return scope.among(query, runs.c.customer_id)


def since(scope: Scope, flow: str) -> ColumnElement[Any]:
    """Return when the customer entered a flow they are in; NULL if they are not."""
    runs = aliased(scope.facts.runs)
    query = select(func.max(runs.c.entry_at)).where(
        *_active(runs, flow), runs.c.customer_id == scope.subject
    )
    return scope.correlate(query).scalar_subquery()


def latest_move(scope: Scope, head: str, flow: str) -> ColumnElement[Any]:
    """Return the customer's latest entry into (or exit from) a flow."""
    runs = aliased(scope.facts.runs)
    query = select(func.max(_move(runs, head))).where(
        runs.c.flow == flow, runs.c.customer_id == scope.subject
    )
    return scope.correlate(query).scalar_subquery()


def _active(runs: FromClause, flow: str) -> tuple[Predicate, Predicate]:
    return runs.c.flow == flow, runs.c.status == "active"


def _move(runs: FromClause, head: str) -> ColumnElement[Any]:
    at: ColumnElement[Any] = runs.c.entry_at if head.startswith("entered") else runs.c.ended_at
    return at
