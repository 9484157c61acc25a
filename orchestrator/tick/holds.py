"""Closing holds of sends that nobody will try again (semantics 42, 46, 60)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, cast, insert, literal, select

from orchestrator.columns import exact_text, to_micros
from orchestrator.flow.graph import Node
from orchestrator.flow.steps.send import Send
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow

run, decision = workspace.run, workspace.decision


def occurrence(live: LiveFlow, node: Node) -> ColumnElement[str]:
    """Return what tells one step of several rounds apart: the run's lap, ``0`` outside of any."""
    repeated = live.graph.is_repeated(node.id)
    return cast(run.c.lap, exact_text()) if repeated else literal("0", exact_text())


def close_holds(
    tick: Tick, live: LiveFlow, node: Node, *which: ColumnElement[bool], reason: str, detail: Any
) -> None:
    """Suppress the held send that some runs stand at, and say why."""
    step = node.step
    if not isinstance(step, Send):
        return
    columns: dict[str, Any] = {
        "customer_id": run.c.customer_id,
        "flow": run.c.flow,
        "entry": run.c.entry,
        "step": run.c.step,
        "message": literal(str(step.operand)),
        "decision": literal("suppress"),
        "reason": literal(reason),
        "detail": detail,
        "at": literal(to_micros(tick.now)),
        "due_at": run.c.reached_at,
        "occurrence": occurrence(live, node),
        "variant": literal(node.variant, decision.c.variant.type),
    }
    held = select(*columns.values()).where(
        live.walkers, run.c.step == node.id, run.c.held_reason.is_not(None), *which
    )
    tick.execute(insert(decision).from_select(list(columns), held))
