"""``wait_until_date``: stays until a day of the customer's own calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING

from orchestrator.flow.base import STEPS, Step
from orchestrator.language.durations import DAY_UNITS, Duration
from orchestrator.language.moments import DurationShape, TimeOfDay
from orchestrator.language.names import Name, Ref
from orchestrator.language.shapes import OneOf
from orchestrator.language.words import Rules, word

if TYPE_CHECKING:
    from orchestrator.tick.walk import Walk


@STEPS.register
@dataclass(frozen=True, kw_only=True)
class WaitUntilDate(Step):
    """Wait until a date of the customer, or some local days before or after it."""

    heads = ("wait_until_date",)
    waits = True
    operand_shape = Ref("attribute")
    operand_doc = "A date or datetime attribute, or `entry.x`; read when the step is reached."
    example = """\
- wait_until_date: trial_ends_at
  before: 3 days
  at: 09:00
  if_past: go_on
- wait_until_date: entry.delivered_on
  after: 1 week
  if_past: exit
"""
    rules = Rules(not_together=(("before", "after"),))

    operand: Name
    before: Duration | None = word(
        DurationShape(DAY_UNITS), "So many local days earlier.", default=None
    )
    after: Duration | None = word(
        DurationShape(DAY_UNITS), "So many local days later.", default=None
    )
    at: time | None = word(
        TimeOfDay(),
        "Local time of day (default 09:00; a datetime keeps its own).",
        default=None,
    )
    if_past: str = word(
        OneOf("go_on", "skip_next", "exit"),
        "If that moment is over when the step is reached, or the date is missing: go on at "
        "once, skip the step that follows, or leave the flow.",
    )

    def advance(self, walk: Walk) -> None:
        walk.stay_until_date(self)
