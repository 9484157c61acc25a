"""``wait``: stays for a duration, then goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from orchestrator import openings, timing
from orchestrator.flow.base import ON_DAYS, ON_DAYS_DOC, STEPS, Step, weekday_numbers
from orchestrator.language.durations import DailyHours, Duration
from orchestrator.language.moments import DurationShape, Hours
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class Wait(Step):
    """Wait this long. Days, weeks and months keep the local clock time of the customer."""

    heads = ("wait",)
    waits = True
    operand_shape = DurationShape()
    operand_doc = "How long: `2 days`."
    example = """\
- wait: 2 days
  then_between: 09:00-11:00
  on_days: weekdays
"""

    operand: Duration
    then_between: DailyHours | None = word(
        Hours(), "Then until the next moment inside these local hours.", default=None
    )
    on_days: tuple[str, ...] | None = word(ON_DAYS, ON_DAYS_DOC, default=None)

    def advance(self, walk: Walk) -> None:
        walk.stay_until(self.ends_at(walk.tick.now))

    def ends_at(self, now: datetime) -> Callable[[ZoneInfo], datetime | None]:
        """Return zone → the instant at which a wait that begins now is over (semantics 9, 43)."""
        slot = openings.Slot(self.then_between, weekday_numbers(self.on_days))

        def due(zone: ZoneInfo) -> datetime | None:
            return slot.opens_next(timing.wait_until(now, self.operand, zone), zone)

        return due
