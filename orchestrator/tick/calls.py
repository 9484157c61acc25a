"""``webhook``: calls in the ledger, and waiting for their answers (semantics 49).

A call is a row of the ledger in the channel ``webhook``. What became of it is on that row
(``failed``), or an event ``answer:<webhook>`` under the call's own source id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from orchestrator import tables, timing
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import exact_text, to_micros
from orchestrator.flow.graph import Node
from orchestrator.flow.steps.webhook import Webhook
from orchestrator.flow.told import answer_source
from orchestrator.gate.policy import EXPIRES_AFTER
from orchestrator.tables.reading import aliased
from orchestrator.tick import workspace
from orchestrator.tick.answers import keep
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow
from orchestrator.tick.moves import leave_step

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk

run, message, decision = workspace.run, workspace.message, workspace.decision
_KEY = ("flow", "customer_id", "entry", "step", "occurrence")


def call(walk: Walk, step: Webhook) -> None:
    """Queue a call for every run here; those that need not wait for an answer go on."""
    name, node = str(step.operand), walk.node
    done = walk.log("webhook", literal(name))
    columns: dict[str, Any] = {
        "customer_id": run.c.customer_id,
        "flow": run.c.flow,
        "entry": run.c.entry,
        "step": run.c.step,
        "occurrence": walk.occurrence,
        "message": literal(name),
        "channel": literal(WEBHOOK),
        "due_at": run.c.reached_at,
        "variant": literal(node.variant, decision.c.variant.type),
    }
    _decide(walk.tick, {**columns, "decision": literal("send")}, done)
    withheld = _logged(walk, walk.tick.effects)
    refused = {
        **columns,
        "decision": literal("suppress"),
        "reason": _withheld(walk),
    }
    _decide(walk.tick, refused, withheld)
    ledger = {**columns, "generation": literal(0), **_queued(walk.tick)}
    query = select(*ledger.values()).where(done)
    walk.tick.execute(insert(message).from_select(list(ledger), query))
    if step.at_most is not None:
        _await(walk, step)
    else:
        walk.go_on()


def _decide(tick: Tick, columns: dict[str, Any], which: ColumnElement[bool]) -> None:
    told = {**columns, "at": literal(to_micros(tick.now))}
    kept = {name: value for name, value in told.items() if name in decision.c}
    query = select(*kept.values()).where(which)
    tick.execute(insert(decision).from_select(list(kept), query))


def _queued(tick: Tick) -> dict[str, Any]:
    """Return what the ledger says of every call that is queued now."""
    now = literal(to_micros(tick.now))
    return {
        "purpose": literal("transactional"),
        "release": literal(tick.playbook.fingerprint),
        "decided_at": now,
        "state": literal("queued"),
        "state_at": now,
    }


# --- waiting --------------------------------------------------------------------------


def _await(walk: Walk, step: Webhook) -> None:
    """Send on who has an answer, who will get none, and who has waited long enough."""
    tick, live, node = walk.tick, walk.live, walk.node
    answer = _answer(walk)
    answered = walk.mark(answer.is_not(None))
    keep(walk, answered, answer, timed_out=0)
    leave_step(tick, live, node, node.next, answered)
    _give_up(walk, step, walk.mark(_spared(walk)), leaves=None)
    if step.if_it_fails != "retry":
        _give_up(walk, step, walk.mark(_failed(walk)), leaves=f"{step.operand} failed")
    over = and_(walk.here, run.c.due_at <= to_micros(tick.now))
    _give_up(walk, step, over, leaves=f"{step.operand} did not answer", timed_out=1)
    assert step.at_most is not None
    deadline = func.coalesce(run.c.due_at, to_micros(timing.plus(tick.now, step.at_most)))
    tick.execute(update(run).where(walk.here).values(due_at=deadline, moving=0))


def _give_up(
    walk: Walk,
    step: Webhook,
    which: ColumnElement[bool],
    *,
    leaves: str | None,
    timed_out: int = 0,
) -> None:
    """Let runs go on without an answer, or leave the flow if that is what the step says."""
    if step.if_it_fails == "exit" and leaves is not None:
        walk.end(which, "step", leaves)
        return
    keep(walk, which, None, timed_out=timed_out)
    leave_step(walk.tick, walk.live, walk.node, walk.node.next, which)


def _calls(walk: Walk, calls: FromClause) -> ColumnElement[bool]:
    same = and_(*(calls.c[name] == run.c[name] for name in _KEY if name != "occurrence"))
    return and_(same, calls.c.occurrence == walk.occurrence, calls.c.channel == WEBHOOK)


def _answer(walk: Walk) -> ColumnElement[int]:
    """Return the id of the event that answers the call of a run, NULL if none does by now."""
    calls, event = aliased(tables.message), aliased(tables.event)
    source: ColumnElement[str] = literal(answer_source(walk.live.name), exact_text())
    for part in (calls.c.customer_id, calls.c.entry):
        source = source + cast(part, exact_text()) + literal("/")
    source = source + calls.c.step + literal("/") + calls.c.occurrence
    query = (
        select(func.min(event.c.id))
        .select_from(calls.join(event, event.c.source_id == source))
        .where(_calls(walk, calls), event.c.occurred_at <= to_micros(walk.tick.now))
    )
    return query.correlate(run).scalar_subquery()


def _failed(walk: Walk) -> ColumnElement[bool]:
    """Return whether the call of a run has failed, and was not made again."""
    calls, again = aliased(tables.message), aliased(tables.message)
    newer = exists(
        select(again.c.id)
        .where(_calls(walk, again), again.c.generation > calls.c.generation)
        .correlate(calls, run)
    )
    failed = select(calls.c.id).where(
        _calls(walk, calls),
        calls.c.state == "failed",
        calls.c.state_at <= to_micros(walk.tick.now),
        ~newer,
    )
    return exists(failed.correlate(run))


def _spared(walk: Walk) -> ColumnElement[bool]:
    """Return whether the call of a run was withheld, so that no answer will come."""
    return or_(
        *(
            exists(
                select(rows.c.flow)
                .where(
                    *(rows.c[name] == run.c[name] for name in _KEY if name != "occurrence"),
                    rows.c.occurrence == walk.occurrence,
                    rows.c.withheld.is_not(None),
                )
                .correlate(run)
            )
            for rows in (aliased(tables.effect), aliased(workspace.effect))
        )
    )


def _logged(walk: Walk, turn: int) -> ColumnElement[bool]:
    """Return the runs here whose call was withheld just now."""
    rows = aliased(workspace.effect)
    mine = and_(*(rows.c[name] == run.c[name] for name in _KEY if name != "occurrence"))
    withheld = select(rows.c.flow).where(mine, rows.c.turn == turn, rows.c.withheld.is_not(None))
    return and_(walk.here, exists(withheld.correlate(run)))


def _withheld(walk: Walk) -> ColumnElement[Any]:
    rows = aliased(workspace.effect)
    mine = and_(*(rows.c[name] == run.c[name] for name in _KEY if name != "occurrence"))
    reason = select(func.max(rows.c.withheld)).where(mine, rows.c.turn == walk.tick.effects)
    return reason.correlate(run).scalar_subquery()


# --- calling again --------------------------------------------------------------------


def call_again(tick: Tick) -> None:
    """Queue once more the failed calls of steps that say ``retry``, while they are not too old.

    A step that several versions of a flow have is looked at once, as the flow of today has it.
    """
    seen = set()
    for live in tick.walked():
        for node in live.graph.nodes.values():
            if (live.name, node.id) in seen or not isinstance(node.step, Webhook):
                continue
            seen.add((live.name, node.id))
            if node.step.if_it_fails == "retry":
                _call_again(tick, live, node, node.step)


def _call_again(tick: Tick, live: LiveFlow, node: Node, step: Webhook) -> None:
    calls, newer = aliased(tables.message), aliased(tables.message)
    since = to_micros(timing.minus(tick.now, step.at_most or EXPIRES_AFTER))
    made = and_(
        *(newer.c[name] == calls.c[name] for name in _KEY),
        newer.c.channel == WEBHOOK,
        newer.c.generation > calls.c.generation,
    )
    kept = (*_KEY, "message", "channel", "due_at", "variant")
    columns: dict[str, Any] = {name: calls.c[name] for name in kept}
    which = and_(
        calls.c.flow == live.name,
        calls.c.step == node.id,
        calls.c.channel == WEBHOOK,
        calls.c.state == "failed",
        calls.c.state_at <= to_micros(tick.now),
        calls.c.decided_at > since,
        calls.c.due_at > since,
        tick.looked_for(live, calls.c.customer_id),
        ~exists(select(newer.c.id).where(made).correlate(calls)),
    )
    again = {**columns, "decision": literal("send"), "detail": calls.c.error}
    _decide(tick, again, which)
    ledger = {**columns, "generation": calls.c.generation + 1, **_queued(tick)}
    query = select(*ledger.values()).where(which)
    tick.execute(insert(message).from_select(list(ledger), query))
