"""Messages on the site: published with the ledger, looked at once more when they are fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.delivery.guards import Guard, Leaving
from orchestrator.delivery.making import Made
from orchestrator.delivery.stops import Stops
from orchestrator.delivery.terms import Kind

_ROW = tables.onsite_message.c


def publish(connection: Connection, made: Iterable[Made], now: datetime) -> None:
    """Publish messages in the transaction that says they are sent; what has expired goes."""
    rows = [_row(one, now) for one in made]
    if not rows:
        return
    connection.execute(delete(tables.onsite_message).where(_ROW.expires_at <= to_micros(now)))
    again = _ROW.message_id.in_([row["message_id"] for row in rows])
    connection.execute(delete(tables.onsite_message).where(again))
    connection.execute(insert(tables.onsite_message), rows)


def _row(made: Made, now: datetime) -> dict[str, Any]:
    message = made.message
    return {
        "message_id": made.order.id,
        "customer_id": made.order.decided.customer_id,
        "customer": message.customer,
        "key": message.provider_key,
        "message": message.message,
        "flow": message.flow,
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "is_json": int(message.is_json),
        "locale": message.locale,
        "decided_at": to_micros(made.order.decided.at),
        "published_at": to_micros(now),
        "expires_at": to_micros(message.expires_at) if message.expires_at else None,
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the site gets it."""

    key: str
    message: str
    flow: str
    subject: str | None
    text: str
    html: str | None
    is_json: bool
    locale: str | None
    published_at: datetime
    expires_at: datetime | None


def to_show(connection: Connection, guard: Guard, customer: str, now: datetime) -> list[Shown]:
    """Return what a customer may be shown now, the latest decision first.

    Consent and the run's end are asked again: a message that was published and is not wanted
    any more is not shown. Quiet hours are nothing to a page that the customer opened.

    Args:
        customer: external id.
    """
    ledger = tables.message.c
    still = or_(_ROW.expires_at.is_(None), _ROW.expires_at > to_micros(now))
    query = (
        select(
            tables.onsite_message,
            ledger.step, ledger.purpose, ledger.topic, ledger.due_at,
        )
        .join_from(tables.onsite_message, tables.message, ledger.id == _ROW.message_id)
        .where(_ROW.customer == customer, still)
        .order_by(_ROW.decided_at.desc(), _ROW.message_id.desc())
    )  # fmt: skip
    rows = connection.execute(query).all()
    leaving = [
        Leaving(
            row.message_id, row.customer_id,
            Kind(row.flow, row.step, "onsite", row.purpose, row.topic),
            row.due_at, row.decided_at, "", was_tried=True,
        )
        for row in rows
    ]  # fmt: skip
    verdicts = guard.look(connection, leaving, Stops(), now)
    gone = {row for row, verdict in verdicts.items() if verdict.kind != "later"}
    return [_shown(row) for row in rows if row.message_id not in gone]


def _shown(row: Any) -> Shown:
    return Shown(
        key=row.key,
        message=row.message,
        flow=row.flow,
        subject=row.subject,
        text=row.text,
        html=row.html,
        is_json=bool(row.is_json),
        locale=row.locale,
        published_at=row.published_at,
        expires_at=row.expires_at,
    )
