"""The volume breaker with a memory: a step that suddenly sends far more than it ever did.

What a tick decided stands; its messages are kept in the ledger until a person has looked
(``clmctl outbox approve``). A step without a past is not judged: its flow's own limit
(``stop_if_more_than``) and the dry run are for that.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import BigInteger, func, insert, literal, literal_column, select, type_coerce

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick

SURGE = "surge"
LEAST = 1_000
"""So many messages at once are never a surge."""
TIMES = 3
"""How often the messages of its busiest day a step may send at once."""
MEMORY = timedelta(days=30)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def surge_name(flow: str, step: str, at_micros: int) -> str:
    """Return the name under which one step's messages of one tick are held."""
    return f"{at_micros}/{flow}/{step}"


def surge_of(name: str) -> tuple[str, str, int]:
    """Return (flow, step, instant of the tick in µs) of such a name."""
    at, flow, step = name.split("/", 2)
    return flow, step, int(at)


def hold_surges(tick: Tick) -> None:
    """Hold what this tick sends far beyond its step's own past, in the tick's transaction."""
    sent, at = workspace.message, to_micros(tick.now)
    query = (
        select(sent.c.flow, sent.c.step, func.count())
        .group_by(sent.c.flow, sent.c.step)
        .having(func.count() > LEAST)
        .order_by(sent.c.flow, sent.c.step)
    )
    for flow, step, count in tick.connection.execute(query).all():
        busiest = _busiest_day(tick, flow, step)
        if busiest and count > TIMES * busiest:
            row = {
                "kind": SURGE,
                "name": surge_name(flow, step, at),
                "state": "held",
                "at": at,
                "reason": f"{count} messages at once, {busiest} on the busiest day before",
            }
            tick.execute(insert(tables.control).values(**row))


def _busiest_day(tick: Tick, flow: str, step: str) -> int:
    """Return how many messages a step sent on the busiest day of the memory.

    Days are counted back from the tick, 24 hours each.
    """
    row, at = tables.message.c, to_micros(tick.now)
    decided_at = type_coerce(row.decided_at, BigInteger)
    days_ago = (literal(at) - decided_at) // literal_column(str(DAY // MICROSECOND))
    counted = (
        select(func.count().label("sent"))
        .where(row.flow == flow, row.step == step)
        .where(row.decided_at > at - MEMORY // MICROSECOND, row.decided_at <= at)
        .group_by(days_ago)
        .subquery()
    )
    busiest: int | None = tick.connection.scalar(select(func.max(counted.c.sent)))
    return busiest or 0
