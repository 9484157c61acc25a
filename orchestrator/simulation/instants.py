"""When the ticks of a simulation are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator import timing
from orchestrator.language.durations import Duration

_DAYS = {"day": 1, "week": 7}


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
