"""Remember the volume of steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
HOUR = 3_600_000_000
"""In microseconds."""
MEMORY = 31 * 24 * HOUR


def upgrade() -> None:
    op.create_table(
        "step_volume",
        sa.Column("flow", TEXT, nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("approved", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "step", "hour"),
    )
    op.execute(
        "INSERT INTO step_volume (flow, step, hour, messages, held, approved) "
        f"SELECT flow, step, decided_at / {HOUR}, count(*), 0, 0 FROM message "
        f"WHERE decided_at > (SELECT max(at) - {MEMORY} FROM tick) "
        f"GROUP BY flow, step, decided_at / {HOUR}"
    )
