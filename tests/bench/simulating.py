"""A simulated year of daily ticks, beside as many ticks that look at every customer.

``python tests/bench/simulating.py [CUSTOMERS …]``; 20,000 if none are named, 200,000 too with
``CLM_BENCH=large``.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.programme import example
from bench.shop import NOW
from bench.shops import opened, sqlite_shop
from sqlalchemy import Engine

from orchestrator.language.durations import Duration
from orchestrator.playbook.model import Playbook
from orchestrator.simulation.assumed import Assumed
from orchestrator.simulation.span import SpanRequest, simulation
from orchestrator.tick.run import TickPlan, dry_run

DAYS = 365
BEGIN = NOW.replace(hour=9) - timedelta(days=DAYS)
"""16:00 in Jakarta: a time of day at which nobody of the shop sleeps."""


class Year(NamedTuple):
    """What a simulated year took, and what it would take in full ticks."""

    ours: float
    """Seconds, from copying the data to the figures."""
    full_tick: float
    """Seconds of one tick that evaluates everybody."""
    sends: int
    flows: int


def measure(engine: Engine, playbook: Playbook, days: int = DAYS) -> Year:
    """Simulate a year; then evaluate everybody once, in the middle of it."""
    request = SpanRequest(BEGIN, days, Duration(1, "day"), Assumed({}, "1"))
    begun = perf_counter()
    with simulation(engine, playbook, request, lambda _day: None) as found:
        found.samples(0)
        report = found.report()
    ours = perf_counter() - begun
    return Year(
        ours, _full(engine, playbook, BEGIN + timedelta(days=days // 2)), report.sends,
        len(report.flows),
    )  # fmt: skip


def _full(engine: Engine, playbook: Playbook, now: datetime) -> float:
    """Return the time of a first tick, which no earlier one spares anything."""
    best = float("inf")
    for _ in range(2):
        begun = perf_counter()
        with dry_run(engine, TickPlan(playbook, now, as_live_since=now - timedelta(days=1))):
            best = min(best, perf_counter() - begun)
    return best


def main() -> None:
    """Print a row for each size."""
    sizes = [int(one) for one in sys.argv[1:]] or [20_000]
    if not sys.argv[1:] and os.environ.get("CLM_BENCH") == "large":
        sizes.append(200_000)
    for customers in sizes:
        engine = opened(sqlite_shop(customers))
        year = measure(engine, example())
        engine.dispose()
        peer = DAYS * year.full_tick
        row = f"simulated year, daily ticks, {year.flows} flows: {customers:,} customers"
        limit = ">= 5" if customers >= 200_000 else "~ 60 s"
        print(
            f"| {row:<58} | {year.ours:>8.0f} s | {peer:>8.0f} s | {peer / year.ours:>6.2f} "
            f"| {limit:>7} |",
            flush=True,
        )
        print(f"  {year.sends:,} sends", file=sys.stderr)


if __name__ == "__main__":
    main()
