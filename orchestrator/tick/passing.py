"""Passing over what a run has done already, when an edit leads it there again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, exists, select, update

from orchestrator import tables
from orchestrator.flow.steps.send import Send
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace
from orchestrator.tick.holds import occurrence
from orchestrator.tick.moves import lap_of_run, leave_step, next_round

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

run = workspace.run


def pass_over(walk: Walk) -> None:
    """Send on who had this send already; let who began these rounds go on counting them.

    Steps that an edit moved, and a flow that began anew, would lead there a second time. What
    only takes part in the ledger is passed over: waits and conditions are asked again.
    """
    node = walk.node
    if isinstance(node.step, Send):
        had = and_(walk.here, run.c.held_reason.is_(None), _was_sent(walk))
        leave_step(walk.tick, walk.live, node, node.next, had)
    elif node.step.comes_back and not walk.live.graph.is_repeated(node.id):
        begun = exists(select(workspace.lap.c.flow).where(lap_of_run(node.id)).correlate(run))
        again = and_(walk.here, run.c.due_at.is_(None), begun)
        due = next_round(walk.tick, walk.live, node.id, again)
        walk.tick.execute(update(run).where(again).values(due_at=due))


def _was_sent(walk: Walk) -> ColumnElement[bool]:
    """Return whether the ledger has the send; outside of rounds, one of any round counts."""
    sent = aliased(tables.message)
    same = [sent.c[key] == run.c[key] for key in ("customer_id", "flow", "entry", "step")]
    if walk.live.graph.is_repeated(walk.node.id):
        same.append(sent.c.occurrence == occurrence(walk.live, walk.node))
    return exists(select(sent.c.id).where(*same).correlate(run))
