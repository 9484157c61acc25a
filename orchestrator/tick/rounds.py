"""Rounds: move every run, then ask the gate about every send so reached (semantics 27)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, insert, literal, or_, select, update

from orchestrator.columns import to_micros
from orchestrator.gate.policy import send_policy
from orchestrator.tick import caps, resting, temp_tables, workspace
from orchestrator.tick.calls import call_again
from orchestrator.tick.context import Tick
from orchestrator.tick.holds import close_holds
from orchestrator.tick.live_flow import LiveFlow, Place
from orchestrator.tick.moves import ending, leave_step
from orchestrator.tick.runs import end_runs
from orchestrator.tick.showing import show_messages
from orchestrator.tick.smearing import SLOTS
from orchestrator.tick.tries import LEAVES, LEFT_AUDIENCE, Standing, decide
from orchestrator.tick.volatile import is_volatile
from orchestrator.tick.walk import finish_waits, move, stop_met
from orchestrator.tick.zones import due_by_zone

run, attempt, decision = workspace.run, workspace.attempt, workspace.decision
REFUSED = and_(
    attempt.c.decision == "suppress",
    attempt.c.reason.in_(("consent", "suppressed", "unreachable", "holdout")),
)
"""The attempts that no later try would let pass (semantics 58)."""
HELD = attempt.c.decision == "hold"


def play(tick: Tick) -> None:
    """Play rounds until no run stands at a send that this tick has not tried."""
    tick.busy, over = _begin(tick)
    for live in tick.busy:
        stop_met(tick, live)
        finish_waits(tick, live, over)
    call_again(tick)  # also for runs that have gone on
    number = 0
    while True:
        number += 1
        tick.at_station(f"round {number}")
        for live in tick.busy:
            move(tick, live)
        tried = _try_all(tick)
        if not tried:
            break
        sending = [live for live in tick.busy if any(one.live is live for one in tried)]
        caps.hold_volume(tick, sending)
        caps.decide_in_order(tick, sending)
        _record(tick)
        _let_go(tick, tried)
    _close_holds_of_ended(tick)


def _begin(tick: Tick) -> tuple[list[LiveFlow], set[Place]]:
    """Return the versions of flows with runs to be moved or tried, and where waits are over."""
    waited = case((and_(run.c.moving == 1, run.c.due_at.is_not(None)), 1), else_=0)
    places: dict[Place, int] = {}
    query = select(run.c.flow, run.c.version, run.c.step, waited).distinct()
    for *place, is_over in tick.connection.execute(query):
        places[Place(*place)] = max(is_over, places.get(Place(*place), 0))
    found = {(place.flow, place.version) for place in places}
    busy = [live for live in tick.walked() if (live.name, live.version) in found]
    return busy, {place for place, is_over in places.items() if is_over}


def _try_all(tick: Tick) -> list[Standing]:
    """Open an attempt for every run that stands at an untried send; returns those sends."""
    for table in (attempt, workspace.attempt_copy):
        if table.name in tick.filled:
            tick.execute(delete(table))
    tried = []
    untried = tick.standing(run.c.moving == 0, run.c.status == "active", run.c.tried == 0)
    for live in tick.busy:
        for node, step in live.graph.sends():
            if live.place(node.id) not in untried:
                continue
            standing = Standing(tick, live, send_policy(tick.playbook, live.flow, node, step))
            if is_volatile(tick, live):
                end_runs(tick, live, standing.here)
            standing.open_attempts()
            tried.append(standing)
    temp_tables.refresh_statistics(tick.connection, attempt)
    decide(tick, tried)
    return tried


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
            "customer_id", "flow", "entry", "step", "occurrence", "message", "decision", "reason",
            "variant",
        )
    }  # fmt: skip
    columns |= {"at": literal(to_micros(tick.now)), "due_at": attempt.c.reached_at}
    refused = select(*columns.values()).where(news, ~caps.PASSED, ~LEAVES)
    tick.execute(insert(decision).from_select(list(columns), refused))
    columns |= {"channel": attempt.c.channel, "decision": literal("send")}
    sent = select(*columns.values()).where(caps.PASSED)
    tick.execute(insert(decision).from_select(list(columns), sent))
    if workspace.attempt_copy.name in tick.filled:
        columns |= {"channel": caps.COPY.channel}
        copied = select(*columns.values()).select_from(caps.COPIED).where(caps.PASSED)
        tick.execute(insert(decision).from_select(list(columns), copied))
    show_messages(tick)


def _let_go(tick: Tick, tried: Sequence[Standing]) -> None:
    """Send on the runs whose send is decided; note why and until when the others are held."""
    outcomes = _outcomes(tick)
    for standing in tried:
        node = standing.policy.node
        here = and_(
            standing.live.walkers,
            run.c.step == node.id,
            run.c.status == "active",
            run.c.moving == 0,
        )
        found = outcomes[standing.live.name, node.id]
        if standing.live.flow.recheck:
            _leave_audience(tick, and_(here, _matching(attempt.c.reason == LEFT_AUDIENCE)))
        if standing.policy.step.if_refused:
            _leave_refused(tick, and_(here, _matching(REFUSED)))
        reasons = {reason for decision, reason in found if decision == "hold"}
        if len(reasons) < len(found):
            decided = _matching(or_(caps.PASSED, attempt.c.decision != "hold"))
            done = decided if reasons else run.c.tried == 0
            leave_step(tick, standing.live, node, node.next, and_(here, done))
        if reasons:
            _stay(standing, here, reasons)


def _outcomes(tick: Tick) -> Mapping[tuple[str, str], set[tuple[str | None, str | None]]]:
    """Return the different (decision, reason) of the attempts at each step of each flow."""
    rows = attempt.c
    query = select(rows.flow, rows.step, rows.decision, rows.reason).distinct()
    found = defaultdict(set)
    for flow, step, decision, reason in tick.connection.execute(query):
        found[flow, step].add((decision, reason))
    return found


def _stay(standing: Standing, here: ColumnElement[bool], reasons: Collection[str | None]) -> None:
    """Note why some runs are held, and those that wait for the clock until when."""
    tick, held = standing.tick, and_(here, _matching(HELD))
    reason = _attempt_value(attempt.c.reason)
    tick.execute(update(run).where(held).values(held_reason=reason, tried=1, due_at=None))
    if any(slot in reasons for slot in SLOTS):
        until = due_by_zone(tick, standing.opens_next)
        closed = and_(held, run.c.held_reason.in_(SLOTS))
        tick.execute(update(run).where(closed).values(due_at=until))
    if caps.FREQUENCY in reasons:
        resting.rest(standing, held)
    if caps.VOLUME in reasons:
        before = _matching(and_(HELD, attempt.c.held_reason == caps.VOLUME))
        resting.rest_until_resumed(standing, and_(here, before))


def _leave_audience(tick: Tick, which: ColumnElement[bool]) -> None:
    """End the runs that ``recheck`` found outside; what is held is closed in the end."""
    kept = {"held_reason": run.c.held_reason}
    tick.execute(update(run).where(which).values({**ending(tick, LEFT_AUDIENCE), **kept}))


def _leave_refused(tick: Tick, which: ColumnElement[bool]) -> None:
    """End the runs whose send was refused for good, where the step says so."""
    why = literal("refused: ") + _attempt_value(attempt.c.reason)
    tick.execute(update(run).where(which).values(**{**ending(tick, "step"), "exit_detail": why}))


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
    ended = run.c.status == "ended"
    held = tick.standing(ended, run.c.held_reason.is_not(None))
    for live in tick.busy if held else ():
        for node, _ in live.graph.sends():
            close_holds(tick, live, node, ended, reason="run_ended", detail=run.c.exit_reason)
