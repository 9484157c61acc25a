"""The tables: everything the engine knows, one class per table.

Classes are SQLModel tables (they carry the schema and no validation: rows are checked
before they get here); queries use the ``Table`` objects at the end of the module.
Instants are ``columns.Instant``, dates ``columns.LocalDate``, text compares by bytes.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from orchestrator.columns import Instant, LocalDate, exact_text

ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit row id; SQLite numbers rows by itself only for the exact type INTEGER."""


def _text(*, default: str | None = None, **options: Any) -> Any:
    return Field(default=default, sa_type=exact_text(), **options)


def _required_text(**options: Any) -> Any:
    return Field(sa_type=exact_text(), **options)


def _instant() -> Any:
    return Field(default=None, sa_type=Instant)


def _required_instant() -> Any:
    return Field(sa_type=Instant)


def _big(**options: Any) -> Any:
    return Field(sa_type=BigInteger, **options)


class Customer(SQLModel, table=True):
    """One person. ``base`` is the hash that buckets are computed from (semantics 22)."""

    __tablename__ = "customer"
    __table_args__ = (Index("customer_by_timezone", "timezone"),)

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    external_id: str = _required_text(unique=True)
    base: int = _big()
    email: str | None = _text()
    phone: str | None = _text()
    push_token: str | None = _text()
    locale: str | None = _text()
    timezone: str | None = _text()
    preferred_channel: str | None = _text()
    preferred_time: str | None = _text()
    created_at: datetime | None = _instant()
    first_event_at: datetime | None = _instant()
    """Earliest ``occurred_at`` of the customer's events; existence without ``created_at``."""


class Alias(SQLModel, table=True):
    """Another external id that means the same customer."""

    __tablename__ = "alias"

    external_id: str = _required_text(primary_key=True)
    customer_id: int = _big(index=True)


class _Typed(SQLModel):
    """One raw value, parsed once into every type it can be read as (semantics 6)."""

    text: str | None = _text()
    """The raw value, NFC."""
    number: float | None = Field(default=None, sa_type=Double)
    scaled: int | None = Field(default=None, sa_type=BigInteger)
    """``number`` rounded to 1/10,000, as an integer: what totals and averages add."""
    money: int | None = Field(default=None, sa_type=BigInteger)
    """Exact 1/10,000 units; missing if the value has more than four decimals."""
    instant: datetime | None = _instant()
    on_date: date | None = Field(default=None, sa_type=LocalDate)
    truth: int | None = Field(default=None, sa_type=Integer)
    """1 for ``true``, 0 for ``false``."""


class AttributeValue(_Typed, table=True):
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

    name: str = _required_text()
    customer_id: int = _big()


class AttributeItem(SQLModel, table=True):
    """One member of one list attribute of one customer."""

    __tablename__ = "attribute_item"
    __table_args__ = (
        PrimaryKeyConstraint("name", "item", "customer_id"),
        {"sqlite_with_rowid": False},
    )

    name: str = _required_text()
    item: str = _required_text()
    customer_id: int = _big(index=True)


class Event(SQLModel, table=True):
    """One thing a customer did. ``source_id`` makes it one event whatever arrives twice."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_by_customer", "name", "customer_id", "occurred_at"),
        Index("event_by_time", "name", "occurred_at", "customer_id"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = _big()
    name: str = _required_text()
    occurred_at: datetime = _required_instant()
    received_at: datetime = _required_instant()
    source_id: str = _required_text(unique=True)
    """The row's own ``id``, or ``~`` and a hash of customer, name, instant, properties."""
    properties: str = _required_text()
    """The raw properties, a JSON object."""


class EventValue(_Typed, table=True):
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

    name: str = _required_text()
    customer_id: int = _big()
    occurred_at: datetime = _required_instant()
    event_id: int = _big()


