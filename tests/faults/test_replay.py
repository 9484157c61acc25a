"""Years of real purchases, day by day: ticks that look at few decide what ticks at all decide.

The purchases are those of the CDNOW panel (1997 and 1998) where that file is present, and invented
ones of the same kind where it is not: they only have to be many, uneven and partly late.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from textwrap import dedent
from typing import get_args

import pytest
import ticking
from faults.kit import figures, sized
from harness import Shop
from loading import load
from sqlalchemy import Connection, Engine, func, select, text

from orchestrator import tables
from orchestrator.database import memory_engine
from orchestrator.importing.run import Kind
from orchestrator.tick import workspace
from orchestrator.tick.run import TickPlan, live_run

CDNOW = (
    Path(os.environ.get("CLM_DATA", Path(__file__).parents[3] / "shared" / "data"))
    / "cdnow_master.csv.gz"
)
FIRST = date(1997, 1, 1)
ZONES = ("America/New_York", "Europe/Vienna", "Asia/Jakarta", "Australia/Lord_Howe", "")
COMPARED_EVERY = 30
"""Days after which everything is compared, not only what was decided on the day."""

PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails:
  quiet_hours: {between: 21:00-08:00}
  frequency: [{at_most: 2, per: 7 days}]
  holdout: {share: 5%}
"""
CATALOG = """
events:
  buy: {amount: money, score: number}
attributes:
  points: number
  birthday: date
  orders: {count_of: buy}
  spent: {total_of: buy.amount, in_last: 1 year}
  last_order_at: {last: buy}
topics:
  news: marketing
"""
STAGES = """
stages:
  - {stage: loyal, when: {attribute: orders, at_least: 3}, stay_at_least: 30 days}
  - {stage: active, when: {did: buy, in_last: 45 days}, stay_at_least: 7 days}
  - {stage: asleep, when: {last: buy, older_than: 45 days}}
  - {stage: lead, otherwise: true}
"""
SEGMENTS = """
segments:
  gone_quiet: [{last: buy, older_than: 60 days}, {attribute: spent, at_least: 20}]
  heavy: {did: buy, at_least: 2, in_last: 30 days}
"""
FLOWS = {
    "thanks": """
        starts_when: {did: buy, catch_up: 10 days}
        re_entry: after 30 days
        goal: {did: buy, within: 45 days}
        steps:
          - {wait: 1 day, then_between: 09:00-18:00}
          - {send: thank}
          - {wait: 14 days}
          - branch:
              - {if: {clicked: thank}, do: [{send: favourites}]}
            otherwise: [{send: reminder}]
    """,
    "win_back": """
        starts_when: {enters_segment: gone_quiet}
        audience: {not_received: miss_you, in_last: 90 days}
        re_entry: after 60 days
        steps:
          - set: {points: {add: 1}}
          - {send: miss_you}
          - {wait_until: {did: buy}, at_most: 20 days}
          - {send: last_call, only_if: {did_not: buy, in_last: 20 days}}
    """,
    "digest": """
        starts_when: {every: monday, at: "10:00"}
        audience:
          - {in_stage: loyal, for_at_least: 14 days}
          - {not_received: letter, in_last: 30 days}
          - {sample: 40%}
        re_entry: after 30 days
        steps: [{send: letter}]
    """,
    "big": """
        starts_when: {matches: {attribute: spent, at_least: 150}}
        re_entry: never
        steps: [{send: big_thanks}]
    """,
    "nudge": """
        starts_when: {leaves_segment: heavy}
        exits_when: {in_segment: heavy}
        re_entry: after 40 days
        steps:
          - repeat: {every: 10 days, at_most: 3 times, do: [{send: nudge}]}
    """,
    "birthday": """
        starts_when: {anniversary_of: birthday, at: "09:30"}
        audience: {did: buy, in_last: 6 months}
        re_entry: after 6 months
        steps: [{send: wish}]
    """,
}


@dataclass(frozen=True)
class Purchase:
    """One purchase, and the day on which it is known."""

    id: str
    customer: str
    at: datetime
    score: int
    amount: str
    known: date


