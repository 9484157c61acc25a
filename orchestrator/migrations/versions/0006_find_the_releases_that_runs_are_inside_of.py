"""Find the releases that runs entered a flow under."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    active = sa.text("status = 'active'")
    op.create_index(
        "enrollment_inside",
        "enrollment",
        ["flow", "release"],
        unique=False,
        sqlite_where=active,
        postgresql_where=active,
    )
