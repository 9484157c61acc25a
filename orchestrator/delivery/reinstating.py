"""Lifting suppressions: addresses put back into use that bounced by mistake.

A suppression is a fact about an address. Consent is the customer's word, and is not touched: only
a later act of the customer takes a withdrawal back (semantics 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select

from orchestrator import tables
from orchestrator.channels.spec import CHANNELS
from orchestrator.database import queue_for_facts
from orchestrator.delivery.auditing import audit
from orchestrator.errors import RefusedError
from orchestrator.timing import short_time

WORDS = {"email": "e-mail address", "phone": "phone number", "push_token": "push token"}
"""Kind of address → what people call it."""
FREELY = "bounced"
WITH_REASON = "complained"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One address of a customer that is out of use."""

    kind: str
    address: str
    reason: str
    since: datetime

    def says(self, zone: ZoneInfo) -> str:
        """Return what people are told, by the clocks of a zone; never the address."""
        return f"the {WORDS[self.kind]}: {self.reason}, since {short_time(self.since, zone)}"


def lift(
    connection: Connection,
    customer: Mapping[str, Any],
    now: datetime,
    zone: ZoneInfo,
    *,
    channel: str | None = None,
    why: str | None = None,
) -> list[Suppressed]:
    """Put the addresses of a customer back into use, for whoever has them; return which.

    What bounces again is out of use again; a receipt that is known already changes nothing.

    Args:
        customer: the row.
        zone: the project's: a refusal tells instants in it.
        channel: only the address that this channel reaches customers by.
        why: why a complaint may be passed over; kept in the audit.
    Raises:
        RefusedError: one was complained of and nothing says why that may be passed over, or it is
            out of use for something else; then none is lifted.
    """
    queue_for_facts(connection)
    kinds = tuple(WORDS) if channel is None else (CHANNELS[channel].address,)
    found = [one for one in _suppressed(connection, customer) if one.kind in kinds]
    _refuse(found, zone, why)
    for one in found:
        _lift(connection, one)
        detail = f"{one.says(zone)}{f'; {why}' if why else ''}"
        audit(connection, "lift", f"customer {customer['external_id']}", at=now, detail=detail)
    return found


def _suppressed(connection: Connection, customer: Mapping[str, Any]) -> list[Suppressed]:
    held = tables.suppression.c
    query = select(held.kind, held.address, held.reason, held.at)
    return [
        Suppressed(*row)
        for kind in WORDS
        if customer[kind] is not None
        for row in connection.execute(
            query.where(held.kind == kind, held.address == customer[kind])
        )
    ]


def _refuse(found: Sequence[Suppressed], zone: ZoneInfo, why: str | None) -> None:
    for_good = [one for one in found if one.reason not in (FREELY, WITH_REASON)]
    if for_good:
        raise RefusedError(
            "; ".join(one.says(zone) for one in for_good),
            help="only what bounced or was complained of can be put back into use",
        )
    complaints = [one for one in found if one.reason == WITH_REASON]
    if complaints and why is None:
        raise RefusedError(
            "; ".join(one.says(zone) for one in complaints),
            help="who complained wants no mail; if that was a mistake, say which: --reason TEXT",
        )


def _lift(connection: Connection, one: Suppressed) -> None:
    """Forget a suppression; the next tick looks at everybody who has the address."""
    held, column = tables.suppression, tables.customer.c[one.kind]
    here = (held.c.kind == one.kind, held.c.address == one.address)
    connection.execute(delete(held).where(*here))
    holders = select(tables.customer.c.id).where(column == one.address)
    connection.execute(insert(tables.dirty).from_select(["customer_id"], holders))
