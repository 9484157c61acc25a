"""Rules 2, 30, 34, 35, 58 where the clock stood still, jumped or stopped: one tick catches up."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Shop, at
from waking import Clockwork, sent, ticks

from orchestrator.scheduler.outcome import Outcome

HELLO = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: welcome}]
"""
DAILY = """
flow: daily
status: live
starts_when: {every: day, at: "10:00"}
re_entry: always
steps: [{send: morning}]
"""
HELD = """
flow: held
status: live
starts_when: {did: signed_up}
steps: [{send: welcome, send_between: 08:00-09:00, expires_after: 1 day}]
"""


def after_downtime(shop: Shop, flow: str, until: str, *signed_up: str) -> Clockwork:
    """Tick once at 09:00 on 2 March; sign up; and not again before a later instant."""
    shop.write(flow=flow).customers(anna={"created_at": "2026-01-01"}, ben={})
    clockwork = Clockwork(shop, "2026-03-02T09:00", accepts=True)
    clockwork.wake()
    for when in signed_up:
        shop.event("anna", "signed_up", when)
    clockwork.planner.accepts = True
    assert clockwork.wake(until) is Outcome.TICKED
    return clockwork


def told(shop: Shop) -> list[Any]:
    return [(who, step) for who, step, _ in sent(shop)]


def test_rule_2_one_tick_covers_all_since_the_last(shop: Shop) -> None:
    after_downtime(shop, HELLO, "2026-03-04T09:00", "2026-03-02T09:00:00.000001")

    assert ticks(shop) == [at("2026-03-02T09:00"), at("2026-03-04T09:00")]
    assert told(shop) == [("anna", "welcome")]


def test_rule_2_the_last_tick_itself_is_not_covered_again(shop: Shop) -> None:
    clockwork = after_downtime(shop, HELLO, "2026-03-04T09:00", "2026-03-03T09:00")

    assert clockwork.wake("2026-03-04T09:00:00.000001") is Outcome.TICKED
    assert told(shop) == [("anna", "welcome")]


def test_rule_30_no_tick_at_or_before_the_last(shop: Shop) -> None:
    clockwork = after_downtime(shop, HELLO, "2026-03-04T09:00")

    assert clockwork.wake("2026-03-04T09:00") is Outcome.UP_TO_DATE
    assert clockwork.wake("2026-03-03T09:00") is Outcome.UP_TO_DATE
    assert len(ticks(shop)) == 2


@pytest.mark.parametrize(
    ("when", "sends"), [("2026-03-03T08:59:59", 0), ("2026-03-03T09:00", 1)], ids=str
)
def test_rule_34_what_is_older_than_catch_up_after_downtime_is_stale(
    shop: Shop, when: str, sends: int
) -> None:
    after_downtime(shop, HELLO, "2026-03-06T09:00", when)

    assert len(sent(shop)) == sends


def test_rule_35_missed_days_of_a_calendar_start_enter_once(shop: Shop) -> None:
    clockwork = after_downtime(shop, DAILY, "2026-03-05T12:00")
    missed = [("anna", "morning"), ("ben", "morning")]
    assert told(shop) == [*missed, *missed]  # the first tick was at 10:00 in Vienna

    clockwork.wake("2026-03-05T12:01")
    assert len(sent(shop)) == 4


def test_rule_58_what_was_held_before_downtime_expires_in_it(shop: Shop) -> None:
    clockwork = after_downtime(shop, HELD, "2026-03-02T12:00", "2026-03-02T10:00")
    clockwork.planner.accepts = True
    clockwork.wake("2026-03-05T07:30")

    assert sent(shop) == []
    assert clockwork.last("tick").facts["expired"] == 1
