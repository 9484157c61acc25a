"""When the ticks of a simulation are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.errors import UsageError
from orchestrator.language.durations import Duration

_DAYS = {"day": 1, "week": 7}
_EDGE = 7
"""Days at either end of the calendar: of zones that are ahead, and of acts that follow."""


def refuse_beyond_calendar(begin: datetime, days: int) -> None:
    """Refuse a span that comes too near to the ends of the calendar, in whatever zone.

    Args:
        begin: aware UTC; the first tick.

    Raises:
        UsageError: it begins in the first days of the year 1, or goes on after the year 9999.
    """
    first = begin.date().toordinal()
    if first <= _EDGE:
        raise UsageError("--from is too early: the calendar begins with the year 1")
    if first + days > date.max.toordinal() - _EDGE:
        raise UsageError(
            f"--from and --days {days} go beyond the calendar, which ends with the year 9999",
            help="choose an earlier --from, or fewer --days",
        )


def tick_instants(
    begin: datetime, days: int, every: Duration, zone: ZoneInfo
) -> Iterator[datetime]:
    """Yield the instants from ``begin`` on, in ``[begin, the same clock time days later)``.

    Minutes and hours are elapsed time; days and weeks keep the clock time of the zone, as
    waits do (semantics 9).

    Args:
        begin: aware UTC.
        every: in minutes, hours, days or weeks.
    """
    local = begin.astimezone(zone)
    first, clock = local.date(), local.time()
    end = timing.local_instant(first + timedelta(days=days), clock, zone)
    if every.unit not in _DAYS:
        now = begin
        while now < end:
            yield now
            now += timedelta(microseconds=every.micros)
        return
    for day in range(0, days, every.amount * _DAYS[every.unit]):
        yield timing.local_instant(first + timedelta(days=day), clock, zone) if day else begin
