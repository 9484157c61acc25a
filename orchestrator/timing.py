"""Time arithmetic of the language: windows, waits, local days, slots (semantics 8-12).

Pure: every function takes the instant it reasons from. Instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from orchestrator.language.durations import DailyHours, Duration

_FIXED = {
    "min": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
