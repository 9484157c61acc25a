"""The tests at entry, in their order (semantics 33)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, cast, exists, null, or_, select, true

from orchestrator import tables, timing
from orchestrator.columns import exact_text, to_micros
from orchestrator.criteria.facts import SpanRow
from orchestrator.criteria.scope import Scope
from orchestrator.flow.base import Start
from orchestrator.language.moments import Moment
from orchestrator.tables.reading import aliased
from orchestrator.tick import keys, workspace
from orchestrator.tick.candidates import Candidates
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow

SAFE_FAR = 2**62
"""Microseconds later than every instant that can be written."""


def refusal(
    tick: Tick, live: LiveFlow, start: Start, customer: FromClause, rows: FromClause, *, many: bool
) -> ColumnElement[Any]:
    """Return the first entry test that an occurrence fails (semantics 33); NULL if none."""
    scope = tick.scope(customer, live.name, run=rows, each=not many)
    whens = refusals(tick, live, start, scope)
    return cast(case(*whens, else_=null()), exact_text())


def refusals(
    tick: Tick, live: LiveFlow, start: Start, scope: Scope
) -> list[tuple[ColumnElement[bool], str]]:
    """Return (whether an occurrence is refused, reason code) per entry test, in order.

    Args:
        scope: of the customer, with the occurrence as its run.
    """
    flow, customer, rows = live.flow, scope.customer, scope.run
    assert rows is not None
    whens: list[tuple[Any, Any]] = []
    if flow.in_flight == "drain":
        whens.append((true(), "not_live"))
    if flow.opens is not None or flow.closes is not None:
        whens.append((~_is_open(tick, scope, rows, flow.opens, flow.closes), "opens_closes"))
    stale = to_micros(Candidates(tick, live, start).stale_before())
    # what is back-filled happened before the flow went live, and is taken in as it is
    since = to_micros(live.live_since)
    late = and_(rows.c.occurred_at < stale, rows.c.occurred_at >= since)
    whens.append((late, "stale"))
    if flow.key is not None:
        whens.append((rows.c.key_value.is_(None), "no_key"))
    whens += _runs_before(tick, live, rows)
    if flow.audience is not None:
        whens.append((~scope.predicate(flow.audience), "audience"))
    if flow.exits_when is not None:
        inside = tick.scope(customer, live.name, run=rows, each=True, this_run=True)
        whens.append((inside.predicate(flow.exits_when), "exits_when"))
    return whens


def _runs_before(tick: Tick, live: LiveFlow, rows: FromClause) -> list[tuple[Any, Any]]:
    """Return the tests of the customer's earlier runs: already in, then re-entry."""
    runs, ended = aliased(tables.enrollment), aliased(workspace.run)
    mine = and_(
        runs.c.flow == live.name,
        runs.c.customer_id == rows.c.customer_id,
        keys.same_key(live, runs, rows),
    )
    just_ended = exists(
        select(ended.c.flow)
        .where(
            ended.c.flow == runs.c.flow,
            ended.c.customer_id == runs.c.customer_id,
            ended.c.entry == runs.c.entry,
            ended.c.status == "ended",
        )
        .correlate(runs)
    )
    active = select(runs.c.flow).where(mine, runs.c.status == "active", ~just_ended)
    inside = exists(active.correlate(rows))
    restarts = live.flow.if_already_in == "restart"
    tests: list[tuple[Any, Any]] = [] if restarts else [(inside, "already_in")]
    rule = live.flow.re_entry
    if rule.how == "always":
        return tests
    earlier = select(runs.c.flow).where(mine)
    if rule.after is not None:
        bound = to_micros(timing.minus(tick.now, rule.after))
        earlier = earlier.where(or_(runs.c.ended_at > bound, just_ended))
    too_soon = exists(earlier.correlate(rows))
    tests.append((and_(~inside, too_soon) if restarts else too_soon, "re_entry"))
    return tests


def _is_open(
    tick: Tick, scope: Scope, rows: FromClause, opens: Moment | None, closes: Moment | None
) -> ColumnElement[bool]:
    """Return whether the occurrence lies in ``[opens, closes)``, on the customer's clock."""

    def ranges(name: str) -> list[SpanRow]:
        zone = tick.zone_of(name)
        low = -SAFE_FAR if opens is None else to_micros(timing.begins(opens, zone))
        high = SAFE_FAR if closes is None else to_micros(timing.is_over(closes, zone))
        return [SpanRow(name, low, high)]

    return scope.in_span(scope.subject, rows.c.occurred_at, ranges)
