"""Find calls that failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

FAILED = sa.text("state = 'failed'")


def upgrade() -> None:
    op.create_index(
        "message_failed",
        "message",
        ["state_at"],
        sqlite_where=FAILED,
        postgresql_where=FAILED,
    )
