"""Durations and times of day as a playbook writes them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from typing import Literal

Unit = Literal["min", "hour", "day", "week", "month", "year"]
FIXED_UNITS: tuple[Unit, ...] = ("min", "hour", "day", "week")
"""Units of one length everywhere; months and years depend on the calendar."""
UNITS: tuple[Unit, ...] = (*FIXED_UNITS, "month", "year")
DAY_UNITS: tuple[Unit, ...] = ("day", "week", "month", "year")

_SPELLINGS: dict[str, Unit] = {
    "min": "min", "mins": "min", "minute": "min", "minutes": "min",
    "h": "hour", "hour": "hour", "hours": "hour",
    "d": "day", "day": "day", "days": "day",
    "w": "week", "week": "week", "weeks": "week",
    "month": "month", "months": "month",
    "y": "year", "year": "year", "years": "year",
}  # fmt: skip
_DURATION = re.compile(r"([1-9][0-9]{0,4}) ?([a-z]+)\Z")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})\Z")
LONGEST_YEARS = 100
_NEARLY = re.compile(r"\s*([1-9][0-9]{0,4})[\s_-]*([A-Za-z]*)\.?\s*\Z")
_SECONDS = ("s", "sec", "secs", "second", "seconds")
_DAYS: dict[str, float] = {
    "min": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7, "month": 30, "year": 365
}  # fmt: skip
"""Unit → about how many days it has, for hints."""
_MINUTES: dict[str, int] = {"min": 1, "hour": 60, "day": 1_440, "week": 10_080}


@dataclass(frozen=True)
class Duration:
    """``amount`` whole units; what a day or a month is, ``timing`` says per use."""

    amount: int
    unit: Unit

    @property
    def micros(self) -> int:
        """Its length in microseconds; ValueError for months and years, which vary."""
        if self.unit not in _MINUTES:
            raise ValueError(f"{self} has no fixed length")
        return self.amount * _MINUTES[self.unit] * 60_000_000

    def __str__(self) -> str:
        plural = "" if self.amount == 1 or self.unit == "min" else "s"
        return f"{self.amount} {self.unit}{plural}"


@dataclass(frozen=True)
class DailyHours:
    """``[start, end)`` on a wall clock, in minutes since midnight; start > end runs over it."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{_clock(self.start)}-{_clock(self.end)}"

    def contains(self, minute: float) -> bool:
        """Return whether that many minutes after midnight lie inside."""
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def parse_duration(written: str) -> Duration | None:
    """Return the duration that ``3 days`` or ``3d`` stands for; None if it is none."""
    match = _DURATION.match(written)
    unit = _SPELLINGS.get(match[2]) if match else None
    if match is None or unit is None:
        return None
    duration = Duration(int(match[1]), unit)
    return duration if _years(duration) <= LONGEST_YEARS else None


def meant_duration(written: str, units: Sequence[Unit]) -> str | None:
    """Return a hint at the durations that a text may be meant as, None if nothing is near.

    Args:
        units: the units that make sense at this place.
    """
    match = _NEARLY.match(written)
    if match is None:
        return None
    amount, unit = int(match[1]), match[2].casefold()
    if not unit:
        return f"write the unit too, such as: {Duration(amount, 'day')}"
    if unit in _SECONDS:
        return "the shortest duration is 1 min"
    if unit in _SPELLINGS and _SPELLINGS[unit] not in units:
        meant = [_in_days(amount, _SPELLINGS[unit])]
    else:
        meant = [Duration(amount, near) for near in _near_units(unit, units)]
    listed = " or ".join(f'"{one}"' for one in meant if one and _years(one) <= LONGEST_YEARS)
    return f"did you mean {listed}?" if listed else None


def _near_units(written: str, units: Sequence[Unit]) -> list[Unit]:
    """Return the unit that a mistyped one is nearest to, and a second one as near."""
    near: dict[Unit, float] = {}
    for spelling, unit in _SPELLINGS.items():
        alike = difflib.SequenceMatcher(None, written, spelling).ratio()
        if len(spelling) > 1 and spelling.startswith(written):
            alike = max(alike, 0.9)
        if unit in units and alike >= 0.6:
            near[unit] = max(alike, near.get(unit, 0))
    best = max(near.values(), default=0)
    found = sorted(near, key=lambda unit: -near[unit])
    return [unit for unit in found if near[unit] > best - 0.2][:2]


def _in_days(amount: int, unit: Unit) -> Duration | None:
    """Return about the same in days, for a place where days have a length and the unit has none."""
    days = amount * _DAYS[unit]
    return Duration(int(days), "day") if days >= 1 and days == int(days) else None


def parse_time(written: str) -> time | None:
    """Return the time of day that ``09:30`` stands for; None if it is none."""
    match = _TIME.match(written)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        return None
    return time(int(match[1]), int(match[2]))


def parse_daily_hours(written: str) -> DailyHours | None:
    """Return the hours that ``21:00-08:00`` stands for; ``24:00`` is a valid end."""
    first, dash, last = written.partition("-")
    start = parse_time(first)
    end = 24 * 60 if last == "24:00" else _minutes(parse_time(last))
    if not dash or start is None or end is None or _minutes(start) == end:
        return None
    return DailyHours(start.hour * 60 + start.minute, end)


def _minutes(moment: time | None) -> int | None:
    return None if moment is None else moment.hour * 60 + moment.minute


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _years(duration: Duration) -> float:
    per_year = {
        "min": 525_600,
        "hour": 8_760,
        "day": 365,
        "week": 52,
        "month": 12,
        "year": 1,
    }
    return duration.amount / per_year[duration.unit]
