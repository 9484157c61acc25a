"""Rounds of ``repeat`` steps (semantics 46): which one a run is in, and when it began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, delete, exists, insert, literal, select, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.moves import lap_of_run, leave_step

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

run, lap = workspace.run, workspace.lap


def take_up(tick: Tick, live: LiveFlow) -> None:
    """Bring in the latest rounds of the runs of a flow that this tick touches."""
    if not live.graph.repeats:
        return
    columns = [column.name for column in lap.columns]
    kept = tables.round_
    mine = and_(*(kept.c[key] == run.c[key] for key in ("flow", "customer_id", "entry")))
    query = select(*(kept.c[name] for name in columns)).select_from(kept.join(run, mine))
    there, keys = aliased(lap), ("flow", "customer_id", "entry", "step")
    same = and_(*(there.c[key] == kept.c[key] for key in keys))
    new = ~exists(select(there.c.flow).where(same).correlate(kept))
    tick.execute(insert(lap).from_select(columns, query.where(live.walkers, new)))


def go_round(walk: Walk, at_most: int) -> None:
    """Begin a round for the runs at a ``repeat`` that may; let the others wait, or go on.

    A run that reaches the step begins its first round; one that comes back has the instant
    of its next round, unless the last one is over.
    """
    tick, node = walk.tick, walk.node
    came_back = and_(walk.here, run.c.due_at.is_not(None))
    done = exists(
        select(lap.c.flow).where(lap_of_run(node.id), lap.c.number >= at_most).correlate(run)
    )
    leave_step(tick, walk.live, node, node.next, and_(came_back, done))
    walk.stop_if_met(node)
    pauses = and_(came_back, run.c.due_at > to_micros(tick.now))
    tick.execute(update(run).where(pauses).values(moving=0))
    _begin(walk)
    tick.execute(update(run).where(walk.here).values(lap=run.c.lap + 1))
    walk.take_way("do", None)


def _begin(walk: Walk) -> None:
    """Note that a round begins now: the next one, or the first for who reaches the step."""
    tick, step = walk.tick, walk.node.id
    now = to_micros(tick.now)
    reached = and_(walk.here, run.c.due_at.is_(None))
    back = and_(walk.here, run.c.due_at.is_not(None))

    def of(which: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists(select(run.c.flow).where(lap_of_run(step), which).correlate(lap))

    tick.execute(update(lap).where(of(back)).values(number=lap.c.number + 1, began_at=now))
    tick.execute(delete(lap).where(of(reached)))
    columns = {
        "flow": run.c.flow,
        "customer_id": run.c.customer_id,
        "entry": run.c.entry,
        "step": literal(step),
        "number": literal(1),
        "began_at": literal(now),
    }
    first = select(*columns.values()).where(reached)
    tick.execute(insert(lap).from_select(list(columns), first))
