"""Answers of webhooks: kept once, as events that only flows read (semantics 49).

A call is a row of the ledger in the channel ``webhook``; whoever makes it, or a person with a
file, tells here what came of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from orchestrator import tables
from orchestrator.channels.spec import WEBHOOK
from orchestrator.clock import utcnow
from orchestrator.columns import GREATEST, to_micros
from orchestrator.errors import NotFoundError
from orchestrator.flow.told import answer_event, answer_source
from orchestrator.values import parse_value

OPEN = ("queued", "claimed", "sending", "in_doubt", "sent")
"""States of a call that has neither answered nor failed."""


@dataclass(frozen=True)
class Answer:
    """What came of one call."""

    call: int | str
    """The ledger's row id, or the message key."""
    at: datetime
    """Aware UTC."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Raw values by name, as an import would bring them; empty ones are missing."""
    failure: str | None = None
    """Why there is no answer; then there are no fields."""


def record(engine: Engine, answer: Answer, zone: ZoneInfo) -> bool:
    """Keep an answer or a failure, once, and put the customer on the next tick's work list.

    A call takes one answer. A failure may be followed by the answer of a later try.

    Args:
        zone: of times without offset among the fields.
    Returns:
        False if nothing changed: the call was answered, or the failure is known.
    Raises:
        NotFoundError: there is no such call.
    """
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        with connection.begin():
            return record_on(connection, answer, zone)


def record_on(connection: Connection, answer: Answer, zone: ZoneInfo) -> bool:
    """Do as ``record`` does, inside the transaction that the caller has begun."""
    call = _found(connection, answer.call)
    if call is None:
        raise NotFoundError(f"there is no call {answer.call}")
    kept = (
        _fail(connection, call, answer)
        if answer.failure is not None
        else _answer(connection, call, answer, zone)
    )
    if kept:
        connection.execute(insert(tables.dirty).values(customer_id=call["customer_id"]))
    return kept


def _found(connection: Connection, call: int | str) -> RowMapping | None:
    row = tables.message
    query = select(row).where(row.c.channel == WEBHOOK)
    if isinstance(call, int):
        if call > GREATEST:
            return None
        query = query.where(row.c.id == call)
    else:
        parts = [unquote(part) for part in call.split(".")]
        if len(parts) != 9 or not (parts[4].isdecimal() and parts[8].isdecimal()):
            return None
        if max(int(parts[4]), int(parts[8])) > GREATEST:
            return None
        _, _, customer, flow, entry, step, occurrence, channel, generation = parts
        query = query.join(tables.customer, tables.customer.c.id == row.c.customer_id).where(
            tables.customer.c.external_id == customer,
            row.c.flow == flow,
            row.c.entry == int(entry),
            row.c.step == step,
            row.c.occurrence == occurrence,
            row.c.channel == channel,
            row.c.generation == int(generation),
        )
    return connection.execute(query.with_for_update(of=row)).mappings().first()


def _fail(connection: Connection, call: RowMapping, answer: Answer) -> bool:
    row = tables.message
    values = {"state": "failed", "state_at": to_micros(answer.at), "error": answer.failure}
    which = (row.c.id == call["id"], row.c.state.in_(OPEN))
    return connection.execute(update(row).where(*which).values(**values)).rowcount > 0


def _answer(connection: Connection, call: RowMapping, answer: Answer, zone: ZoneInfo) -> bool:
    event, at = tables.event, to_micros(answer.at)
    source_id = (
        f"{answer_source(call['flow'])}{call['customer_id']}/{call['entry']}/{call['step']}/"
        f"{call['occurrence']}"
    )
    if connection.execute(select(event.c.id).where(event.c.source_id == source_id)).first():
        return False
    name = answer_event(call["message"])
    texts = {key: text for key, text in sorted(answer.fields.items()) if text}
    row = {
        "customer_id": call["customer_id"],
        "name": name,
        "occurred_at": at,
        "received_at": to_micros(utcnow()),
        "source_id": source_id,
        "properties": json.dumps(texts, ensure_ascii=False),
    }
    (event_id,) = connection.execute(insert(event).values(**row).returning(event.c.id)).one()
    values = [
        {
            "name": f"{name}.{key}",
            "customer_id": call["customer_id"],
            "occurred_at": at,
            "event_id": event_id,
            **parse_value(text, zone)._asdict(),
        }
        for key, text in texts.items()
    ]
    if values:
        connection.execute(insert(tables.event_value), values)
    ledger = tables.message
    connection.execute(
        update(ledger)
        .where(ledger.c.id == call["id"])
        .values(state="answered", state_at=at, error=None)
    )
    return True
