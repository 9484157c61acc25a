"""``every``: the calendar starts the flow for everybody in the audience."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any

from orchestrator.flow.base import STARTS, Occurring
from orchestrator.language.moments import WEEKDAYS, TimeOfDay, Zone
from orchestrator.language.reader import Reader
from orchestrator.language.shapes import VARIABLE_PATTERN, OneOf, Whole
from orchestrator.language.words import word

if TYPE_CHECKING:
    from sqlalchemy import Select

    from orchestrator.tick.candidates import Candidates


@STARTS.register
@dataclass(frozen=True, kw_only=True)
class EveryStart(Occurring):
    """Start on a weekday, every day or every month for whoever matches the audience then."""

    heads = ("every",)
    operand_shape = OneOf(*WEEKDAYS, "day", "month")
    operand_doc = "A weekday, `day` or `month`."
    example = """\
- every: monday
  at: 10:00
- every: month
  on_day: 1
  timezone: Europe/Vienna
"""

    check_schema = {
        "if": {"properties": {"every": {"const": "month"}}},
        "then": {"required": ["on_day"]},
        "else": {
            "if": {"properties": {"every": {"not": {"pattern": VARIABLE_PATTERN}}}},
            "then": {"properties": {"on_day": False}},
        },
    }

    operand: str
    at: time | None = word(TimeOfDay(), "Local time of day (default 09:00).", default=None)
    on_day: int | None = word(
        Whole(1, 31),
        "Day of the month; 31 is the last day of shorter ones.",
        default=None,
    )
    timezone: str | None = word(
        Zone(customer=True), "Whose clock; the customer's unless said.", default=None
    )

    def check(self, reader: Reader) -> None:
        if (self.operand == "month") != (self.on_day is not None):
            reader.report(
                self.mark,
                "CLM108",
                '"on_day" goes with "every: month", and only with it',
            )

    def candidates(self, found: Candidates) -> Select[Any] | None:
        return found.of_calendar(self.operand, self.on_day, self.at, self.timezone)
