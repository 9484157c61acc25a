"""Waits for something to happen, and what they bring back (semantics 28, 44)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from orchestrator import tables, timing
from orchestrator.columns import to_micros
from orchestrator.criteria.base import Criterion, Group
from orchestrator.criteria.kinds.did import Did
from orchestrator.criteria.nearest import counts_needed
from orchestrator.criteria.scope import Scope
from orchestrator.language.durations import Duration
from orchestrator.tick import workspace
from orchestrator.tick.moves import leave_step
from orchestrator.tick.showing import show_results

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

run, result = workspace.run, workspace.result


def stay_until_met(walk: Walk, criterion: Criterion, at_most: Duration) -> None:
    """Send on the runs for which a condition holds, then those past the deadline.

    The deadline is fixed as the step is reached, and counted as limits are (semantics 8).
    """
    tick, live, node = walk.tick, walk.live, walk.node
    met = walk.mark(walk.holds(criterion))
    keep(walk, met, ending_event(walk.scope(), criterion), timed_out=0)
    leave_step(tick, live, node, node.way("if_met"), met)
    over = and_(walk.here, run.c.due_at <= to_micros(tick.now))
    keep(walk, over, None, timed_out=1)
    leave_step(tick, live, node, node.way("if_timed_out"), over)
    deadline = to_micros(timing.plus(tick.now, at_most))
    due_at = func.coalesce(run.c.due_at, deadline)
    tick.execute(update(run).where(walk.here).values(due_at=due_at, moving=0))


def keep(walk: Walk, which: ColumnElement[bool], event_id: Any, *, timed_out: int) -> None:
    """Keep what ended the wait, in place of what an earlier round brought back."""
    tick, node = walk.tick, walk.node
    if node.id not in walk.live.result_types or not tick.any(which):
        return
    same = and_(*(result.c[key] == run.c[key] for key in ("flow", "customer_id", "entry")))
    again = exists(select(run.c.flow).where(same, which).correlate(result))
    tick.execute(delete(result).where(result.c.step == node.id, again))
    columns = {
        "flow": run.c.flow,
        "customer_id": run.c.customer_id,
        "entry": run.c.entry,
        "step": literal(node.id),
        "at": literal(to_micros(tick.now)),
        "timed_out": literal(timed_out),
        "event_id": literal(None, result.c.event_id.type) if event_id is None else event_id,
    }
    customer = walk.customer
    rows = run.join(customer, customer.c.id == run.c.customer_id)
    query = select(*columns.values()).select_from(rows).where(which)
    tick.execute(insert(result).from_select(list(columns), query))
    _name_events(walk)
    show_results(tick)


def _name_events(walk: Walk) -> None:
    """Note of each event that ended a wait its name, and when it was."""
    event = tables.event
    found = {
        fact: select(event.c[column]).where(event.c.id == result.c.event_id).scalar_subquery()
        for fact, column in (("did", "name"), ("at", "occurred_at"))
    }
    unnamed = and_(result.c.event_id.is_not(None), result.c.did.is_(None))
    mine = and_(result.c.flow == walk.live.name, result.c.step == walk.node.id, unnamed)
    walk.tick.execute(update(result).where(mine).values(**found))


def ending_event(scope: Scope, criterion: Criterion) -> ColumnElement[int] | None:
    """Return the id of the earliest event with which a condition held, for one customer.

    Of ``any`` it is the earliest of its members', of ``all`` the latest; with a count, the
    event that made it full. NULL if no event did it, None if none can.
    """
    found = _ending(scope, criterion)
    if found is None:
        return None
    row = found.subquery()
    return select(row.c.id).scalar_subquery()


def _ending(scope: Scope, criterion: Criterion) -> Select[Any] | None:
    if isinstance(criterion, Did) and criterion.head == "did":
        return _of_did(scope, criterion)
    if not isinstance(criterion, Group) or criterion.how == "none":
        return None
    found = [one for member in criterion.members if (one := _ending(scope, member)) is not None]
    if len(found) < 2:
        return found[0] if found else None
    rows = union_all(*(select(one.subquery()) for one in found)).subquery()
    order: list[ColumnElement[Any]] = [rows.c.at, rows.c.tie]
    if criterion.how == "all":
        order = [column.desc() for column in order]
    return select(rows.c.at, rows.c.tie, rows.c.id).order_by(*order).limit(1)


def _of_did(scope: Scope, did: Did) -> Select[Any]:
    """Return (at, tie, id) of the event with which ``did`` held first."""
    events = did.matching(scope)
    at, tie = events.rows.c.occurred_at, events.rows.c.source_id
    least = counts_needed(did, wanted=True)[0] or 1
    query = select(at.label("at"), tie.label("tie"), events.id.label("id"))
    mine = query.where(*events.tests, events.rows.c.customer_id == scope.subject)
    return scope.correlate(mine.order_by(at, tie).limit(1).offset(least - 1))
