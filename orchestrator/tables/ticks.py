"""What the engine remembers of itself from tick to tick."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from orchestrator.columns import Instant
from orchestrator.tables.fields import (
    ROW_ID,
    big_field,
    instant_field,
    required_instant,
    required_text,
    text_field,
)


class Release(SQLModel, table=True):
    """The exact text of the playbooks that decided, and the variables given beside them."""

    __tablename__ = "release"

    fingerprint: str = required_text(primary_key=True)
    recorded_at: datetime = required_instant()
    files: str = required_text()
    """JSON object: path below the project → text."""
    variables: str = required_text(default="{}", sa_column_kwargs={"server_default": "{}"})
    """JSON object: name → text of what ``--var`` gave."""


class Tick(SQLModel, table=True):
    """One live tick. The latest ``at`` is the watermark."""

    __tablename__ = "tick"

    at: datetime = Field(sa_column=Column(Instant, primary_key=True, autoincrement=False))
    release: str = required_text()
    last_customer_id: int = big_field()
    """The greatest customer id it saw: later ones are first seen by the next tick."""
    sends: int = Field(sa_type=Integer)
    term: int | None = Field(default=None, sa_type=BigInteger)
    """The scheduler's term of office; NULL for a tick that a person ran."""
    recorded_at: datetime | None = instant_field()
    """The wall clock as it was written."""


class TickCount(SQLModel, table=True):
    """How many starts a tick refused, by flow and reason (semantics 33)."""

    __tablename__ = "tick_count"
    __table_args__ = (PrimaryKeyConstraint("at", "flow", "reason"),)

    at: datetime = required_instant()
    flow: str = required_text()
    reason: str = required_text()
    customers: int = big_field()


class Definition(SQLModel, table=True):
    """The resolved conditions of a stage model, segment or flow, as they were last evaluated."""

    __tablename__ = "definition"
    __table_args__ = (PrimaryKeyConstraint("kind", "name"),)

    kind: str = required_text()
    """``stages``, ``segment`` or ``flow``."""
    name: str = required_text()
    fingerprint: str = required_text()


class FlowState(SQLModel, table=True):
    """What is remembered of a flow beside its text."""

    __tablename__ = "flow_state"

    flow: str = required_text(primary_key=True)
    live_since: datetime | None = instant_field()
    seen_at: datetime | None = instant_field()
    """The latest live tick that evaluated the flow; earlier than others after a pause."""
    tripped_at: datetime | None = instant_field()
    """When its volume breaker tripped; cleared by ``clmctl resume``."""
    resumed_at: datetime | None = instant_field()


class Lease(SQLModel, table=True):
    """Who may plan: one row per role, a new ``term`` at each change of holder."""

    __tablename__ = "lease"

    role: str = required_text(primary_key=True)
    holder: str = required_text()
    term: int = big_field()
    expires_at: datetime = required_instant()


class Dirty(SQLModel, table=True):
    """A customer about whom a fact changed and no tick has seen it yet.

    A row per change, not per customer: a tick deletes the rows it read and no others, so a
    change that commits while it evaluates is left to the next one.
    """

    __tablename__ = "dirty"

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = big_field()


class Control(SQLModel, table=True):
    """What a person has stopped, until they let it go on again; and whose links are signed."""

    __tablename__ = "control"
    __table_args__ = (PrimaryKeyConstraint("kind", "name"),)

    kind: str = required_text()
    """``all``, ``flow``, ``channel``, ``provider``, ``surge``: a flow waits for approval, or
    ``complaints``: a sender does; ``secret``: what links are signed with, one row."""
    name: str = required_text()
    """The flow, channel, provider or sender; empty for ``all`` and ``secret``."""
    state: str = required_text()
    """``paused``; of a ``surge`` and of ``complaints`` ``held``, of these later ``released``;
    of ``secret`` its public name."""
    at: datetime = required_instant()
    """Since when; of a ``surge`` the latest tick of which messages are held."""
    reason: str | None = text_field()


class StepVolume(SQLModel, table=True):
    """How many messages a step decided in an hour: what the volume breaker remembers."""

    __tablename__ = "step_volume"
    __table_args__ = (PrimaryKeyConstraint("flow", "step", "hour"),)

    flow: str = required_text()
    step: str = required_text()
    hour: int = big_field()
    """Hours since 1970, UTC."""
    messages: int = big_field()
    held: int = big_field()
    """Of these, what was held as a surge and is not approved."""
    approved: int = big_field()
    """Of these, what a person approved, or could preview before the step's first tick."""


class Instance(SQLModel, table=True):
    """Which database this is: a copy of it is told apart by the note beside the project."""

    __tablename__ = "instance"

    id: str = required_text(primary_key=True)
    created_at: datetime = required_instant()
