"""Token buckets: how fast messages leave, for all workers of all machines together.

A bucket holds at most ``burst`` tokens and gains ``per_second`` of them; a message takes one.
So in any span of t seconds at most ``burst + per_second * t`` leave. Judged by the database's
clock. Nobody sleeps holding a token: what finds none is not claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, select, type_coerce, update

from orchestrator import tables
from orchestrator.database import insert_into
from orchestrator.database_clock import now_by

_MICROS = 1_000_000
_SET_BACK = 60 * _MICROS
"""A bucket filled so much later than now was filled before the clock was set back."""


class Purse(NamedTuple):
    """Whose messages share a bucket."""

    channel: str
    provider: str
    sender: str


@dataclass(frozen=True)
class Pace:
    """How fast a purse may be spent."""

    per_second: float
    burst: int
    """How many may leave at once after a pause; at least 1."""


def take(connection: Connection, purse: Purse, pace: Pace, wanted: int) -> int:
    """Take up to ``wanted`` tokens; return how many there were.

    Inside the caller's transaction, which must be short: others wait for it.
    """
    tokens, now = _filled(connection, purse, pace)
    granted = min(wanted, int(tokens))
    _store(connection, purse, tokens - granted, now)
    return granted


def give_back(connection: Connection, purse: Purse, pace: Pace, tokens: int) -> None:
    """Return tokens that were taken for messages which did not leave."""
    if tokens > 0:
        found, now = _filled(connection, purse, pace)
        _store(connection, purse, min(float(pace.burst), found + tokens), now)


def fullest(connection: Connection, channel: str, provider: str, pace: Pace) -> float:
    """Return the tokens that some sender of a channel has by now, at most; changes nothing."""
    row = tables.bucket.c
    query = select(row.tokens, type_coerce(row.refilled_at, BigInteger), now_by(connection)).where(
        row.channel == channel, row.provider == provider
    )
    found = (_by_now(pace, *held) for held in connection.execute(query))
    return max(found, default=float(pace.burst))


def _by_now(pace: Pace, tokens: float, refilled_at: int, now: int) -> float:
    """Return what a bucket holds that held so many tokens then; both in µs."""
    begun = now if refilled_at - now > _SET_BACK else refilled_at
    return min(float(pace.burst), tokens + max(0, now - begun) / _MICROS * pace.per_second)


def _filled(connection: Connection, purse: Purse, pace: Pace) -> tuple[float, int]:
    """Return the tokens there are by now, and the database's clock in µs; locks the bucket."""
    row = tables.bucket
    now = now_by(connection)
    new = {**purse._asdict(), "tokens": float(pace.burst), "refilled_at": now}
    made = insert_into(connection.dialect.name, row).values(**new).on_conflict_do_nothing()
    connection.execute(made)
    query = select(row.c.tokens, type_coerce(row.c.refilled_at, BigInteger), now)
    tokens, refilled_at, at = connection.execute(query.where(_is(purse)).with_for_update()).one()
    held = _by_now(pace, tokens, refilled_at, at)
    return held, at if refilled_at - at > _SET_BACK else max(at, refilled_at)


def _store(connection: Connection, purse: Purse, tokens: float, now: int) -> None:
    row = tables.bucket
    connection.execute(update(row).where(_is(purse)).values(tokens=tokens, refilled_at=now))


def _is(purse: Purse) -> ColumnElement[bool]:
    row = tables.bucket.c
    return and_(*(row[name] == value for name, value in purse._asdict().items()))
