"""How messages are sent: what was frozen of each, what happened on the way, limits, actors."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from orchestrator.tables.fields import (
    ROW_ID,
    big_field,
    instant_field,
    required_instant,
    required_text,
    text_field,
)


class Payload(SQLModel, table=True):
    """What a message was rendered to, once: each attempt sends this. Gone once it is done."""

    __tablename__ = "payload"

    message_id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=False))
    content: bytes = Field(sa_type=LargeBinary)
    """The ``OutgoingMessage`` as JSON, compressed (zlib)."""
    digest: str = required_text()
    """SHA-256 of the JSON, hexadecimal."""


class Attachment(SQLModel, table=True):
    """What a file held that goes with messages, once: payloads and releases name it."""

    __tablename__ = "attachment"

    sha256: str = required_text(primary_key=True)
    """Of the content, hexadecimal."""
    content: bytes = Field(sa_type=LargeBinary)


class MessageEvent(SQLModel, table=True):
    """What happened to a message beyond the plain way to ``sent``. Append-only."""

    __tablename__ = "message_event"
    __table_args__ = (
        Index("message_event_by_message", "message_id", "id"),
        Index("message_event_by_time", "at"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    message_id: int = big_field()
    at: datetime = required_instant()
    kind: str = required_text()
    """``deferred``, ``rejected``, ``refused``, ``unknown``, ``crashed``, ``late``, ``resent``, …"""
    attempt: int = Field(sa_type=Integer)
    provider: str | None = text_field()
    code: str | None = text_field()
    """The provider's own."""
    detail: str | None = text_field()
    """One line for people, without addresses and without content."""


class Bucket(SQLModel, table=True):
    """How many messages may leave at once for one sender at one provider; shared by workers."""

    __tablename__ = "bucket"
    __table_args__ = (PrimaryKeyConstraint("channel", "provider", "sender"),)

    channel: str = required_text()
    provider: str = required_text()
    sender: str = required_text()
    tokens: float = Field(sa_type=Double)
    refilled_at: datetime = required_instant()
    """When ``tokens`` was right, on the database's clock."""


class Breaker(SQLModel, table=True):
    """Whether a provider, or one domain of receivers at it, is left alone for a while."""

    __tablename__ = "breaker"
    __table_args__ = (PrimaryKeyConstraint("provider", "domain"),)

    provider: str = required_text()
    domain: str = required_text()
    """Of the receivers; empty is the provider as a whole."""
    state: str = required_text()
    """``closed``, ``open`` or ``half_open``."""
    recent: str = required_text()
    """The latest outcomes, oldest first: ``.`` for one that counts as well, ``x`` as a failure."""
    trips: int = Field(sa_type=Integer)
    """How often in a row it opened: what its pause doubles with."""
    open_until: datetime | None = instant_field()
    """On the database's clock; while it is not ``closed``."""
    probe: str | None = text_field()
    """The lease that tries one message while it is ``half_open``."""
    reason: str | None = text_field()


class Audit(SQLModel, table=True):
    """What a person did to the ledger or to what stops it. Append-only."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_by_object", "object", "id"),)

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    at: datetime = required_instant()
    actor: str = required_text()
    action: str = required_text()
    object: str = required_text()
    """What it was done to: ``message 17``, ``flow welcome``, ``channel sms``."""
    detail: str | None = text_field()
