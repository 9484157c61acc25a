"""Rounds: move every run, then ask the gate about every send so reached (semantics 27)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, literal, or_, select, update

from orchestrator.columns import to_micros
from orchestrator.gate.policy import send_policy
from orchestrator.tick import caps, workspace
from orchestrator.tick.context import LiveFlow, Tick
from orchestrator.tick.entries import end_runs
from orchestrator.tick.tries import Standing
from orchestrator.tick.walk import asks_what_changes, finish_waits, leave_step, move

run, attempt, decision = workspace.run, workspace.attempt, workspace.decision


def play(tick: Tick) -> None:
    """Play rounds until no run stands at a send that this tick has not tried."""
    for live in tick.flows.values():
        finish_waits(tick, live)
    number = 0
    while True:
        number += 1
        tick.at_station(f"round {number}")
        for live in tick.flows.values():
            move(tick, live)
        if not _try_all(tick):
            break
        caps.hold_volume(tick)
        caps.decide_in_order(tick)
        _record(tick)
        _let_go(tick)
    _close_holds_of_ended(tick)


def _try_all(tick: Tick) -> bool:
    """Open an attempt for every run that stands at an untried send; returns whether any."""
    tick.execute(delete(attempt))
    for live in tick.flows.values():
        for node, step in live.graph.sends():
            standing = Standing(tick, live, send_policy(tick.playbook, live.flow, node, step))
            if not standing.anybody():
                continue
            standing.leave_held_while_closed()
            if asks_what_changes(tick, live):
                end_runs(tick, live, standing.here)
            standing.drop_unwanted()
            standing.open_attempts()
    workspace.refresh_statistics(tick.connection, attempt)
    moving = select(literal(1)).where(run.c.moving == 1).limit(1)
    tried = select(literal(1)).select_from(attempt).limit(1)
    return any(tick.connection.execute(query).first() for query in (tried, moving))


def _record(tick: Tick) -> None:
    """Tell every decision once: a hold only when its reason is new (semantics 60)."""
    news = or_(
        attempt.c.decision != "hold",
        attempt.c.held_reason.is_(None),
        attempt.c.held_reason != attempt.c.reason,
    )
    columns: dict[str, Any] = {
        name: attempt.c[name]
        for name in (
            "customer_id", "flow", "entry", "step", "message", "decision", "reason", "variant",
        )
    }  # fmt: skip
    columns |= {"at": literal(to_micros(tick.now)), "due_at": attempt.c.reached_at}
    refused = select(*columns.values()).where(news, attempt.c.decision != "send")
    tick.execute(insert(decision).from_select(list(columns), refused))
    columns["channel"] = attempt.c.channel
    sent = select(*columns.values()).where(attempt.c.decision == "send")
    tick.execute(insert(decision).from_select(list(columns), sent))
    tick.show_messages()


def _let_go(tick: Tick) -> None:
    """Send on the runs whose send is decided, and note why the others are held."""
    for live in tick.flows.values():
        for node, _ in live.graph.sends():
            here = and_(run.c.flow == live.name, run.c.step == node.id)
            if not _tried_at(tick, live, node.id):
                continue
            decided = _matching(attempt.c.decision != "hold")
            leave_step(
                tick, node.next, and_(here, run.c.moving == 0, run.c.status == "active", decided)
            )
    held = _attempt_value(attempt.c.reason)
    tick.execute(
        update(run)
        .where(run.c.status == "active", _matching(attempt.c.decision == "hold"))
        .values(held_reason=held)
    )


def _tried_at(tick: Tick, live: LiveFlow, step: str) -> bool:
    query = select(literal(1)).where(attempt.c.flow == live.name, attempt.c.step == step).limit(1)
    return tick.connection.execute(query).first() is not None


def _matching(test: ColumnElement[bool]) -> ColumnElement[bool]:
    query = select(attempt.c.flow).where(_same_run(), test).correlate(run)
    return query.exists()


def _attempt_value(column: ColumnElement[Any]) -> Any:
    return select(column).where(_same_run()).correlate(run).scalar_subquery()


def _same_run() -> ColumnElement[bool]:
    keys = ("flow", "customer_id", "entry", "step")
    return and_(*(attempt.c[key] == run.c[key] for key in keys))


def _close_holds_of_ended(tick: Tick) -> None:
    """Close the holds of runs that ended while held, the exit as detail."""
    for live in tick.flows.values():
        for node, step in live.graph.sends():
            columns: dict[str, Any] = {
                "customer_id": run.c.customer_id,
                "flow": run.c.flow,
                "entry": run.c.entry,
                "step": run.c.step,
                "message": literal(str(step.operand)),
                "decision": literal("suppress"),
                "reason": literal("run_ended"),
                "detail": run.c.exit_reason,
                "at": literal(to_micros(tick.now)),
                "due_at": run.c.reached_at,
                "variant": literal(node.variant, decision.c.variant.type),
            }
            ended = select(*columns.values()).where(
                run.c.flow == live.name,
                run.c.step == node.id,
                run.c.status == "ended",
                run.c.held_reason.is_not(None),
            )
            tick.execute(insert(decision).from_select(list(columns), ended))
