"""Retrying: dead messages queued once more, but for those whose address is out of use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, insert, literal, or_, select, update

from orchestrator import tables
from orchestrator.channels.spec import CHANNELS
from orchestrator.columns import to_micros
from orchestrator.delivery.auditing import audit
from orchestrator.delivery.guards import SKEW
from orchestrator.delivery.happenings import object_name
from orchestrator.delivery.outbox import RETRIED, state_of
from orchestrator.errors import RefusedError
from orchestrator.tables.messages import DELIVERY
from orchestrator.timing import short_time


@dataclass(frozen=True, slots=True)
class OutOfUse:
    """A message that could reach nobody: its customer's address takes none any more."""

    id: int
    reason: str
    """``bounced``, ``complained``, or whatever else put the address out of use."""
    since: datetime

    def says(self, zone: ZoneInfo) -> str:
        """Return what people are told, by the clocks of a zone; never the address."""
        since = short_time(self.since, zone)
        return f"message {self.id}: its address is out of use: {self.reason}, since {since}"


def out_of_use(connection: Connection, numbers: Collection[int], now: datetime) -> list[OutOfUse]:
    """Return which messages would be suppressed just before the wire for their address, in order.

    A new generation goes to the address that the customer has by now, so that one is asked about.
    """
    row, customer, held = tables.message, tables.customer, tables.suppression
    of_channel = [
        and_(
            row.c.channel == name,
            held.c.kind == spec.address,
            held.c.address == customer.c[spec.address],
        )
        for name, spec in CHANNELS.items()
        if spec.address is not None
    ]
    query = (
        select(row.c.id, held.c.reason, held.c.at)
        .join_from(row, customer, customer.c.id == row.c.customer_id)
        .join(held, or_(*of_channel))
        .where(held.c.at < now + SKEW)
        .order_by(row.c.id)
    )
    asked = sorted(numbers)
    found = []
    for begin in range(0, len(asked), _PIECE):
        some = query.where(row.c.id.in_(asked[begin : begin + _PIECE]))
        found += [OutOfUse(*one) for one in connection.execute(some)]
    return found


_PIECE = 1_000
"""Messages asked about at a time."""


def retry(
    connection: Connection, numbers: Collection[int], now: datetime, zone: ZoneInfo
) -> list[int]:
    """Queue dead messages once more, each as a new generation; return the new rows' ids.

    The old row stays as it is and does not count any more; the new one is looked at just before
    the wire like any other.

    Args:
        zone: the project's: a refusal tells instants in it.
    Raises:
        NotFoundError: there is no such message.
        RefusedError: one is not dead, or was retried already, or its address is out of use; then
            none is queued.
    """
    made = [_retry(connection, number, now) for number in numbers]
    shut = out_of_use(connection, numbers, now)
    if shut:
        raise RefusedError(
            "; ".join(one.says(zone) for one in shut),
            help="nothing was queued: a message can go once its customer has another address; "
            "clmctl suppression lift CUSTOMER is for one that was put out of use by mistake",
        )
    return made


def retry_dead(
    connection: Connection, now: datetime, *, flow: str | None = None, channel: str | None = None
) -> tuple[list[int], list[OutOfUse]]:
    """Queue all dead messages, of a flow or on a channel, once more, each as ``retry`` does.

    Returns:
        The new rows' ids, and which stay dead, for their addresses are out of use.
    """
    row = tables.message.c
    which: list[ColumnElement[bool]] = [row.state.in_(RETRIED), row.set_aside == 0]
    which += [row.flow == flow] if flow else []
    which += [row.channel == channel] if channel else []
    dead = connection.scalars(select(row.id).where(*which).order_by(row.id)).all()
    shut = out_of_use(connection, dead, now)
    left = {one.id for one in shut}
    return [_retry(connection, number, now) for number in dead if number not in left], shut


def _retry(connection: Connection, number: int, now: datetime) -> int:
    row = tables.message
    found = state_of(connection, number)
    if found not in RETRIED:
        way = "clmctl outbox in-doubt resend" if found == "in_doubt" else None
        raise RefusedError(f"message {number} is {found}, not dead", help=way)
    put_aside = update(row).where(row.c.id == number, row.c.set_aside == 0).values(set_aside=1)
    if connection.execute(put_aside).rowcount == 0:
        raise RefusedError(f"message {number} was retried already")
    kept = [
        column.name
        for column in row.columns
        if column.name not in {*DELIVERY, "id", "generation", "state", "state_at", "error"}
    ]
    columns = [*kept, "generation", "state", "state_at"]
    values = [row.c[name] for name in kept]
    fresh = [row.c.generation + 1, literal("queued"), literal(to_micros(now))]
    query = select(*values, *fresh).where(row.c.id == number)
    made = insert(row).from_select(columns, query).returning(row.c.id)
    new: int = connection.execute(made).scalar_one()
    whose = select(row.c.customer_id).where(row.c.id == number)
    connection.execute(insert(tables.dirty).from_select(["customer_id"], whose))
    audit(connection, "retry", object_name(number), at=now, detail=f"as message {new}")
    return new