def chance(*words: object) -> float:
    """Return a number from 0 to 1 that is always the same for the same words."""
    return int(sha256(repr(words).encode()).hexdigest()[:8], 16) / 2**32


def of_the_panel(share: float, days: int) -> Iterator[Purchase]:
    """Yield purchases of a share of the customers; one in twenty is known days later."""
    with gzip.open(CDNOW, "rt", encoding="ascii") as file:
        for number, row in enumerate(csv.DictReader(file)):
            day = date.fromisoformat(row["date"])
            if chance("who", row["customer_id"]) < share and (day - FIRST).days < days:
                yield purchase(number, row["customer_id"], day, int(row["cds"]), row["amount"])


def invented(customers: int, days: int) -> Iterator[Purchase]:
    """Yield purchases of customers who come in a first quarter, and of whom most buy once."""
    drawn, number = random.Random(1997), 0
    for one in range(customers):
        rate, on = drawn.gammavariate(0.55, 1 / 40), drawn.uniform(0, days / 4)
        while on < days:
            number, cds = number + 1, drawn.randint(1, 4)
            amount = f"{cds * drawn.uniform(6, 25):.2f}"
            yield purchase(number, f"{one:05}", FIRST + timedelta(days=int(on)), cds, amount)
            on += drawn.expovariate(max(rate, 1e-4))


def purchase(number: int, customer: str, day: date, cds: int, amount: str) -> Purchase:
    second = int(chance("time", number) * 86_400)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    late = int(chance("days", number) * 8) if chance("late", number) < 0.05 else 0
    return Purchase(f"b{number}", customer, at, cds, amount, day + timedelta(days=late))


@pytest.mark.slow
def test_few_looked_at_decide_what_all_decide_day_after_day(shop: Shop, tmp_path: Path) -> None:
    days = sized(32, 546)
    share, customers = sized((0.008, 200), (0.25, 6_000))
    shop.write(project=PROJECT, catalog=CATALOG, stages=STAGES, segments=SEGMENTS)
    shop.write(
        **{name: f"flow: {name}\nstatus: live\n{dedent(said)}" for name, said in FLOWS.items()}
    )
    real = CDNOW.is_file()
    bought = list(of_the_panel(share, days) if real else invented(customers, days))
    replay = Replay(shop, memory_engine(), tmp_path, bought)
    for number in range(days):
        replay.play(number)
    figures(
        f"{'CDNOW' if real else 'invented purchases'} day by day, {shop.engine.dialect.name}",
        customers=len(replay.met),
        purchases=len(bought),
        days=days,
        decisions=replay.decided,
        sends=replay.sent,
        days_that_differ=0,
        looked_at=f"{replay.looked_at / max(1, replay.there):.1%}",
        seconds_of_few=round(replay.seconds[0], 1),
        seconds_of_all=round(replay.seconds[1], 1),
    )

    assert replay.sent > days


