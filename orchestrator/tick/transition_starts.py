"""Moves into and out of stages, segments and flows that start a flow (semantics 25, 34)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)

from orchestrator import tables
from orchestrator.columns import exact_text, to_micros
from orchestrator.flow.entry import single_did
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace

if TYPE_CHECKING:
    from orchestrator.tick.candidates import Candidates


def of_stage(found: Candidates, head: str, stage: str, *, backfill: bool | None) -> Select[Any]:
    """Return the customers who entered (or left) a stage since the flow last looked."""
    base = aliased(tables.stage_interval)
    if head == "leaves_stage":
        closed = aliased(workspace.stage_closed)
        return _leavers(found, closed, closed.c.stage == stage, base, base.c.stage == stage)
    opened, stays = aliased(workspace.stage_opened), aliased(found.tick.facts.stages)
    if found.live.is_first:
        there = and_(stays.c.stage == stage, stays.c.ended_at.is_(None))
        _count_those_there(found, stays, there)
        if backfill:
            return _backfilled(found, stays, there)
    return _entrants(found, opened, opened.c.stage == stage, base, base.c.stage == stage)


def of_segment(found: Candidates, head: str, segment: str, *, backfill: bool | None) -> Select[Any]:
    """Return the customers who entered (or left) a segment since the flow last looked."""
    base = aliased(tables.segment_interval)
    if head == "leaves_segment":
        closed = aliased(workspace.segment_closed)
        left = closed.c.segment == segment
        return _leavers(found, closed, left, base, base.c.segment == segment)
    opened, stays = aliased(workspace.segment_opened), aliased(found.tick.facts.segments)
    there = and_(stays.c.segment == segment, stays.c.ended_at.is_(None))
    if found.live.is_first:
        _count_those_there(found, stays, there)
    if found.live.is_first and backfill:
        query = _backfilled(found, stays, there)
    else:
        entered = opened.c.segment == segment
        query = _entrants(found, opened, entered, base, base.c.segment == segment)
    return _with_matching_event(found, query, segment)


def _backfilled(found: Candidates, stays: FromClause, there: ColumnElement[bool]) -> Select[Any]:
    """Return whoever is there when the flow goes live."""
    found.many, found.before_live = True, None
    return found.at_this_tick(stays, _moved_key(found, literal(found.now))).where(there)


def _count_those_there(found: Candidates, stays: FromClause, there: ColumnElement[bool]) -> None:
    earlier = or_(stays.c.silent == 1, stays.c.began_at < found.now)
    found.before_live = select(func.count()).select_from(stays).where(there, earlier)


def _entrants(
    found: Candidates,
    opened: FromClause,
    entered: ColumnElement[bool],
    base: FromClause,
    entered_before: ColumnElement[bool],
) -> Select[Any]:
    """Return the entries of this tick, and those of ticks that did not evaluate the flow."""
    moves = select(opened.c.customer_id, opened.c.began_at.label("at"), opened.c.first_seen)
    moves = moves.where(entered, opened.c.silent == 0, opened.c.began_at == found.now)
    rows: FromClause = moves.subquery()
    if _was_set_aside(found):
        missed = select(base.c.customer_id, base.c.began_at, _first_seen_then(base)).where(
            entered_before, base.c.silent == 0, base.c.began_at > _seen_at(found)
        )
        rows = union_all(moves, missed).subquery()
    customer = aliased(tables.customer)
    since = func.coalesce(customer.c.created_at, customer.c.first_event_at)
    born_into_flow = exists(
        select(customer.c.id)
        .where(customer.c.id == rows.c.customer_id, since > found.live_since)
        .correlate(rows)
    )
    query = found.at_this_tick(rows, _moved_key(found, rows.c.at), occurred_at=rows.c.at)
    return query.where(or_(rows.c.first_seen == 0, born_into_flow))


def _leavers(
    found: Candidates,
    closed: FromClause,
    left: ColumnElement[bool],
    base: FromClause,
    left_before: ColumnElement[bool],
) -> Select[Any]:
    """Return the exits of this tick, and those of ticks that did not evaluate the flow."""
    moves = select(closed.c.customer_id, closed.c.ended_at.label("at"))
    moves = moves.where(left, closed.c.ended_silent == 0, closed.c.ended_at == found.now)
    rows: FromClause = moves.subquery()
    if _was_set_aside(found):
        missed = select(base.c.customer_id, base.c.ended_at).where(
            left_before, base.c.ended_silent == 0, base.c.ended_at > _seen_at(found)
        )
        rows = union_all(moves, missed).subquery()
    return found.at_this_tick(rows, _moved_key(found, rows.c.at), occurred_at=rows.c.at)


def _moved_key(found: Candidates, at: ColumnElement[Any]) -> ColumnElement[str]:
    """Return what names a transition: the start, and the tick that saw it."""
    named = literal(f"{found.start.head}:{found.start.operand}:")
    return named + cast(cast(at, BigInteger), exact_text())


def _was_set_aside(found: Candidates) -> bool:
    """Return whether live ticks passed that did not evaluate this flow."""
    seen, latest = found.live.seen_at, found.tick.watermark
    return seen is not None and latest is not None and seen < latest


def _seen_at(found: Candidates) -> int:
    return to_micros(found.live.seen_at or found.live.live_since)


def _with_matching_event(found: Candidates, query: Select[Any], segment: str) -> Select[Any]:
    """Let ``entry`` be the latest event that matches the segment's single ``did`` head."""
    did = single_did(found.tick.playbook.segments[segment].when)
    if did is None:
        return query
    rows = query.subquery()
    scope = found.tick.scope(aliased(tables.customer), segment, each=True)
    events = did.matching(scope)
    latest = (
        select(events.id)
        .where(*events.tests, events.rows.c.customer_id == rows.c.customer_id)
        .order_by(events.rows.c.occurred_at.desc(), events.rows.c.source_id.desc())
        .limit(1)
        .correlate(rows)
        .scalar_subquery()
    )
    plain = [column for column in rows.c if column.name != "entry_event_id"]
    return select(*plain, latest.label("entry_event_id"))


