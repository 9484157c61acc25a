"""What Alembic runs for every command: our connection, our tables, our transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import BigInteger, Integer, String

from orchestrator import tables
from orchestrator.columns import Instant, LocalDate
from orchestrator.sqlite_file import SCHEMA_TABLE


def type_as_text(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Return how a column type is written in a revision, which must not change with our code."""
    if kind != "type":
        return False
    if isinstance(item, Instant):
        return "sa.BigInteger()"
    if isinstance(item, LocalDate):
        return "sa.Integer()"
    if isinstance(item, BigInteger) and isinstance(item._variant_mapping.get("sqlite"), Integer):
        return "ROW_ID"
    if isinstance(item, String) and "postgresql" in item._variant_mapping:
        return "TEXT"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    version_table=SCHEMA_TABLE,
    include_name=lambda name, kind, _parents: not (kind == "table" and name == SCHEMA_TABLE),
    render_item=type_as_text,
    transactional_ddl=False,
)
context.run_migrations()
