"""The volume breaker with a memory: a step that suddenly sends far more than it ever did.

What a tick decided stands; its messages are kept in the ledger until a person has looked
(``clmctl outbox approve``). What is judged is what the step decided within a day, this tick
included, against its busiest day before: many small ticks are no way past. The first tick of a
step is not judged, for ``run --dry-run`` shows it to its author (docs/adr/0007).

``step_volume`` counts by the hour, so that no tick counts messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert, literal, literal_column, select, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database import insert_into
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick

SURGE = "surge"
LEAST = 1_000
"""So many messages of a step within a day are never a surge."""
TIMES = 3
"""How often the messages of its busiest day a step may send within a day."""
SHARE = 5
"""A step without a whole day behind it may send to one in so many of all customers."""
DAYS = 30
"""How many days before the day that is judged are remembered."""
_HOURS = 24
_HOUR = timedelta(hours=1) // timedelta(microseconds=1)
_DAY = _HOURS * _HOUR


@dataclass(frozen=True)
class _Past:
    """What a step decided before this tick."""

    today: int
    """In the 24 hours up to the tick."""
    approved: int
    """Of these, what a person let go, or saw before its first tick."""
    busiest: int
    """On the busiest day before these, without what is still held."""
    is_young: bool
    """Whether no whole day lies before these 24 hours."""


def surge_name(flow: str, step: str, at_micros: int) -> str:
    """Return the name under which a step's messages are held from a tick on."""
    return f"{at_micros}/{flow}/{step}"


def surge_of(name: str) -> tuple[str, str, int]:
    """Return (flow, step, instant of the first tick in µs) of such a name."""
    at, flow, step = name.split("/", 2)
    return flow, step, int(at)


def hold_surges(tick: Tick) -> None:
    """Hold what this tick sends far beyond its step's own past, in the tick's transaction."""
    if workspace.message.name not in tick.filled:
        return
    sent = workspace.message.c
    query = select(sent.flow, sent.step, func.count()).group_by(sent.flow, sent.step)
    for flow, step, count in tick.connection.execute(query.order_by(sent.flow, sent.step)).all():
        past = _past(tick, flow, step)
        why = _why_held(tick, past, count) if past else None
        _remember(tick, (flow, step), count, is_held=bool(why), is_first=past is None)
        if why:
            _hold(tick, flow, step, why)


def approve_surge(connection: Connection, name: str, last: int) -> None:
    """Let go what is held under a name; within its day the step may send as much as that anew.

    Args:
        last: the latest tick of which messages are held, in µs.
    """
    flow, step, first = surge_of(name)
    control, row = tables.control.c, tables.step_volume.c
    held = delete(tables.control).where(control.kind == SURGE, control.name == name)
    connection.execute(held)
    seen = update(tables.step_volume).values(approved=row.messages, held=0)
    here = (row.flow == flow, row.step == step)
    hours = row.hour.between(first // _HOUR, max(first, last) // _HOUR)
    connection.execute(seen.where(*here, hours))


def _past(tick: Tick, flow: str, step: str) -> _Past | None:
    """Return what a step decided in the memory; None if that is nothing at all."""
    row, hour = tables.step_volume.c, to_micros(tick.now) // _HOUR
    day = (literal(hour) - row.hour) // literal_column(str(_HOURS))
    query = (
        select(
            day, func.sum(row.messages), func.sum(row.held), func.sum(row.approved),
            func.min(row.hour),
        )
        .where(row.flow == flow, row.step == step, row.hour > hour - (DAYS + 1) * _HOURS)
        .group_by(day)
    )  # fmt: skip
    days = [tuple(int(one) for one in found) for found in tick.connection.execute(query)]
    if not days:
        return None
    return _Past(
        today=sum(messages for ago, messages, *_ in days if ago <= 0),
        approved=sum(approved for ago, _, _, approved, _ in days if ago <= 0),
        busiest=max((messages - held for ago, messages, held, *_ in days if ago > 0), default=0),
        is_young=min(first for *_, first in days) > hour - 2 * _HOURS,
    )


def _why_held(tick: Tick, past: _Past, count: int) -> str | None:
    """Return why so many more are held; None if they are not."""
    sent = past.today + count
    if sent <= max(LEAST, TIMES * max(past.busiest, past.approved)):
        return None
    if past.is_young:
        customers = tick.connection.scalar(select(func.count()).select_from(tables.customer))
        if sent * SHARE <= (customers or 0):
            return None
    return (
        f"{sent} messages within 24 hours, {past.busiest} on the busiest of the {DAYS} days "
        f"before; held are more than {LEAST} that are also more than {TIMES} times that"
    )


def _remember(
    tick: Tick, flow_and_step: tuple[str, str], count: int, *, is_held: bool, is_first: bool
) -> None:
    base, (flow, step) = tables.step_volume, flow_and_step
    hour = to_micros(tick.now) // _HOUR
    old = (base.c.flow == flow, base.c.step == step, base.c.hour <= hour - (DAYS + 1) * _HOURS)
    tick.execute(delete(base).where(*old))
    counts = {
        "messages": count,
        "held": count if is_held else 0,
        "approved": count if is_first else 0,
    }
    wish = insert_into(tick.connection.dialect.name, base)
    wish = wish.values(flow=flow, step=step, hour=hour, **counts)
    added = {name: base.c[name] + wish.excluded[name] for name in counts}
    tick.execute(wish.on_conflict_do_update(index_elements=["flow", "step", "hour"], set_=added))


def _hold(tick: Tick, flow: str, step: str, why: str) -> None:
    """Hold what this tick decided, under the name of a surge that goes on or under a new one."""
    at, control = to_micros(tick.now), tables.control
    for name, last in held_surges(tick.connection):
        if surge_of(name)[:2] == (flow, step) and at - last < _DAY:
            here = (control.c.kind == SURGE, control.c.name == name)
            tick.execute(update(control).where(*here).values(at=at, reason=why))
            return
    row = {"kind": SURGE, "name": surge_name(flow, step, at), "state": "held", "at": at}
    tick.execute(insert(control).values(**row, reason=why))


def held_surges(connection: Connection) -> Sequence[tuple[str, int]]:
    """Return the names of what is held, and the latest tick each holds messages of, in µs."""
    control = tables.control.c
    query = select(control.name, control.at).where(control.kind == SURGE)
    rows = connection.execute(query.order_by(control.name))
    return [(name, max(surge_of(name)[2], to_micros(at))) for name, at in rows]
