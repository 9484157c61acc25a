"""What a tick asks of people it has no other reason to look at: whose boundaries it sweeps."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.criteria.base import Criterion
from orchestrator.criteria.sweep import Sweep
from orchestrator.flow.starts.did import DidStart
from orchestrator.flow.starts.matches import MatchesStart
from orchestrator.playbook.model import Flow, Goal
from orchestrator.tick.context import LiveFlow, Tick


def watch(sweep: Sweep, tick: Tick) -> None:
    """Sweep the boundaries of everything that a tick evaluates without being asked."""
    sweep.add("created", "", sweep.behind())
    for stage in tick.playbook.stages:
        sweep.of(stage.when)
        if stage.stay_at_least:
            sweep.stays(str(stage.stage), stage.stay_at_least)
    for segment in tick.playbook.segments.values():
        sweep.of(segment.when)
    for live in tick.flows.values():
        _watch_flow(sweep, live)


def _watch_flow(sweep: Sweep, live: LiveFlow) -> None:
    flow = live.flow
    for criterion in standing_conditions(flow):
        sweep.of(criterion, live.name)
    if flow.goal is not None:
        _watch_goal(sweep, flow.goal)
    for start in flow.starts_when:
        if isinstance(start, DidStart):
            sweep.events(start.operand, None, start.where)
            if start.after is not None:
                sweep.events_waited_for(start.operand, start.after)
    if flow.re_entry.after is not None:
        sweep.runs_ended(live.name, flow.re_entry.after)


def standing_conditions(flow: Flow) -> Iterator[Criterion]:
    """Yield the conditions of a flow that are asked at every tick."""
    if flow.exits_when is not None:
        yield flow.exits_when
    matches = [start.operand for start in flow.starts_when if isinstance(start, MatchesStart)]
    yield from matches
    if matches and flow.audience is not None:
        yield flow.audience


def _watch_goal(sweep: Sweep, goal: Goal) -> None:
    if goal.did is not None:
        sweep.events(goal.did, None, goal.where)
    else:
        sweep.add("receipt", "clicked" if goal.clicked else "opened", sweep.behind())
