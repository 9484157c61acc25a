"""``date`` and ``anniversary_of``: a day in the customer's own calendar starts the flow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any

from orchestrator.flow.base import STARTS, Occurring
from orchestrator.language.durations import Duration
from orchestrator.language.moments import DurationShape, TimeOfDay, Zone
from orchestrator.language.names import Name, Ref
from orchestrator.language.words import Rules, word

if TYPE_CHECKING:
    from sqlalchemy import Select

    from orchestrator.tick.candidates import Candidates


@STARTS.register
@dataclass(frozen=True, kw_only=True)
class DateStart(Occurring):
    """Start on the local day of a date, or on its anniversary, at a local time."""

    heads = ("date", "anniversary_of")
    operand_shape = Ref("attribute")
    operand_doc = "A date or datetime attribute."
    pattern_heads = {
        "date": "The day itself.",
        "anniversary_of": "The same month and day of each later year.",
    }
    example = """\
- date: trial_ends_at
  before: 3 days
  at: 10:00
- anniversary_of: birthday
"""
    rules = Rules(not_together=(("before", "after"),))

    operand: Name
    before: Duration | None = word(
        DurationShape(("day", "week")), "So many local days earlier.", default=None
    )
    after: Duration | None = word(
        DurationShape(("day", "week")), "So many local days later.", default=None
    )
    at: time | None = word(TimeOfDay(), "Local time of day (default 09:00).", default=None)
    timezone: str | None = word(
        Zone(customer=True), "Whose clock; the customer's unless said.", default=None
    )

    def candidates(self, found: Candidates) -> Select[Any]:
        return found.of_date(
            self.head, self.operand, self.shift_days(), at=self.at, timezone=self.timezone
        )

    def shift_days(self) -> int:
        """Return by how many local days the start comes after the date; before is negative."""
        moved = self.after or self.before
        if moved is None:
            return 0
        days = moved.amount * (7 if moved.unit == "week" else 1)
        return days if self.after else -days
