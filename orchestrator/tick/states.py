"""Stages and segments: who is where at an instant, and what changed since (semantics 24-25)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
)

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.criteria.scope import population
from orchestrator.tables.reading import aliased
from orchestrator.tick import due, temp_tables, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.definitions import STAGES, Key, Unit, known, units
from orchestrator.tick.showing import show_stays


def evaluate(tick: Tick, as_live_since: datetime | None) -> None:
    """Bring stages and segments up to now, as rows of the ``tick_*_opened/closed`` tables.

    A unit evaluated for the first time, or whose resolved condition changed, is evaluated
    silently first: at ``as_live_since`` or now, or at the watermark.
    """
    before = known(tick.connection)
    ordered = units(tick.playbook)
    silent_at = as_live_since or tick.now
    _forget_removed(tick, before, ordered)
    late: list[Unit] = []
    for unit in ordered:
        if unit.key not in before:
            if silent_at < tick.now:
                late.append(unit)
        elif before[unit.key] != unit.fingerprint and tick.watermark is not None:
            late.append(unit)
    for unit in late:
        at = silent_at if unit.key not in before else tick.watermark
        assert at is not None
        tick.forget_facts_of(at)
        show_stays(tick)
        _evaluate(tick, unit, at, silent=True)
    if late:
        tick.forget_facts_of(tick.now)
    for unit in () if tick.nobody_due else ordered:
        show_stays(tick)
        _evaluate(tick, unit, tick.now, silent=unit.key not in before and unit not in late)
    show_stays(tick)


def _evaluate(tick: Tick, unit: Unit, at: datetime, *, silent: bool) -> None:
    tick.at_station("stages" if unit.key == STAGES else f"segment {unit.key[1]}")
    if unit.key == STAGES:
        _evaluate_stages(tick, at, silent=silent)
    else:
        _evaluate_segment(tick, unit.key[1], at, silent=silent)


# --- stages ---------------------------------------------------------------------------


def _evaluate_stages(tick: Tick, at: datetime, *, silent: bool) -> None:
    customer = aliased(tables.customer)
    stage = _matching_stage(tick, customer, at).label("stage")
    stays = aliased(tick.facts.stages if tick.is_full else tables.stage_interval)
    here = due.looked_at(tick, STAGES, stays.c.customer_id)
    present = select(stays).where(stays.c.ended_at.is_(None), here).subquery()
    opened, selected = workspace.stage_opened, _selected(tick, STAGES, customer, at)
    if temp_tables.is_empty(tick.connection, present):
        query = select(
            customer.c.id,
            literal(to_micros(at)),
            stage,
            literal(int(silent)),
            _first_seen(tick, customer),
        ).where(selected)
        _note(tick, opened, query.where(stage.is_not(None)) if _partial(tick) else query)
        return
    _fill_members(tick, select(customer.c.id, stage).where(selected))
    member = workspace.member
    moved = (
        select(
            member.c.customer_id,
            literal(to_micros(at)),
            member.c.name,
            literal(int(silent)),
            _first_seen(tick, customer),
        )
        .select_from(_customers_of(member, customer))
        .outerjoin(present, present.c.customer_id == member.c.customer_id)
        .where(member.c.name.is_not(None))
        .where(or_(present.c.stage.is_(None), present.c.stage != member.c.name))
        .where(~_must_stay(tick, present, at))
    )
    closed = workspace.stage_closed
    leaving = (
        select(
            present.c.customer_id,
            present.c.began_at,
            present.c.stage,
            literal(to_micros(at)),
            literal(int(silent)),
        )
        .join(member, member.c.customer_id == present.c.customer_id)
        .where(or_(member.c.name.is_(None), present.c.stage != member.c.name))
        .where(~_must_stay(tick, present, at))
    )
    _note(tick, closed, leaving)
    _note(tick, opened, moved)


def _matching_stage(tick: Tick, customer: FromClause, at: datetime) -> ColumnElement[Any]:
    """Return the first stage whose condition holds, as an expression over the customer."""
    whens: list[tuple[ColumnElement[bool], Any]] = []
    otherwise: Any = null()
    for stage in tick.playbook.stages:
        if stage.otherwise:
            otherwise = literal(str(stage.stage), tables.stage_interval.c.stage.type)
            break
        scope = tick.scope(customer, str(stage.stage), now=at)
        name = literal(str(stage.stage), tables.stage_interval.c.stage.type)
        whens.append((scope.predicate(stage.when), name))
    return case(*whens, else_=otherwise) if whens else otherwise


def _partial(tick: Tick) -> bool:
    return not any(stage.otherwise for stage in tick.playbook.stages)


def _must_stay(tick: Tick, present: FromClause, at: datetime) -> ColumnElement[bool]:
    """Return whether ``stay_at_least`` keeps the customer in the present stage."""
    customer = aliased(tables.customer)
    bound = [
        and_(
            present.c.stage == str(stage.stage),
            present.c.began_at > tick.scope(customer, "", now=at).ago(stage.stay_at_least),
        )
        for stage in tick.playbook.stages
        if stage.stay_at_least
    ]
    return func.coalesce(or_(*bound), literal(False)) if bound else literal(False)


# --- segments -------------------------------------------------------------------------


def _evaluate_segment(tick: Tick, name: str, at: datetime, *, silent: bool) -> None:
    customer = aliased(tables.customer)
    scope = tick.scope(customer, name, now=at)
    held = scope.predicate(tick.playbook.segments[name].when)
    unit = ("segment", name)
    selected = and_(_selected(tick, unit, customer, at), held)
    # without an edit nobody has come or gone before this, and a union hides the indexes
    stays = aliased(tick.facts.segments if tick.is_full else tables.segment_interval)
    here = and_(stays.c.segment == name, due.looked_at(tick, unit, stays.c.customer_id))
    present = select(stays).where(here, stays.c.ended_at.is_(None)).subquery()
    opened = workspace.segment_opened
    new = (literal(to_micros(at)), literal(int(silent)), _first_seen(tick, customer))
    segment = literal(name, tables.segment_interval.c.segment.type)
    if temp_tables.is_empty(tick.connection, present):
        query = select(segment, customer.c.id, *new).where(selected)
        _note(tick, opened, query)
        return
    _fill_members(tick, select(customer.c.id, segment).where(selected))
    member = workspace.member
    entering = (
        select(segment, member.c.customer_id, *new)
        .select_from(_customers_of(member, customer))
        .where(
            ~exists(
                select(present.c.customer_id).where(present.c.customer_id == member.c.customer_id)
            )
        )
    )
    leaving = select(
        segment,
        present.c.customer_id,
        present.c.began_at,
        literal(to_micros(at)),
        literal(int(silent)),
    ).where(
        ~exists(select(member.c.customer_id).where(member.c.customer_id == present.c.customer_id))
    )
    _note(tick, opened, entering)
    _note(tick, workspace.segment_closed, leaving)


def _forget_removed(tick: Tick, known: Mapping[Key, str], ordered: Sequence[Unit]) -> None:
    """Close, silently, the stays of segments that the playbook no longer has."""
    present = {unit.key for unit in ordered}
    gone = [name for kind, name in known if kind == "segment" and (kind, name) not in present]
    if not gone:
        return
    stays = tables.segment_interval
    query = select(
        stays.c.segment,
        stays.c.customer_id,
        stays.c.began_at,
        literal(to_micros(tick.now)),
        literal(1),
    ).where(stays.c.segment.in_(gone), stays.c.ended_at.is_(None))
    _note(tick, workspace.segment_closed, query)


# --- both -----------------------------------------------------------------------------


def _selected(tick: Tick, unit: Key, customer: FromClause, at: datetime) -> ColumnElement[bool]:
    """Return whether a customer exists, and a unit is asked about them in this tick."""
    return and_(population(customer, at), due.looked_at(tick, unit, customer.c.id))


def _first_seen(tick: Tick, customer: FromClause) -> ColumnElement[Any]:
    """Return 1 for a customer whom no live tick has seen before (semantics 25)."""
    if tick.watermark is None:
        return literal(0)
    since = func.coalesce(customer.c.created_at, customer.c.first_event_at)
    new = or_(customer.c.id > tick.last_customer_id, since > to_micros(tick.watermark))
    return case((new, 1), else_=0)


def _customers_of(member: Table, customer: FromClause) -> FromClause:
    return member.join(customer, customer.c.id == temp_tables.leading(member.c.customer_id))


def _fill_members(tick: Tick, query: Select[Any]) -> None:
    tick.execute(delete(workspace.member))
    tick.execute(_insert(workspace.member, query))
    temp_tables.refresh_statistics(tick.connection, workspace.member)


def _note(tick: Tick, table: Table, query: Select[Any]) -> None:
    """Add stays that begin, or end, in this tick."""
    tick.execute(_insert(table, query))


def _insert(table: Table, query: Select[Any]) -> Any:
    return insert(table).from_select([column.name for column in table.columns], query)
