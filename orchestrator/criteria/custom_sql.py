"""SQL of a condition that a package brings: its own select or expression, made safe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, ColumnElement, CompoundSelect, Select, exists, false, func, select

from orchestrator import tables
from orchestrator.criteria.custom import BROUGHT, Asking, Rows, find
from orchestrator.packages import said
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope


def predicate(scope: Scope, name: str, values: Mapping[str, Any]) -> Predicate:
    """Return the condition of a package as a boolean that is never unknown.

    Raises:
        EnvironmentFault: the package is not there, its function fails or returns neither
            a select of customer ids nor a boolean expression.
    """
    condition = find(name)
    asking = Asking(scope.now, scope.zone, scope.customer, _rows(scope))
    try:
        found = condition.selects(asking, **values)
    except (Exception, SystemExit) as error:
        raise BROUGHT.fault(name, f"failed: {said(error)}") from error
    if isinstance(found, Select | CompoundSelect):
        return _among(scope, name, found)
    if isinstance(found, ColumnElement) and isinstance(found.type, Boolean):
        return func.coalesce(found, false())
    what = type(found).__name__
    wanted = "a select of customer ids nor a boolean expression"
    raise BROUGHT.fault(name, f"returned neither {wanted}, but {what}")


def _among(scope: Scope, name: str, query: Select[Any] | CompoundSelect[Any]) -> Predicate:
    if len(query.selected_columns) != 1:
        count = len(query.selected_columns)
        raise BROUGHT.fault(name, f"selects {count} columns; one is wanted, the customer.id")
    ids = query.subquery()
    customer_id = next(iter(ids.c))
    if scope.each:
        return exists(scope.correlate(select(customer_id).where(customer_id == scope.subject)))
    return scope.subject.in_(scope.correlate(select(customer_id).where(customer_id.is_not(None))))


def _rows(scope: Scope) -> Rows:
    facts = scope.facts
    return Rows(
        customer=aliased(tables.customer),
        event=aliased(tables.event),
        event_value=aliased(tables.event_value),
        attribute_value=aliased(facts.attributes),
        consent=aliased(facts.consents),
        receipt=aliased(tables.receipt),
        message=aliased(facts.messages),
        stage_interval=aliased(facts.stages),
        segment_interval=aliased(facts.segments),
        enrollment=aliased(facts.runs),
    )
