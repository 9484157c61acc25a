"""Stopping flows and channels by hand: what ``clmctl pause`` and ``resume`` do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from orchestrator import tables
from orchestrator.clock import utcnow
from orchestrator.database_faults import database_faults
from orchestrator.tick import pauses
from orchestrator.tick.breaker import resume, tripped, wake

EVERYTHING = pauses.EVERYTHING
"""What is paused when all flows are; stands where a flow's name would stand."""


@dataclass(frozen=True)
class Resumed:
    """What a resume changed, and what is paused after it."""

    was_paused: bool
    had_tripped: bool
    still_paused: tuple[str, ...]
    """After ``EVERYTHING`` the flows paused by name; after a flow ``EVERYTHING``, if that is."""
    still_tripped: tuple[str, ...] = ()
    """After ``EVERYTHING`` the flows whose breakers hold; after a flow the project, if its does."""

    @property
    def changed(self) -> bool:
        """Whether anything was."""
        return self.was_paused or self.had_tripped


def resume_flow(engine: Engine, name: str, now: datetime, *, project: str | None = None) -> Resumed:
    """Let go on what was paused by hand, and set a volume breaker back that tripped by ``now``.

    Args:
        name: of the flow, of the project for the project's own breaker, or ``EVERYTHING``, which
            sets the project's breaker back too.
        project: its name; without it nothing is done to its breaker, nor told of it.
    """
    with _writing(engine) as connection:
        was_paused = pauses.lift(connection, name)
        breaker = project if name == EVERYTHING else name
        had_tripped = breaker is not None and resume(connection, breaker, now)
        left = tuple(sorted(pauses.pauses(connection)))
        holding = tuple(tripped(connection))
    with _writing(engine) as connection:  # again: whom a tick under way meanwhile laid to rest
        wake(connection)
    still = left if name == EVERYTHING else tuple(one for one in left if one == EVERYTHING)
    holds = holding if name == EVERYTHING else tuple(one for one in holding if one == project)
    return Resumed(was_paused, had_tripped, still, holds)


@dataclass(frozen=True)
class Paused:
    """What a pause changed."""

    changed: bool
    """Whether it was not paused before."""
    runs: int
    """How many runs stand still."""


def pause(engine: Engine, name: str, reason: str | None) -> Paused:
    """Pause a flow, or ``EVERYTHING``, from the next tick on.

    Args:
        reason: a note for people.
    """
    with _writing(engine) as connection:
        changed = pauses.pause(connection, name, utcnow(), reason)
        flow = None if name == EVERYTHING else name
        return Paused(changed, pauses.runs_standing_still(connection, flow))


@dataclass(frozen=True)
class PausedChannel:
    """What pausing a channel changed."""

    changed: bool
    """Whether it was not paused before."""
    waiting: int
    """How many messages wait on it."""


def pause_channel(engine: Engine, channel: str, reason: str | None) -> PausedChannel:
    """Let nothing leave on a channel, from within a quarter of a second on.

    Flows go on; what they decide for it waits, and expires when it is too old.
    """
    row = tables.message.c
    query = select(func.count()).where(row.state == "queued", row.channel == channel)
    with _writing(engine) as connection:
        changed = pauses.pause_channel(connection, channel, utcnow(), reason)
        return PausedChannel(changed, connection.execute(query).scalar_one())


def resume_channel(engine: Engine, channel: str) -> bool:
    """Let messages leave on a channel again; return whether it was paused."""
    with _writing(engine) as connection:
        return pauses.lift_channel(connection, channel)


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    """Open a short transaction that writes."""
    with database_faults(), engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        with connection.begin():
            yield connection
