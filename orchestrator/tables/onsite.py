"""What a customer's next visit to the site shows: published messages, until they expire."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, Integer
from sqlmodel import Field, SQLModel

from orchestrator.tables.fields import (
    ROW_ID,
    big_field,
    instant_field,
    required_instant,
    required_text,
    text_field,
)


class OnsiteMessage(SQLModel, table=True):
    """One message that waits for its customer to come by. Written with the ledger's ``sent``."""

    __tablename__ = "onsite_message"
    __table_args__ = (Index("onsite_message_by_customer", "customer", "decided_at"),)

    message_id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=False))
    customer_id: int = big_field()
    customer: str = required_text()
    """External id."""
    key: str = required_text()
    """By which the site tells what became of it."""
    message: str = required_text()
    flow: str = required_text()
    subject: str | None = text_field()
    text: str = required_text()
    html: str | None = text_field()
    is_json: int = Field(sa_type=Integer)
    """1 if ``text`` is JSON that the site knows what to do with."""
    locale: str | None = text_field()
    decided_at: datetime = required_instant()
    published_at: datetime = required_instant()
    expires_at: datetime | None = instant_field()
