"""Carrying out what the last look said: a refused message gets its later decision, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.delivery.guards import Verdict
from orchestrator.delivery.making import Made

STATES = {"suppress": "suppressed", "expire": "expired", "cancel": "cancelled"}
"""Verdict that ends a message → its state then."""
DECISIONS = {"suppress": "suppress", "expire": "expire", "cancel": "suppress"}
_ROW = tables.message.c
_MOVE = (
    update(tables.message)
    .where(_ROW.id == bindparam("row"))
    .values(
        state=bindparam("to_state"),
        state_at=bindparam("now"),
        not_before=bindparam("when"),
        error=bindparam("why"),
        set_aside=bindparam("aside"),
        lease_until=None,
    )
)


def carry_out(
    connection: Connection, made: Iterable[Made], verdicts: Mapping[int, Verdict], now: datetime
) -> None:
    """Move claimed messages to where their verdicts say, in the caller's transaction."""
    judged = [(one, verdicts[one.order.id]) for one in made if one.order.id in verdicts]
    if not judged:
        return
    connection.execute(_MOVE, [_moved(one, verdict, now) for one, verdict in judged])
    ended = [(one, verdict) for one, verdict in judged if verdict.kind in STATES]
    if ended:
        decided = [_decision(one, verdict, now) for one, verdict in ended]
        connection.execute(insert(tables.decision), decided)
        people = sorted({one.order.decided.customer_id for one, _ in ended})
        connection.execute(insert(tables.dirty), [{"customer_id": one} for one in people])
    unwanted = [one.order.id for one, verdict in judged if verdict.kind in (*STATES, "anew")]
    if unwanted:
        kept = tables.payload
        connection.execute(delete(kept).where(kept.c.message_id.in_(unwanted)))


def _moved(one: Made, verdict: Verdict, now: datetime) -> dict[str, Any]:
    ends = verdict.kind in STATES
    return {
        "row": one.order.id,
        "to_state": STATES.get(verdict.kind, "queued"),
        "now": to_micros(now),
        "when": to_micros(verdict.not_before) if verdict.not_before else to_micros(now),
        "why": ": ".join(filter(None, (verdict.reason, verdict.detail))) or None,
        "aside": int(ends),
    }


def _decision(one: Made, verdict: Verdict, now: datetime) -> dict[str, Any]:
    decided = one.order.decided
    return {
        "at": to_micros(now),
        "customer_id": decided.customer_id,
        "flow": decided.flow,
        "entry": decided.entry,
        "step": decided.step,
        "message": decided.message,
        "channel": decided.channel,
        "decision": DECISIONS[verdict.kind],
        "reason": verdict.reason,
        "detail": verdict.detail,
        "due_at": to_micros(decided.due_at),
        "variant": decided.variant,
    }
