"""What people see of the ledger, and what they may do to it: each act once, and kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    func,
    not_,
    select,
    update,
)

from orchestrator import tables
from orchestrator.columns import EPOCH, GREATEST, to_micros
from orchestrator.delivery.auditing import audit
from orchestrator.delivery.happenings import Occurred, happened, object_name
from orchestrator.delivery.marking import drop_payloads
from orchestrator.errors import NotFoundError, RefusedError
from orchestrator.tick.surge import SURGE, approve_surge, surge_of

STATES = (
    "queued", "claimed", "sending", "in_doubt", "dead", "failed", "sent", "answered", "suppressed",
    "expired", "cancelled",
)  # fmt: skip
UNFINISHED = ("queued", "claimed", "sending", "in_doubt", "dead", "failed")
"""What is listed if nothing is asked for: all that is on its way, or needs a person."""
RETRIED = ("dead", "failed")
Ruling = Literal["mark-sent", "resend", "discard"]


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One message as it is listed."""

    id: int
    customer: str
    """External id."""
    flow: str
    step: str
    message: str
    channel: str
    purpose: str
    state: str
    state_at: datetime
    decided_at: datetime
    not_before: datetime | None
    """``queued``: not tried earlier."""
    attempt: int
    """How many calls were spent."""
    why: str | None
    generation: int
    possible_duplicate: bool
    provider: str | None
    provider_id: str | None
    provider_key: str | None


@dataclass(frozen=True, slots=True)
class Surge:
    """Messages of one step, of one tick or several, that wait for a person's word."""

    flow: str
    step: str
    at: datetime
    messages: int
    why: str | None
    name: str
    """Of its row in ``control``."""


# --- looking --------------------------------------------------------------------------


def listed(
    connection: Connection,
    states: Collection[str] = UNFINISHED,
    *,
    flow: str | None = None,
    channel: str | None = None,
    customer: int | None = None,
    limit: int = 100,
) -> tuple[list[MessageLine], int]:
    """Return the latest messages in some states, and how many there are in all.

    Dead ones that were queued anew are done with: their new rows stand for them.

    Args:
        customer: only those of the customer of that number, which is no external id.
    """
    row = tables.message.c
    anew = and_(row.state.in_(RETRIED), row.set_aside != 0)
    which: list[ColumnElement[bool]] = [row.state.in_(sorted(states)), not_(anew)]
    which += [row.flow == flow] if flow else []
    which += [row.channel == channel] if channel else []
    which += [row.customer_id == customer] if customer is not None else []
    count = connection.execute(select(func.count()).where(*which)).scalar_one()
    query = _lines().where(*which).order_by(row.id.desc()).limit(limit)
    return [_line(found) for found in connection.execute(query)], count


def story(connection: Connection, number: int) -> tuple[MessageLine, list[Occurred]]:
    """Return one message and all that happened to it, in order.

    Raises:
        NotFoundError: there is no such message.
    """
    state_of(connection, number)
    found = connection.execute(_lines().where(tables.message.c.id == number)).one()
    return _line(found), happened(connection, number)


def surges(connection: Connection) -> list[Surge]:
    """Return what is held because a step sent far more than it ever did."""
    control, row = tables.control.c, tables.message.c
    found = []
    query = select(control.name, control.at, control.reason).where(control.kind == SURGE)
    for name, at, why in connection.execute(query.order_by(control.at, control.name)).all():
        (flow, step, first), last = surge_of(name), to_micros(at)
        held = row.decided_at.between(first, max(first, last))
        here = (row.flow == flow, row.step == step, held, row.state == "queued")
        count = select(func.count()).where(*here)
        found.append(Surge(flow, step, at, connection.execute(count).scalar_one(), why, name))
    return found


def _lines() -> Select[Any]:
    row, customer = tables.message.c, tables.customer.c
    return select(
        row.id, customer.external_id, row.flow, row.step, row.message, row.channel, row.purpose,
        row.state, row.state_at, row.decided_at, row.not_before, row.attempt, row.error,
        row.generation, row.possible_duplicate, row.provider, row.provider_id, row.provider_key,
    ).join_from(tables.message, tables.customer, customer.id == row.customer_id)  # fmt: skip


def _line(found: Row[Any]) -> MessageLine:
    line = MessageLine(*tuple(found))
    if line.state == "queued" and line.not_before != EPOCH:
        return line
    return replace(line, not_before=None)


# --- acting ---------------------------------------------------------------------------


def rule(connection: Connection, number: int, ruling: Ruling, now: datetime) -> None:
    """End the doubt about a message.

    Args:
        ruling: ``mark-sent``: it was taken; ``resend``: queue it again under the same key, as a
            possible duplicate; ``discard``: give it up.
    Raises:
        NotFoundError: there is no such message.
        RefusedError: it is not in doubt (any more).
    """
    row = tables.message
    state_of(connection, number)
    values = {**_RULINGS[ruling], "state_at": to_micros(now)}
    ruled = update(row).where(row.c.id == number, row.c.state == "in_doubt").values(**values)
    if connection.execute(ruled).rowcount == 0:
        raise RefusedError(f"message {number} is {state_of(connection, number)}, not in doubt")
    if ruling != "resend":
        drop_payloads(connection, [number])
    audit(connection, ruling, object_name(number), at=now)


_RULINGS: dict[str, dict[str, Any]] = {
    "mark-sent": {"state": "sent", "error": None},
    "resend": {"state": "queued", "error": None, "possible_duplicate": 1, "not_before": 0},
    "discard": {"state": "dead", "error": "in_doubt: discarded"},
}


def approve(connection: Connection, flow: str | None, now: datetime) -> list[Surge]:
    """Let go what is held as a surge, of one flow or of all; return it."""
    let_go = [one for one in surges(connection) if flow in (None, one.flow)]
    for one in let_go:
        approve_surge(connection, one.name, to_micros(one.at))
        detail = f"{one.step}: {one.messages} messages"
        audit(connection, "approve", f"flow {one.flow}", at=now, detail=detail)
    return let_go


def state_of(connection: Connection, number: int) -> str:
    """Return where a message stands.

    Raises:
        NotFoundError: there is no such message.
    """
    row = tables.message.c
    query = select(row.state).where(row.id == number)
    state = connection.scalar(query) if number <= GREATEST else None
    if state is None:
        raise NotFoundError(
            f"there is no message {number}", help="clmctl outbox list shows those on their way"
        )
    return str(state)
