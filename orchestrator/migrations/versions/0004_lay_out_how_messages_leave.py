"""Lay out how messages leave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_by_object", "audit", ["object", "id"], unique=False)
    op.create_table(
        "breaker",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("domain", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("recent", TEXT, nullable=False),
        sa.Column("trips", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.BigInteger(), nullable=True),
        sa.Column("probe", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("provider", "domain"),
    )
    op.create_table(
        "bucket",
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("refilled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "provider", "sender"),
    )
    op.create_table(
        "message_event",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider", TEXT, nullable=True),
        sa.Column("code", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("message_event_by_message", "message_event", ["message_id", "id"], unique=False)
    op.create_index("message_event_by_time", "message_event", ["at"], unique=False)
    op.create_table(
        "payload",
        sa.Column("message_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.add_column(
        "message", sa.Column("not_before", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("message", sa.Column("attempt", sa.Integer(), server_default="0", nullable=False))
    op.add_column("message", sa.Column("crashes", sa.Integer(), server_default="0", nullable=False))
    op.add_column("message", sa.Column("lease", TEXT, nullable=True))
    op.add_column("message", sa.Column("lease_until", sa.BigInteger(), nullable=True))
    op.add_column("message", sa.Column("provider", TEXT, nullable=True))
    op.add_column("message", sa.Column("provider_id", TEXT, nullable=True))
    op.add_column("message", sa.Column("provider_key", TEXT, nullable=True))
    op.add_column("message", sa.Column("first_attempt_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "message", sa.Column("possible_duplicate", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column(
        "message", sa.Column("set_aside", sa.Integer(), server_default="0", nullable=False)
    )
    op.drop_index("message_queued", table_name="message", sqlite_where=sa.text("state = 'queued'"))
    op.create_index(
        "message_by_provider_id",
        "message",
        ["provider", "provider_id"],
        unique=False,
        sqlite_where=sa.text("provider_id IS NOT NULL"),
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )
    op.create_index(
        "message_by_provider_key",
        "message",
        ["provider_key"],
        unique=False,
        sqlite_where=sa.text("provider_key IS NOT NULL"),
        postgresql_where=sa.text("provider_key IS NOT NULL"),
    )
    op.create_index(
        "message_dead",
        "message",
        ["state_at"],
        unique=False,
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "message_doubtful",
        "message",
        ["channel", "not_before"],
        unique=False,
        sqlite_where=sa.text("state = 'in_doubt'"),
        postgresql_where=sa.text("state = 'in_doubt'"),
    )
    op.create_index(
        "message_leased",
        "message",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state IN ('claimed', 'sending')"),
        postgresql_where=sa.text("state IN ('claimed', 'sending')"),
    )
    op.create_index(
        "message_waiting",
        "message",
        ["channel", "purpose", "flow", "not_before", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
