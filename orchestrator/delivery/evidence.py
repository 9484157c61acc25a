"""What a receipt proves: its provider has the message, whatever the ledger still doubts.

A message in doubt is sent, then. So is one that waits for another try, or is about to make one:
the earlier attempt was taken after all, and another would be a second message.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from orchestrator import tables
from orchestrator.delivery.ending import tell
from orchestrator.delivery.marking import drop_payloads

RECEIVED = "received"
"""The kind of ``message_event`` that says a receipt has ended a doubt."""


class Evidence(NamedTuple):
    """A receipt about one message of the ledger."""

    message_id: int
    kind: str
    provider: str
    provider_id: str | None


def believe(connection: Connection, evidence: Iterable[Evidence], now: datetime) -> int:
    """Mark the messages ``sent`` that were not yet; return how many.

    Only those that were tried: what has never been called cannot have been received.
    """
    first = {one.message_id: one for one in evidence}
    if not first:
        return 0
    rows = connection.execute(_OPEN, {"ids": sorted(first)}).all()
    for row, state, attempt in rows:
        told = first[row]
        connection.execute(_SENT, {"row": row, "to_at": now, "as_id": told.provider_id})
        detail = f"{told.kind}, while it was {state}"
        facts = {"attempt": attempt, "provider": told.provider, "detail": detail}
        tell(connection, row, RECEIVED, now, facts)
    drop_payloads(connection, [row.id for row in rows])
    return len(rows)


_row = tables.message.c
_OPEN = (
    select(_row.id, _row.state, _row.attempt)
    .where(
        _row.id.in_(bindparam("ids", expanding=True)),
        _row.state.in_(("queued", "claimed", "sending", "in_doubt")),
        _row.attempt > 0,
    )
    .order_by(_row.id)
    .with_for_update()
)
_SENT = (
    update(tables.message)
    .where(_row.id == bindparam("row"))
    .values(
        state="sent",
        state_at=bindparam("to_at"),
        error=None,
        lease_until=None,
        provider_id=func.coalesce(_row.provider_id, bindparam("as_id")),
    )
)
