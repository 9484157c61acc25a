"""Time as conditions reckon it: from one ``now``, and in the project's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.columns import to_micros
from orchestrator.language.durations import Duration
from orchestrator.language.moments import Moment

FAR = Duration(90, "day")
"""From here back, a window counts as holding a good part of the facts."""


@dataclass(frozen=True)
class Reckoning:
    """What instants are reckoned from."""

    now: datetime
    """Aware UTC; every window is reckoned from here."""
    zone: ZoneInfo
    """The project's zone: bare dates and naive times of playbooks are read in it."""

    @property
    def now_micros(self) -> int:
        """``now`` in microseconds since 1970."""
        return to_micros(self.now)

    def ago(self, duration: Duration) -> int:
        """Return the instant that long before now, in microseconds."""
        return to_micros(timing.minus(self.now, duration))

    def ahead(self, duration: Duration) -> int:
        """Return the instant that long after now, in microseconds."""
        return to_micros(timing.plus(self.now, duration))

    def moment_bounds(self, moment: Moment) -> tuple[int, int]:
        """Return the first instant of a moment and the first after it, in microseconds.

        A bare date spans its calendar day in the project's zone; a datetime is a point.
        """
        if isinstance(moment, datetime):
            point = to_micros(self.instant(moment))
            return point, point + 1
        start, end = timing.day_bounds(moment, self.zone)
        return to_micros(start), to_micros(end)

    def instant(self, moment: datetime) -> datetime:
        """Return a written datetime as an instant; without offset, wall time of the project."""
        if moment.tzinfo is not None:
            return moment
        return timing.local_instant(moment.date(), moment.time(), self.zone)

    def _after(self, window: Any) -> int | None:
        """Return the instant that facts of the window are later than; None: since ever."""
        earliest = []
        if in_last := getattr(window, "in_last", None):
            earliest.append(self.ago(in_last))
        if after := getattr(window, "after", None):
            earliest.append(self.moment_bounds(after)[1] - 1)
        return max(earliest, default=None)

    def reaches_far(self, window: Any) -> bool:
        """Return whether the window may hold a good part of all facts.

        Then rows are best read in the order of customers, else through their times.
        """
        earliest = self._after(window)
        if getattr(window, "since", None):
            return False
        return earliest is None or earliest <= self.ago(FAR)