class Consent(SQLModel, table=True):
    """One act of consent or withdrawal. Append-only; the latest act at an instant holds."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("consent_by_topic", "topic", "customer_id", "at", "withdrawn"),
        Index("consent_by_customer", "customer_id", "topic", "at", "withdrawn"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = _big()
    topic: str = _required_text()
    withdrawn: int = Field(sa_type=Integer)
    """0 grants, 1 withdraws; at equal instants the withdrawal holds."""
    at: datetime = _required_instant()
    source: str = _required_text()
    """``import``, ``customer`` or ``flow``."""


class Suppression(SQLModel, table=True):
    """An address nothing is sent to any more, whoever holds it."""

    __tablename__ = "suppression"
    __table_args__ = (PrimaryKeyConstraint("kind", "address"),)

    kind: str = _required_text()
    """``email``, ``phone`` or ``push_token``."""
    address: str = _required_text()
    reason: str = _required_text()
    at: datetime = _required_instant()


_OPEN: dict[str, Any] = {
    "sqlite_where": text("ended_at IS NULL"),
    "postgresql_where": text("ended_at IS NULL"),
}


class StageInterval(SQLModel, table=True):
    """One stay of one customer in one stage: ``[began_at, ended_at)``, open while NULL."""

    __tablename__ = "stage_interval"
    __table_args__ = (
        PrimaryKeyConstraint("customer_id", "began_at", "stage"),
        Index("stage_interval_open", "customer_id", unique=True, **_OPEN),
        Index("stage_interval_by_stage", "stage", "customer_id", "began_at", "ended_at"),
        {"sqlite_with_rowid": False},
    )

    customer_id: int = _big()
    stage: str = _required_text()
    began_at: datetime = _required_instant()
    ended_at: datetime | None = _instant()
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

    customer_id: int = _big()
    segment: str = _required_text()
    began_at: datetime = _required_instant()
    ended_at: datetime | None = _instant()
    silent: int = Field(sa_type=Integer)
    ended_silent: int = Field(default=0, sa_type=Integer)


class Enrollment(SQLModel, table=True):
    """One customer's run of one flow; ``entry`` counts that customer's runs from 1."""

    __tablename__ = "enrollment"
    __table_args__ = (
        PrimaryKeyConstraint("flow", "customer_id", "entry"),
        Index("enrollment_by_occurrence", "flow", "customer_id", "occurrence", unique=True),
        Index(
            "enrollment_active",
            "flow",
            "step",
            "due_at",
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
        Index("enrollment_ended", "flow", "ended_at"),
    )

    flow: str = _required_text()
    customer_id: int = _big()
    entry: int = Field(sa_type=Integer)
    release: str = _required_text()
    start: str = _required_text()
    """Id of the start that fired."""
    occurrence: str = _required_text()
    """What made it fire, once for ever: an event, a transition, a date, a label."""
    key_value: str | None = _text()
    """The value of the flow's ``key`` property, for one run per (customer, key)."""
    entry_at: datetime = _required_instant()
    entry_event_id: int | None = Field(default=None, sa_type=BigInteger)
    entered_at: datetime = _required_instant()
    status: str = _required_text()
    """``active`` or ``ended``."""
    step: str | None = _text()
    """Id of the step the run stands on, reached but not done."""
    reached_at: datetime | None = _instant()
    """The tick that reached ``step``."""
    due_at: datetime | None = _instant()
    """When a waiting run may go on; NULL if it does not wait for a time."""
    held_reason: str | None = _text()
    exit_reason: str | None = _text()
    exit_detail: str | None = _text()
    ended_at: datetime | None = _instant()
    ended_late: int = Field(default=0, sa_type=Integer)
    """1 if the run ended after entries were decided in its tick (semantics 26, parts 5-6)."""


class Occurrence(SQLModel, table=True):
    """One start occurrence that a tick has seen and used up, entered or refused."""

    __tablename__ = "occurrence"
    __table_args__ = (
        PrimaryKeyConstraint("flow", "customer_id", "occurrence"),
        Index("occurrence_by_tick", "flow", "at"),
        {"sqlite_with_rowid": False},
    )

    flow: str = _required_text()
    customer_id: int = _big()
    occurrence: str = _required_text()
    at: datetime = _required_instant()
    """The deciding tick."""
    reason: str | None = _text()
    """NULL if it opened a run, else the entry reason code."""


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
        Index(
            "message_queued",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = _big()
    flow: str = _required_text()
    entry: int = Field(sa_type=Integer)
    step: str = _required_text()
    occurrence: str = _required_text()
    """Which round of a repeated step; ``0`` outside a repeat."""
    channel: str = _required_text()
    generation: int = Field(default=0, sa_type=Integer)
    """0; an operator's explicit retry makes the next one."""
    message: str = _required_text()
    purpose: str = _required_text()
    topic: str | None = _text()
    variant: str | None = _text()
    release: str = _required_text()
    decided_at: datetime = _required_instant()
    due_at: datetime = _required_instant()
    state: str = _required_text()
    """``queued`` until a channel took it, then ``sent``, or ``dead`` with ``error``."""
    state_at: datetime = _required_instant()
    error: str | None = _text()


class Decision(SQLModel, table=True):
    """What a tick decided about one send. Append-only (semantics 60)."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("decision_by_customer", "customer_id", "flow"),
        Index("decision_by_tick", "at"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    at: datetime = _required_instant()
    customer_id: int = _big()
    flow: str = _required_text()
    entry: int = Field(sa_type=Integer)
    step: str = _required_text()
    message: str = _required_text()
    channel: str | None = _text()
    decision: str = _required_text()
    """``send``, ``hold``, ``suppress`` or ``expire``."""
    reason: str | None = _text()
    detail: str | None = _text()
    due_at: datetime = _required_instant()
    variant: str | None = _text()


class Receipt(SQLModel, table=True):
    """What became of a message, as its provider told: accepted, opened, bounced and so on."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index("receipt_by_message", "kind", "message", "customer_id", "at"),
        Index("receipt_by_customer", "customer_id", "kind", "at"),
    )

    id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    customer_id: int = _big()
    message: str = _required_text()
    kind: str = _required_text()
    at: datetime = _required_instant()
    flow: str | None = _text()
    channel: str | None = _text()
    source_id: str = _required_text(unique=True)


