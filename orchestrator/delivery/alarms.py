"""What a worker's keeper looks at every few seconds: clocks, complaints, messages in doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.counting import counted
from orchestrator.database_clock import SKEW_WARNED, database_now
from orchestrator.delivery.claims import in_state
from orchestrator.delivery.complaints import Reputation, hold
from orchestrator.delivery.line import Line
from orchestrator.playbook.model import Playbook

if TYPE_CHECKING:
    from orchestrator.delivery.manner import Say

FEW_DOUBTS, DOUBTFUL = 5, 0.001
"""So many messages in doubt, and this share of the latest hour's, is nothing to tell."""
COMPLAINTS_EVERY = 60.0
"""Seconds between two looks at complaints."""


@dataclass
class Alarms:
    """Looks, and tells each change once."""

    line: Line
    clock: Callable[[], datetime]
    current: Callable[[], Playbook]
    say: Say
    skew_stops: timedelta | None
    """How far the clocks may be apart; None compares none."""
    is_clock_off: bool = False
    """Whether nothing may leave, for the clocks are too far apart."""
    _told: set[str] = field(default_factory=set)
    """What is told and lasts."""
    _complaints_at: float = float("-inf")

    def look(self) -> None:
        """Look at everything that is due.

        Raises:
            EnvironmentFault: the database failed.
        """
        self.compare_clocks()
        self._count_doubts()
        if monotonic() - self._complaints_at >= COMPLAINTS_EVERY:
            self._complaints_at = monotonic()
            self._hear_complaints()

    def compare_clocks(self) -> None:
        """Tell how far this clock and the database's are apart; too far, and nothing leaves."""
        if self.skew_stops is None:
            return
        skew = abs(self.clock() - self.line.read(database_now))
        self.is_clock_off, seconds = skew > self.skew_stops, round(skew.total_seconds())
        apart = f"this clock and the database's are {counted(seconds, 'second')} apart"
        facts = {"seconds": seconds}
        if self._is_news("off", lasts=self.is_clock_off):
            self.say("clock_is_off", f"nothing is sent: {apart}", "error", facts)
        if self._is_news("skewed", lasts=skew > SKEW_WARNED) and not self.is_clock_off:
            self.say("clock_is_off", f"{apart}; set them right (NTP)", "warning", facts)

    def _count_doubts(self) -> None:
        doubtful, latest = self.line.read(lambda one: doubts_and_latest(one, self.clock()))
        if self._is_news("doubts", lasts=is_much(doubtful, latest)):
            says = (
                f"{counted(doubtful, 'message')} in doubt, {latest:,} decided within the hour: "
                "clmctl outbox in-doubt list"
            )
            self.say("many_in_doubt", says, "warning", {"messages": doubtful, "of": latest})

    def _hear_complaints(self) -> None:
        def work(connection: Connection) -> list[Reputation]:
            return hold(connection, self.current(), self.clock())

        for one in self.line.write(work):
            says = (
                f"{one.sender} sends no marketing any more: {one.says}; "
                f"clmctl outbox approve {one.sender} lets it go on"
            )
            facts = {"sender": one.sender, "complaints": one.complaints, "messages": one.sent}
            self.say("sender_held", says, "error", facts)

    def _is_news(self, what: str, *, lasts: bool) -> bool:
        """Return whether something has begun that was not so before."""
        was = what in self._told
        (self._told.add if lasts else self._told.discard)(what)
        return lasts and not was


def doubts_and_latest(connection: Connection, now: datetime) -> tuple[int, int]:
    """Return how many messages are in doubt and, if that is not few, were decided in an hour."""
    row = tables.message.c
    doubtful = connection.scalar(select(func.count()).where(in_state("in_doubt"))) or 0
    if doubtful <= FEW_DOUBTS:
        return doubtful, 0
    since = to_micros(now - timedelta(hours=1))
    latest = connection.scalar(
        select(func.count()).where(row.decided_at > since, row.decided_at <= to_micros(now))
    )
    return doubtful, latest or 0


def is_much(doubtful: int, latest: int) -> bool:
    """Return whether so many in doubt, of so many in the latest hour, is more than happens."""
    return doubtful > max(FEW_DOUBTS, DOUBTFUL * latest)
