"""Find customers by their addresses, and what was suppressed lately."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for kind in ("email", "phone", "push_token"):
        there = sa.text(f"{kind} IS NOT NULL")
        op.create_index(
            f"customer_by_{kind}",
            "customer",
            [kind],
            unique=False,
            sqlite_where=there,
            postgresql_where=there,
        )
    op.create_index("suppression_by_time", "suppression", ["kind", "at"], unique=False)
