"""What customers did: one row per event, one typed row per property."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from orchestrator.tables.fields import (
    ROW_ID,
    TypedValue,
    big_field,
    required_instant,
    required_text,
)


class Event(SQLModel, table=True):
    """One thing a customer did. ``source_id`` makes it one event whatever arrives twice."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_by_customer", "name", "customer_id", "occurred_at"),
        Index("event_by_time", "name", "occurred_at", "customer_id"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = big_field()
    name: str = required_text()
    occurred_at: datetime = required_instant()
    received_at: datetime = required_instant()
    source_id: str = required_text(unique=True)
    """The row's own ``id``, or ``~`` and a hash of customer, name, instant, properties."""
    properties: str = required_text()
    """The raw properties, a JSON object."""


class EventValue(TypedValue, table=True):
    """One property of one event. ``name`` is ``<event>.<property>``."""

    __tablename__ = "event_value"
    __table_args__ = (
        PrimaryKeyConstraint(
            "name",
            "customer_id",
            "occurred_at",
            "event_id",
            postgresql_include=["money", "scaled"],
        ),
        {"sqlite_with_rowid": False},
    )

    name: str = required_text()
    customer_id: int = big_field()
    occurred_at: datetime = required_instant()
    event_id: int = big_field()
