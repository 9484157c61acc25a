"""Customers who enter (part 4 of a tick; semantics 26, 33-38)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.flow.base import Start
from orchestrator.tables.reading import aliased
from orchestrator.tick import keys, restarting, temp_tables, workspace
from orchestrator.tick.candidates import COLUMNS, Candidates, next_entry
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.refusals import refusal
from orchestrator.tick.runs import end_runs
from orchestrator.tick.volatile import is_volatile


def enter(tick: Tick, live: LiveFlow) -> None:
    """Decide every occurrence of a flow's starts, and open the runs of those who pass."""
    found = [_consider(tick, live, start, n) for n, start in enumerate(live.flow.starts_when)]
    if not any(found):
        return
    temp_tables.refresh_statistics(tick.connection, workspace.entry)
    several = _may_come_often(live) and _come_often(tick, live)
    restarts = live.flow.if_already_in == "restart"
    if several and not restarts:
        _refuse_all_but_first(tick, live)
    if several and (restarts or live.flow.key is not None):
        _number(tick, live)
    if restarts:
        restarting.end_overtaken(tick, live)
    if not _open_runs(tick, live):
        return
    if several and restarts:
        restarting.end_all_but_latest(tick, live)
    _end_at_once(tick, live)


_MANY_PER_CUSTOMER = ("did", "every", "date", "anniversary_of", "leaves_flow", "told_by")
"""Heads that can give one customer several occurrences in one tick."""


def _may_come_often(live: LiveFlow) -> bool:
    starts = live.flow.starts_when
    return len(starts) > 1 or starts[0].head in _MANY_PER_CUSTOMER


def _come_often(tick: Tick, live: LiveFlow) -> bool:
    """Return whether any customer has several occurrences of a flow's starts in this tick."""
    rows = workspace.entry.c
    often = select(rows.customer_id).where(rows.flow == live.name).group_by(rows.customer_id)
    found = tick.connection.execute(often.having(func.count() > 1).limit(1))
    return found.first() is not None


def _consider(tick: Tick, live: LiveFlow, start: Start, place: int) -> int:
    """Add a start's occurrences, each with the reason it is refused for, if any.

    Returns:
        How many there are.
    """
    found = Candidates(tick, live, start)
    query = start.candidates(found)
    if found.before_live is not None:
        missed = tick.connection.execute(found.before_live).scalar_one()
        if missed:
            _leave_out(tick, live, "before_live", missed)
    if query is None:
        return 0
    customer = aliased(tables.customer)
    label = start.id or start.head
    rows = query.add_columns(
        literal(str(label)).label("start"), literal(live.name).label("flow")
    ).subquery()
    number = next_entry(live.name, rows.c.customer_id).label("entry")
    key = keys.key_value(tick, live, start, rows).label("key_value")
    numbered = select(rows, number, key).where(*_untaken(rows, place)).subquery()
    reason = refusal(tick, live, start, customer, numbered, many=found.many)
    columns: dict[str, Any] = {name: numbered.c[name] for name in COLUMNS}
    columns |= {
        "flow": literal(live.name),
        "start": literal(str(label)),
        "place": literal(place),
        "key_value": numbered.c.key_value,
        "entry": numbered.c.entry,
        "recorded": literal(int(found.recorded)),
        "reason": reason,
    }
    joined = numbered.join(customer, customer.c.id == temp_tables.leading(numbered.c.customer_id))
    occurrences = select(*columns.values()).select_from(joined)
    return tick.execute(insert(workspace.entry).from_select(list(columns), occurrences))


def _untaken(rows: FromClause, place: int) -> list[ColumnElement[bool]]:
    """Return the test that no start above this one has taken an occurrence already."""
    if place == 0:
        return []
    taken = aliased(workspace.entry)
    names = ("flow", "customer_id", "occurrence")
    above = select(taken.c.flow).where(*(taken.c[name] == rows.c[name] for name in names))
    return [~exists(above.correlate(rows))]


def _leave_out(tick: Tick, live: LiveFlow, reason: str, count: int) -> None:
    key = (live.name, reason)
    tick.left_out[key] = tick.left_out.get(key, 0) + count


