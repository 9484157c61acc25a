"""What people have paused: a flow, or everything (semantics 1).

A row of ``control`` pauses a flow as ``status: paused`` in its file would, and needs no file
to be changed. A tick reads the rows as it begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

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
    if name in pauses(connection):
        return False
    row = {
        "kind": _kind(name), "name": name, "state": "paused", "at": to_micros(now),
        "reason": reason,
    }  # fmt: skip
    connection.execute(insert(tables.control).values(**row))
    return True


def lift(connection: Connection, name: str) -> bool:
    """Let a flow or ``EVERYTHING`` go on; return whether it was paused by hand.

    What was paused by its own name stays so when ``EVERYTHING`` goes on.
    """
    row = tables.control.c
    removed = connection.execute(
        delete(tables.control).where(row.kind == _kind(name), row.name == name)
    )
    return removed.rowcount > 0


def _kind(name: str) -> str:
    return "flow" if name != EVERYTHING else "all"


def runs_standing_still(connection: Connection, flow: str | None) -> int:
    """Return how many runs of a flow, or of all, are active: while it is paused they stand."""
    runs = tables.enrollment
    query = select(func.count()).where(runs.c.status == tables.ACTIVE)
    if flow is not None:
        query = query.where(runs.c.flow == flow)
    return connection.execute(query).scalar_one()