def of_flow(found: Candidates, flow: str) -> Select[Any]:
    """Return the runs of another flow that ended since the last entries were decided."""
    ended, running = aliased(tables.enrollment), aliased(workspace.run)
    now = select(running.c.customer_id, running.c.entry, literal(found.now).label("ended_at"))
    now = now.where(running.c.flow == flow, running.c.status == "ended", running.c.ended_late == 0)
    before = select(ended.c.customer_id, ended.c.entry, cast(ended.c.ended_at, BigInteger))
    seen = _seen_at(found)
    late = ended.c.ended_late == 1
    if flow >= found.live.name:
        # restarts end runs while entries are decided, flow by flow
        late = or_(late, ended.c.exit_reason == "restarted")
    unseen = or_(ended.c.ended_at > seen, and_(ended.c.ended_at == seen, late))
    before = before.where(ended.c.flow == flow, unseen, ended.c.ended_at >= found.live_since)
    runs = union_all(now, before).subquery()
    key = literal(f"leaves_flow:{flow}:") + cast(runs.c.entry, exact_text())
    return found.at_this_tick(runs, key, occurred_at=runs.c.ended_at)


def _first_seen_then(stays: FromClause) -> ColumnElement[int]:
    """Return 1 if the tick that wrote a stay was the first to see its customer."""
    before, latest, customer = aliased(tables.tick), aliased(tables.tick), aliased(tables.customer)
    since = func.coalesce(customer.c.created_at, customer.c.first_event_at)
    previous = select(func.max(latest.c.at)).where(latest.c.at < stays.c.began_at)
    new = exists(
        select(customer.c.id)
        .where(customer.c.id == stays.c.customer_id)
        .where(before.c.at == previous.correlate(stays).scalar_subquery())
        .where(or_(customer.c.id > before.c.last_customer_id, since > before.c.at))
        .correlate(stays)
    )
    return case((new, 1), else_=0)
