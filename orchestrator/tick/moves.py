"""A run's way from one step to another: what becomes of its row (semantics 27, 46)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update

from orchestrator import tables, timing
from orchestrator.columns import to_micros
from orchestrator.criteria.facts import SpanRow
from orchestrator.flow.graph import Node
from orchestrator.flow.steps.repeat import Repeat
from orchestrator.flow.steps.wait import Wait
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.volatile import is_volatile
from orchestrator.tick.zones import due_by_zone

run = workspace.run


def leave_step(
    tick: Tick, live: LiveFlow, node: Node, to: str | None, which: ColumnElement[bool]
) -> None:
    """Send some runs on from a step to another; None completes them.

    Where that is a ``repeat`` around the step, a round is over: the run comes back with the
    instant at which the next one may begin.
    """
    values = ending(tick, "completed") if to is None else arrival(tick, live, to)
    if to is not None and to in node.around:
        values["due_at"] = next_round(tick, live, to, which)
    tick.execute(update(run).where(which).values(**values))


def arrival(tick: Tick, live: LiveFlow, step: str) -> dict[str, Any]:
    """Return the values of a run that reaches a step now, and may stay there at once."""
    due = _wait_begins(tick, live, live.graph.nodes[step])
    walked = due is None and (tick.is_edited or live.graph.is_walked(step))
    return {
        "step": step,
        "reached_at": to_micros(tick.now),
        "due_at": due,
        "held_reason": None,
        "moving": int(walked),
        "tried": 0,
    }


def _wait_begins(tick: Tick, live: LiveFlow, node: Node) -> Any | None:
    """Return until when runs wait at a step that asks nothing first; None if it is no such step."""
    step = node.step
    if not isinstance(step, Wait) or step.only_if is not None or node.around:
        return None
    if tick.is_edited or is_volatile(tick, live):
        return None
    return due_by_zone(tick, step.ends_at(tick.now))


def ending(tick: Tick, reason: str) -> dict[str, Any]:
    """Return the values of a run that ends now, during the rounds."""
    return {
        "status": "ended",
        "exit_reason": reason,
        "ended_at": to_micros(tick.now),
        "ended_late": 1,
        "due_at": None,
        "held_reason": None,
        "moving": 0,
    }


def lap_of_run(step: str, lap: Any = workspace.lap) -> ColumnElement[bool]:
    """Return whether a row of ``workspace.lap`` is of the run beside it, and of that step."""
    return and_(
        lap.c.flow == run.c.flow,
        lap.c.customer_id == run.c.customer_id,
        lap.c.entry == run.c.entry,
        lap.c.step == step,
    )


def next_round(tick: Tick, live: LiveFlow, step: str, which: ColumnElement[bool]) -> Any:
    """Return when the next round of a run begins: now, or ``every`` after the last began.

    NULL if no round is known of: by an edit, a run can come to stand inside of a ``repeat``.
    """
    repeat = live.graph.nodes[step].step
    assert isinstance(repeat, Repeat)
    lap, customer, span = aliased(workspace.lap), aliased(tables.customer), aliased(workspace.span)
    zone = func.coalesce(customer.c.timezone, "")
    joined = run.join(lap, lap_of_run(step, lap)).join(customer, customer.c.id == run.c.customer_id)
    query = select(zone, lap.c.began_at, lap.c.number).distinct().select_from(joined).where(which)
    begun: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for name, began_at, number in tick.connection.execute(query):
        begun[name].append((began_at, number))

    def ranges(name: str) -> list[SpanRow]:
        local = tick.zone_of(name)
        return [
            SpanRow(name, to_micros(began_at), number, to_micros(max(due, tick.now)))
            for began_at, number in begun.get(name, ())
            for due in [timing.wait_until(began_at, repeat.pause_after(number), local)]
        ]

    key = tick.add_spans(ranges)
    due = select(span.c.at).where(
        customer.c.id == run.c.customer_id,
        lap_of_run(step, lap),
        span.c.key == key,
        span.c.zone == zone,
        span.c.low == lap.c.began_at,
        span.c.high == lap.c.number,
    )
    return due.correlate(run).scalar_subquery()