_ASKED_BEFORE = ("opens_closes", "stale", "no_key", "already_in")
"""Reasons that come before "already in", or are it."""


def _refuse_all_but_first(tick: Tick, live: LiveFlow) -> None:
    """Let the first passing occurrence of each customer and key enter; later ones are in."""
    rows = workspace.entry
    group = (rows.c.customer_id, rows.c.key_value)
    turn = func.row_number().over(partition_by=group, order_by=_turn(rows))
    columns = (*group, rows.c.occurrence, rows.c.reason)
    ordered = select(*columns, turn.label("turn")).where(rows.c.flow == live.name).subquery()
    passing = case((ordered.c.reason.is_(None), ordered.c.turn))
    per_key = (ordered.c.customer_id, ordered.c.key_value)
    first = func.min(passing).over(partition_by=per_key).label("first")
    marked = select(ordered, first).subquery()
    later = select(marked.c.customer_id, marked.c.occurrence).where(marked.c.turn > marked.c.first)
    decided_before = func.coalesce(rows.c.reason, "").in_(_ASKED_BEFORE)
    tick.execute(
        update(rows)
        .where(rows.c.flow == live.name, ~decided_before)
        .where(tuple_(rows.c.customer_id, rows.c.occurrence).in_(later))
        .values(reason="already_in")
    )


def _turn(rows: FromClause) -> tuple[ColumnElement[Any], ...]:
    """Return what orders a customer's occurrences of one tick (semantics 32)."""
    return rows.c.occurred_at, rows.c.tie, rows.c.place


def _number(tick: Tick, live: LiveFlow) -> None:
    """Give a customer's passing occurrences consecutive entry numbers, in their order."""
    rows = workspace.entry
    passing = and_(rows.c.flow == live.name, rows.c.reason.is_(None))
    turn = func.row_number().over(partition_by=rows.c.customer_id, order_by=_turn(rows))
    ranked = (
        select(rows.c.customer_id, rows.c.occurrence, turn.label("turn")).where(passing).subquery()
    )
    tick.execute(
        update(rows)
        .where(
            passing,
            ranked.c.turn > 1,
            ranked.c.customer_id == rows.c.customer_id,
            ranked.c.occurrence == rows.c.occurrence,
        )
        .values(entry=rows.c.entry + ranked.c.turn - 1)
    )


def _open_runs(tick: Tick, live: LiveFlow) -> int:
    """Open the runs of the occurrences that pass; returns how many."""
    rows, now = workspace.entry, literal(to_micros(tick.now))
    columns: dict[str, Any] = {
        name: rows.c[name]
        for name in (
            "flow",
            "customer_id",
            "entry",
            "start",
            "occurrence",
            "key_value",
            "entry_at",
            "entry_event_id",
        )
    }
    columns |= {
        "entered_at": now,
        "status": literal("active"),
        "step": literal(live.graph.first),
        "reached_at": now,
        "ended_late": literal(0),
        "is_new": literal(1),
        "version": literal(""),
        "lap": literal(0),
        "moving": literal(int(live.graph.is_walked(live.graph.first))),
        "tried": literal(0),
    }
    query: Select[Any] = select(*columns.values()).where(
        rows.c.flow == live.name, rows.c.reason.is_(None)
    )
    opened = tick.execute(insert(workspace.run).from_select(list(columns), query))
    temp_tables.refresh_statistics(tick.connection, workspace.run)
    return opened


_ENTERED_EARLIER = (
    select(workspace.run.c.flow)
    .where(workspace.run.c.flow == bindparam("flow"), workspace.run.c.is_new == 1)
    .where(workspace.run.c.entry_at < bindparam("now", type_=BigInteger))
    .limit(1)
)


def _end_at_once(tick: Tick, live: LiveFlow) -> None:
    """End new runs whose goal was met before their first step.

    Nothing has happened yet after an entry of this instant, and exits were asked as they entered.
    """
    if live.flow.goal is None:
        return
    asked = {"flow": live.name, "now": to_micros(tick.now)}
    earlier = tick.connection.execute(_ENTERED_EARLIER, asked).first() is not None
    if earlier or is_volatile(tick, live):
        end_runs(tick, live, workspace.run.c.is_new == 1)
