"""What happened to one message: at the wire, by people's hands, and as receipts tell later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, or_, select

from orchestrator import tables


@dataclass(frozen=True, slots=True)
class Occurred:
    """One thing that happened to a message, or was done to it."""

    at: datetime
    what: str
    detail: str | None
    who: str | None = None
    """The person who did it."""
    source: str | None = None
    """The id of the receipt that tells of it; None: no receipt does."""


def object_name(number: int) -> str:
    """Return what acts of people call a message."""
    return f"message {number}"


def happened(connection: Connection, number: int) -> list[Occurred]:
    """Return all that happened to a message, in order."""
    event, act = tables.message_event.c, tables.audit.c
    events = select(event.at, event.kind, event.code, event.detail).where(
        event.message_id == number
    )
    acts = select(act.at, act.action, act.detail, act.actor).where(
        act.object == object_name(number)
    )
    found = [
        Occurred(at, kind, " ".join(filter(None, (code, detail))) or None)
        for at, kind, code, detail in connection.execute(events.order_by(event.id))
    ]
    found += [Occurred(*one) for one in connection.execute(acts.order_by(act.id))]
    found += _told_by_receipts(connection, number)
    return sorted(found, key=lambda one: one.at)


def _told_by_receipts(connection: Connection, number: int) -> Iterator[Occurred]:
    """Yield what the receipts tell that answer a message, as conditions relate them to it.

    A receipt knows the message's name. Where a customer was sent several of that name, one that
    a provider told of names its row as well, and is told of that row only.
    """
    others = tuple(f":{one}" for one in connection.scalars(_NAMESAKES, {"row": number}))
    for at, kind, channel, source in connection.execute(_RECEIPTS, {"row": number}):
        is_anothers = source.startswith(f"{channel}:") and source.endswith(others)
        if not is_anothers:
            yield Occurred(at, kind, None, source=source)


_row, _other, _receipt = tables.message, tables.message.alias(), tables.receipt
_of_row = _row.c.id == bindparam("row")
_NAMESAKES = (
    select(_other.c.id)
    .join_from(
        _row,
        _other,
        and_(
            _other.c.customer_id == _row.c.customer_id,
            _other.c.message == _row.c.message,
            _other.c.id != _row.c.id,
        ),
    )
    .where(_of_row)
)
_RECEIPTS = (
    select(_receipt.c.at, _receipt.c.kind, _receipt.c.channel, _receipt.c.source_id)
    .join_from(
        _row,
        _receipt,
        and_(
            _receipt.c.customer_id == _row.c.customer_id,
            _receipt.c.message == _row.c.message,
            or_(_receipt.c.flow.is_(None), _receipt.c.flow == _row.c.flow),
            or_(_receipt.c.channel.is_(None), _receipt.c.channel == _row.c.channel),
            _receipt.c.at >= _row.c.decided_at,
        ),
    )
    .where(_of_row)
    .order_by(_receipt.c.at, _receipt.c.id)
)
