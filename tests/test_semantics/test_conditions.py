"""Semantics 13-23: conditions.

``replied`` (rule 20), ``in_flow`` and its like, ``custom`` and ``in_variant`` have no words
in this version. Buckets (22) are also computed by hand here, from the rule's own text.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from harness import CATALOG, Shop

NOW = "2026-03-31T09:00:00"


def _buyers(shop: Shop, **times: str) -> Shop:
    shop.customers(**{id: {} for id in times})
    for id, when in times.items():
        shop.event(id, "buy", when)
    return shop


# --- 13-15: time ----------------------------------------------------------------------------


def test_rule_13_in_last_and_older_than_are_exact_complements(shop: Shop) -> None:
    _buyers(
        shop,
        edge="2026-03-01T09:00:00",
        after="2026-03-01T09:00:00.000001",
        now=NOW,
        future="2026-03-31T09:00:00.000001",
    )
    assert shop.selects({"did": "buy", "in_last": "30 days"}, NOW) == {"after", "now"}
    assert shop.selects({"did": "buy", "older_than": "30 days"}, NOW) == {"edge"}


def test_rule_13_in_next_excludes_now_and_includes_its_end(shop: Shop) -> None:
    shop.customers(
        now={"renewal": f"{NOW}Z"},
        soon={"renewal": f"{NOW}.000001Z"},
        edge={"renewal": "2026-04-03T09:00:00Z"},
        past={"renewal": "2026-04-03T09:00:00.000001Z"},
    )
    assert shop.selects({"attribute": "renewal", "in_next": "3 days"}, NOW) == {"soon", "edge"}


def test_rule_14_before_and_after_a_bare_date_compare_the_projects_calendar_day(shop: Shop) -> None:
    _buyers(
        shop, eve="2026-03-01T22:59:59", morning="2026-03-01T23:00:00", next="2026-03-02T23:00:00"
    )
    assert shop.selects({"did": "buy", "before": "2026-03-02"}, NOW) == {"eve"}
    assert shop.selects({"did": "buy", "after": "2026-03-02"}, NOW) == {"next"}


def test_rule_14_before_and_after_an_instant_are_strict(shop: Shop) -> None:
    _buyers(shop, at="2026-03-02T08:00:00", later="2026-03-02T08:00:00.000001")
    assert shop.selects({"did": "buy", "after": "2026-03-02T08:00:00Z"}, NOW) == {"later"}
    assert shop.selects({"did": "buy", "before": "2026-03-02 09:00"}, NOW) == set()


def test_rule_15_dates_compare_days_with_the_customers_today(shop: Shop) -> None:
    days = {"birthday": "2026-04-01"}
    shop.customers(east=days | {"timezone": "Pacific/Auckland"}, west=days | {"timezone": "UTC"})
    evening = "2026-03-31T12:00:00"  # already 1 April in Auckland
    assert shop.selects({"attribute": "birthday", "in_last": "1 day"}, evening) == {"east"}
    assert shop.selects({"attribute": "birthday", "in_next": "1 day"}, evening) == {"east", "west"}


def test_rule_15_windows_of_dates_include_both_ends(shop: Shop) -> None:
    shop.customers(
        a={"birthday": "2026-02-28"}, b={"birthday": "2026-02-27"}, c={"birthday": "2026-03-31"}
    )
    assert shop.selects({"attribute": "birthday", "in_last": "1 month"}, NOW) == {"a", "c"}
    assert shop.selects({"attribute": "birthday", "older_than": "1 month"}, NOW) == {"b"}


def test_rule_15_29_february_is_28_in_common_years(shop: Shop) -> None:
    shop.customers(leap={"birthday": "2024-02-29"}, plain={"birthday": "2000-02-28"})
    asked = {"anniversary_of": "birthday"}
    assert shop.selects(asked, "2026-02-28T12:00:00") == {"leap", "plain"}
    assert shop.selects(asked, "2028-02-28T12:00:00") == {"plain"}
    assert shop.selects(asked, "2028-02-29T12:00:00") == {"leap"}


def test_rule_15_an_anniversary_is_in_a_later_year(shop: Shop) -> None:
    shop.customers(a={"birthday": "2026-03-31"}, b={"birthday": "2025-03-31"})
    assert shop.selects({"anniversary_of": "birthday"}, NOW) == {"b"}
    assert shop.selects({"anniversary_of": "birthday", "in_next": "1 year"}, NOW) == {"a", "b"}


# --- 16-18: events --------------------------------------------------------------------------


def test_rule_16_several_count_words_must_all_hold(shop: Shop) -> None:
    shop.customers(none={}, one={}, two={}, three={})
    for id, times in {"one": 1, "two": 2, "three": 3}.items():
        for _ in range(times):
            shop.event(id, "buy", "2026-03-01")
    assert shop.selects({"did": "buy"}, NOW) == {"one", "two", "three"}
    assert shop.selects({"did": "buy", "at_least": 2, "less_than": 3}, NOW) == {"two"}
    assert shop.selects({"did": "buy", "between": [1, 2]}, NOW) == {"one", "two"}
    assert shop.selects({"did": "buy", "at_most": 0}, NOW) == {"none"}
    assert shop.selects({"did": "buy", "exactly": 0}, NOW) == {"none"}
    assert shop.selects({"did_not": "buy", "at_least": 2}, NOW) == {"none", "one"}


def test_rule_16_nothing_totals_0_and_averages_nothing(shop: Shop) -> None:
    shop.customers(none={}, bare={}, paid={})
    shop.event("bare", "buy", "2026-03-01").event("paid", "buy", "2026-03-01", amount=0)
    assert shop.selects({"total_of": "buy.amount", "at_most": 0}, NOW) == {"none", "bare", "paid"}
    assert shop.selects({"average_of": "buy.amount", "at_most": 0}, NOW) == {"paid"}
    assert shop.selects({"number_of_different": "buy.amount", "at_most": 0}, NOW) == {
        "none",
        "bare",
    }


def test_rule_17_the_last_event_is_taken_before_its_time_is_tested(shop: Shop) -> None:
    _buyers(shop, ana="2026-01-01T09:00:00").event("ana", "buy", "2026-03-30T09:00:00")
    assert shop.selects({"last": "buy", "older_than": "30 days"}, NOW) == set()
    assert shop.selects({"first": "buy", "older_than": "30 days"}, NOW) == {"ana"}


def test_rule_17_last_excludes_those_who_never_did(shop: Shop) -> None:
    _buyers(shop, ana="2026-01-01T09:00:00").customers(ben={})
    assert shop.selects({"last": "buy", "older_than": "30 days"}, NOW) == {"ana"}


@pytest.mark.parametrize(
    ("when", "followed"),
    [
        ("2026-03-30T09:00:00", False),
        ("2026-03-30T09:00:00.000001", True),
        ("2026-03-30T13:00:00", True),
        ("2026-03-30T13:00:00.000001", False),
    ],
)
def test_rule_18_then_is_after_and_up_to_the_end(shop: Shop, when: str, followed: bool) -> None:
    shop.customers(ana={}).event("ana", "view", "2026-03-30T09:00:00").event("ana", "buy", when)
    asked: dict[str, Any] = {"did": "view", "then": "buy", "within": "4 hours"}
    assert shop.selects(asked, NOW) == ({"ana"} if followed else set())
    asked = {"did": "view", "then_not": "buy", "within": "4 hours"}
    assert shop.selects(asked, NOW) == (set() if followed else {"ana"})


def test_rule_18_then_not_holds_only_once_its_time_has_passed(shop: Shop) -> None:
    shop.customers(ana={}).event("ana", "view", "2026-03-30T09:00:00")
    asked = {"did": "view", "then_not": "buy", "within": "4 hours"}
    assert shop.selects(asked, "2026-03-30T12:59:59") == set()
    assert shop.selects(asked, "2026-03-30T13:00:00") == {"ana"}


def test_rule_18_same_needs_both_to_have_the_property(shop: Shop) -> None:
    shop.customers(same={}, other={}, lacking={})
    for id in ("same", "other"):
        shop.event(id, "view", "2026-03-30T09:00:00", cart="1")
    shop.event("lacking", "view", "2026-03-30T09:00:00")
    shop.event("same", "buy", "2026-03-30T10:00:00", cart="1")
    shop.event("other", "buy", "2026-03-30T10:00:00", cart="2")
    shop.event("lacking", "buy", "2026-03-30T10:00:00")
    asked: dict[str, Any] = {"did": "view", "then": "buy", "within": "4 hours", "same": "cart"}
    assert shop.selects(asked, NOW) == {"same"}
    asked = {"did": "view", "then_not": "buy", "within": "4 hours", "same": "cart"}
    assert shop.selects(asked, NOW) == {"other", "lacking"}


def test_rule_18_a_then_not_does_not_move_a_sequence(shop: Shop) -> None:
    shop.customers(ana={})
    shop.event("ana", "signed_up", "2026-03-30T09:00:00").event("ana", "buy", "2026-03-30T10:30:00")
    links = [
        {"did": "signed_up"},
        {"then_not": "view", "within": "1 hour"},
        {"then": "buy", "within": "2 hours"},
    ]
    assert shop.selects({"sequence": links}, NOW) == {"ana"}
    shop.event("ana", "view", "2026-03-30T09:30:00")
    assert shop.selects({"sequence": links}, NOW) == set()


# --- 19-21: missing values, messages, stages ------------------------------------------------


def test_rule_19_only_negations_hold_of_a_missing_value(shop: Shop) -> None:
    shop.customers(none={}, pro={"plan": "pro"})
    assert shop.selects({"attribute": "plan", "is_not": "pro"}, NOW) == {"none"}
    assert shop.selects({"attribute": "plan", "is_none_of": ["a"]}, NOW) == {"none", "pro"}
    assert shop.selects({"attribute": "plan", "is_set": False}, NOW) == {"none"}
    assert shop.selects({"attribute": "plan", "less_than": "z"}, NOW) == {"pro"}
    assert shop.selects({"none": [{"attribute": "plan", "is": "pro"}]}, NOW) == {"none"}


def test_rule_19_a_missing_value_on_the_right_is_no_match_either(shop: Shop) -> None:
    shop.customers(
        ana={"created_at": "2026-01-01"}, ben={"created_at": "2026-01-01", "renewal": "2025-01-01"}
    )
    after = {"attribute": "created_at", "after": "$customer.renewal"}
    assert shop.selects(after, NOW) == {"ben"}
    assert shop.selects({"none": [after]}, NOW) == {"ana"}
    assert shop.selects({"attribute": "created_at", "is_not": "$customer.renewal"}, NOW) == {
        "ana",
        "ben",
    }


def test_rule_19_not_opened_includes_who_never_received(shop: Shop) -> None:
    shop.customers(ana={}, ben={}).receipt("ana", "opened", "hello", "2026-03-30T09:00:00")
    assert shop.selects({"not_opened": "hello"}, NOW) == {"ben"}


def test_rule_20_receipts_are_counted_by_message_flow_and_channel(shop: Shop) -> None:
    shop.customers(ana={}, ben={})
    shop.receipt("ana", "clicked", "hello", "2026-03-30T09:00:00", flow="greet", channel="email")
    shop.receipt("ben", "clicked", "offer", "2026-03-01T09:00:00", channel="sms")
    shop.receipt("ben", "clicked", "offer", "2026-03-30T09:00:00")
    assert shop.selects({"clicked": "any"}, NOW) == {"ana", "ben"}
    assert shop.selects({"clicked": "greet/any"}, NOW) == {"ana"}
    assert shop.selects({"clicked": "any", "channel": "sms"}, NOW) == {"ben"}
    assert shop.selects({"clicked": "offer", "at_least": 2, "in_last": "7 days"}, NOW) == set()


# --- 22, 23 ---------------------------------------------------------------------------------


def _bucket(id: str, seed: str) -> int:
    prime = 2147483647

    def digits(text: str) -> int:
        return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)

    base = digits(id) % prime
    slope, offset = 1 + digits("a:" + seed) % (prime - 1), digits("b:" + seed) % prime
    return (slope * base + offset) % prime % 10_000


@pytest.mark.parametrize(("share", "below"), [("10%", 1000), ("33.33%", 3333), ("100%", 10000)])
def test_rule_22_a_sample_is_arithmetic_on_the_id(shop: Shop, share: str, below: int) -> None:
    ids = [f"c{number}" for number in range(200)] + ["\u00fcber"]
    shop.customers(**{id: {} for id in ids})
    expected = {id for id in ids if _bucket(id, "spring") < below}
    assert shop.selects({"sample": share, "seed": "spring"}, NOW) == expected
    expected = {id for id in ids if _bucket(id, "sample:test") < below}
    assert shop.selects({"sample": share}, NOW) == expected


COMPUTED = """
  orders: {count_of: buy, in_last: 30 days}
  spent: {total_of: buy.amount}
  typical: {average_of: buy.amount}
  kinds: {number_of_different: buy.kind}
  trial_ends: {first: signed_up, plus: 14 days}
"""


def test_rule_23_computed_attributes_are_evaluated_at_now(shop: Shop) -> None:
    shop.write(catalog=CATALOG.replace("  likes: list\n", "  likes: list" + COMPUTED))
    _buyers(shop, old="2026-01-01T09:00:00", new="2026-03-30T09:00:00").customers(none={})
    assert shop.selects({"attribute": "orders", "at_least": 1}, NOW) == {"new"}
    assert shop.selects({"attribute": "orders", "is": 0}, NOW) == {"old", "none"}
    assert shop.selects({"attribute": "spent", "is": 0}, NOW) == {"old", "new", "none"}
    assert shop.selects({"attribute": "typical", "is_set": True}, NOW) == set()


def test_rule_23_plus_makes_a_datetime_of_a_first(shop: Shop) -> None:
    shop.write(catalog=CATALOG.replace("  likes: list\n", "  likes: list" + COMPUTED))
    shop.customers(ana={}, ben={}).event("ana", "signed_up", "2026-03-20T09:00:00")
    assert shop.selects({"attribute": "trial_ends", "in_next": "3 days"}, NOW) == {"ana"}
    assert shop.selects({"attribute": "trial_ends", "is_set": False}, NOW) == {"ben"}
