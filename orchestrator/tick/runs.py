"""Runs of earlier ticks: which end now, which are due, which are asked again (part 3; 26, 29)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    cast,
    exists,
    false,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from orchestrator import tables
from orchestrator.columns import exact_text, to_micros
from orchestrator.criteria import messages
from orchestrator.criteria.scope import Scope
from orchestrator.playbook.model import Goal
from orchestrator.tables.reading import aliased
from orchestrator.tick import laps, resting, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.versions import version_of

KEPT = (
    "flow", "customer_id", "entry", "start", "occurrence", "key_value", "entry_at",
    "entry_event_id", "entered_at", "step", "reached_at", "due_at", "held_reason", "lap",
)  # fmt: skip
"""What a run brings along from the ticks before."""


def take_up(
    tick: Tick, live: LiveFlow, moved: Callable[[FromClause], ColumnElement[bool]] | None
) -> None:
    """Bring in the active runs of a flow that end now, are due, or may be asked something.

    Args:
        moved: which others are to be brought in, for an edit moves them; None if it moves none.
    """
    runs, customer = aliased(tables.enrollment), aliased(tables.customer)
    reached = _reached(tick, live, runs, moved)
    if not reached and tick.nobody_due and not tick.looks_at_everybody(live):
        return
    ending = ends(tick, live, customer, runs)
    query, columns = _taken(tick, live, (runs, customer), ending)
    into = insert(workspace.run)
    asked = or_(ending.is_not(None), _is_polled(tick, live, runs))
    if tick.looks_at_everybody(live):
        tick.execute(into.from_select(columns, query.where(or_(asked, *reached))))
    else:
        for which in reached:
            tick.execute(into.from_select(columns, query.where(which)))
        changed = and_(asked, tick.looked_at(runs.c.customer_id), ~or_(*reached, false()))
        tick.execute(into.from_select(columns, query.where(changed)))
    laps.take_up(tick, live)


def _reached(
    tick: Tick,
    live: LiveFlow,
    runs: FromClause,
    moved: Callable[[FromClause], ColumnElement[bool]] | None,
) -> list[ColumnElement[bool]]:
    """Return which runs are touched whatever is known of their customers; no run by two of them."""
    if moved is not None or tick.gate_is_edited or tick.looks_at_everybody(live):
        edited = [] if moved is None else [moved(runs)]
        return [or_(_is_due(tick, runs), resting.rests(runs), *edited)]
    at_once, later = tick.waits_over.get(live.name, (False, False))
    due = runs.c.due_at
    ways = ((at_once, due.is_(None)), (later, due <= to_micros(tick.now)))
    return [which for there, which in ways if there]


def take_up_beside(tick: Tick) -> None:
    """Bring in the runs that may be asked about what other runs of their customers do now.

    Nothing has changed about these customers, so that this tick had no reason to look at
    them; but a wait of theirs is over, or a day of the calendar let them into a flow.
    """
    asking = [
        live
        for live in tick.walked()
        if not tick.looks_at_everybody(live) and (live.graph.polled or resting.may_rest(tick, live))
    ]
    if workspace.run.name not in tick.filled or not asking:
        return
    runs = aliased(tables.enrollment)
    there = [exists(select(runs.c.flow).where(_beside(tick, live, runs))) for live in asking]
    found = tick.connection.execute(select(*there)).one()  # one question spares many statements
    for live, is_there in zip(asking, found, strict=True):
        if is_there:
            _bring_in_beside(tick, live)


def _bring_in_beside(tick: Tick, live: LiveFlow) -> None:
    runs, customer = aliased(tables.enrollment), aliased(tables.customer)
    query, columns = _taken(tick, live, (runs, customer), cast(null(), exact_text()))
    beside = query.where(_beside(tick, live, runs))
    if tick.execute(insert(workspace.run).from_select(columns, beside)):
        laps.take_up(tick, live)


def _beside(tick: Tick, live: LiveFlow, runs: FromClause) -> ColumnElement[bool]:
    """Return whether an active run of a flow is asked something, and only its customer is here."""
    run = aliased(workspace.run)
    touched = select(run.c.customer_id)
    same = and_(*(run.c[key] == runs.c[key] for key in ("flow", "customer_id", "entry")))
    taken = exists(select(run.c.flow).where(same).correlate(runs))
    mine = and_(runs.c.flow == live.name, runs.c.status == tables.ACTIVE)
    return and_(mine, _is_polled(tick, live, runs), runs.c.customer_id.in_(touched), ~taken)


def _is_polled(tick: Tick, live: LiveFlow, runs: FromClause) -> ColumnElement[bool]:
    """Return whether a run is asked something whenever a fact about its customer changes."""
    polled = runs.c.step.in_(live.graph.polled)
    return or_(polled, resting.rests(runs)) if resting.may_rest(tick, live) else polled


def _is_due(tick: Tick, runs: FromClause) -> ColumnElement[bool]:
    return or_(runs.c.due_at.is_(None), runs.c.due_at <= to_micros(tick.now))


def _taken(
    tick: Tick,
    live: LiveFlow,
    rows: tuple[FromClause, FromClause],
    ending: ColumnElement[str | None],
) -> tuple[Select[Any], list[str]]:
    """Return the active runs of a flow as ``workspace.run`` has them, and its columns.

    Args:
        rows: the runs and their customers.
        ending: the reason for which a run ends now, NULL if it does not.
    """
    runs, customer = rows
    due = _is_due(tick, runs)
    asked = [name for name, node in live.graph.nodes.items() if node.step.polls]
    waited = and_(due, runs.c.due_at.is_not(None))
    goes_on = and_(ending.is_(None), or_(waited, runs.c.step.in_(asked)))
    columns: dict[str, Any] = {name: runs.c[name] for name in KEPT}
    columns |= {
        "status": case((ending.is_not(None), "ended"), else_="active"),
        "exit_reason": ending,
        "ended_at": case((ending.is_not(None), to_micros(tick.now)), else_=null()),
        "ended_late": literal(0),
        "is_new": literal(0),
        "version": literal(live.version),
        "moving": case((goes_on, 1), else_=0),
        "tried": case((or_(due, resting.rests(runs)), 0), else_=1),
    }
    columns |= _past_waits(tick, live, runs, and_(waited, ending.is_(None)), columns)
    query = (
        select(*columns.values())
        .select_from(runs.join(customer, customer.c.id == runs.c.customer_id))
        .where(runs.c.flow == live.name, runs.c.status == tables.ACTIVE)
        .where(version_of(tick, live.name, runs) == live.version)
    )
    return query, list(columns)


def _past_waits(
    tick: Tick, live: LiveFlow, runs: Any, over: ColumnElement[bool], columns: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns of runs whose plain wait is over: they stand at the next step already."""
    following = {
        name: node.next
        for name, node in live.graph.nodes.items()
        if node.step.waits and node.next is not None and not node.around
    }
    if tick.is_edited or not following:
        return {}
    gone = and_(over, runs.c.step.in_(list(following)))
    walked = [name for name, step in following.items() if live.graph.is_walked(step)]
    ways = [(and_(over, runs.c.step == name), step) for name, step in following.items()]
    return {
        "step": case(*ways, else_=runs.c.step),
        "reached_at": case((gone, to_micros(tick.now)), else_=runs.c.reached_at),
        "due_at": case((gone, null()), else_=runs.c.due_at),
        "moving": case(
            (and_(gone, runs.c.step.in_(walked)), 1), (gone, 0), else_=columns["moving"]
        ),
    }


