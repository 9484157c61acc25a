"""Receipts of providers into the database: durable when ``receive`` returns, whatever their order.

Every receipt is a fact under an id of its own, written as an import would write it, and nothing
in the ledger is taken back by one. So the same receipts give the same state in any order, however
often they come.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, get_args

from sqlalchemy import Connection, and_, bindparam, or_, select

from orchestrator import tables
from orchestrator.channels.receipt import Receipt, ReceiptKind
from orchestrator.channels.spec import CHANNELS
from orchestrator.columns import to_micros
from orchestrator.database import queue_for_facts
from orchestrator.delivery.evidence import Evidence, believe
from orchestrator.delivery.withdrawing import never_rejected
from orchestrator.importing.addresses import LONGEST_ID
from orchestrator.importing.outcome import Outcome
from orchestrator.importing.people import People
from orchestrator.importing.receipt_rows import write_receipts
from orchestrator.importing.receipts import ReceiptRow

_KINDS = frozenset(get_args(ReceiptKind))


@dataclass(frozen=True)
class Origin:
    """Where receipts come from."""

    channel: str
    provider: str
    """The adapter's name."""


@dataclass
class Received:
    """What came of some receipts."""

    new: Counter[str] = field(default_factory=Counter)
    """Kind → receipts that were not known before."""
    repeated: int = 0
    unknown: int = 0
    """Receipts about no message and no customer of ours; kept out."""
    left: set[int] = field(default_factory=set)
    """Rows of customers who withdrew, or whose address was put out of use."""


class _Sent(NamedTuple):
    """A message of the ledger that receipts are about."""

    id: int
    customer_id: int
    customer: str | None
    """External id; None once the customer is gone."""
    message: str
    flow: str
    decided_at: datetime
    provider_key: str | None
    provider_id: str | None


def receive(
    connection: Connection,
    origin: Origin,
    receipts: Sequence[Receipt],
    topics: Mapping[str, str],
    now: datetime,
) -> Received:
    """Write receipts in the caller's transaction, with what follows from them.

    Args:
        topics: of the catalog → their purposes.
        now: nothing is said to have happened later.
    """
    if not receipts:
        return Received()
    queue_for_facts(connection)
    return _write(connection, origin, receipts, topics, now)


def is_about_a_call_under_way(
    connection: Connection, origin: Origin, receipts: Sequence[Receipt]
) -> bool:
    """Return whether receipts name ids that a call under way may be about to bring.

    A provider that knows only its own id may tell of a message before the worker has written
    that id down.
    """
    asked = {one.provider_id for one in receipts if one.provider_id and not one.provider_key}
    asked -= {one.provider_id for one in _messages(connection, origin, (), asked)}
    return (
        bool(asked) and connection.execute(_AT_THE_WIRE, {"on": origin.channel}).first() is not None
    )


def is_sound(receipt: Receipt) -> bool:
    """Return whether a receipt can be asked for: an aware time, no half characters, no NUL."""
    texts = (receipt.provider_key, receipt.provider_id, receipt.address)
    try:
        is_whole = receipt.kind in _KINDS and receipt.at.utcoffset() is not None
        return is_whole and b"\0" not in "".join(text for text in texts if text).encode()
    except (AttributeError, TypeError, UnicodeEncodeError):
        return False  # an adapter that brings no receipts at all, or what is no text


def _write(
    connection: Connection,
    origin: Origin,
    receipts: Sequence[Receipt],
    topics: Mapping[str, str],
    now: datetime,
) -> Received:
    received, rows, evidence = Received(), [], []
    keys = {one.provider_key for one in receipts if one.provider_key}
    ids = {one.provider_id for one in receipts if one.provider_id}
    sent = _messages(connection, origin, keys, ids)
    by_key = {one.provider_key: one for one in sent}
    by_id = {one.provider_id: one for one in sent}
    by_key.pop(None, None)
    by_id.pop(None, None)
    for receipt in receipts:
        message = by_key.get(receipt.provider_key) or by_id.get(receipt.provider_id)
        if message is not None:
            evidence.append(
                Evidence(message.id, receipt.kind, origin.provider, receipt.provider_id)
            )
        about = [message] if message else _of_address(connection, origin, receipt)
        about = [one for one in about if one.customer is not None]
        received.unknown += not about
        rows += [(receipt, _row(origin, receipt, one, now)) for one in about]
    believe(connection, evidence, now)
    _take(connection, rows, topics, received)
    return received


