"""Edits in flight: what a changed or deleted flow does to the runs inside (docs/edits.md).

People stand on step ids. A tick compares each flow with the one that the latest tick to
evaluate it had; only where they differ does it look for runs that the edit has to move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.counting import counted
from orchestrator.flow.base import Step
from orchestrator.flow.graph import Graph, graph
from orchestrator.flow.meaning import meaning_of
from orchestrator.tick import runs, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.holds import close_holds
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.moves import arrival, ending
from orchestrator.tick.past import place_after

run = workspace.run
STEP_REMOVED, FLOW_DELETED, BEGUN_ANEW = "step removed", "flow deleted", "begun anew"
"""What closes a hold, in ``detail``, when an edit has taken its run from the send."""


@dataclass(frozen=True)
class Edit:
    """What an edit of a flow means for the runs inside it."""

    before: LiveFlow | None = None
    """The flow as the latest tick that evaluated it had it; None if that is the same."""
    begins_anew: bool = False
    """Whether every run goes back to the first step."""
    remade: tuple[str, ...] = ()
    """Ids of steps that are of another kind now."""


def take_up(tick: Tick, live: LiveFlow) -> None:
    """Bring in the runs of a flow that this tick touches, and move those that an edit moves."""
    edit = edit_of(tick, live)

    def moved(rows: FromClause) -> ColumnElement[bool]:
        if edit.begins_anew:
            return true()
        gone = rows.c.step.not_in(list(live.graph.nodes))
        return or_(gone, rows.c.step.in_(edit.remade))

    runs.take_up(tick, live, None if edit.before is None else moved)
    if edit.begins_anew:
        _begin_anew(tick, live, edit)
    for step in _steps_gone(tick, live):
        _go_on(tick, live, step)
    for step in edit.remade:
        _reach_again(tick, live, edit, step)


def edit_of(tick: Tick, live: LiveFlow) -> Edit:
    """Return what has changed about a flow since the latest tick that evaluated it."""
    release = None if live.seen_at is None else tick.past.release_at(live.seen_at)
    if release is None or release == tick.playbook.fingerprint:
        return Edit()
    flow = tick.past.flow(release, live.name)
    if flow is None:
        if release in tick.past.unreadable:
            tick.notes.append(
                f"what {live.name} was before cannot be read by this version: its runs keep "
                "their place by step id"
            )
        return Edit(_as_it_was(live, ()))
    before = _as_it_was(live, flow.steps)
    if live.flow.in_flight == "restart" and meaning_of(flow.steps) != meaning_of(live.flow.steps):
        return Edit(before, begins_anew=True)
    return Edit(before, remade=tuple(_remade(before.graph, live.graph)))


def _as_it_was(live: LiveFlow, steps: tuple[Step, ...]) -> LiveFlow:
    return replace(live, graph=graph(steps))


def _remade(before: Graph, now: Graph) -> Iterator[str]:
    for name, node in now.nodes.items():
        if name in before.nodes and type(before.nodes[name].step) is not type(node.step):
            yield name


# --- what becomes of runs -------------------------------------------------------------


def _at(live: LiveFlow, step: str) -> ColumnElement[bool]:
    return and_(live.walkers, run.c.step == step)


def _active(tick: Tick, which: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(run).where(which, run.c.status == "active")
    return tick.connection.execute(query).scalar_one()


def _steps_gone(tick: Tick, live: LiveFlow) -> list[str]:
    """Return the ids of steps that runs of this tick stand on and that the flow has not."""
    if not tick.is_edited:
        return []
    here = and_(live.walkers, run.c.step.not_in(list(live.graph.nodes)))
    return sorted(tick.connection.scalars(select(run.c.step).where(here).distinct()))


def _go_on(tick: Tick, live: LiveFlow, step: str) -> None:
    """Send the runs on whose step is gone, as if it were done."""
    flow = tick.past.newest_with(live.name, step)
    to = None
    if flow is not None:
        before = _as_it_was(live, flow.steps)
        to = place_after(before.graph, step, live.graph)
        _close(tick, live, before, step, STEP_REMOVED)
    here = and_(_at(live, step), run.c.status == "active")
    moved = _active(tick, here)
    values = _completed(tick) if to is None else arrival(tick, live, to)
    tick.execute(update(run).where(here).values(**values))
    if moved:
        stood, go = ("stood", "go") if moved > 1 else ("stood", "goes")
        where = f"{go} on at {to}" if to else ("are complete" if moved > 1 else "is complete")
        tick.notes.append(
            f"{_runs(moved)} of {live.name} {stood} on {step}, which is gone, and {where}"
        )


def _reach_again(tick: Tick, live: LiveFlow, edit: Edit, step: str) -> None:
    """Let the runs at a step of another kind than before reach it anew."""
    here = and_(_at(live, step), run.c.status == "active", run.c.is_new == 0)
    moved = _active(tick, here)
    if not moved:
        return
    assert edit.before is not None
    _close(tick, live, edit.before, step, STEP_REMOVED)
    tick.execute(update(run).where(here).values(**arrival(tick, live, step)))
    was, now = (graph.nodes[step].step.head for graph in (edit.before.graph, live.graph))
    tick.notes.append(
        f"{_runs(moved)} of {live.name} stood on {step}, which was {was} and is {now} now"
    )


def _begin_anew(tick: Tick, live: LiveFlow, edit: Edit) -> None:
    """Send every run back to the first step; what it was sent, it is not sent again."""
    here = and_(live.walkers, run.c.status == "active", run.c.is_new == 0)
    moved = _active(tick, here)
    if not moved:
        return
    assert edit.before is not None
    for step in edit.before.graph.nodes:
        _close(tick, live, edit.before, step, BEGUN_ANEW)
    tick.execute(update(run).where(here).values(**arrival(tick, live, live.graph.first)))
    tick.notes.append(
        f"{_runs(moved)} of {live.name}, whose steps changed, "
        f"{'begins' if moved == 1 else 'begin'} anew"
    )


def _close(tick: Tick, live: LiveFlow, before: LiveFlow, step: str, detail: str) -> None:
    """Close the holds of the runs at a step that the flow had before."""
    node, active = before.graph.nodes[step], run.c.status == "active"
    close_holds(tick, before, node, active, reason="run_ended", detail=literal(detail))
    if step not in live.graph.nodes:  # of the others, rounds close what is held
        close_holds(tick, before, node, ~active, reason="run_ended", detail=run.c.exit_reason)


def _completed(tick: Tick) -> dict[str, Any]:
    return {**ending(tick, "completed"), "ended_late": 0}


# --- deleted flows --------------------------------------------------------------------


def end_deleted(tick: Tick) -> None:
    """End the runs of flows that no file defines any more."""
    release = None if tick.watermark is None else tick.past.release_at(tick.watermark)
    if release is None or release == tick.playbook.fingerprint:
        return
    for name in flows_with_runs(tick):
        if name not in tick.playbook.flows:
            _end_deleted(tick, name)


def flows_with_runs(tick: Tick) -> Iterator[str]:
    """Yield the flows that have active runs, one step in the index per flow."""
    rows, last = tables.enrollment.c, ""
    while True:
        query = select(func.min(rows.flow)).where(rows.status == tables.ACTIVE, rows.flow > last)
        found = tick.connection.scalar(query)
        if found is None:
            return
        yield (last := found)


def _end_deleted(tick: Tick, name: str) -> None:
    kept = tables.enrollment
    values: dict[str, Any] = {
        "status": literal("ended"),
        "exit_reason": literal("exit"),
        "exit_detail": literal(FLOW_DELETED),
        "ended_at": literal(to_micros(tick.now)),
        "ended_late": literal(0),
        "is_new": literal(0),
        "version": literal(""),
        "moving": literal(0),
        "tried": literal(1),
    }
    names = [column.name for column in run.columns if column.name in kept.columns]
    columns: dict[str, Any] = {one: kept.c[one] for one in names} | values
    query = select(*columns.values()).where(kept.c.flow == name, kept.c.status == tables.ACTIVE)
    tick.execute(insert(run).from_select(list(columns), query))
    counted = select(func.count()).select_from(run).where(run.c.flow == name)
    ended = tick.connection.execute(counted).scalar_one()
    held = and_(run.c.flow == name, run.c.held_reason.is_not(None))
    for step in tick.connection.scalars(select(run.c.step).where(held).distinct()).all():
        _close_deleted(tick, name, step)
    tick.notes.append(
        f"{_runs(ended)} of {name} {'ends' if ended == 1 else 'end'}, "
        "for no file defines that flow any more"
    )


def _close_deleted(tick: Tick, name: str, step: str) -> None:
    flow = tick.past.newest_with(name, step)
    if flow is not None:
        before = LiveFlow(flow, graph(flow.steps), tick.now, False, None, {}, {})
        node = before.graph.nodes[step]
        close_holds(tick, before, node, reason="run_ended", detail=run.c.exit_detail)


def _runs(count: int) -> str:
    return counted(count, "run")
