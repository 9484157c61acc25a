"""Setting a volume breaker back (semantics 57)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from orchestrator import tables
from orchestrator.columns import to_micros


def resume(connection: Connection, name: str, now: datetime) -> bool:
    """Let go what stood at a send by the latest tick, and count anew from there.

    Args:
        name: of the flow, or of the project for its own breaker.
        now: what was decided later is left as it is.
    Returns:
        Whether the breaker had tripped.
    """
    state, tick = tables.flow_state, tables.tick
    latest = select(func.max(tick.c.at)).where(tick.c.at <= to_micros(now)).scalar_subquery()
    changed = connection.execute(
        update(state)
        .where(state.c.flow == name, state.c.tripped_at <= to_micros(now))
        .values(tripped_at=None, resumed_at=latest)
    )
    return changed.rowcount > 0
