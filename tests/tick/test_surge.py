"""The volume breaker with a memory: a step that suddenly sends far more than it ever did."""

from __future__ import annotations

import pytest
from harness import Shop
from sqlalchemy import select
from waking import approve_all

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.delivery.outbox import surges
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


def sends(shop: Shop, when: str, count: int) -> list[tuple[str, str, int, int]]:
    """Let that many sign up and tick; return what is held then."""
    for number in range(count):
        shop.event(f"c{number}", "signed_up", when)
    assert len(shop.tick(when.replace("T08", "T09"))) == count
    return held(shop)


def held(shop: Shop) -> list[tuple[str, str, int, int]]:
    with shop.engine.connect() as connection:
        return sorted(read_stops(connection, shop.playbook).surges)


def ready(shop: Shop) -> Shop:
    shop.write(hello=FLOW).customers(**{f"c{number}": {} for number in range(12)})
    shop.tick("2026-03-01T09:00")
    return shop


def test_the_first_tick_of_a_step_is_not_judged(shop: Shop) -> None:
    assert sends(ready(shop), "2026-03-02T08:00", 10) == []


def test_three_times_its_busiest_day_is_no_surge_and_one_more_is(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 3)
    sends(shop, "2026-03-03T08:00", 2)

    assert sends(shop, "2026-03-04T08:00", 9) == []
    sends(shop, "2026-03-20T08:00", 1)


def test_more_than_that_is_held_in_the_ledger_until_approved(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 3)

    held = sends(shop, "2026-03-03T08:00", 10)
    assert [(flow, step) for flow, step, *_ in held] == [("hello", "hi")]
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


def test_many_small_ticks_of_a_day_are_judged_together(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 1)

    assert sends(shop, "2026-03-04T08:00", 1) == []
    assert sends(shop, "2026-03-04T08:10", 2) == []
    (first,) = sends(shop, "2026-03-04T08:20", 2)
    (both,) = sends(shop, "2026-03-04T08:30", 1)
    assert first[2] == first[3] == both[2] < both[3]
    assert kept(shop) == 3
    assert sends(shop, "2026-03-06T08:00", 3) == [both]


def test_todays_own_ticks_are_no_history(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 1)

    for tick, count in enumerate((1, 3, 9)):
        sends(shop, f"2026-03-04T08:{tick}0", count)
    assert kept(shop) == 12


def test_what_is_approved_may_be_sent_again_within_its_day(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 1)
    assert sends(shop, "2026-03-04T08:00", 4)
    approve_all(shop)
    assert held(shop) == []

    assert sends(shop, "2026-03-04T08:10", 8) == []
    assert sends(shop, "2026-03-04T08:20", 1)


def test_what_was_never_approved_is_no_measure_of_later_days(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 1)
    assert len(sends(shop, "2026-03-04T08:00", 10)) == 1

    assert len(sends(shop, "2026-03-08T08:00", 10)) == 2


def test_a_young_step_grows_to_a_fifth_of_the_customers(shop: Shop) -> None:
    ready(shop).customers(**{f"d{number}": {} for number in range(13)})
    sends(shop, "2026-03-02T08:00", 1)

    assert sends(shop, "2026-03-02T08:10", 4) == []
    assert sends(shop, "2026-03-02T08:20", 1)


def test_the_reason_says_the_figures(shop: Shop) -> None:
    sends(ready(shop), "2026-03-02T08:00", 2)
    sends(shop, "2026-03-04T08:00", 7)
    with shop.engine.connect() as connection:
        why = connection.scalar(select(tables.control.c.reason)) or ""
    assert "7 messages within 24 hours, 2 on the busiest of the 30 days before" in why
    assert "more than 3 that are also more than 3 times that" in why


def kept(shop: Shop) -> int:
    """Return how many messages are held."""
    with shop.engine.connect() as connection:
        return sum(one.messages for one in surges(connection))
