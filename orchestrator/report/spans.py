"""A simulated span as JSON, and what people ask of it: volumes by week, who lost to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.records.spans import FlowSpan, Pressure, SpanReport, Spread, Volume
from orchestrator.report.contracts import Json, instant_text, nonzero

SIMULATE_FORMAT = "clmctl.simulate/1"
Row = tuple[str, str]
"""(flow, channel)."""


def span_document(report: SpanReport) -> Json:
    """Return the document of ``simulate -o json``."""
    return {
        "format": SIMULATE_FORMAT,
        "begin": instant_text(report.begin),
        "end": instant_text(report.end),
        "ticks": report.ticks,
        "every": report.every,
        "release": report.release,
        "goes_on_from": _instant_or_none(report.goes_on_from),
        "customers": report.customers,
        "seed": report.seed,
        "assumed": dict(report.assumed),
        "flows": {name: span_of_flow(flow) for name, flow in report.flows.items()},
        "volumes": [
            {"day": one.day.isoformat(), "flow": one.flow, "channel": one.channel,
             "sends": one.sends}
            for one in report.volumes
        ],
        "pressure": _pressure(report.pressure),
        "sends": report.sends,
        "project_tripped_at": _instant_or_none(report.project_tripped_at),
        "notes": list(report.notes),
    }  # fmt: skip


def span_of_flow(flow: FlowSpan) -> Json:
    """Return what one flow did; names with a count of 0 are left out."""
    return {
        "entered": flow.entered,
        "exited": nonzero(flow.exited),
        "sends": flow.sends,
        "sends_by_channel": nonzero(flow.sends_by_channel),
        "held": nonzero(flow.held),
        "suppressed": nonzero(flow.suppressed),
        "expired": nonzero(flow.expired),
        "still_held": flow.still_held,
        "left_out": nonzero(flow.left_out),
        "lost_to": nonzero(flow.lost_to),
        "starved": flow.starved,
        "webhooks": flow.webhooks,
        "effects": nonzero(flow.effects),
        "tripped_at": _instant_or_none(flow.tripped_at),
    }


def _pressure(pressure: Pressure) -> Json:
    return {
        "customers": pressure.customers,
        "busiest_week": _spread(pressure.busiest_week),
        "whole_span": _spread(pressure.whole_span),
    }


def _spread(spread: Spread) -> Json:
    return {"p50": spread.p50, "p95": spread.p95, "max": spread.max}


def _instant_or_none(instant: datetime | None) -> str | None:
    return instant_text(instant) if instant else None


# --- volumes over time ----------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """Messages by flow and channel over equal stretches of time."""

    days: int
    """How many days a stretch has: 1, 7, or whole weeks."""
    begins: Sequence[date]
    """The first day of each stretch."""
    rows: Mapping[Row, Sequence[int]]
    """(flow, channel) → messages in each stretch."""

    def total(self) -> list[int]:
        """Return the messages of all rows in each stretch."""
        return [sum(row[at] for row in self.rows.values()) for at in range(len(self.begins))]


def grid(report: SpanReport, zone: ZoneInfo, *, most: int) -> Grid:
    """Return the volumes in the shortest stretches of which no more than ``most`` are needed.

    Stretches of weeks begin on Mondays.
    """
    first = report.begin.astimezone(zone).date()
    last = report.end.astimezone(zone).date()
    days = 1
    while len(begins := _begins(first, last, days)) > most:
        days = days + 7 if days > 1 else 7
    rows: dict[Row, list[int]] = {}
    for one in report.volumes:
        row = rows.setdefault((one.flow, one.channel), [0] * len(begins))
        row[(one.day - begins[0]).days // days] += one.sends
    return Grid(days, begins, {key: rows[key] for key in sorted(rows)})


def _begins(first: date, last: date, days: int) -> list[date]:
    start = first - timedelta(days=first.weekday() if days > 1 else 0)
    return [start + timedelta(days=at) for at in range(0, (last - start).days + 1, days)]


def by_flow(volumes: Iterable[Volume]) -> Counter[str]:
    """Return each flow's messages."""
    found: Counter[str] = Counter()
    for one in volumes:
        found[one.flow] += one.sends
    return found


# --- what caps took -------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """What one flow's messages took from another's under the frequency caps."""

    loser: str
    winner: str
    holds: int


def taken(report: SpanReport) -> list[Taken]:
    """Return which flow held up which, most holds first."""
    found = [
        Taken(loser, winner, count)
        for loser, flow in report.flows.items()
        for winner, count in flow.lost_to.items()
    ]
    return sorted(found, key=lambda one: (-one.holds, one.loser, one.winner))


def starved(report: SpanReport) -> list[str]:
    """Return the flows of whose messages more expired or still wait than were sent."""
    return [name for name, flow in report.flows.items() if flow.starved]


def idle(report: SpanReport) -> list[str]:
    """Return the flows that nobody entered and that sent nothing."""
    return [name for name, flow in report.flows.items() if not flow.entered and not flow.sends]
