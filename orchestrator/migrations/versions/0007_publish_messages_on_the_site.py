"""Publish messages on the site."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "onsite_message",
        sa.Column("message_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("customer", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("html", TEXT, nullable=True),
        sa.Column("is_json", sa.Integer(), nullable=False),
        sa.Column("locale", TEXT, nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index(
        "onsite_message_by_customer", "onsite_message", ["customer", "decided_at"], unique=False
    )