class Release(SQLModel, table=True):
    """The exact text of the playbooks that decided."""

    __tablename__ = "release"

    fingerprint: str = _required_text(primary_key=True)
    recorded_at: datetime = _required_instant()
    files: str = _required_text()
    """JSON object: path below the project → text."""


class Tick(SQLModel, table=True):
    """One live tick. The latest ``at`` is the watermark."""

    __tablename__ = "tick"

    at: datetime = Field(sa_column=Column(Instant, primary_key=True, autoincrement=False))
    release: str = _required_text()
    last_customer_id: int = _big()
    """The greatest customer id it saw: later ones are first seen by the next tick."""
    sends: int = Field(sa_type=Integer)


class TickCount(SQLModel, table=True):
    """How many starts a tick refused, by flow and reason (semantics 33)."""

    __tablename__ = "tick_count"
    __table_args__ = (PrimaryKeyConstraint("at", "flow", "reason"),)

    at: datetime = _required_instant()
    flow: str = _required_text()
    reason: str = _required_text()
    customers: int = _big()


class Definition(SQLModel, table=True):
    """The resolved condition of a stage model or segment that its intervals come from."""

    __tablename__ = "definition"
    __table_args__ = (PrimaryKeyConstraint("kind", "name"),)

    kind: str = _required_text()
    """``stages`` or ``segment``."""
    name: str = _required_text()
    fingerprint: str = _required_text()


class FlowState(SQLModel, table=True):
    """What is remembered of a flow beside its text."""

    __tablename__ = "flow_state"

    flow: str = _required_text(primary_key=True)
    live_since: datetime | None = _instant()
    seen_at: datetime | None = _instant()
    """The latest live tick that evaluated the flow; earlier than others after a pause."""
    tripped_at: datetime | None = _instant()
    """When its volume breaker tripped; cleared by ``clmctl resume``."""
    resumed_at: datetime | None = _instant()


class Lease(SQLModel, table=True):
    """Who may plan: one row per role, a new ``term`` at each change of holder."""

    __tablename__ = "lease"

    role: str = _required_text(primary_key=True)
    holder: str = _required_text()
    term: int = _big()
    expires_at: datetime = _required_instant()


class Dirty(SQLModel, table=True):
    """Customers about whom a fact changed since the last tick."""

    __tablename__ = "dirty"

    customer_id: int = Field(sa_column=Column(ROW_ID, primary_key=True, autoincrement=False))


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", vars(model)["__table__"])


metadata = SQLModel.metadata
alias = _table(Alias)
attribute_item = _table(AttributeItem)
attribute_value = _table(AttributeValue)
consent = _table(Consent)
customer = _table(Customer)
decision = _table(Decision)
definition = _table(Definition)
dirty = _table(Dirty)
enrollment = _table(Enrollment)
event = _table(Event)
event_value = _table(EventValue)
flow_state = _table(FlowState)
lease = _table(Lease)
message = _table(Message)
occurrence = _table(Occurrence)
receipt = _table(Receipt)
release = _table(Release)
segment_interval = _table(SegmentInterval)
stage_interval = _table(StageInterval)
suppression = _table(Suppression)
tick = _table(Tick)
tick_count = _table(TickCount)
