"""Where customers stand: stages, segments, and their runs of flows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    Index,
    Integer,
    PrimaryKeyConstraint,
    literal_column,
    text,
)
from sqlmodel import Field, SQLModel

from orchestrator.tables.fields import (
    big_field,
    instant_field,
    required_instant,
    required_text,
    text_field,
)

_OPEN: dict[str, Any] = {
    "sqlite_where": text("ended_at IS NULL"),
    "postgresql_where": text("ended_at IS NULL"),
}

ACTIVE: ColumnClause[str] = literal_column("'active'")
"""The status of a run that has not ended, written out: where it is a parameter, SQLite does not
know that the index of these runs alone has them all."""
_ACTIVE: dict[str, Any] = {
    "sqlite_where": text("status = 'active'"),
    "postgresql_where": text("status = 'active'"),
}


class StageInterval(SQLModel, table=True):
    """One stay of one customer in one stage: ``[began_at, ended_at)``, open while NULL."""

    __tablename__ = "stage_interval"
    __table_args__ = (
        PrimaryKeyConstraint("customer_id", "began_at", "stage"),
        Index("stage_interval_open", "customer_id", unique=True, **_OPEN),
        Index("stage_interval_by_stage", "stage", "customer_id", "began_at", "ended_at"),
        Index("stage_interval_by_begin", "stage", "began_at"),
        Index("stage_interval_by_end", "stage", "ended_at"),
        {"sqlite_with_rowid": False},
    )

    customer_id: int = big_field()
    stage: str = required_text()
    began_at: datetime = required_instant()
    ended_at: datetime | None = instant_field()
    silent: int = Field(sa_type=Integer)
    """1 if it began by a first evaluation: a stay, but no transition."""
    ended_silent: int = Field(default=0, sa_type=Integer)
    """1 if it ended by an edit of the condition: no transition either."""


class SegmentInterval(SQLModel, table=True):
    """One stay of one customer in one segment: ``[began_at, ended_at)``, open while NULL."""

    __tablename__ = "segment_interval"
    __table_args__ = (
        PrimaryKeyConstraint("segment", "customer_id", "began_at"),
        Index("segment_interval_open", "segment", "customer_id", unique=True, **_OPEN),
        {"sqlite_with_rowid": False},
    )

    customer_id: int = big_field()
    segment: str = required_text()
    began_at: datetime = required_instant()
    ended_at: datetime | None = instant_field()
    silent: int = Field(sa_type=Integer)
    ended_silent: int = Field(default=0, sa_type=Integer)


class Enrollment(SQLModel, table=True):
    """One customer's run of one flow; ``entry`` counts that customer's runs from 1."""

    __tablename__ = "enrollment"
    __table_args__ = (
        PrimaryKeyConstraint("flow", "customer_id", "entry"),
        Index("enrollment_by_occurrence", "flow", "customer_id", "occurrence", unique=True),
        Index("enrollment_due", "flow", "due_at", **_ACTIVE),
        Index("enrollment_inside", "flow", "release", **_ACTIVE),
        Index("enrollment_entered", "flow", "entry_at"),
        Index("enrollment_ended", "flow", "ended_at"),
    )

    flow: str = required_text()
    customer_id: int = big_field()
    entry: int = Field(sa_type=Integer)
    release: str = required_text()
    start: str = required_text()
    """Id of the start that fired."""
    occurrence: str = required_text()
    """What made it fire, once for ever: an event, a transition, a date, a label."""
    key_value: str | None = text_field()
    """The value of the flow's ``key`` property, for one run per (customer, key)."""
    entry_at: datetime = required_instant()
    entry_event_id: int | None = Field(default=None, sa_type=BigInteger)
    entered_at: datetime = required_instant()
    status: str = required_text()
    """``active`` or ``ended``."""
    step: str | None = text_field()
    """Id of the step the run stands on, reached but not done."""
    reached_at: datetime | None = instant_field()
    """The tick that reached ``step``."""
    due_at: datetime | None = instant_field()
    """When a waiting run may go on; NULL if it does not wait for a time."""
    held_reason: str | None = text_field()
    exit_reason: str | None = text_field()
    exit_detail: str | None = text_field()
    ended_at: datetime | None = instant_field()
    ended_late: int = Field(default=0, sa_type=Integer)
    """1 if the run ended after entries were decided in its tick (semantics 26, parts 5-6)."""
    lap: int = Field(default=0, sa_type=Integer, sa_column_kwargs={"server_default": "0"})
    """How many rounds of ``repeat`` steps the run has begun: what tells their sends apart."""


class Occurrence(SQLModel, table=True):
    """One start occurrence that a tick has seen and used up, entered or refused."""

    __tablename__ = "occurrence"
    __table_args__ = (
        PrimaryKeyConstraint("flow", "customer_id", "occurrence"),
        Index("occurrence_by_tick", "flow", "at"),
        {"sqlite_with_rowid": False},
    )

    flow: str = required_text()
    customer_id: int = big_field()
    occurrence: str = required_text()
    at: datetime = required_instant()
    """The deciding tick."""
    reason: str | None = text_field()
    """NULL if it opened a run, else the entry reason code."""


class Round(SQLModel, table=True):
    """How far a run has come with one ``repeat`` step."""

    __tablename__ = "round"
    __table_args__ = (
        PrimaryKeyConstraint("flow", "customer_id", "entry", "step"),
        {"sqlite_with_rowid": False},
    )

    flow: str = required_text()
    customer_id: int = big_field()
    entry: int = Field(sa_type=Integer)
    step: str = required_text()
    """Id of the ``repeat``."""
    number: int = Field(sa_type=Integer)
    """Of the latest round, from 1."""
    began_at: datetime = required_instant()
    """The tick that began that round."""


class StepResult(SQLModel, table=True):
    """What a step of a run brought back (semantics 44, 49); the latest round's."""

    __tablename__ = "step_result"
    __table_args__ = (
        PrimaryKeyConstraint("flow", "customer_id", "entry", "step"),
        {"sqlite_with_rowid": False},
    )

    flow: str = required_text()
    customer_id: int = big_field()
    entry: int = Field(sa_type=Integer)
    step: str = required_text()
    did: str | None = text_field()
    """The event that ended a ``wait_until``; its properties are those of ``event_id``."""
    at: datetime | None = instant_field()
    """When that event happened, else the tick that ended the wait."""
    timed_out: int = Field(sa_type=Integer)
    event_id: int | None = Field(default=None, sa_type=BigInteger)
