"""Who must be looked at in this tick: cost follows change, not size.

Between two ticks an answer can change for two reasons only: a fact about the customer changed
(the work list ``dirty``), or the clock moved a boundary past one (``criteria/sweep.py``). The
customers of both stand in the TEMP table ``tick_due``; a tick that must look at everybody (the
first, one after an edit of a condition, one with a condition that cannot say) is a full one.
The stage model and the segments are asked by fewer: those whom their own boundaries have passed.
What the tick itself does to a customer who is not among them can change what their other runs
are asked: ``add_entered`` and ``runs.take_up_beside`` see to that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    union_all,
)

from orchestrator import tables, timing
from orchestrator.columns import to_day_number, to_micros
from orchestrator.criteria.sweep import Sweep
from orchestrator.database import insert_into
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.flow.told import answer_event
from orchestrator.playbook.model import Goal
from orchestrator.tables.reading import aliased
from orchestrator.tick import resting, temp_tables, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.definitions import STAGES, Key, units
from orchestrator.tick.live_flow import LiveFlow

_FLOWS = ""
"""What stands for all flows among the units: their conditions are asked about the same people."""
FEW = 4
"""Conditions probe each customer if at most every fourth must be looked at, else build sets."""


def find(tick: Tick) -> None:
    """Fill ``tick_due`` and say on the tick whether, and how, it is confined to it."""
    _read_work_list(tick.connection)
    if tick.is_full or tick.watermark is None:
        return
    days = _days(tick, tick.watermark)
    swept = _swept(tick, partial(Sweep, tick.names, tick.watermark, tick.now, days))
    if any(sweep.unsaid for sweep in swept.values()):
        tick.is_full = True
        return
    _take(tick.connection, swept)
    temp_tables.refresh_statistics(tick.connection, workspace.due)
    size = tick.connection.execute(select(func.count()).select_from(workspace.due)).scalar_one()
    tick.nobody_due = size == 0
    tick.probes = size * FEW <= tick.last_customer_id


def looked_at(tick: Tick, unit: Key, customer_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Return whether this tick must ask the stage model, or a segment, about a customer."""
    if tick.is_full:
        return true()
    changed, swept = select(workspace.noted.c.customer_id), workspace.swept.c
    passed = select(swept.customer_id).where(swept.unit == _name_of(unit))
    return customer_id.in_(union_all(changed, passed))


def add_entered(tick: Tick) -> None:
    """Look also at whom this tick has let into a flow: flows after it may ask about that."""
    if tick.is_full:
        return
    entered = select(workspace.run.c.customer_id).where(workspace.run.c.is_new == 1).distinct()
    tick.execute(_added(tick.connection.dialect.name, entered))


def _read_work_list(connection: Connection) -> None:
    """Note which changes this tick sees: they, and no others, are done when it is written."""
    listed, noted = tables.dirty, workspace.noted
    columns = ["id", "customer_id"]
    query = select(listed.c.id, listed.c.customer_id)
    connection.execute(insert(noted).from_select(columns, query))
    temp_tables.refresh_statistics(connection, noted)
    changed = select(noted.c.customer_id).distinct()
    connection.execute(insert(workspace.due).from_select(["customer_id"], changed))


def _swept(tick: Tick, begin: Callable[[], Sweep]) -> dict[str, Sweep]:
    """Sweep the boundaries of everything that a tick evaluates without being asked, by unit."""
    found: dict[str, Sweep] = {}
    for unit in units(tick.playbook):
        found[_name_of(unit.key)] = sweep = begin()
        sweep.add("created", "", sweep.behind())
        _watch_unit(sweep, tick, unit.key)
        for key in unit.mentions:
            sweep.passed |= found[_name_of(key)].passed
    found[_FLOWS] = begin()
    for live in tick.walked():
        _watch_flow(found[_FLOWS], live)
        resting.watch(found[_FLOWS], tick, live)
    return found


def _name_of(unit: Key) -> str:
    return "/".join(unit)


def _watch_unit(sweep: Sweep, tick: Tick, unit: Key) -> None:
    if unit != STAGES:
        sweep.of(tick.playbook.segments[unit[1]].when)
        return
    for stage in tick.playbook.stages:
        sweep.of(stage.when)
        if stage.stay_at_least:
            sweep.stays(str(stage.stage), stage.stay_at_least)


def _watch_flow(sweep: Sweep, live: LiveFlow) -> None:
    flow = live.flow
    sweep.of(flow.exits_when, live.name)
    for node in live.graph.nodes.values():
        for criterion in node.step.standing():
            sweep.of(criterion, live.name)
        if isinstance(node.step, Webhook) and node.step.at_most is not None:
            sweep.events(answer_event(node.step.operand))
    if flow.goal is not None and not flow.goal.keep_going:
        _watch_goal(sweep, flow.goal)
    for start in flow.starts_when:
        start.swept(sweep)
        if start.asks_again:
            sweep.of(flow.audience, live.name)
    if flow.re_entry.after is not None:
        sweep.runs_ended(live.name, flow.re_entry.after)


