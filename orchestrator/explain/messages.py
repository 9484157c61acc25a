"""What became of the messages of one run: sent, on their way, refused, given up, and why."""

from __future__ import annotations

from sqlalchemy import select

from orchestrator import tables
from orchestrator.columns import EPOCH
from orchestrator.records.explained import RunMessage
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow

MOST = 20
"""Messages of one run that are told, the latest; a flow that repeats may have sent hundreds."""
REFUSED = {"suppress": "suppressed", "expire": "expired"}
"""What a tick decides against a send, and what the ledger would call the message."""


def messages_of(tick: Tick, live: LiveFlow, customer_id: int, entry: int) -> list[RunMessage]:
    """Return the messages of one run as they stand, in the order of its steps."""
    place = {step: number for number, step in enumerate(live.graph.nodes)}
    found = [
        *_in_the_ledger(tick, live.name, customer_id, entry),
        *_refused(tick, live.name, customer_id, entry),
    ]
    return sorted(found, key=lambda one: (place.get(one.step, len(place)), one.at))[-MOST:]


def _in_the_ledger(tick: Tick, flow: str, customer_id: int, entry: int) -> list[RunMessage]:
    row = tables.message.c
    query = (
        select(row.step, row.channel, row.state, row.state_at, row.error, row.not_before, row.id)
        .where(row.customer_id == customer_id, row.flow == flow, row.entry == entry)
        .where(row.set_aside == 0)
        .order_by(row.id.desc())
        .limit(MOST)
    )
    return [
        RunMessage(
            step=one.step,
            channel=one.channel,
            state=one.state,
            at=one.state_at,
            why=one.error,
            not_before=one.not_before if one.state == "queued" and one.not_before > EPOCH else None,
            id=one.id,
        )
        for one in tick.connection.execute(query)
    ]


def _refused(tick: Tick, flow: str, customer_id: int, entry: int) -> list[RunMessage]:
    """Return the sends that a tick decided against: the ledger has none of them."""
    row = tables.decision.c
    query = (
        select(row.step, row.decision, row.at, row.reason)
        .where(row.customer_id == customer_id, row.flow == flow, row.entry == entry)
        .where(row.decision.in_(sorted(REFUSED)), row.channel.is_(None))
        .order_by(row.id.desc())
        .limit(MOST)
    )
    return [
        RunMessage(step=step, channel=None, state=REFUSED[decision], at=at, why=reason)
        for step, decision, at, reason in tick.connection.execute(query)
    ]
