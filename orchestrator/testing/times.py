"""Instants of a test: what its written times stand for. Days are the project's, by its clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.language.durations import Duration
from orchestrator.language.moments import Moment
from orchestrator.playbook.model.offsets import Offset

MINUTE = timedelta(minutes=1)


def clock_of(moment: Moment, zone: ZoneInfo) -> datetime:
    """Return a written moment as an instant; without offset it is the zone's clock."""
    if not isinstance(moment, datetime):
        return timing.local_instant(moment, time(), zone)
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return timing.local_instant(moment.date(), moment.time(), zone)


def shifted(clock: datetime, offset: Offset, zone: ZoneInfo, sign: int = 1) -> datetime:
    """Return the instant so long after (or before) the clock.

    Minutes and hours are elapsed time; days and longer keep the time of day on the zone's clock,
    as waits do (semantics 9).
    """
    for span in offset:
        if span.unit in ("min", "hour"):
            clock = timing.plus(clock, span) if sign > 0 else timing.minus(clock, span)
        else:
            local = clock.astimezone(zone)
            day = timing.shift_days(local.date(), span, sign)
            clock = timing.local_instant(day, local.time(), zone)
    return clock


def instant_of(
    clock: datetime, zone: ZoneInfo, after: Offset | None, before: Offset | None,
    at: time | Moment | None,
) -> datetime:  # fmt: skip
    """Return the instant that ``after`` or ``before`` and ``at`` name together."""
    if at is not None and not isinstance(at, time):
        return clock_of(at, zone)
    found = (
        shifted(clock, after or (), zone) if before is None else shifted(clock, before, zone, -1)
    )
    if at is not None:
        found = timing.local_instant(found.astimezone(zone).date(), at, zone)
    return found


def offset_text(clock: datetime, instant: datetime, zone: ZoneInfo) -> str:
    """Return how a test writes an instant after its clock: ``2 days 1 hour``."""
    total = int((instant - clock) / MINUTE)
    if total == 0:
        return "0 min"
    begin, end = clock.astimezone(zone), instant.astimezone(zone)
    days = (end.date() - begin.date()).days
    while (
        days > 0
        and timing.local_instant(
            timing.shift_days(begin.date(), Duration(days, "day"), 1), begin.time(), zone
        )
        > instant
    ):
        days -= 1
    rest = instant - (shifted(clock, (Duration(days, "day"),), zone) if days > 0 else clock)
    hours, minutes = divmod(int(rest / MINUTE), 60)
    parts = [(days, "day"), (hours, "hour"), (minutes, "min")]
    return " ".join(str(Duration(amount, unit)) for amount, unit in parts if amount)  # type: ignore[arg-type]  # three of the units
