"""Who did what to the ledger by hand. Append-only."""

from __future__ import annotations

import getpass
import os
from datetime import datetime

from sqlalchemy import Connection, insert

from orchestrator import tables
from orchestrator.columns import to_micros

ACTOR_VARIABLE = "CLM_ACTOR"
"""Names who acts where the machine's user says nothing, as in a container."""


def audit(
    connection: Connection, action: str, object: str, *, at: datetime, detail: str | None = None
) -> None:
    """Keep one act, inside the transaction that does it."""
    row = {"at": to_micros(at), "actor": actor(), "action": action, "object": object}
    connection.execute(insert(tables.audit).values(**row, detail=detail))


def actor() -> str:
    """Return who acts: ``CLM_ACTOR``, else the machine's user."""
    named = os.environ.get(ACTOR_VARIABLE)
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