def ends(
    tick: Tick, live: LiveFlow, customer: FromClause, run: FromClause
) -> ColumnElement[str | None]:
    """Return the reason for which a run ends now: its goal, then its exit; NULL if none."""
    scope = _inside(tick, live, customer, run)
    whens = []
    if live.flow.goal is not None and not live.flow.goal.keep_going:
        whens.append((goal_met(scope, live.flow.goal), "goal"))
    if live.flow.exits_when is not None:
        whens.append((scope.predicate(live.flow.exits_when), "exit"))
    if not whens:
        return cast(null(), exact_text())
    return cast(case(*whens, else_=null()), exact_text())


def _inside(tick: Tick, live: LiveFlow, customer: FromClause, run: FromClause) -> Scope:
    return tick.scope(customer, live.name, run=run, each=True, this_run=True)


def goal_met(scope: Scope, goal: Goal) -> ColumnElement[bool]:
    """Return whether the goal's fact happened in ``(entry.at, entry.at + within]``."""
    at = scope.entered()
    if goal.did is not None:
        events = scope.events(goal.did, None, goal.where)
        when = events.rows.c.occurred_at
        events.tests += [when > at, *_until(at, when, goal)]
        return events.any()
    assert goal.message is not None
    receipts, (kind, named) = aliased(tables.receipt), goal.message
    when = receipts.c.at
    tests = [
        receipts.c.kind == kind,
        when > at,
        when <= scope.now_micros,
        *_until(at, when, goal),
        *messages.named(receipts, named),
        messages.answers_run(scope, receipts),
    ]
    return scope.among(select(receipts.c.customer_id).where(*tests), receipts.c.customer_id)


def _until(at: ColumnElement[Any], when: ColumnElement[Any], goal: Goal) -> list[Any]:
    return [] if goal.within is None else [when <= cast(at, BigInteger) + goal.within.micros]


def end_runs(tick: Tick, live: LiveFlow, which: ColumnElement[bool]) -> None:
    """End the active runs of a flow, among ``which``, whose goal or exit holds now."""
    run, customer = workspace.run, aliased(tables.customer)
    here = and_(live.walkers, run.c.status == "active", which)
    tick.asks(live.flow.exits_when, _inside(tick, live, customer, run), here)
    ending = ends(tick, live, customer, run)
    asked = select(ending).where(customer.c.id == run.c.customer_id).correlate(run)
    reason = asked.scalar_subquery()
    tick.execute(
        update(run)
        .where(here, reason.is_not(None))
        .values(
            status="ended",
            exit_reason=reason,
            ended_at=to_micros(tick.now),
            ended_late=1,
            moving=0,
        )
    )
