"""What is known of claimed messages: their decisions, their customers, what was frozen before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from orchestrator import tables
from orchestrator.given import among
from orchestrator.records.sends import Decided


class Order(NamedTuple):
    """One claimed message."""

    id: int
    """Row of the ledger."""
    generation: int
    purpose: str
    topic: str | None
    release: str
    attempt: int
    """How many attempts were made before."""
    first_attempt_at: datetime | None
    provider_key: str | None
    possible_duplicate: int
    crashes: int
    error: str | None
    """What came of the attempt before, if there was one."""
    frozen: bytes | None
    """The payload, if an earlier attempt had one."""
    digest: str | None
    decided: Decided


_row, _run, _customer, _payload = (
    tables.message.c,
    tables.enrollment.c,
    tables.customer.c,
    tables.payload.c,
)
_CLAIMED = (
    select(
        _row.id, _row.generation, _row.purpose, _row.topic, _row.release, _row.attempt,
        _row.first_attempt_at, _row.provider_key, _row.possible_duplicate, _row.crashes, _row.error,
        _payload.content, _payload.digest,
        _row.customer_id, _customer.external_id, _customer.email, _customer.phone,
        _customer.push_token, _customer.locale, _customer.timezone, _row.flow, _row.entry,
        _row.step, _row.occurrence, _row.message, _row.channel, _row.variant, _row.decided_at,
        _row.due_at, _run.entry_at, _run.entry_event_id, _run.start,
    )
    .select_from(
        tables.message.join(tables.customer, _customer.id == _row.customer_id)
        .outerjoin(
            tables.enrollment,
            and_(
                _run.flow == _row.flow,
                _run.customer_id == _row.customer_id,
                _run.entry == _row.entry,
            ),
        )
        .outerjoin(tables.payload, _payload.message_id == _row.id)
    )
    .where(among(_row.id, "rows"))
    .order_by(_row.id)
)  # fmt: skip
_OWN = len(Order._fields) - 1


def load(connection: Connection, rows: Sequence[int]) -> list[Order]:
    """Return claimed messages by row; one whose customer is gone is left out."""
    found = connection.execute(_CLAIMED, {"rows": list(rows)})
    return [Order._make((*row[:_OWN], Decided(*row[_OWN:]))) for row in map(tuple, found)]