class Replay:
    """The same facts and ticks in two databases: one looks at few, the other at everybody."""

    def __init__(self, shop: Shop, other: Engine, folder: Path, bought: list[Purchase]) -> None:
        self.engines = (shop.engine, other)
        self.playbook = shop.playbook
        self.folder = folder
        self.by_day: dict[date, list[Purchase]] = defaultdict(list)
        for one in bought:
            self.by_day[one.known].append(one)
        self.met: set[str] = set()
        self.clicks: list[tuple[str, str, datetime]] = []
        self.decided = self.sent = self.looked_at = self.there = 0
        self.seconds = [0.0, 0.0]

    def play(self, number: int) -> None:
        """Import what became known on a day, tick in both databases, and compare."""
        day = FIRST + timedelta(days=number)
        now = datetime(day.year, day.month, day.day, 9 + 5 * (number % 3), tzinfo=UTC)
        files = self._files(day, now)
        told = []
        for which, engine in enumerate(self.engines):
            for kind in get_args(Kind):
                if kind in files:
                    path = self.folder / f"{kind}.csv"
                    load(engine, kind, path, files[kind], catalog=self.playbook.catalog)
            began = time.monotonic()
            plan = TickPlan(self.playbook, now, everybody=which == 1)
            with live_run(engine, plan) as ticked:
                self.seconds[which] += time.monotonic() - began
                told.append(ticking.told_of(ticked))
                if which == 0 and number:
                    assert not ticked.tick.is_full
                    self._count_looked_at(ticked.tick.connection)
        few, everybody = told
        assert ticking.lines(few.decisions) == ticking.lines(everybody.decisions), now
        assert few.stages == everybody.stages, now
        self._remember(few, now)
        if number % COMPARED_EVERY == COMPARED_EVERY - 1:
            one, other = map(everything, self.engines)
            assert one == other, now

    def _files(self, day: date, now: datetime) -> dict[str, str]:
        """Return what is imported on a day, by kind: new customers, purchases, clicks."""
        bought = [one for one in self.by_day[day] if one.at <= now]
        self.by_day[day + timedelta(days=1)] += [one for one in self.by_day[day] if one.at > now]
        new = sorted({one.customer for one in bought} - self.met)
        self.met.update(new)
        clicks = [one for one in self.clicks if one[2] <= now]
        self.clicks = [one for one in self.clicks if one[2] > now]
        found = {
            "customers": "id,email,timezone,birthday,subscribed_to\n" + "".join(map(person, new)),
            "events": "id,customer_id,event,at,amount,score\n"
            + "".join(
                f"{one.id},{one.customer},buy,{one.at:%Y-%m-%dT%H:%M:%SZ},{one.amount},{one.score}\n"
                for one in bought
            ),
            "receipts": "customer_id,message,kind,at\n"
            + "".join(
                f"{customer},{message},clicked,{at:%Y-%m-%dT%H:%M:%SZ}\n"
                for customer, message, at in clicks
            ),
        }
        return {kind: text for kind, text in found.items() if text.count("\n") > 1}

    def _count_looked_at(self, connection: Connection) -> None:
        for table, name in ((workspace.due, "looked_at"), (tables.customer, "there")):
            count = connection.scalar(select(func.count()).select_from(table)) or 0
            setattr(self, name, getattr(self, name) + count)

    def _remember(self, told: ticking.Told, now: datetime) -> None:
        """Count what was decided, and let one message in five be clicked within two days."""
        self.decided += len(told.decisions)
        for one in told.decisions:
            if one.decision != "send":
                continue
            self.sent += 1
            if chance("click", one.customer, one.message, now) < 0.2:
                later = timedelta(hours=48 * chance("when", one.customer, one.message, now))
                self.clicks.append((one.customer, one.message, now + later))


def person(id: str) -> str:
    """Return the line of a customer, all of it from their id."""
    zone = ZONES[int(chance("zone", id) * len(ZONES))]
    birthday = date(1950, 1, 1) + timedelta(days=int(chance("birthday", id) * 15_000))
    return (
        f"{id},{id}@shop.example,{zone},{birthday},{'news' if chance('news', id) < 0.9 else ''}\n"
    )


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Return all that ticks have left, by external ids."""
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        return {
            name: sorted(map(tuple, connection.execute(text(query))), key=repr)
            for name, query in LEFT.items()
        }


def _of_customers(columns: str, table: str) -> str:
    return f"SELECT c.external_id, {columns} FROM {table} t JOIN customer c ON c.id = t.customer_id"


LEFT = {
    "runs": _of_customers(
        "flow, entry, start, occurrence, entry_at, entered_at, status, step, reached_at, due_at,"
        " held_reason, exit_reason, exit_detail, ended_at",
        "enrollment",
    ),
    "decisions": _of_customers(
        "flow, entry, step, channel, decision, reason, detail, at, due_at", "decision"
    ),
    "ledger": _of_customers("flow, entry, step, occurrence, channel, decided_at", "message"),
    "stages": _of_customers("stage, began_at, ended_at", "stage_interval"),
    "segments": _of_customers("segment, began_at, ended_at", "segment_interval"),
    "attributes": _of_customers("name, text", "attribute_value"),
    "occurrences": _of_customers("flow, occurrence, at, reason", "occurrence"),
}
