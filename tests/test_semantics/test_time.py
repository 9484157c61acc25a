"""Semantics 8-12: windows, waits, local days and slots, as whole flows see them.

Rule 46 (``repeat``) and the intersection of zones of rule 11 have no words in this version.
"""

from __future__ import annotations

from harness import Shop, names

GREET = """
flow: greet
status: live
starts_when: {did: signed_up}
steps: [{WAIT}, {send: hello}]
"""


def _waiting(shop: Shop, wait: str, **customers: dict[str, str]) -> Shop:
    shop.write(greet=GREET.replace("WAIT", wait)).customers(**customers)
    shop.tick("2026-03-28T10:00:00")
    for id in customers:
        shop.event(id, "signed_up", "2026-03-28T11:00:00")
    shop.tick("2026-03-28T11:00:00")
    return shop


def test_rule_8_a_day_of_a_window_is_24_hours(shop: Shop) -> None:
    shop.customers(ana={}, ben={})
    shop.event("ana", "buy", "2026-03-28T10:00:00.000001").event(
        "ben", "buy", "2026-03-28T10:00:00"
    )
    assert shop.selects({"did": "buy", "in_last": "1 day"}, "2026-03-29T10:00:00") == {"ana"}


def test_rule_8_months_step_the_calendar_and_clamp(shop: Shop) -> None:
    shop.customers(ana={}, ben={})
    shop.event("ana", "buy", "2026-02-28T10:00:01").event("ben", "buy", "2026-02-28T10:00:00")
    assert shop.selects({"did": "buy", "in_last": "1 month"}, "2026-03-31T10:00:00") == {"ana"}


def test_rule_9_days_of_a_wait_keep_the_local_clock_time(shop: Shop) -> None:
    _waiting(shop, "wait: 1 day", ana={"timezone": "Europe/Vienna"}, ben={"timezone": "UTC"})
    assert names(shop.tick("2026-03-29T09:59:59")) == set()
    assert names(shop.tick("2026-03-29T10:00:00")) == {"ana"}
    assert names(shop.tick("2026-03-29T11:00:00")) == {"ben"}


def test_rule_9_hours_of_a_wait_are_elapsed_time(shop: Shop) -> None:
    _waiting(shop, "wait: 24 hours", ana={"timezone": "Europe/Vienna"})
    assert names(shop.tick("2026-03-29T10:59:59")) == set()
    assert names(shop.tick("2026-03-29T11:00:00")) == {"ana"}


def test_rule_10_a_skipped_time_is_the_first_instant_after_the_gap(shop: Shop) -> None:
    _waiting(shop, "wait: 1 min, then_between: 02:30-03:30", ana={})
    assert names(shop.tick("2026-03-29T00:59:59")) == set()
    assert names(shop.tick("2026-03-29T01:00:00")) == {"ana"}


def test_rule_10_an_hour_that_comes_twice_starts_once(shop: Shop) -> None:
    daily = """
    flow: daily
    status: live
    starts_when: {every: day, at: 02:30}
    re_entry: always
    steps: [{send: hello}]
    """
    shop.write(daily=daily).customers(ana={})
    shop.tick("2026-10-24T12:00:00")
    assert names(shop.tick("2026-10-25T00:30:00")) == {"ana"}
    assert names(shop.tick("2026-10-25T01:30:00")) == set()


def test_rule_11_an_unknown_zone_is_the_projects(shop: Shop) -> None:
    _waiting(shop, "wait_for_time: 15:00-16:00", ana={"timezone": "Mars/Olympus"}, ben={})
    assert names(shop.tick("2026-03-28T13:59:59")) == set()
    assert names(shop.tick("2026-03-28T14:00:00")) == {"ana", "ben"}


def test_rule_12_hours_run_over_midnight_and_exclude_their_end(shop: Shop) -> None:
    _waiting(shop, "wait_for_time: 22:00-06:00", ana={})
    assert names(shop.tick("2026-03-28T20:59:59")) == set()
    assert names(shop.tick("2026-03-28T21:00:00")) == {"ana"}


def test_rule_12_on_days_is_the_weekday_of_the_instant(shop: Shop) -> None:
    _waiting(shop, "wait_for_time: 22:00-06:00, on_days: sunday", ana={})
    assert names(shop.tick("2026-03-28T22:30:00")) == set()
    assert names(shop.tick("2026-03-28T23:00:00")) == {"ana"}
