"""Driving: one lane turns, turn after turn, and says what its messages come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Event
from time import monotonic

from sqlalchemy import and_, func, or_, select

from orchestrator import tables
from orchestrator.counting import counted
from orchestrator.delivery.claims import in_state
from orchestrator.delivery.doubts import Doubts, beside
from orchestrator.delivery.lane import Lane
from orchestrator.delivery.manner import Level, Manner, Say, Until
from orchestrator.delivery.observer import Observer
from orchestrator.delivery.outlet import shut_all
from orchestrator.delivery.policy import LOST
from orchestrator.delivery.watch import told_of
from orchestrator.errors import EnvironmentFault

DOUBTS_EVERY = 30.0
"""Seconds between two looks at what is in doubt."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds at least and at most between two tries while the database fails."""
TOLD_EVERY = 10_000
"""Messages after which a busy lane says how many it has handed over."""


@dataclass
class Driver:
    """Lets one lane turn for as long as it should. For one thread."""

    lane: Lane
    manner: Manner
    stop: Event
    say: Say
    observer: Observer
    _told: Counter[str] = field(default_factory=Counter)
    """What was said of its messages."""
    _looked: float = float("-inf")
    """When it looked at what is in doubt."""
    _waits: bool = False
    """Whether only others have something left."""

    def __post_init__(self) -> None:
        outlet = self.lane.outlet
        self._doubts = Doubts(outlet, self.lane.line, beside(outlet), self.say)

    def drive(self) -> None:
        """Let it turn until it is over, relieved, or everything stops.

        Raises:
            BaseException: what the lane raised that was no fault of the database.
        """
        pause = FIRST_PAUSE
        try:
            while not (self.stop.is_set() or self.lane.is_relieved):
                try:
                    if not self._goes_on():
                        return
                    pause = FIRST_PAUSE
                except EnvironmentFault as fault:
                    self._failed(fault)
                    self.stop.wait(pause)
                    pause = min(LONGEST_PAUSE, 2 * pause)
        finally:
            self._tell_sent(at_least=1)
            self._doubts.aside.close()
            if self.lane.is_relieved:
                self.observer.ended_loop(f"lane {self.lane.outlet.channel}")
                shut_all([self.lane.outlet], self.say)
                self.lane.reader.close()

    def _goes_on(self) -> bool:
        """Let it turn once; return whether it is to turn again."""
        lane = self.lane
        if monotonic() - self._looked > DOUBTS_EVERY:
            self._doubts.look(self.manner.clock())
            self._looked = monotonic()
        if lane.turn() == 0:
            self._tell_sent(at_least=1)
            if self._is_over():
                return False
            self.stop.wait(min(self.manner.poll, lane.rest))
        self._tell_sent(at_least=TOLD_EVERY)
        self.observer.looped(f"lane {lane.outlet.channel}")
        return True

    def _tell_sent(self, *, at_least: int) -> None:
        """Say what messages came to since it was said last, if they are so many."""
        new = self.lane.came_to - self._told
        if new.total() >= at_least:
            self._told = Counter(self.lane.came_to)
            channel = self.lane.outlet.channel
            facts = {"channel": channel, "messages": new.total(), "states": dict(new)}
            stuck = new["dead"] or new["failed"] or new["in_doubt"]
            level: Level = "warning" if stuck else "info"
            self.say("dispatched", f"{channel}: {told_of(new)}", level, facts)

    def _failed(self, fault: EnvironmentFault) -> None:
        channel = self.lane.outlet.channel
        facts = {"channel": channel, "reason": str(fault)}
        self.say("lane_failed", f"{channel} waits: {fault}", "error", facts)

    def _is_over(self) -> bool:
        """Return whether a lane that found nothing has nothing more to wait for."""
        if self.manner.until is Until.STOPPED or self.lane.has_due():
            return False
        if self.manner.until is Until.NOTHING_DUE:
            return True
        row, channel = tables.message.c, self.lane.outlet.channel
        comes_back = and_(in_state("queued"), row.error == LOST)
        held = select(func.count()).where(
            row.channel == channel, or_(in_state("claimed", "sending"), comes_back)
        )
        count = self.lane.reader.read(lambda connection: connection.scalar(held) or 0)
        if count and not self._waits:
            self._tell_waiting(count)
        self._waits = count > 0
        return count == 0

    def _tell_waiting(self, count: int) -> None:
        channel, span = self.lane.outlet.channel, self.lane.lease.span.total_seconds()
        self.say(
            "waits_for_others",
            f"{channel}: waits for {counted(count, 'message')} that other workers have in hand; "
            f"what a lost one had is free within {span + 10:.0f} seconds",
            "info",
            {"channel": channel, "messages": count},
        )
