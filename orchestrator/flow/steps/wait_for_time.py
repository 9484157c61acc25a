"""``wait_for_time``: stays until the local clock is inside some hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.flow.base import ON_DAYS, ON_DAYS_DOC, STEPS, Step, weekday_numbers
from orchestrator.language.durations import DailyHours
from orchestrator.language.moments import Hours, Zone
from orchestrator.language.words import word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class WaitForTime(Step):
    """Wait until the local clock is inside these hours; goes on at once if it is."""

    heads = ("wait_for_time",)
    waits = True
    operand_shape = Hours()
    operand_doc = "The hours: `09:00-17:00`."
    example = """\
- wait_for_time: 09:00-17:00
  on_days: [monday, tuesday]
"""

    operand: DailyHours
    on_days: tuple[str, ...] | None = word(ON_DAYS, ON_DAYS_DOC, default=None)
    timezone: str | None = word(
        Zone(customer=True), "Whose clock; the customer's unless said.", default=None
    )

    def advance(self, walk: Walk) -> None:
        walk.stay_until_open(self.operand, weekday_numbers(self.on_days), self.timezone)
