"""What people have paused: a flow, everything (semantics 1), or a channel.

A row of ``control`` pauses a flow as ``status: paused`` in its file would, and needs no file
to be changed. A tick reads the rows as it begins. A paused channel is no matter of ticks: what
they decide for it waits in the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select

from orchestrator import tables
from orchestrator.columns import to_micros

EVERYTHING = ""
"""Stands for all flows where a flow's name would stand."""
EVALUATED = ("live", "shadow")
"""The statuses of flows that a tick evaluates."""


@dataclass(frozen=True)
class Pause:
    """That a person stopped something."""

    at: datetime
    reason: str | None


def pauses(connection: Connection) -> Mapping[str, Pause]:
    """Return what is paused by hand: flow → its pause, ``EVERYTHING`` → that of all."""
    row = tables.control.c
    query = select(row.name, row.at, row.reason).where(
        row.kind.in_(("all", "flow")), row.state == "paused"
    )
    return {name: Pause(at, reason) for name, at, reason in connection.execute(query)}


def pause(connection: Connection, name: str, now: datetime, reason: str | None) -> bool:
    """Pause a flow or ``EVERYTHING``; return False, with nothing changed, if it is so already."""
    return _stop(connection, _Stopped(_kind(name), name), Pause(now, reason))


def lift(connection: Connection, name: str) -> bool:
    """Let a flow or ``EVERYTHING`` go on; return whether it was paused by hand.

    What was paused by its own name stays so when ``EVERYTHING`` goes on.
    """
    return _let_go(connection, _Stopped(_kind(name), name))


def pause_channel(connection: Connection, name: str, now: datetime, reason: str | None) -> bool:
    """Let nothing leave on a channel; return False if it is so already."""
    return _stop(connection, _Stopped("channel", name), Pause(now, reason))


def lift_channel(connection: Connection, name: str) -> bool:
    """Let messages leave on a channel again; return whether it was paused."""
    return _let_go(connection, _Stopped("channel", name))


class _Stopped(NamedTuple):
    kind: str
    name: str


def _stop(connection: Connection, what: _Stopped, pause: Pause) -> bool:
    row = tables.control.c
    here = select(row.name).where(row.kind == what.kind, row.name == what.name)
    if connection.execute(here).first() is not None:
        return False
    values = {"state": "paused", "at": to_micros(pause.at), "reason": pause.reason}
    connection.execute(insert(tables.control).values(**what._asdict(), **values))
    return True


def _let_go(connection: Connection, what: _Stopped) -> bool:
    row = tables.control.c
    which = and_(row.kind == what.kind, row.name == what.name)
    return connection.execute(delete(tables.control).where(which)).rowcount > 0


def _kind(name: str) -> str:
    return "flow" if name != EVERYTHING else "all"


def runs_standing_still(connection: Connection, flow: str | None) -> int:
    """Return how many runs of a flow, or of all, are active: while it is paused they stand."""
    runs = tables.enrollment
    query = select(func.count()).where(runs.c.status == tables.ACTIVE)
    if flow is not None:
        query = query.where(runs.c.flow == flow)
    return connection.execute(query).scalar_one()
