"""Lay the tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "alias",
        sa.Column("external_id", TEXT, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("external_id"),
    )
    op.create_index(op.f("ix_alias_customer_id"), "alias", ["customer_id"], unique=False)
    op.create_table(
        "attribute_item",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("item", TEXT, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "item", "customer_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_attribute_item_customer_id"), "attribute_item", ["customer_id"], unique=False
    )
    op.create_table(
        "attribute_value",
        sa.Column("text", TEXT, nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("scaled", sa.BigInteger(), nullable=True),
        sa.Column("money", sa.BigInteger(), nullable=True),
        sa.Column("instant", sa.BigInteger(), nullable=True),
        sa.Column("on_date", sa.Integer(), nullable=True),
        sa.Column("truth", sa.Integer(), nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "customer_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "attribute_value_by_instant",
        "attribute_value",
        ["name", "instant", "customer_id"],
        unique=False,
        sqlite_where=sa.text("instant IS NOT NULL"),
        postgresql_where=sa.text("instant IS NOT NULL"),
    )
    op.create_index(
        "attribute_value_by_number",
        "attribute_value",
        ["name", "number", "customer_id"],
        unique=False,
        sqlite_where=sa.text("number IS NOT NULL"),
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index(
        "attribute_value_by_on_date",
        "attribute_value",
        ["name", "on_date", "customer_id"],
        unique=False,
        sqlite_where=sa.text("on_date IS NOT NULL"),
        postgresql_where=sa.text("on_date IS NOT NULL"),
    )
    op.create_index(
        "attribute_value_by_text", "attribute_value", ["name", "text", "customer_id"], unique=False
    )
    op.create_table(
        "consent",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("topic", TEXT, nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "consent_by_customer", "consent", ["customer_id", "topic", "at", "withdrawn"], unique=False
    )
    op.create_index(
        "consent_by_topic", "consent", ["topic", "customer_id", "at", "withdrawn"], unique=False
    )
    op.create_table(
        "customer",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("external_id", TEXT, nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("email", TEXT, nullable=True),
        sa.Column("phone", TEXT, nullable=True),
        sa.Column("push_token", TEXT, nullable=True),
        sa.Column("locale", TEXT, nullable=True),
        sa.Column("timezone", TEXT, nullable=True),
        sa.Column("preferred_channel", TEXT, nullable=True),
        sa.Column("preferred_time", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("first_event_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("external_id"),
    )
    op.create_index("customer_by_timezone", "customer", ["timezone"], unique=False)
    op.create_table(
        "decision",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("channel", TEXT, nullable=True),
        sa.Column("decision", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("variant", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("decision_by_customer", "decision", ["customer_id", "flow"], unique=False)
    op.create_index("decision_by_tick", "decision", ["at"], unique=False)
    op.create_table(
        "definition",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name"),
    )
    op.create_table(
        "dirty",
        sa.Column("customer_id", ROW_ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_table(
        "enrollment",
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("release", TEXT, nullable=False),
        sa.Column("start", TEXT, nullable=False),
        sa.Column("occurrence", TEXT, nullable=False),
        sa.Column("key_value", TEXT, nullable=True),
        sa.Column("entry_at", sa.BigInteger(), nullable=False),
        sa.Column("entry_event_id", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("step", TEXT, nullable=True),
        sa.Column("reached_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("held_reason", TEXT, nullable=True),
        sa.Column("exit_reason", TEXT, nullable=True),
        sa.Column("exit_detail", TEXT, nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_late", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "customer_id", "entry"),
    )
    op.create_index(
        "enrollment_active",
        "enrollment",
        ["flow", "step", "due_at"],
        unique=False,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "enrollment_by_occurrence", "enrollment", ["flow", "customer_id", "occurrence"], unique=True
    )
    op.create_index("enrollment_ended", "enrollment", ["flow", "ended_at"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source_id", TEXT, nullable=False),
        sa.Column("properties", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id"),
    )
    op.create_index(
        "event_by_customer", "event", ["name", "customer_id", "occurred_at"], unique=False
    )
    op.create_index("event_by_time", "event", ["name", "occurred_at", "customer_id"], unique=False)
    op.create_table(
        "event_value",
        sa.Column("text", TEXT, nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("scaled", sa.BigInteger(), nullable=True),
        sa.Column("money", sa.BigInteger(), nullable=True),
        sa.Column("instant", sa.BigInteger(), nullable=True),
        sa.Column("on_date", sa.Integer(), nullable=True),
        sa.Column("truth", sa.Integer(), nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "name",
            "customer_id",
            "occurred_at",
            "event_id",
            postgresql_include=["money", "scaled"],
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "flow_state",
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("live_since", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.Column("tripped_at", sa.BigInteger(), nullable=True),
        sa.Column("resumed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("flow"),
    )
    op.create_table(
        "lease",
        sa.Column("role", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("role"),
    )
    op.create_table(
        "message",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("occurrence", TEXT, nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("topic", TEXT, nullable=True),
        sa.Column("variant", TEXT, nullable=True),
        sa.Column("release", TEXT, nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("state_at", sa.BigInteger(), nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "customer_id",
            "flow",
            "entry",
            "step",
            "occurrence",
            "channel",
            "generation",
            name="message_key",
        ),
    )
    op.create_index("message_by_customer", "message", ["customer_id", "decided_at"], unique=False)
    op.create_index(
        "message_by_flow", "message", ["flow", "decided_at", "customer_id"], unique=False
    )
    op.create_index(
        "message_by_message", "message", ["message", "customer_id", "decided_at"], unique=False
    )
    op.create_index(
        "message_queued",
        "message",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_table(
        "occurrence",
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("occurrence", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("flow", "customer_id", "occurrence"),
        sqlite_with_rowid=False,
    )
    op.create_index("occurrence_by_tick", "occurrence", ["flow", "at"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("flow", TEXT, nullable=True),
        sa.Column("channel", TEXT, nullable=True),
        sa.Column("source_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id"),
    )
    op.create_index("receipt_by_customer", "receipt", ["customer_id", "kind", "at"], unique=False)
    op.create_index(
        "receipt_by_message", "receipt", ["kind", "message", "customer_id", "at"], unique=False
    )
    op.create_table(
        "release",
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("files", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_table(
        "segment_interval",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("segment", TEXT, nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("silent", sa.Integer(), nullable=False),
        sa.Column("ended_silent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("segment", "customer_id", "began_at"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "segment_interval_open",
        "segment_interval",
        ["segment", "customer_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "stage_interval",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("silent", sa.Integer(), nullable=False),
        sa.Column("ended_silent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "began_at", "stage"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "stage_interval_by_stage",
        "stage_interval",
        ["stage", "customer_id", "began_at", "ended_at"],
        unique=False,
    )
    op.create_index(
        "stage_interval_open",
        "stage_interval",
        ["customer_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "suppression",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "address"),
    )
    op.create_table(
        "tick",
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("release", TEXT, nullable=False),
        sa.Column("last_customer_id", sa.BigInteger(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at"),
    )
    op.create_table(
        "tick_count",
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("customers", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("at", "flow", "reason"),
    )
