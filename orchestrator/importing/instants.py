"""The times of a file: ISO 8601, or the one other form that ``--time-format`` declares."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from orchestrator.columns import to_micros
from orchestrator.errors import UsageError
from orchestrator.importing.time_patterns import refusal
from orchestrator.values import CACHED_VALUES, parse_instant, wall_micros

EPOCHS = {"unix": 1_000_000, "unix_ms": 1_000, "unix_us": 1}
"""Word for ``--time-format`` → microseconds in one of its units since 1970."""
EARLIEST = to_micros(datetime(1900, 1, 1, tzinfo=UTC))
LATEST = to_micros(datetime(2201, 1, 1, tzinfo=UTC))
"""Times are in ``[EARLIEST, LATEST)``: the years 1900 to 2200; others are mistakes."""
CLOCKS_KEPT = 200_000
_WHOLE = re.compile(r"-?[0-9]{1,18}")

InstantReader = Callable[[str], int | None]
"""Text → microseconds since 1970, UTC; None for what is no time of 1900 to 2200."""


def instant_reader(form: str | None, zone: ZoneInfo) -> InstantReader:
    """Return a reader of times which remembers those it has seen.

    Args:
        form: None for ISO 8601, else ``unix``, ``unix_ms``, ``unix_us`` or a strptime pattern.
        zone: whose wall time a time without offset is.
    Raises:
        UsageError: the pattern is none.
    """
    parse = _parser(form, zone)
    seen: dict[str, int | None] = {}

    def read(raw: str) -> int | None:
        try:
            return seen[raw]
        except KeyError:
            pass
        found = parse(raw)
        if found is not None and not EARLIEST <= found < LATEST:
            found = None
        if len(seen) >= CACHED_VALUES:
            seen.clear()
        if len(raw) < 100:
            seen[raw] = found
        return found

    return read if form is not None else _by_parts(read)


def _by_parts(read: InstantReader) -> InstantReader:
    """Return a reader that puts UTC times together from days and times of day it has seen.

    Times of a log are all different, but there are few days, and 86,400 seconds in each.
    """
    midnights: dict[str, int] = {}
    clocks: dict[str, int] = {}

    def read_parts(raw: str) -> int | None:
        day, clock = raw[:10], raw[10:]
        try:
            return midnights[day] + clocks[clock]
        except KeyError:
            pass
        found = read(raw)
        if found is not None and clock.endswith("Z"):
            midnight = read(f"{day}T00:00Z")
            if midnight is not None:
                if len(midnights) + len(clocks) >= CLOCKS_KEPT:
                    midnights.clear()
                    clocks.clear()
                midnights[day] = midnight
                clocks[clock] = found - midnight
        return found

    return read_parts


def _parser(form: str | None, zone: ZoneInfo) -> InstantReader:
    if form is None:
        return lambda raw: parse_instant(raw, zone)
    if form in EPOCHS:
        unit = EPOCHS[form]
        return lambda raw: int(raw) * unit if _WHOLE.fullmatch(raw) else None
    _refuse_pattern(form)

    def by_pattern(raw: str) -> int | None:
        try:
            moment = datetime.strptime(raw, form)  # noqa: DTZ007 - the zone follows below
            if moment.tzinfo is not None:
                return to_micros(moment)
            return wall_micros(moment.date(), moment.time(), zone)
        except (ValueError, OverflowError):
            return None

    return by_pattern


def _refuse_pattern(form: str) -> None:
    sample = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        datetime.strptime(sample.strftime(form), form)  # noqa: DTZ007 - only tried
        whole = "%" in form
    except (ValueError, re.error):
        whole = False
    open_point = refusal(form) if whole else None
    if not whole or open_point:
        raise UsageError(
            f'--time-format "{form}" is no pattern of a time'
            + (f": {open_point}" if open_point else ""),
            help="for example '%d/%m/%Y %H:%M', or unix, unix_ms, unix_us",
        )
