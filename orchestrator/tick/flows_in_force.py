"""Which flows a tick evaluates: by their files, by pauses, and by what the latest ticks noted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from orchestrator import tables
from orchestrator.flow.brought import result_types
from orchestrator.flow.entry import entry_types
from orchestrator.flow.graph import graph
from orchestrator.playbook.vocabulary import names_of
from orchestrator.tick import pauses
from orchestrator.tick.live_flow import LiveFlow

if TYPE_CHECKING:
    from orchestrator.tick.run import TickPlan


@dataclass(frozen=True)
class FlowMemory:
    """What live ticks have noted of a flow, or of the project's breaker."""

    live_since: datetime | None = None
    seen_at: datetime | None = None
    tripped_at: datetime | None = None
    resumed_at: datetime | None = None


def flow_memory(connection: Connection) -> dict[str, FlowMemory]:
    """Return what is noted, by flow; of the project's breaker under its name."""
    row = tables.flow_state.c
    query = select(row.flow, row.live_since, row.seen_at, row.tripped_at, row.resumed_at)
    return {flow: FlowMemory(*noted) for flow, *noted in connection.execute(query)}


def paused_flows(
    plan: TickPlan, by_hand: Mapping[str, pauses.Pause]
) -> dict[str, pauses.Pause | None]:
    """Return the flows that a pause alone keeps from being evaluated."""
    found: dict[str, pauses.Pause | None] = {}
    for name, flow in sorted(plan.playbook.flows.items()):
        stopped = by_hand.get(name) or by_hand.get(pauses.EVERYTHING)
        if flow.status == "paused" or (stopped and flow.status in pauses.EVALUATED):
            found[name] = stopped
    return found


def is_evaluated(plan: TickPlan, name: str, paused: Collection[str]) -> bool:
    """Return whether a tick evaluates a flow (semantics 1)."""
    status = plan.playbook.flows[name].status
    as_live = status in pauses.EVALUATED or (status == "draft" and name in plan.drafts)
    return as_live and name not in paused


def live_flows(
    plan: TickPlan, known: Mapping[str, FlowMemory], paused: Collection[str]
) -> dict[str, LiveFlow]:
    """Return the flows that a tick evaluates, by id, sorted."""
    names = names_of(plan.playbook)
    segments = {name: segment.when for name, segment in plan.playbook.segments.items()}
    found = {}
    for name, flow in sorted(plan.playbook.flows.items()):
        if name != plan.asked and not is_evaluated(plan, name, paused):
            continue
        noted = known.get(name, FlowMemory())
        found[name] = LiveFlow(
            flow,
            graph(flow.steps),
            noted.live_since or plan.as_live_since or plan.now,
            is_first=noted.live_since is None,
            seen_at=noted.seen_at,
            entry_types=entry_types(flow.starts_when, segments, names, flow=name),
            result_types=result_types(flow.steps, names),
        )
    return found
