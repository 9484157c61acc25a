"""A worker: one process that sends. A lane for each channel, and one keeper of them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine

from orchestrator.delivery.alarms import Alarms
from orchestrator.delivery.book import Shelf
from orchestrator.delivery.claims import Lease
from orchestrator.delivery.crew import Crew
from orchestrator.delivery.driving import Driver
from orchestrator.delivery.failing import Failing
from orchestrator.delivery.lane import Lane
from orchestrator.delivery.line import Line
from orchestrator.delivery.manner import Manner, Say, Until, silent
from orchestrator.delivery.observer import DEAF, Observer
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.presence import Presence
from orchestrator.delivery.rescue import Rescuer, told_of
from orchestrator.delivery.sole import Sole, sole_of
from orchestrator.delivery.sweeping import Sweeper
from orchestrator.delivery.switch import Switch
from orchestrator.delivery.watch import Watch
from orchestrator.errors import EnvironmentFault
from orchestrator.playbook.model import Playbook
from orchestrator.render.apart.pool import Pool
from orchestrator.signing import Keys

GRACE = timedelta(seconds=30)
"""How long a stop waits for calls that have begun."""
REOPENED_EVERY = timedelta(seconds=2)
"""Between two looks at what channels are made of."""


@dataclass
class Worker:
    """Sends what is due on some channels, until it is told to stop."""

    engine: Engine
    outlets: Sequence[Outlet]
    """One for each lane; several of one channel work side by side."""
    current: Callable[[], Playbook]
    """Returns the playbook in force."""
    keys: Keys
    kill_file: Path
    manner: Manner
    stop: Event = field(default_factory=Event)
    say: Say = silent
    observer: Observer = DEAF
    pool: Pool | None = None
    """The processes that render, for this worker alone; None renders in its own."""
    reopen: Callable[[], Mapping[str, Sequence[Outlet]]] | None = None
    """Returns new outlets for each channel that has changed, none for one that is gone; None
    keeps what there is."""
    _bug: BaseException | None = None

    def __post_init__(self) -> None:
        self.incarnation = uuid4().hex
        self._chance = Random(self.manner.seed)  # noqa: S311  # jitter, no secret
        self._sole = sole_of(self.engine)
        self._keeper_line = Line(self.engine)
        self._alarms = Alarms(
            self._keeper_line, self.manner.clock, self.current, self._tell, self.manner.skew_stops
        )
        self._failing = Failing("keeper_failed", self._tell)
        self._numbers = count()
        self._crew = Crew(self._lane, self._drive, self._tell, self.outlets)
        self._by_channel = {outlet.channel: outlet for outlet in self.outlets}
        self._rescuer = Rescuer(self._by_channel, self._chance)
        self._sweeper = Sweeper()

    @property
    def sent(self) -> int:
        """How many calls have ended."""
        return sum(lane.sent for lane in self._crew.all())

    def run(self) -> None:
        """Send, until ``stop`` is set or what the manner says is reached.

        Raises:
            EnvironmentFault: the file beside a SQLite database cannot be locked, or adapters do
                not come back from their calls, again and again.
            BaseException: what a lane raised that was no fault of the database: a bug ends it.
        """
        if not self._have_turn(self._sole):
            return
        watch = self._watch()
        try:
            self._look_at_first(watch)
            self._crew.start()
            self._keep(watch)
        finally:
            self.stop.set()
            self._await()
            self._close()
        if self._bug is not None:
            raise self._bug

    @property
    def came_to(self) -> Counter[str]:
        """State → messages that came to it; ``queued`` are those that are tried again."""
        return sum((lane.came_to for lane in self._crew.all()), Counter())

    def _tell(self, *told: Any) -> None:
        self.say(*told)  # as it is by then: it may be exchanged

    # --- lanes ----------------------------------------------------------------------------

    def _lane(self, outlet: Outlet) -> Lane:
        line = Line(self.engine) if self._sole is None else self._keeper_line
        switch = Switch(self.kill_file)
        return Lane(
            outlet=outlet,
            line=line,
            reader=line if self._sole is None else Line(self.engine),
            shelf=Shelf(self.current, self.keys, self.pool),
            lease=Lease(
                f"{self.incarnation}.{next(self._numbers)}", self.manner.lease or outlet.lease
            ),
            clock=self.manner.clock,
            may_send=lambda: not (self._alarms.is_clock_off or switch.is_off()),
            stop=self.stop,
            chance=Random(self._chance.random()),  # noqa: S311  # jitter again
            observer=self.observer,
        )

    def _watch(self) -> Watch:
        return Watch(frozenset(), Switch(self.kill_file), self.say)

    def _drive(self, lane: Lane) -> None:
        try:
            Driver(lane, self.manner, self.stop, self.say, self.observer).drive()
        except BaseException as error:  # noqa: BLE001  # raised again by the keeper
            self._bug = error
            self.stop.set()

    # --- the keeper -----------------------------------------------------------------------

    def _have_turn(self, sole: Sole | None) -> bool:
        """Wait until nobody else sends from the same SQLite file; return whether it is our turn."""
        if sole is None or sole.take():
            return True
        if self.manner.until is Until.NOTHING_DUE:
            self.say("stands_by", "another process sends from this database")
            return False
        self.say("stands_by", "stands by: another process sends from this database")
        while not self.stop.wait(self.manner.poll):
            self.observer.looped("keeper")
            if sole.take():
                return True
        return False

    def _goes_on_keeping(self) -> bool:
        """Return whether lanes work, or channels may come that are worth waiting for."""
        return not self.stop.is_set() and (self.reopen is not None or self._crew.is_working())

    def _reopen(self) -> None:
        """Put new lanes in the place of those whose channels have changed."""
        for channel, outlets in self.reopen().items() if self.reopen else ():
            self._crew.replace(channel, outlets)
            self._by_channel.pop(channel, None)
            self._by_channel.update({outlet.channel: outlet for outlet in outlets})

    def _keep(self, watch: Watch) -> None:
        """Give signs of life and rescue, until all lanes have ended or a stop is asked for."""
        rescued, presence = monotonic(), Presence()
        while self._goes_on_keeping():
            spans = [lane.lease.span for lane in self._crew.at_work()]
            every = min([*spans, 3 * self.manner.rescue_every]) / 3
            pause = min(every, REOPENED_EVERY if self.reopen else every).total_seconds()
            self._rest(pause)
            if presence.holds(monotonic(), pause):
                self._crew.relieve_hanging()
            try:
                self._reopen()
                for lane in self._crew.at_work():
                    lane.beat()
                self._look_around(watch)
                if monotonic() - rescued >= self.manner.rescue_every.total_seconds():
                    self._alarms.look()
                    self._rescue()
                    self._sweep()
                    rescued = monotonic()
                self._failing.went_well()
            except EnvironmentFault as fault:
                self._failing.failed(fault)
            self.observer.looped("keeper")

    def _rest(self, seconds: float) -> None:
        """Wait, but no longer than anything is left to keep."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            if self.stop.wait(min(left, 0.05)) or not self._goes_on_keeping():
                return

    def _look_at_first(self, watch: Watch) -> None:
        """Look at clocks, complaints and breakers, and rescue what earlier workers had.

        Whoever is alone need not wait for leases to run out.
        """
        try:
            self._alarms.look()
            self._rescue(all_of_them=self._sole is not None)
            self._sweep()
            self._look_around(watch)
        except EnvironmentFault as fault:
            self._failing.failed(fault)

    def _look_around(self, watch: Watch) -> None:
        watch.providers = frozenset(lane.outlet.provider for lane in self._crew.lanes)
        watch.look_at_switch()
        self._keeper_line.read(watch.look_at_breakers)

    def _rescue(self, *, all_of_them: bool = False) -> None:
        def work(connection: Connection) -> Counter[str]:
            now = self.manner.clock()
            return self._rescuer.rescue(connection, now, all_of_them=all_of_them)

        while rescued := self._keeper_line.write(work):
            facts = {"messages": rescued.total(), "states": dict(rescued)}
            self.say("rescued", told_of(rescued), "warning", facts)

    def _sweep(self) -> None:
        if self._sweeper.is_due:
            self._keeper_line.write(self._sweeper.sweep)

    def _await(self) -> None:
        """Wait for calls that have begun, giving signs of life meanwhile, but not for ever."""
        until = monotonic() + GRACE.total_seconds()
        while self._crew.is_working() and monotonic() < until:
            self._crew.join(0.05)
            for lane in self._crew.at_work():
                try:
                    lane.beat()
                except EnvironmentFault:
                    continue

    def _close(self) -> None:
        self._crew.close()
        self._keeper_line.close()
        if self.pool is not None:
            self.pool.close()
        if self._sole is not None:
            self._sole.leave()
