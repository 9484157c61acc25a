"""When a test ticks: at every instant at which something can come of a tick, and no others.

A scheduler ticks all the time, and nearly always nothing is due. A test ticks when something
happens, when a run is due, when time alone may change an answer, at a flow's own times of day,
and a minute after a tick that changed something, as the next tick of a scheduler would.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, func, select

from orchestrator import tables, timing
from orchestrator.columns import to_micros
from orchestrator.flow.starts.dates import DateStart
from orchestrator.flow.starts.every import EveryStart
from orchestrator.language.durations import Duration
from orchestrator.playbook.model import Playbook
from orchestrator.testing.extract import asks_dates, may_react, patience, spans
from orchestrator.testing.times import MINUTE

MORNING = time_of_day(9)
"""When calendar starts happen that say no time."""
AROUND = timedelta(days=1)
"""Zones are at most so far from UTC."""


@dataclass
class Moments:
    """The instants of one test, found as it goes."""

    engine: Engine
    playbook: Playbook
    begin: datetime
    end: datetime
    zones: Sequence[ZoneInfo]
    """Of the customers."""
    ahead: set[datetime] = field(default_factory=set)
    """Instants to tick at."""
    _anchors: list[datetime] = field(default_factory=list)
    """Ticks that changed something."""
    _reacts: bool = False
    _spans: frozenset[Duration] = frozenset()
    _patience: frozenset[Duration] = frozenset()

    def __post_init__(self) -> None:
        self._spans = spans(self.playbook)
        self._patience = patience(self.playbook)
        self._reacts = may_react(self.playbook)
        self.ahead.add(self.end)
        for zone in self.zones:
            self.ahead.update(self._of_calendar(zone))

    def plan(self, instants: Iterable[datetime], every: Duration | None) -> None:
        """Plan the instants at which facts arrive, and a regular beat."""
        for instant in instants:
            self.ahead.add(instant)
            self.follow(instant)
        beat = self.begin
        while every is not None and beat < self.end:
            self.ahead.add(beat)
            beat = timing.plus(beat, every)

    def follow(self, instant: datetime) -> None:
        """Plan what time alone may make of something that is known at an instant."""
        for span in self._spans:
            self.ahead.add(timing.plus(instant, span))
            self.ahead.add(timing.minus(instant, span))  # of a date in the future

    def changed(self, now: datetime, *, holds: bool) -> None:
        """Plan what a tick that changed something may lead to.

        Args:
            holds: whether it holds a message.
        """
        if self._reacts:
            self.ahead.add(now + MINUTE)
        self.follow(now)
        self._anchors.append(now)
        if holds:
            self.ahead.update(
                timing.plus(one, span) for one in self._anchors for span in self._patience
            )

    def __iter__(self) -> Iterator[datetime]:
        now = self.begin - MINUTE
        yield now
        while now < self.end:
            due = self._due(now)
            found = [one for one in (*self.ahead, *due) if now < one <= self.end]
            self.ahead = {one for one in self.ahead if one > now}
            now = min(found)
            yield now

    def _due(self, now: datetime) -> list[datetime]:
        """Return when the next run is due."""
        run = tables.enrollment.c
        query = select(func.min(run.due_at)).where(
            run.status == tables.ACTIVE, run.due_at > to_micros(now)
        )
        with self.engine.connect() as connection:
            found = connection.execute(query).scalar_one()
            connection.rollback()
        return [] if found is None else [found]

    def _of_calendar(self, zone: ZoneInfo) -> Iterator[datetime]:
        """Yield the times of day, in a zone, at which a flow may start or a date be reached."""
        hours = {
            start.at or MORNING
            for flow in self.playbook.flows.values()
            for start in flow.starts_when
            if isinstance(start, EveryStart | DateStart)
        }
        if asks_dates(self.playbook):
            hours.add(time_of_day())
        day, last = (timing.local_day(one, zone) for one in (self.begin, self.end))
        while hours and day <= last:
            yield from (timing.local_instant(day, hour, zone) for hour in hours)
            day += AROUND
