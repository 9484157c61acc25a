"""What was decided, sent, and became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from orchestrator.tables.fields import (
    ROW_ID,
    big_field,
    required_instant,
    required_text,
    text_field,
)


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
            "message_queued",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
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
    """``queued`` until a channel took it, then ``sent``, or ``dead`` with ``error``."""
    state_at: datetime = required_instant()
    error: str | None = text_field()


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
