"""Poison: a message that brings down every worker that has it in hand, and how that is known.

Three workers lost with one message are enough, if none was lost without it meanwhile. Where some
were, workers are ended for reasons of their own, and for each of them one more is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, func, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.delivery.claims import in_state
from orchestrator.delivery.policy import MOST_CRASHES

MOST_AMONG_OTHERS = 6
"""Workers that are lost with one message, however many are lost without it."""
CRASHED = "crashed"
"""Kind of what happens to a message that a worker may have been lost by."""


class Orphan(Protocol):
    """A message whose worker gives no sign of life."""

    @property
    def id(self) -> int: ...

    @property
    def state(self) -> str:
        """``claimed`` or ``sending``."""
        ...

    @property
    def lease(self) -> str: ...


def suspects(connection: Connection, orphans: Sequence[Orphan]) -> set[int]:
    """Return which messages may be what brought their workers down.

    Those that were at the wire, or, while nothing was there, the one that was alone in hand.
    After a loss, what was at the wire goes alone, and workers begin with one in hand: whoever
    was lost beside the culprit is cleared by its next attempt.
    """
    row = tables.message.c
    query = (
        select(row.lease, row.state, func.count())
        .where(
            in_state("claimed", "sending"), row.lease.in_(sorted({one.lease for one in orphans}))
        )
        .group_by(row.lease, row.state)
    )
    held = {(lease, state): count for lease, state, count in connection.execute(query)}
    return {
        one.id
        for one in orphans
        if one.state == "sending"
        or (held[one.lease, "claimed"] == 1 and (one.lease, "sending") not in held)
    }


def is_poison(connection: Connection, id: int, crashes: int, now: datetime) -> bool:
    """Return whether so many workers were lost with a message that it must be its doing."""
    if crashes < MOST_CRASHES or crashes >= MOST_AMONG_OTHERS:
        return crashes >= MOST_AMONG_OTHERS
    return crashes >= MOST_CRASHES + _lost_without(connection, id, now)


def _lost_without(connection: Connection, id: int, now: datetime) -> int:
    """Return how often workers were lost without a message since one was lost with it."""
    event = tables.message_event.c
    with_it = select(event.at).where(event.message_id == id, event.kind == CRASHED)
    first = with_it.with_only_columns(func.min(event.at))
    query = select(func.count(event.at.distinct())).where(
        event.kind == CRASHED,
        event.at > first.scalar_subquery(),
        event.at < to_micros(now),
        event.at.not_in(with_it),
    )
    return connection.execute(query).scalar_one()
