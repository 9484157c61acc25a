"""The volume breaker with a memory: a step that suddenly sends far more than it ever did."""

from __future__ import annotations

import pytest
from harness import Shop
from sqlalchemy import select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.delivery.stops import read_stops
from orchestrator.tick import surge

FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
re_entry: always
steps: [{send: hi, topic: news}]
"""


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surge, "LEAST", 3)


def sends(shop: Shop, when: str, count: int) -> list[tuple[str, str, int]]:
    """Let that many sign up and tick; return what is held then."""
    for number in range(count):
        shop.event(f"c{number}", "signed_up", when)
    assert len(shop.tick(when.replace("T08", "T09"))) == count
    with shop.engine.connect() as connection:
        return sorted(read_stops(connection, shop.playbook).surges)


def ready(shop: Shop) -> Shop:
    shop.write(hello=FLOW).customers(**{f"c{number}": {} for number in range(12)})
    shop.tick("2026-03-01T09:00")
    return shop


def test_a_step_without_a_past_is_not_judged(shop: Shop) -> None:
    assert sends(ready(shop), "2026-03-02T08:00", 10) == []


def test_three_times_its_busiest_day_is_no_surge_and_one_more_is(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 3)
    sends(shop, "2026-03-03T08:00", 2)

    assert sends(shop, "2026-03-04T08:00", 9) == []
    sends(shop, "2026-03-20T08:00", 1)


def test_more_than_that_is_held_in_the_ledger_until_approved(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 3)

    held = sends(shop, "2026-03-03T08:00", 10)
    assert [(flow, step) for flow, step, _ in held] == [("hello", "hi")]
    with shop.engine.connect() as connection:
        row = tables.message.c
        at = {
            to_micros(one)
            for one in connection.scalars(select(row.decided_at).where(row.state == "queued"))
        }
        assert held[0][2] in at
        assert read_stops(connection, shop.playbook).everything is False


def test_a_few_are_never_a_surge(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 1)

    assert sends(shop, "2026-03-03T08:00", 3) == []


def test_the_memory_is_thirty_days_long(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 1)

    assert sends(shop, "2026-04-05T08:00", 12) == []
