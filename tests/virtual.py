"""A lane under a virtual clock: the worker's and the database's stand where calls have moved them.

So an hour of a provider's silence costs no time, and what left in which second is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from harness import Shop
from sending import KEYS, Told
from sqlalchemy import func, select

from orchestrator import database_clock, tables
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.columns import to_micros
from orchestrator.delivery.lane import Lane
from orchestrator.delivery.manner import Manner
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.worker import Worker

POLL = timedelta(seconds=1)
"""How much time passes while something is due and a lane may not begin it."""


class VirtualClock(dict[str, str]):
    """One clock for everybody, and the SQL by which each database reads it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def __getitem__(self, dialect: str) -> str:
        return f"CAST({to_micros(self.now)} AS BIGINT)"

    def passes(self, span: timedelta) -> None:
        self.now += span


def turned(monkeypatch: pytest.MonkeyPatch, now: datetime) -> VirtualClock:
    """Return a clock by which the databases go too."""
    clock = VirtualClock(now)
    monkeypatch.setattr(database_clock, "_NOW", clock)
    return clock


def lane_of(shop: Shop, outlet: Outlet, clock: VirtualClock) -> Lane:
    """Return the one lane of a worker that nobody else helps."""
    playbook = shop.playbook
    worker = Worker(
        engine=shop.engine,
        outlets=[outlet],
        current=lambda: playbook,
        keys=KEYS,
        kill_file=shop.folder / ".clm" / "STOP",
        manner=Manner(clock=clock, seed=7),
    )
    return worker._crew.lanes[0]


def run(lane: Lane, clock: VirtualClock, until: Callable[[], bool] = lambda: False) -> None:
    """Let a lane turn until nothing is queued or something is so; where it idles, time passes."""
    row = tables.message.c
    earliest = select(func.min(row.not_before)).where(row.state == "queued")
    while not until():
        if lane.turn() > 0:
            continue
        due = lane.reader.read(lambda connection: connection.scalar(earliest))
        if due is None:
            return
        clock.now = max(clock.now + POLL, due)


def takes(
    outlet: Outlet,
    clock: VirtualClock,
    span: timedelta,
    answer: Callable[[OutgoingMessage], Outcome],
) -> list[tuple[datetime, int]]:
    """Let each call take its time; returns the list of accepted ones, (instant, attempt)."""
    assert isinstance(outlet.adapter, Told)
    accepted: list[tuple[datetime, int]] = []

    def answers(message: OutgoingMessage) -> Outcome:
        clock.passes(span)
        outcome = answer(message)
        if outcome.kind == "accepted":
            accepted.append((clock.now, message.attempt))
        return outcome

    outlet.adapter.answer = answers
    return accepted


def most_in(instants: list[datetime], span: timedelta) -> int:
    """Return how many instants lie in the fullest span of that length."""
    ordered, first, most = sorted(instants), 0, 0
    for last, instant in enumerate(ordered):
        while instant - ordered[first] >= span:
            first += 1
        most = max(most, last - first + 1)
    return most