def _take(
    connection: Connection,
    rows: Sequence[tuple[Receipt, ReceiptRow]],
    topics: Mapping[str, str],
    received: Received,
) -> None:
    """Write those receipts that are new, and note whose messages are not wanted any more."""
    known = set(
        connection.scalars(_KNOWN, {"ids": [row.source_id for _, row in rows]}) if rows else ()
    )
    fresh = {row.source_id: (receipt, row) for receipt, row in reversed(rows)}
    fresh = {name: fresh[name] for name in fresh if name not in known}
    received.new.update(row.kind for _, row in fresh.values())
    received.repeated += len(rows) - len(fresh)
    people = People()
    written = [row for _, row in fresh.values()]
    write_receipts(
        connection, written, people, topics=topics, outcome=Outcome(), reject=never_rejected
    )
    leaving = {
        row.customer
        for receipt, row in fresh.values()
        if row.kind in ("unsubscribed", "complained") or receipt.is_permanent
    }
    received.left.update(people.find(connection, leaving)[one] for one in leaving)


def _row(origin: Origin, receipt: Receipt, message: _Sent, now: datetime) -> ReceiptRow:
    """Return a receipt as imports know it; its time is brought between decision and now."""
    at = min(max(receipt.at, message.decided_at), max(now, message.decided_at))
    assert message.customer is not None
    return ReceiptRow(
        line=0,
        raw="",
        customer=message.customer,
        message=message.message,
        kind=receipt.kind,
        at=to_micros(at),
        flow=message.flow or None,
        channel=origin.channel,
        topic=None,
        source_id=_source_id(origin, receipt, message),
        is_permanent=receipt.is_permanent,
        address=receipt.address,
    )


def _source_id(origin: Origin, receipt: Receipt, message: _Sent) -> str:
    """Return the id of a fact among all receipts; the same fact of two customers is two."""
    name = f"{origin.channel}:{receipt.source_id}:{message.id or message.customer}"
    if len(name) <= LONGEST_ID and name.isprintable():
        return name
    return f"{origin.channel}:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()}"


# --- whom a receipt is about ----------------------------------------------------------


def _messages(
    connection: Connection, origin: Origin, keys: Collection[str], ids: Collection[str | None]
) -> list[_Sent]:
    """Return the messages of a channel that a provider names by our key or by its own id."""
    if not keys and not ids:
        return []
    asked = {"on": origin.channel, "by": origin.provider, "keys": list(keys), "ids": list(ids)}
    return [_Sent(*row) for row in connection.execute(_NAMED, asked)]


def _of_address(connection: Connection, origin: Origin, receipt: Receipt) -> list[_Sent]:
    """Return the latest message to each customer of an address that speaks by itself.

    A ``STOP`` or an answer names no message; a customer who was sent none can still leave.
    """
    spec = CHANNELS.get(origin.channel)
    if receipt.address is None or spec is None or spec.address is None:
        return []
    if receipt.provider_key is not None or receipt.kind not in ("unsubscribed", "replied"):
        return []
    column = tables.customer.c[spec.address]
    query = select(tables.customer.c.id, tables.customer.c.external_id).where(
        column == receipt.address
    )
    found = []
    for customer_id, customer in connection.execute(query).all():
        latest = connection.execute(_LATEST, {"who": customer_id, "on": origin.channel}).first()
        if latest is not None:
            found.append(_Sent(*latest))
        elif receipt.kind == "unsubscribed":
            found.append(_Sent(0, customer_id, customer, "", "", receipt.at, None, None))
    return found


_row_of, _who = tables.message.c, tables.customer.c
_SELECTED = select(
    _row_of.id, _row_of.customer_id, _who.external_id, _row_of.message, _row_of.flow,
    _row_of.decided_at, _row_of.provider_key, _row_of.provider_id,
).select_from(
    tables.message.outerjoin(tables.customer, _who.id == _row_of.customer_id)
)  # fmt: skip
_NAMED = _SELECTED.where(
    _row_of.channel == bindparam("on"),
    or_(
        _row_of.provider_key.in_(bindparam("keys", expanding=True)),
        and_(
            _row_of.provider == bindparam("by"),
            _row_of.provider_id.in_(bindparam("ids", expanding=True)),
        ),
    ),
)
_LATEST = (
    _SELECTED.where(
        _row_of.customer_id == bindparam("who"),
        _row_of.channel == bindparam("on"),
        _row_of.state == "sent",
    )
    .order_by(_row_of.decided_at.desc(), _row_of.id.desc())
    .limit(1)
)
_AT_THE_WIRE = (
    select(_row_of.id)
    .where(_row_of.state.in_(("claimed", "sending")), _row_of.channel == bindparam("on"))
    .limit(1)
)
_KNOWN = select(tables.receipt.c.source_id).where(
    tables.receipt.c.source_id.in_(bindparam("ids", expanding=True))
)
