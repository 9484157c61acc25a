"""Lay out what flows need for months."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "control",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("kind", "name"),
    )
    op.create_table(
        "effect",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("occurrence", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("withheld", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "flow", "customer_id", "entry", "step", "occurrence", name="effect_key"
        ),
    )
    op.create_index(
        "effect_by_object", "effect", ["kind", "object", "customer_id", "at"], unique=False
    )
    op.create_index("effect_by_tick", "effect", ["at"], unique=False)
    op.create_table(
        "instance",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "round",
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "customer_id", "entry", "step"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "step_result",
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("did", TEXT, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("timed_out", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("flow", "customer_id", "entry", "step"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "task",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("occurrence", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("assign_to", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flow", "customer_id", "entry", "step", "occurrence", name="task_key"),
    )
    op.create_index("task_by_customer", "task", ["customer_id", "flow", "step"], unique=False)
    op.create_index(
        "task_open",
        "task",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index("consent_by_time", "consent", ["at"], unique=False)
    op.create_index("customer_by_created_at", "customer", ["created_at"], unique=False)
    op.create_index("customer_by_first_event_at", "customer", ["first_event_at"], unique=False)
    # what waited there is not lost: the next tick evaluates everybody
    op.drop_table("dirty")
    op.create_table(
        "dirty",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("enrollment", sa.Column("lap", sa.Integer(), server_default="0", nullable=False))
    op.drop_index("enrollment_active", table_name="enrollment")
    op.create_index(
        "enrollment_due",
        "enrollment",
        ["flow", "due_at"],
        unique=False,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index("enrollment_entered", "enrollment", ["flow", "entry_at"], unique=False)
    op.create_index("message_by_time", "message", ["decided_at", "customer_id"], unique=False)
    op.create_index("receipt_by_time", "receipt", ["at", "customer_id"], unique=False)
    op.create_index(
        "stage_interval_by_begin", "stage_interval", ["stage", "began_at"], unique=False
    )
    op.create_index("stage_interval_by_end", "stage_interval", ["stage", "ended_at"], unique=False)
    op.add_column("tick", sa.Column("term", sa.BigInteger(), nullable=True))
    op.add_column("tick", sa.Column("recorded_at", sa.BigInteger(), nullable=True))
