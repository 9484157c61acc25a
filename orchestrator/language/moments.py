"""Shapes of times: durations, hours of the day, time zones, dates and instants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time

from orchestrator.language.durations import (
    UNITS,
    DailyHours,
    Duration,
    Unit,
    meant_duration,
    parse_daily_hours,
    parse_duration,
    parse_time,
)
from orchestrator.language.nodes import Node, ScalarNode
from orchestrator.language.reader import Invalid, Reader
from orchestrator.language.shapes import JsonSchema, ScalarShape
from orchestrator.language.zones import zone_names

WEEKDAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


class DurationShape(ScalarShape[Duration]):
    """A duration such as ``3 days``, in the units that make sense at this place."""

    def __init__(self, units: Sequence[Unit] = UNITS) -> None:
        self.units = tuple(units)
        plural = [unit if unit == "min" else f"{unit}s" for unit in self.units]
        self.says = f"a duration such as 3 days ({', '.join(plural)})"

    def parse(self, node: ScalarNode) -> Duration | None:
        duration = parse_duration(node.value) if isinstance(node.value, str) else None
        return duration if duration and duration.unit in self.units else None

    def refuse(self, node: Node, reader: Reader, *, help: str | None = None) -> Invalid:
        """Report what stands there, with the duration that was probably meant."""
        meant = meant_duration(node.text, self.units) if isinstance(node, ScalarNode) else None
        return super().refuse(node, reader, help=help or meant)

    def plain_schema(self) -> JsonSchema:
        forms = "|".join(_DURATION_FORMS[unit] for unit in self.units)
        return {"type": "string", "pattern": f"^(?:{forms})$"}


_DURATION_FORMS: dict[Unit, str] = {
    "min": "[1-9][0-9]{0,4} ?(?:min|mins|minute|minutes)",
    "hour": "[1-9][0-9]{0,4} ?(?:h|hour|hours)",
    "day": (
        "(?:[1-9][0-9]{0,3}|[12][0-9]{4}|3[0-5][0-9]{3}|36[0-4][0-9]{2}|36500) ?(?:d|day|days)"
    ),
    "week": "(?:[1-9][0-9]{0,2}|[1-4][0-9]{3}|5[01][0-9]{2}|5200) ?(?:w|week|weeks)",
    "month": "(?:[1-9][0-9]{0,2}|1[01][0-9]{2}|1200) ?(?:month|months)",
    "year": "(?:[1-9][0-9]?|100) ?(?:y|year|years)",
}
"""What ``parse_duration`` takes, a hundred years at most, as a pattern per unit."""


class Hours(ScalarShape[DailyHours]):
    """Hours of the day such as ``08:00-20:00``; ``21:00-08:00`` runs over midnight."""

    says = "hours such as 08:00-20:00"
    hint = "write both ends with two digits, 24 hours a day: 09:00-17:30"

    def parse(self, node: ScalarNode) -> DailyHours | None:
        return parse_daily_hours(node.text)

    def plain_schema(self) -> JsonSchema:
        clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
        differ = r"(?!(.{5})-\1$)"
        return {"type": "string", "pattern": rf"^{differ}{clock}-(?:{clock}|24:00)$"}


class TimeOfDay(ScalarShape[time]):
    """A time of day such as ``09:30``."""

    says = "a time of day such as 09:30"
    hint = "two digits each, 00:00 to 23:59"

    def parse(self, node: ScalarNode) -> time | None:
        return parse_time(node.text)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"}


class Zone(ScalarShape[str]):
    """An IANA time zone; where it makes sense, ``customer`` for each customer's own."""

    def __init__(self, *, customer: bool = False) -> None:
        self.customer = customer
        self.says = "a time zone such as Europe/Vienna" + (" or customer" if customer else "")

    def parse(self, node: ScalarNode) -> str | None:
        if self.customer and node.text == "customer":
            return node.text
        return node.text if node.text in zone_names() else None

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1, "x-names": "zone"}

    def schema(self) -> JsonSchema:
        return {"$ref": f"#/definitions/{'customer_zone' if self.customer else 'zone'}"}


Moment = date | datetime
"""A calendar day, or an instant; a datetime without offset is wall time somewhere."""

_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"

_DAY = (
    "(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP}-02-29)"
)

_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"

_MOMENT = rf"{_DAY}(?:[ T]{_CLOCK}(?::[0-5][0-9](?:\.[0-9]{{1,6}})?)?(?:Z|[+-]{_CLOCK})?)?"
"""Exactly the days and times that exist, so that an editor can say no to the others."""


class MomentShape(ScalarShape[Moment]):
    """A date (2026-01-31) or a date and time (2026-01-31 08:00, with an offset if meant)."""

    says = "a date such as 2026-01-31 or a date and time such as 2026-01-31 08:00"

    def parse(self, node: ScalarNode) -> Moment | None:
        return parse_moment(node.text)

    def plain_schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{_MOMENT}$"}


def parse_moment(written: str) -> Moment | None:
    """Return the date or datetime written; None if there is no such day or form."""
    if not re.fullmatch(_MOMENT, written):
        return None
    try:
        return datetime.fromisoformat(written) if len(written) > 10 else date.fromisoformat(written)
    except ValueError:
        return None
