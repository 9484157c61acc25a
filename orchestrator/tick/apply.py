"""Writing what a tick found: one short transaction (part 6; semantics 26, 30)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    FromClause,
    Select,
    Table,
    and_,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database import queue_for_facts
from orchestrator.tables.reading import aliased
from orchestrator.tick import temp_tables, workspace
from orchestrator.tick.beginning import watermark
from orchestrator.tick.context import Tick
from orchestrator.tick.logbook import (
    inserted,
    write_definitions,
    write_flow_states,
    write_release,
    write_tick,
)
from orchestrator.tick.surge import hold_surges
from orchestrator.tick.work_list import write_work_list

run = workspace.run
SCHEDULER = "scheduler"
"""The role whose term a scheduler's ticks carry."""


def write(tick: Tick) -> bool:
    """Write the tick's changes, inside the transaction that the caller has begun.

    Returns:
        False, with nothing written, if another tick has moved the watermark meanwhile, or
        another scheduler has taken office.
    """
    _take_turn(tick)
    if watermark(tick.connection)[0] != tick.watermark or not _is_in_office(tick):
        return False
    write_release(tick)
    _write_stays(tick, tables.stage_interval, workspace.stage_opened, workspace.stage_closed)
    _write_stays(tick, tables.segment_interval, workspace.segment_opened, workspace.segment_closed)
    _write_attributes(tick)
    _write_occurrences(tick)
    _write_runs(tick)
    _write_latest(tick, workspace.lap, tables.round_)
    _write_latest(tick, workspace.result, tables.step_result)
    hold_surges(tick)
    _copy(tick, workspace.message, tables.message)
    _copy(tick, workspace.decision, tables.decision)
    _copy(tick, workspace.effect, tables.effect)
    _copy(tick, workspace.consent, tables.consent)
    _copy(tick, workspace.task, tables.task)
    _write_told(tick)
    write_work_list(tick)
    write_definitions(tick)
    write_flow_states(tick)
    write_tick(tick)
    return True


def _take_turn(tick: Tick) -> None:
    """Let one tick write at a time; SQLite's write transaction does so by itself.

    A tick that sets attributes also waits for its turn among imports, which set them too.
    """
    if tick.connection.dialect.name == "postgresql":
        tick.connection.execute(text("LOCK TABLE tick IN EXCLUSIVE MODE"))
        if workspace.attribute.name in tick.filled:
            queue_for_facts(tick.connection)


def _is_in_office(tick: Tick) -> bool:
    """Return whether the term this tick was begun in still lasts.

    A takeover that commits between this look and our own commit does no harm: its first tick
    begins from the watermark that we leave.
    """
    if tick.term is None:
        return True
    term = select(tables.lease.c.term).where(tables.lease.c.role == SCHEDULER)
    return tick.connection.scalar(term) == tick.term


def _copy(tick: Tick, source: Table, target: Table) -> None:
    if source.name not in tick.filled:
        return
    columns = [column.name for column in source.columns if column.name in target.columns]
    ordered = [source.c[name] for name in columns]
    tick.execute(insert(target).from_select(columns, select(*ordered).order_by(*_order(source))))


def _order(source: Table) -> list[Any]:
    """Return the columns that rows are written in order of, so that ids are reproducible."""
    names = ("turn", "flow", "customer_id", "entry", "step", "topic", "channel", "occurrence")
    return [source.c[name] for name in names if name in source.columns]


def _write_told(tick: Tick) -> None:
    """Write the events that steps have told, with their values, and whom they are about."""
    told, values, event = workspace.told, workspace.told_value, tables.event
    if told.name not in tick.filled:
        return
    columns = [column.name for column in told.columns]
    query = select(*(told.c[name] for name in columns)).where(literal(1) == 1)
    statement = inserted(tick, event).from_select(columns, query.order_by(told.c.source_id))
    tick.execute(statement.on_conflict_do_nothing())
    typed = [column.name for column in values.columns if column.name not in ("source_id", "name")]
    query = (
        select(
            values.c.name, event.c.customer_id, event.c.occurred_at, event.c.id,
            *(values.c[name] for name in typed),
        )
        .join_from(values, event, event.c.source_id == values.c.source_id)
        .order_by(values.c.name, event.c.id)
    )  # fmt: skip
    columns = ["name", "customer_id", "occurred_at", "event_id", *typed]
    tick.execute(insert(tables.event_value).from_select(columns, query))
    touched = select(told.c.customer_id).distinct().order_by(told.c.customer_id)
    tick.execute(insert(tables.dirty).from_select(["customer_id"], touched))


