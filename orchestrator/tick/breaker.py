"""Which volume breakers hold, and setting one back (semantics 57)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.tick.caps import VOLUME


def tripped(connection: Connection) -> dict[str, datetime]:
    """Return which breakers hold: flow, or project for its own, → since when, by name."""
    row = tables.flow_state.c
    still = or_(row.resumed_at.is_(None), row.resumed_at < row.tripped_at)
    query = select(row.flow, row.tripped_at).where(and_(row.tripped_at.is_not(None), still))
    return {name: at for name, at in connection.execute(query.order_by(row.flow))}


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
    wake(connection)
    return changed.rowcount > 0


def wake(connection: Connection) -> None:
    """Let the next tick look at everybody whom a breaker holds, for they may rest."""
    run = tables.enrollment.c
    held = select(run.customer_id).where(run.status == tables.ACTIVE, run.held_reason == VOLUME)
    connection.execute(insert(tables.dirty).from_select(["customer_id"], held.distinct()))
