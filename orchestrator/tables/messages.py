"""What was decided, sent, and became of it: the ledger. How it is sent stands in ``delivery``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from orchestrator.columns import EPOCH, Instant
from orchestrator.tables.fields import (
    ROW_ID,
    big_field,
    instant_field,
    required_instant,
    required_text,
    text_field,
)


def _where(condition: str) -> dict[str, Any]:
    """Return the options of an index over the rows that meet a condition."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _count() -> Any:
    """Return a whole number that begins at 0, also for rows that do not name it."""
    return Field(default=0, sa_type=Integer, sa_column_kwargs={"server_default": "0"})


class Message(SQLModel, table=True):
    """The send ledger: one row for each decision ``send``, under a unique business key."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint(
            "customer_id",
            "flow",
            "entry",
            "step",
            "occurrence",
            "channel",
            "generation",
            name="message_key",
        ),
        Index("message_by_customer", "customer_id", "decided_at"),
        Index("message_by_message", "message", "customer_id", "decided_at"),
        Index("message_by_flow", "flow", "decided_at", "customer_id"),
        Index("message_by_time", "decided_at", "customer_id"),
        Index(
            "message_waiting",
            "channel",
            "purpose",
            "flow",
            "not_before",
            "id",
            **_where("state = 'queued'"),
        ),
        Index("message_leased", "lease_until", **_where("state IN ('claimed', 'sending')")),
        Index("message_doubtful", "channel", "not_before", **_where("state = 'in_doubt'")),
        Index("message_dead", "state_at", **_where("state = 'dead'")),
        Index("message_failed", "state_at", **_where("state = 'failed'")),
        Index("message_by_provider_key", "provider_key", **_where("provider_key IS NOT NULL")),
        Index(
            "message_by_provider_id",
            "provider",
            "provider_id",
            **_where("provider_id IS NOT NULL"),
        ),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = big_field()
    flow: str = required_text()
    entry: int = Field(sa_type=Integer)
    step: str = required_text()
    occurrence: str = required_text()
    """Which round of a repeated step; ``0`` outside a repeat."""
    channel: str = required_text()
    generation: int = Field(default=0, sa_type=Integer)
    """0; an operator's explicit retry makes the next one."""
    message: str = required_text()
    purpose: str = required_text()
    topic: str | None = text_field()
    variant: str | None = text_field()
    release: str = required_text()
    decided_at: datetime = required_instant()
    due_at: datetime = required_instant()
    state: str = required_text()
    """``queued → claimed → sending → sent``, or ``in_doubt``, ``dead``, ``suppressed``,
    ``expired``, ``cancelled``; a call of a webhook ends as ``answered`` or ``failed``."""
    state_at: datetime = required_instant()
    error: str | None = text_field()
    """Why it is ``dead``, ``failed``, ``in_doubt``, or waits once more."""
    not_before: datetime = Field(
        default=EPOCH, sa_type=Instant, sa_column_kwargs={"server_default": "0"}
    )
    """``queued``: not claimed before; ``in_doubt``: when the provider is asked next."""
    attempt: int = _count()
    """How many calls of the provider were spent on it, the one under way included."""
    crashes: int = _count()
    """How often a worker that had it was lost."""
    lease: str | None = text_field()
    """Which worker has or had it last: a token made anew at each start of a process."""
    lease_until: datetime | None = instant_field()
    """On the database's clock; while ``claimed`` or ``sending``."""
    provider: str | None = text_field()
    """The adapter that made the latest call."""
    provider_id: str | None = text_field()
    """What that provider calls it."""
    provider_key: str | None = text_field()
    """What the provider is told to know it by, the same at each attempt."""
    first_attempt_at: datetime | None = instant_field()
    possible_duplicate: int = _count()
    """1 once it was sent again although an earlier attempt may have been accepted."""
    set_aside: int = _count()
    """1 once it does not count as sent any more: refused just before the wire, or made again by
    hand in a later generation. It is neither received nor counted (semantics 62)."""


DELIVERY = (
    "not_before", "attempt", "crashes", "lease", "lease_until", "provider", "provider_id",
    "provider_key", "first_attempt_at", "possible_duplicate", "set_aside",
)  # fmt: skip
"""Columns of ``message`` that say how it is sent: no decision writes or reads them."""


class Decision(SQLModel, table=True):
    """What a tick decided about one send. Append-only (semantics 60)."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("decision_by_customer", "customer_id", "flow"),
        Index("decision_by_tick", "at"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    at: datetime = required_instant()
    customer_id: int = big_field()
    flow: str = required_text()
    entry: int = Field(sa_type=Integer)
    step: str = required_text()
    message: str = required_text()
    channel: str | None = text_field()
    decision: str = required_text()
    """``send``, ``hold``, ``suppress`` or ``expire``."""
    reason: str | None = text_field()
    detail: str | None = text_field()
    due_at: datetime = required_instant()
    variant: str | None = text_field()


class Receipt(SQLModel, table=True):
    """What became of a message, as its provider told: accepted, opened, bounced and so on."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index("receipt_by_message", "kind", "message", "customer_id", "at"),
        Index("receipt_by_customer", "customer_id", "kind", "at"),
        Index("receipt_by_time", "at", "customer_id"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = big_field()
    message: str = required_text()
    kind: str = required_text()
    at: datetime = required_instant()
    flow: str | None = text_field()
    channel: str | None = text_field()
    source_id: str = required_text(unique=True)