def _write_stays(tick: Tick, base: Table, opened: Table, closed: Table) -> None:
    """Close and open stays; one that began and ended within the tick is written whole."""
    if not {opened.name, closed.name} & tick.filled:
        return
    keys = [column.name for column in closed.primary_key.columns]
    leading = {"customer_id": temp_tables.leading(closed.c.customer_id)}
    same = and_(*(base.c[key] == leading.get(key, closed.c[key]) for key in keys))
    if closed.name in tick.filled:
        temp_tables.refresh_statistics(tick.connection, closed)
        ends = {name: closed.c[name] for name in ("ended_at", "ended_silent")}
        tick.execute(update(base).where(base.c.ended_at.is_(None), same).values(**ends))
    columns = [column.name for column in opened.columns if column.name != "first_seen"]
    matches = and_(*(opened.c[key] == closed.c[key] for key in keys))
    query = (
        select(
            *(opened.c[name] for name in columns),
            closed.c.ended_at,
            func.coalesce(closed.c.ended_silent, 0),
        )
        .select_from(opened.outerjoin(closed, matches))
        .order_by(*(opened.c[column.name] for column in base.primary_key.columns))
    )
    tick.execute(insert(base).from_select([*columns, "ended_at", "ended_silent"], query))


def _write_attributes(tick: Tick) -> None:
    """Write what was set, but for what an import has changed since the tick looked at it.

    So both count, one after the other: an import that comes while a tick decides comes after it.
    """
    source, base = workspace.attribute, tables.attribute_value
    if source.name not in tick.filled:
        return
    columns = [column.name for column in source.columns]
    then, now = workspace.attribute_replaced, aliased(base)
    joined: FromClause = source
    for values in (then, now):
        same = [values.c[key] == source.c[key] for key in ("name", "customer_id")]
        joined = joined.outerjoin(values, and_(*same))
    query = (
        select(*(source.c[name] for name in columns))
        .select_from(joined)
        .where(now.c.text.is_not_distinct_from(then.c.text))
    )
    statement = inserted(tick, base).from_select(columns, query)
    changed = {name: statement.excluded[name] for name in columns[2:]}
    tick.execute(
        statement.on_conflict_do_update(index_elements=["name", "customer_id"], set_=changed)
    )


def _write_occurrences(tick: Tick) -> None:
    """Keep what is kept as rows; count the refused rest by flow and reason."""
    rows = workspace.entry
    now = literal(to_micros(tick.now))
    counts = [
        {"at": to_micros(tick.now), "flow": flow, "reason": reason, "customers": customers}
        for flow, reason, customers in left_out(tick)
    ]
    tick.insert(tables.tick_count, counts)
    if rows.name not in tick.filled:
        return
    kept = select(rows.c.flow, rows.c.customer_id, rows.c.occurrence, now, rows.c.reason)
    columns = ["flow", "customer_id", "occurrence", "at", "reason"]
    tick.execute(insert(tables.occurrence).from_select(columns, kept.where(rows.c.recorded == 1)))


def left_out(tick: Tick) -> list[tuple[str, str, int]]:
    """Return (flow, reason, count) of the occurrences this tick refused."""
    rows = workspace.entry
    query = (
        select(rows.c.flow, rows.c.reason, func.count())
        .where(rows.c.reason.is_not(None))
        .group_by(rows.c.flow, rows.c.reason)
    )
    found = tick.connection.execute(query) if rows.name in tick.filled else ()
    counted = {(flow, reason): count for flow, reason, count in found}
    for key, count in tick.left_out.items():
        counted[key] = counted.get(key, 0) + count
    return sorted((flow, reason, count) for (flow, reason), count in counted.items())


_RUN = (
    "flow", "customer_id", "entry", "start", "occurrence", "key_value", "entry_at",
    "entry_event_id", "entered_at", "status", "step", "reached_at", "due_at", "held_reason",
    "exit_reason", "exit_detail", "ended_at", "ended_late", "lap",
)  # fmt: skip
_MOVED = ("step", "reached_at", "due_at", "held_reason", "lap")
_ENDED = (*_MOVED, "status", "exit_reason", "exit_detail", "ended_at", "ended_late")


def _write_runs(tick: Tick) -> None:
    """Add new runs and advance the others; an ended run waits for nothing.

    What says how a run ended has an index of its own, which runs that go on leave alone.
    """
    base = tables.enrollment
    if run.name not in tick.filled:
        return
    if workspace.entry.name in tick.filled:
        new: Select[Any] = select(
            *(run.c[name] for name in _RUN), literal(tick.playbook.fingerprint)
        ).where(run.c.is_new == 1)
        order = (run.c.flow, run.c.customer_id)
        tick.execute(insert(base).from_select([*_RUN, "release"], new.order_by(*order)))
    known = and_(
        base.c.flow == run.c.flow,
        base.c.customer_id == run.c.customer_id,
        base.c.entry == run.c.entry,
        run.c.is_new == 0,
    )
    for status, names in (("active", _MOVED), ("ended", _ENDED)):
        values = {name: run.c[name] for name in names}
        tick.execute(update(base).where(known, run.c.status == status).values(**values))


def _write_latest(tick: Tick, source: Table, base: Table) -> None:
    """Keep the latest row of each key: of a round, of what a step brought back."""
    if source.name not in tick.filled:
        return
    columns = [column.name for column in source.columns]
    keys = [column.name for column in base.primary_key.columns]
    query = select(*(source.c[name] for name in columns)).where(literal(1) == 1)
    statement = inserted(tick, base).from_select(columns, query)
    changed = {name: statement.excluded[name] for name in columns if name not in keys}
    tick.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))
