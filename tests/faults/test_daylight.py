"""Five schedulers race through both edges of daylight saving time: each occurrence once."""

from __future__ import annotations

import time as clock
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from faults import workers
from faults.kit import figures, processes, sized
from harness import Shop, at
from waking import sent

ZONES = (
    "America/New_York",
    "Europe/Vienna",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
)
EDGES = (
    date(2026, 3, 8),  # New York
    date(2026, 3, 29),  # Europe
    date(2026, 4, 5),  # Lord Howe, by half an hour
    date(2026, 10, 4),
    date(2026, 10, 25),
    date(2026, 11, 1),
)
AT = {"two": time(2, 15), "one": time(1, 30)}
"""Local times that a clock skips in one half of the year and shows twice in the other."""
SCHEDULERS = 5


def flow(name: str, when: time) -> str:
    return f"""
flow: {name}
status: live
starts_when: {{every: day, at: "{when:%H:%M}"}}
re_entry: always
steps:
  - {{send: at_{name}}}
"""


def test_expected_instants_are_those_of_the_rule() -> None:
    new_york = ZoneInfo("America/New_York")
    assert first_valid(date(2026, 3, 8), time(2, 15), new_york) == at("2026-03-08T07:00")
    assert first_valid(date(2026, 11, 1), time(1, 30), new_york) == at("2026-11-01T05:30")
    assert first_valid(date(2026, 11, 1), time(2, 15), new_york) == at("2026-11-01T07:15")


@pytest.mark.slow
def test_five_schedulers_racing_over_daylight_saving_count_each_day_once(
    shop: Shop, tmp_path: Path
) -> None:
    shop.write(**{name: flow(name, when) for name, when in AT.items()})
    shop.customers(**{f"c{number}": {"timezone": zone} for number, zone in enumerate(ZONES)})
    assert shop.import_facts().playbook.flows
    windows = [window(edge, sized(10, 167), sized(4, 1)) for edge in EDGES]
    instants = [instant for one in windows for instant in one]
    url = shop.engine.url.render_as_string(hide_password=False)
    began = clock.monotonic()
    with processes() as children:
        logs = [tmp_path / f"race-{number}" for number in range(SCHEDULERS)]
        racing = [children.start(workers.race, shop.folder, url, instants, log) for log in logs]
        codes = [children.join(one) for one in racing]
    seconds = clock.monotonic() - began
    written = [log.read_text(encoding="utf-8").split() for log in logs if log.exists()]
    due = Counter(occurrences(windows))
    found = Counter(
        (customer, step.removeprefix("at_"), when)
        for customer, step, when in sent(shop)
        if any(one[0] < when <= one[-1] for one in windows)
    )
    figures(
        f"schedulers racing over daylight saving, {shop.engine.dialect.name}",
        schedulers=SCHEDULERS,
        ticks=len(instants),
        written_by_each="/".join(str(len(one)) for one in written),
        occurrences=found.total(),
        expected=due.total(),
        duplicates=(found - due).total(),
        lost=(due - found).total(),
        seconds=round(seconds),
    )

    assert codes == [0] * SCHEDULERS
    assert sorted(instant for one in written for instant in one) == sorted(
        one.isoformat() for one in instants
    )
    assert found == due


def window(edge: date, ticks: int, hours: int) -> list[datetime]:
    """Return instants around the edge, all the same time apart."""
    middle = datetime.combine(edge, time(6), UTC)
    first = middle - timedelta(hours=hours) * (ticks // 2)
    return [first + timedelta(hours=hours) * number for number in range(ticks)]


def occurrences(windows: list[list[datetime]]) -> list[tuple[str, str, datetime]]:
    """Return (customer, flow, tick that first sees it) of each local day after a window's first."""
    found = []
    for number, zone in enumerate(ZONES):
        for name, when in AT.items():
            for one in windows:
                day = one[0].date() - timedelta(days=2)
                while day <= one[-1].date() + timedelta(days=2):
                    due = first_valid(day, when, ZoneInfo(zone))
                    if one[0] < due <= one[-1]:
                        seen = next(instant for instant in one if instant >= due)
                        found.append((f"c{number}", name, seen))
                    day += timedelta(days=1)
    return found


def first_valid(day: date, when: time, zone: ZoneInfo) -> datetime:
    """Return the first instant of that day at which the wall clock shows ``when`` or later.

    It is found by looking at the clock every quarter of an hour: no arithmetic of the product.
    """
    instant = datetime.combine(day, time(0), UTC) - timedelta(hours=15)
    while (instant.astimezone(zone).date(), instant.astimezone(zone).time()) < (day, when):
        instant += timedelta(minutes=15)
    return instant
