"""Months of ticks over every time zone there is: nobody is sent anything in quiet hours."""

from __future__ import annotations

import time as clock
from collections import Counter
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from faults.kit import figures, sized
from harness import Shop, at
from sqlalchemy import select

from orchestrator import tables
from orchestrator.database import memory_engine
from orchestrator.simulation.play import play

BEGIN = at("2026-01-01T00:00")
PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails: {quiet_hours: {between: 21:00-08:00}}
"""
EARLY = """
flow: early
status: live
starts_when: {every: day, at: 06:00}
re_entry: always
steps:
  - {send: morning}
"""
LATE = """
flow: late
status: live
starts_when: {every: day, at: 20:30}
re_entry: always
steps:
  - {send: evening}
  - {wait: 45 min}
  - {send: after}
"""
HOURLY = """
flow: hourly
status: live
starts_when: {did: view}
re_entry: never
steps:
  - repeat:
      every: 18 hours
      at_most: 1000 times
      do: [{send: ping}]
"""
QUIET_FROM, QUIET_TO = time(21), time(8)


@pytest.mark.slow
def test_no_zone_is_sent_anything_in_its_quiet_hours(tmp_path: Path) -> None:
    zones = sorted(available_timezones())
    zones = zones[:: sized(len(zones) // 40, 1)]
    hours, step = sized(60, 730) * 24, sized(13, 7)
    folder = tmp_path / "project"
    folder.mkdir()
    shop = Shop(memory_engine(), folder)
    shop.write(project=PROJECT, early=EARLY, late=LATE, hourly=HOURLY)
    shop.customers(**{f"c{number}": {"timezone": zone} for number, zone in enumerate(zones)})
    for number in range(len(zones)):
        shop.event(f"c{number}", "view", f"2026-01-01T{number % 24:02}:30")
    shop.import_facts()
    # Ticks drift over the hours of the day, and meet every minute of them in the end.
    instants = [
        BEGIN + timedelta(hours=number, minutes=7 * number % 60) for number in range(0, hours, step)
    ]
    began = clock.monotonic()
    for _ in play(shop.engine, shop.playbook, instants):
        pass
    seconds = clock.monotonic() - began
    sends = ledger(shop)
    quiet = [
        (zone, when) for zone, when in sends if is_quiet(when.astimezone(ZoneInfo(zone)).time())
    ]
    by_zone = Counter(zone for zone, _ in sends)
    figures(
        "simulated time over all zones",
        zones=len(zones),
        days=hours // 24,
        ticks=len(instants),
        sends=len(sends),
        fewest_of_a_zone=min(by_zone.values()),
        in_quiet_hours=len(quiet),
        seconds=round(seconds),
    )

    assert quiet == []
    assert len(by_zone) == len(zones)
    assert min(by_zone.values()) >= hours // 24


def is_quiet(local: time) -> bool:
    return local >= QUIET_FROM or local < QUIET_TO


def ledger(shop: Shop) -> list[tuple[str, datetime]]:
    """Return (zone of the customer, instant) of each message."""
    row, customer = tables.message.c, tables.customer.c
    query = select(customer.timezone, row.decided_at).join_from(
        tables.message, tables.customer, row.customer_id == customer.id
    )
    with shop.engine.connect() as connection:
        return [(zone, when) for zone, when in connection.execute(query)]