def _watch_goal(sweep: Sweep, goal: Goal) -> None:
    if goal.did is not None:
        sweep.events(goal.did, None, goal.where)
    elif goal.message is not None:
        sweep.add("receipt", goal.message[0], sweep.behind())


def _days(tick: Tick, last: datetime) -> tuple[date, date] | None:
    """Return the earliest local day then and the latest now; None if all are the same days."""
    zones = [tick.zone, *(tick.zone_of(name) for name in tick.zone_names)]
    days = [(timing.local_day(last, zone), timing.local_day(tick.now, zone)) for zone in zones]
    if all(then == now for then, now in days):
        return None
    return min(then for then, _ in days), max(now for _, now in days)


def _take(connection: Connection, swept: Mapping[str, Sweep]) -> None:
    """Add the customers of the facts that were passed, one statement per kind of fact."""
    ranges: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for unit, sweep in swept.items():
        for one in sorted(sweep.passed):
            bounds = {"low": _stored(one.low), "high": _stored(one.high)}
            ranges[one.rows].append({"unit": unit, "name": one.name, **bounds})
    for rows, parameters in ranges.items():
        connection.execute(_adding(connection.dialect.name, rows), parameters)
    passed = select(workspace.swept.c.customer_id).where(workspace.swept.c.unit.is_not(None))
    connection.execute(_added(connection.dialect.name, passed))


def _stored(bound: datetime | date) -> int:
    return to_micros(bound) if isinstance(bound, datetime) else to_day_number(bound)


@cache
def _adding(dialect: str, rows: str) -> Any:
    """Return the statement that notes for a unit the customers of one kind of fact in a range."""
    unit = bindparam("unit", type_=workspace.swept.c.unit.type)
    into, passed = insert_into(dialect, workspace.swept), _FACTS[rows]().add_columns(unit)
    return into.from_select(["customer_id", "unit"], passed).on_conflict_do_nothing()


def _added(dialect: str, customers: Select[Any]) -> Any:
    """Return the statement that adds those customers who are not there yet."""
    into = insert_into(dialect, workspace.due)
    return into.from_select(["customer_id"], customers).on_conflict_do_nothing()


def _among(at: ColumnElement[Any]) -> ColumnElement[bool]:
    low, high = (bindparam(name, type_=at.type) for name in ("low", "high"))
    return and_(at > low, at <= high)


_NAME: Any = bindparam("name", type_=tables.event.c.name.type)


def _attributes(column: str) -> Select[Any]:
    rows = tables.attribute_value.c
    query = select(rows.customer_id).where(rows.name == _NAME)
    if column == "on_date":
        return query.where(rows.on_date >= bindparam("low"), rows.on_date <= bindparam("high"))
    return query.where(_among(rows.instant))


def _stays(column: str) -> Select[Any]:
    rows = tables.stage_interval.c
    return select(rows.customer_id).where(rows.stage == _NAME, _among(rows[column]))


def _runs(column: str) -> Select[Any]:
    rows = tables.enrollment.c
    return select(rows.customer_id).where(rows.flow == _NAME, _among(rows[column]))


def _events() -> Select[Any]:
    rows = tables.event.c
    return select(rows.customer_id).where(rows.name == _NAME, _among(rows.occurred_at))


def _created() -> Select[Any]:
    rows = tables.customer.c
    return select(rows.id).where(or_(_among(rows.created_at), _among(rows.first_event_at)))


def _messages() -> Select[Any]:
    rows = tables.message.c
    return select(rows.customer_id).where(_among(rows.decided_at))


def _receipts() -> Select[Any]:
    rows = tables.receipt.c
    return select(rows.customer_id).where(rows.kind == _NAME, _among(rows.at))


def _consents() -> Select[Any]:
    rows = tables.consent.c
    return select(rows.customer_id).where(_among(rows.at))


def _suppressions() -> Select[Any]:
    rows = tables.suppression.c
    holders = []
    for kind in ("email", "phone", "push_token"):
        customer = aliased(tables.customer).c
        same = and_(rows.kind == kind, rows.address == customer[kind])
        holders.append(select(customer.id).where(same, _among(rows.at)))
    found = union_all(*holders).subquery()
    return select(found.c.id).where(literal(1) == 1)


def _tasks() -> Select[Any]:
    rows = tables.task.c
    return select(rows.customer_id).where(rows.step == _NAME, _among(rows.done_at))


def _active() -> Select[Any]:
    rows = tables.enrollment.c
    return select(rows.customer_id).where(rows.flow == _NAME, rows.status == tables.ACTIVE)


_FACTS = {
    "event": _events,
    "instant": lambda: _attributes("instant"),
    "date": lambda: _attributes("on_date"),
    "created": _created,
    "began": lambda: _stays("began_at"),
    "ended": lambda: _stays("ended_at"),
    "message": _messages,
    "receipt": _receipts,
    "consent": _consents,
    "suppression": _suppressions,
    "task": _tasks,
    "entry": lambda: _runs("entry_at"),
    "exit": lambda: _runs("ended_at"),
    "run": _active,
}
