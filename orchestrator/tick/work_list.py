"""The work list ``dirty`` as a live tick leaves it: whom the next tick must look at."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, delete, exists, false, insert, or_, select, union

from orchestrator import tables
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import to_micros
from orchestrator.flow.base import Step
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow

run = workspace.run


def write_work_list(tick: Tick) -> None:
    """Strike off what this tick saw; put on who must be looked at for what it did.

    Stages, segments, goals and exits were asked before entries and rounds: what those changed
    about a customer is a changed fact to the next tick.
    """
    seen, due = workspace.noted, tables.dirty
    done = due.c.id.in_(select(seen.c.id))
    tick.execute(delete(due).where(done, ~_fails_later(tick, due)))
    now = to_micros(tick.now)
    entered_or_moved = or_(run.c.is_new == 1, run.c.ended_at == now, run.c.reached_at == now)
    touched = union(
        select(run.c.customer_id).where(entered_or_moved),
        select(workspace.message.c.customer_id),
        select(workspace.attribute.c.customer_id),
    ).subquery()
    tick.execute(insert(due).from_select(["customer_id"], select(touched.c.customer_id)))


def _steps(live: LiveFlow) -> list[Step]:
    return [node.step for node in live.graph.nodes.values()]


def _fails_later(tick: Tick, due: Table) -> ColumnElement[bool]:
    """Return whether a call about a customer is known to fail after this tick: look again then.

    Everything else that is dated ahead is swept; nothing finds failures by their time.
    """
    if not any(isinstance(step, Webhook) for live in tick.walked() for step in _steps(live)):
        return false()
    call = tables.message.c
    failed = select(call.id).where(
        call.customer_id == due.c.customer_id,
        call.channel == WEBHOOK,
        call.state == "failed",
        call.state_at > to_micros(tick.now),
    )
    return exists(failed.correlate(due))
