"""Where conditions read the rows that ticks themselves write.

Outside a tick these are the tables. Inside one they are the tables with the tick's own
changes laid over them, so that a condition sees what has just been decided. Conditions
do not know the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import FromClause

from orchestrator import tables


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A range ``[low, high)`` that holds for customers of one raw time zone."""

    zone: str
    low: int
    """Microseconds, or day numbers: what ``key`` says they are."""
    high: int
    at: int = 0
    """The instant that belongs to the range, in microseconds."""
    year: int = 0
    """The calendar year that belongs to it."""


@dataclass(frozen=True)
class Facts:
    """The readable state at one instant."""

    zones: FromClause
    """One row per time zone in the customers' data: ``name`` (raw text, '' if missing),
    ``local_day`` (YYYYMMDD of now in that zone, or in the project's if it is none)."""
    local_days: tuple[date, ...]
    """The distinct local days of ``zones``, at most three."""
    spans: FromClause
    """The stored ``SpanRow`` rows, each under its ``key``."""
    add_spans: Callable[[Callable[[str], Sequence[SpanRow]]], int]
    """Stores the rows that a function gives for each raw zone name; returns their key."""
    stages: FromClause = tables.stage_interval
    segments: FromClause = tables.segment_interval
    messages: FromClause = tables.message
    attributes: FromClause = tables.attribute_value
    consents: FromClause = tables.consent
    tasks: FromClause = tables.task
    runs: FromClause = tables.enrollment
    results: FromClause = tables.step_result
