"""Speed and memory as ratios: ``python -m tests.bench [--size small|large] [--verbose]``.

Each row runs both sides by turns in one process and tells how many times the time of the
hand-written side ours takes (or which share of its rate it reaches). ``small`` is 100,000
customers with a million events; ``large`` adds a million with ten (also ``CLM_BENCH=large``).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from bench import (  # noqa: E402 - after the path
    conditions,
    first_tick,
    programme,
    starting,
    steady,
    telling,
)
from bench.shops import opened, postgres, postgres_shop, sqlite_shop  # noqa: E402 - after the path
from sqlalchemy import Engine  # noqa: E402 - after the path

SIZES = {"small": (100_000,), "large": (100_000, 1_000_000)}
MEGABYTES = 500


def tell(row: str, ours: str, peer: str, ratio: float | None, limit: str) -> None:
    """Print one row of the table."""
    shown = "" if ratio is None else f"{ratio:.2f}"
    print(f"| {row:<58} | {ours:>10} | {peer:>10} | {shown:>6} | {limit:>7} |", flush=True)


def databases(customers: int) -> Iterator[tuple[str, str]]:
    """Yield (kind, URL) of a shop in each database, while it is there."""
    yield "SQLite", sqlite_shop(customers)
    with postgres() as server:
        yield "PostgreSQL", postgres_shop(server, customers)


def of_database(kind: str, url: str, customers: int, *, verbose: bool) -> None:
    """Print the rows that ask a database."""
    engine, size = opened(url), f"{kind}, {customers:,} customers"
    with tempfile.TemporaryDirectory() as folder:
        rounds = 3 if customers <= 100_000 else 1
        tick = first_tick.measure(engine, programme.opened(Path(folder)), rounds)
    entered = f"{tick.entered:,} entries, {tick.sends:,} sends"
    tell(
        f"first tick: {size}", f"{tick.ours:.1f} s", f"{tick.by_hand:.1f} s",
        tick.ours / tick.by_hand, "<= 2",
    )  # fmt: skip
    if verbose:
        print(f"  {entered}")
    found = conditions.measure(engine, programme.example())
    ours, by_hand = (sum(getattr(one, side) for one in found) for side in ("ours", "by_hand"))
    for one in found if verbose else ():
        print(f"  {one.name:<40} {one.ours:8.3f} {one.by_hand:8.3f} {one.ours / one.by_hand:6.2f}")
    tell(f"conditions: {size}", f"{ours:.2f} s", f"{by_hand:.2f} s", ours / by_hand, "<= 1.3")
    first_tick.forget(engine)
    rates = telling.measure(engine)
    told, ours = f"dry-run rendering of {rates.sends:,} sends", f"{rates.ours:,.0f}/s"
    tell(f"{told}: {size}", ours, f"{rates.bare:,.0f}/s", rates.ours / rates.bare, ">= 0.6")
    tell(
        "  beside the product's own compiled templates",
        ours, f"{rates.compiled:,.0f}/s", rates.ours / rates.compiled, "",
    )  # fmt: skip
    of_a_clock(engine, size)
    engine.dispose()


def of_a_clock(engine: Engine, size: str) -> None:
    """Print the rows of ticks that follow each other, and of waits that are over."""
    with tempfile.TemporaryDirectory() as folder:
        tick = steady.measure(engine, programme.opened(Path(folder)), 2)
    tell(
        f"steady tick, 1 % changed, beside all changed: {size}",
        f"{tick.few:.2f} s", f"{tick.all:.2f} s", tick.all / tick.few, ">= 20",
    )  # fmt: skip
    tell(f"steady tick, nothing changed: {size}", f"{tick.nothing:.2f} s", "", None, "")
    tell(f"  and nothing due: {size}", f"{tick.still:.2f} s", "", None, "same")
    done = steady.measure_advancing(engine, 2)
    tell(
        f"advancing {done.runs:,} waiting runs: {size}",
        f"{done.ours:.2f} s", f"{done.by_hand:.2f} s", done.ours / done.by_hand, "<= 2",
    )  # fmt: skip


def of_starting() -> None:
    """Print the rows that start processes."""
    empty, help_, check = starting.started()
    passed = f"{empty * 1000:.0f} ms"
    tell("clmctl --help", f"{help_ * 1000:.0f} ms", passed, help_ / empty, "<= 10")
    tell(
        "clmctl check, one small project", f"{check * 1000:.0f} ms", passed, check / empty, "<= 40"
    )
    times = starting.checked()
    (_, before), (_, half), (most, last) = times
    for flows, seconds in times:
        tell(f"check of {flows} flows", f"{seconds:.2f} s", "", None, "")
    tell(
        f"check of {most} flows, per flow beside the step before",
        f"{(last - half) / 250 * 1000:.1f} ms", f"{(half - before) / 125 * 1000:.1f} ms",
        (last - half) / 2 / (half - before), "linear",
    )  # fmt: skip


def of_others() -> None:
    """Run the benchmarks that stand alone: rendering, sending, memory, importing, a simulated year, mail."""
    for script in (
        "rendering.py",
        "dispatching.py",
        "memory.py",
        "import_events.py",
        "simulating.py",
        "mailing.py",
    ):
        subprocess.run([sys.executable, str(HERE / script)], check=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    default = "large" if os.environ.get("CLM_BENCH") == "large" else "small"
    parser.add_argument("--size", choices=SIZES, default=default)
    parser.add_argument("--verbose", action="store_true", help="also each condition's ratio")
    asked = parser.parse_args()
    tell("", "ours", "peer", None, "limit")
    of_starting()
    for customers in SIZES[asked.size]:
        for kind, url in databases(customers):
            of_database(kind, url, customers, verbose=asked.verbose)
            if kind == "SQLite":
                peak, seconds = starting.peak_of_dry_run(url)
                tell(
                    f"memory of a dry run, {seconds:.0f} s: {kind}, {customers:,} customers",
                    f"{peak} MB", "", None, f"< {MEGABYTES} MB",
                )  # fmt: skip
    print()
    of_others()


if __name__ == "__main__":
    main()
