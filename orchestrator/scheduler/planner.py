"""One wake of the scheduler: may I, must I ask, what is due, say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from time import monotonic

from sqlalchemy import Connection, Engine

from orchestrator.database import in_one_transaction
from orchestrator.database_clock import SKEW_STOPS, database_now
from orchestrator.database_faults import database_faults
from orchestrator.errors import EnvironmentFault
from orchestrator.migrations.state import require_schema, schema_state
from orchestrator.playbook.model import Playbook
from orchestrator.scheduler.clocks import is_too_far_off
from orchestrator.scheduler.doubts import (
    BY_ITSELF,
    Doubt,
    doubt_of,
    lift_own_pause,
    pause_all,
    pause_of_all,
    spoken,
)
from orchestrator.scheduler.events import Voice
from orchestrator.scheduler.files import PlaybookFiles
from orchestrator.scheduler.lease import Candidate, office
from orchestrator.scheduler.note import Memory, memory_of, named, read_note, write_note
from orchestrator.scheduler.outcome import Outcome
from orchestrator.scheduler.tick_lines import Written, counts_of, remarks, tick_event
from orchestrator.tick.beginning import watermark
from orchestrator.tick.run import TickPlan, dry_run, live_run

GO_ON = "clmctl resume --all (or clmctl start --accept)"


@dataclass
class Planner:
    """A scheduler without its alarm clock: each ``wake`` is told nothing and asks ``clock``."""

    engine: Engine
    files: PlaybookFiles
    note: Path
    voice: Voice
    clock: Callable[[], datetime]
    candidate: Candidate
    max_gap: timedelta = timedelta(hours=1)
    accepts: bool = False
    """Whether a person has said beforehand that a doubt need not be asked about."""
    database_clock: Callable[[Connection], datetime] = database_now
    went_round: Callable[[], None] = lambda: None
    """Called after each wake that the database and the disk let happen."""
    outcome: Outcome | None = None
    """What came of the last wake."""
    smears: bool = False
    """Whether what hours have held leaves little by little after they open."""
    failures: int = 0
    """How many wakes in a row have failed."""
    settled: Event = field(default_factory=Event)
    """Set once a wake has looked at database, files and clock and found nothing that a person
    must be asked about, or has asked: from then on messages may leave."""
    _term: int | None = None
    _known: Memory | None = None
    _asked: str | None = None
    _is_schema_known: bool = False
    _is_paused: bool = False
    _election: Lock = field(default_factory=Lock)

    def look(self) -> bool:
        """Return whether the database is there, before the first wake; one that is away may come.

        Raises:
            EnvironmentFault: its schema is not this version's.
        """
        try:
            schema_state(self.engine)
        except EnvironmentFault as fault:
            self.voice.say("not_reached", f"the database is not there yet: {fault}", "warning")
            return False
        require_schema(self.engine, create=True)
        return True

    def wake(self) -> Outcome:
        """Do what is due by now; a failing database costs the office and raises nothing.

        Raises:
            PlaybookErrors: the files do not load and there never was a release.
            UsageError: the same, of files that cannot be understood at all.
        """
        try:
            with database_faults():
                outcome = self.outcome = self._wake()
        except EnvironmentFault as fault:
            return self._fail(fault)
        if self.failures:
            self.voice.say("recovered", f"works again after {self.failures} failures")
        self.failures = 0
        if outcome is not Outcome.CLOCK_IS_OFF:
            self.settled.set()
        self.went_round()
        return outcome

    def renew(self) -> bool:
        """Keep or take the office between wakes; return whether it was taken just now."""
        try:
            with self._election, database_faults():
                was = self.candidate.term
                return self.candidate.stand() and was is None
        except EnvironmentFault as fault:
            self.voice.once(
                "stepped_down", f"steps down: {fault}", "warning", {"reason": str(fault)}
            )
            return False

    @property
    def is_in_charge(self) -> bool:
        """Whether this scheduler holds office, and its last wake found nothing to stop it."""
        went_well = self.outcome in (Outcome.TICKED, Outcome.UP_TO_DATE)
        return went_well and self.candidate.is_trusted()

    def leave(self) -> None:
        """Give the office back; a database that cannot be reached lets it run out instead."""
        try:
            with self._election, database_faults():
                self.candidate.step_down()
        except EnvironmentFault as fault:
            self.voice.say("lease_left", f"the lease runs out by itself: {fault}", "warning")

    # --- one wake ---------------------------------------------------------------------

    def _wake(self) -> Outcome:
        if not self._is_schema_known:
            require_schema(self.engine, create=True)
            self._is_schema_known = True
        if not self._is_elected():
            return Outcome.STANDS_BY
        now = self.clock()
        with self.engine.connect() as connection:
            skew = abs(now - self.database_clock(connection))
        if is_too_far_off(skew, self.voice):
            return Outcome.CLOCK_IS_OFF
        memory = self._memory()
        if memory.last_tick is not None and now <= memory.last_tick:
            self._say_behind(now, memory.last_tick)
            return Outcome.UP_TO_DATE
        playbook = self.files.current(self.engine, self.voice.tell)
        stopped = self._stopped(playbook, memory, now)
        if stopped is not None:
            return stopped
        self.voice.ended("clock_is_behind")
        if not self._is_paused:
            self.voice.ended("paused")
        return self._tick(playbook, memory, now)

    def _is_elected(self) -> bool:
        with self._election:
            elected = self.candidate.stand()
        if elected:
            if self.candidate.term != self._term:
                self._term = self.candidate.term
                self.voice.ended("stands_by", "stepped_down")
                self.voice.say("elected", f"plans from now on, in term {self._term}")
            return True
        self._term = None
        with self.engine.connect() as connection:
            standing = office(connection)
        holder, term = (standing.holder, standing.term) if standing else ("", 0)
        self.voice.once(
            "stands_by",
            f"stands by: another scheduler plans, in term {term}",
            facts={"holder": holder, "term": term},
        )
        return False

    def _memory(self) -> Memory:
        """Return how far the database has come; ticks are counted only if others wrote some."""
        with self.engine.connect() as connection:
            connection.execution_options(sqlite_begin="DEFERRED")
            last, _ = watermark(connection)
            if self._known is not None and self._known.last_tick == last:
                return self._known
            return memory_of(connection)

    def _say_behind(self, now: datetime, last: datetime) -> None:
        gap = last - now
        self.voice.once(
            "clock_is_behind",
            f"idle: the clock is {spoken(gap)} behind the last tick; goes on once it has "
            f"caught up, at {last:%Y-%m-%dT%H:%M:%SZ}",
            "warning" if gap > SKEW_STOPS else "info",
            {"now": now, "last_tick": last},
            key=last,
        )

    # --- asking a person --------------------------------------------------------------

    def _stopped(self, playbook: Playbook, memory: Memory, now: datetime) -> Outcome | None:
        note = read_note(self.note)
        doubt = doubt_of(memory, note, now, self.max_gap)
        asked = self._asked or (note.asked if note else None)
        if self.accepts:
            doubt = None
            with self.engine.connect() as connection:
                in_one_transaction(connection, lambda: lift_own_pause(connection))
        with self.engine.connect() as connection:
            connection.execution_options(sqlite_begin="DEFERRED")
            reason = pause_of_all(connection)
        self._is_paused = reason is not None
        is_own = (reason or "").startswith(BY_ITSELF)
        if is_own or doubt is not None:
            return self._unanswered(doubt, asked, playbook, note or memory)
        if reason is not None:
            self._say_paused(reason)
        return None

    def _unanswered(
        self, doubt: Doubt | None, asked: str | None, playbook: Playbook, note: Memory
    ) -> Outcome | None:
        """Ask, or wait for the answer; returns None once a person has given it."""
        if doubt is not None and asked != doubt.key:
            self._ask(doubt, playbook, note)
        elif not self._is_paused and doubt is not None:
            self.voice.say("accepted", f"goes on although {doubt.says}: a person said so")
            return None
        return Outcome.ASKS

    def _say_paused(self, reason: str) -> None:
        because = f" ({reason})" if reason else ""
        self.voice.once(
            "paused",
            f"all flows are paused{because}; they go on after: clmctl resume --all",
            "warning",
            {"reason": reason},
        )

    def _ask(self, doubt: Doubt, playbook: Playbook, note: Memory) -> None:
        now = self.clock()
        with dry_run(self.engine, TickPlan(playbook, now)) as ticked:
            counts = counts_of(ticked.report)
        with self.engine.connect() as connection:
            in_one_transaction(connection, lambda: pause_all(connection, doubt, now))
        self._asked = doubt.key
        write_note(self.note, replace(note, asked=doubt.key))
        self.voice.say(
            "starts_paused",
            f"starts paused: {doubt.says}. A tick now would send {counts['sends']:,}, expire "
            f"{counts['expired']:,} and hold {counts['held']:,}. To go on: {GO_ON}",
            "warning",
            {"why": doubt.code, **counts},
        )

    # --- the tick ---------------------------------------------------------------------

    def _tick(self, playbook: Playbook, memory: Memory, now: datetime) -> Outcome:
        began = monotonic()
        plan = TickPlan(
            playbook, now, term=self.candidate.term, clock=self.clock, smears=self.smears
        )
        with live_run(self.engine, plan) as ticked:
            report, was_written = ticked.report, not ticked.did_nothing
        if was_written:
            self._remember(memory, now)
            told = Written(report, self.candidate.term, memory.last_tick, monotonic() - began)
            self.voice.tell(tick_event(told, is_stale=self.files.is_stale))
            self.voice.remark(remarks(report))
        else:
            self.voice.say(
                "tick_dropped", "another scheduler's tick came first; nothing was written"
            )
        return Outcome.TICKED if was_written else Outcome.UP_TO_DATE

    def _remember(self, memory: Memory, now: datetime) -> None:
        with self.engine.connect() as connection:
            memory = in_one_transaction(connection, lambda: named(connection, memory, now))
        self._known = replace(memory, last_tick=now, ticks=memory.ticks + 1)
        write_note(self.note, self._known)
        self._asked, self.accepts = None, False

    def _fail(self, fault: EnvironmentFault) -> Outcome:
        self.failures += 1
        self.outcome = Outcome.FAILED
        self.candidate.term, self._term = None, None
        self._is_schema_known = False
        says = f"steps down and tries again: {fault}" + (f" {fault.help}" if fault.help else "")
        self.voice.say("failed", says, "error", {"reason": str(fault), "failures": self.failures})
        return Outcome.FAILED
