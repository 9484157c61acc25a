"""Lists for advertisers: which were written, for which period, and when they were looked at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import PrimaryKeyConstraint
from sqlmodel import SQLModel

from orchestrator.tables.fields import big_field, required_instant, required_text


class AudienceExport(SQLModel, table=True):
    """The last time that a list was written whole. One row per list and platform."""

    __tablename__ = "audience_export"
    __table_args__ = (PrimaryKeyConstraint("list", "platform"),)

    list: str = required_text()
    platform: str = required_text()
    due_at: datetime = required_instant()
    """The instant of the rhythm that it was written for."""
    at: datetime = required_instant()
    """When it was written: what was done or withdrawn later is not in it."""
    checked_at: datetime = required_instant()
    """When those who may not stand there any more were last taken out."""
    people: int = big_field()
    """Rows of the file, without its header."""
