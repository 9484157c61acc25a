"""People: who they are, what is known of them, what they allow."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, text
from sqlmodel import Field, SQLModel

from orchestrator.tables.fields import (
    ROW_ID,
    TypedValue,
    big_field,
    instant_field,
    required_instant,
    required_text,
    text_field,
)


class Customer(SQLModel, table=True):
    """One person. ``base`` is the hash that buckets are computed from (semantics 22)."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("customer_by_timezone", "timezone"),
        Index("customer_by_created_at", "created_at"),
        Index("customer_by_first_event_at", "first_event_at"),
        *(
            Index(
                f"customer_by_{kind}",
                kind,
                sqlite_where=text(f"{kind} IS NOT NULL"),
                postgresql_where=text(f"{kind} IS NOT NULL"),
            )
            for kind in ("email", "phone", "push_token")
        ),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    external_id: str = required_text(unique=True)
    base: int = big_field()
    email: str | None = text_field()
    phone: str | None = text_field()
    push_token: str | None = text_field()
    locale: str | None = text_field()
    timezone: str | None = text_field()
    preferred_channel: str | None = text_field()
    preferred_time: str | None = text_field()
    created_at: datetime | None = instant_field()
    first_event_at: datetime | None = instant_field()
    """Earliest ``occurred_at`` of the customer's events; existence without ``created_at``."""


class Alias(SQLModel, table=True):
    """Another external id that means the same customer."""

    __tablename__ = "alias"

    external_id: str = required_text(primary_key=True)
    customer_id: int = big_field(index=True)


class AttributeValue(TypedValue, table=True):
    """One attribute of one customer."""

    __tablename__ = "attribute_value"
    __table_args__ = (
        PrimaryKeyConstraint("name", "customer_id"),
        Index("attribute_value_by_text", "name", "text", "customer_id"),
        *(
            Index(
                f"attribute_value_by_{column}",
                "name",
                column,
                "customer_id",
                sqlite_where=text(f"{column} IS NOT NULL"),
                postgresql_where=text(f"{column} IS NOT NULL"),
            )
            for column in ("number", "instant", "on_date")
        ),
        {"sqlite_with_rowid": False},
    )

    name: str = required_text()
    customer_id: int = big_field()


class AttributeItem(SQLModel, table=True):
    """One member of one list attribute of one customer."""

    __tablename__ = "attribute_item"
    __table_args__ = (
        PrimaryKeyConstraint("name", "item", "customer_id"),
        {"sqlite_with_rowid": False},
    )

    name: str = required_text()
    item: str = required_text()
    customer_id: int = big_field(index=True)


class Consent(SQLModel, table=True):
    """One act of consent or withdrawal. Append-only; the latest act at an instant holds."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("consent_by_topic", "topic", "customer_id", "at", "withdrawn"),
        Index("consent_by_customer", "customer_id", "topic", "at", "withdrawn"),
        Index("consent_by_time", "at"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = big_field()
    topic: str = required_text()
    withdrawn: int = Field(sa_type=Integer)
    """0 grants, 1 withdraws; at equal instants the withdrawal holds."""
    at: datetime = required_instant()
    source: str = required_text()
    """``import``, ``customer`` or ``flow``."""


class Suppression(SQLModel, table=True):
    """An address nothing is sent to any more, whoever holds it."""

    __tablename__ = "suppression"
    __table_args__ = (
        PrimaryKeyConstraint("kind", "address"),
        Index("suppression_by_time", "kind", "at"),
    )

    kind: str = required_text()
    """``email``, ``phone`` or ``push_token``."""
    address: str = required_text()
    reason: str = required_text()
    at: datetime = required_instant()
