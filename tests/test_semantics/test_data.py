"""Semantics 1-7: what exists, and what a value is.

Rules 4, 5 and the rejections of 6 are facts of importing and stand with its tests.
"""

from __future__ import annotations

from harness import Shop

NOW = "2026-03-02T09:00:00"
FLOW = """
flow: greet
status: live
starts_when: {did: signed_up}
steps: [{send: hello}]
"""


def test_rule_1_a_flow_goes_live_at_the_first_tick_that_sees_it(shop: Shop) -> None:
    shop.write(greet=FLOW).customers(ana={}).event("ana", "signed_up", "2026-03-02T08:59:59")
    assert shop.told(NOW) == []
    assert shop.left_out["before_live"] == 1
    shop.event("ana", "signed_up", "2026-03-02T09:00:01")
    assert shop.told("2026-03-02T10:00:00") == [("ana", "send", "email")]


def test_rule_1_a_draft_is_not_evaluated(shop: Shop) -> None:
    shop.write(greet=FLOW.replace("live", "draft")).customers(ana={})
    shop.tick(NOW)
    shop.event("ana", "signed_up", "2026-03-02T09:00:01")
    assert shop.told("2026-03-02T10:00:00") == []


def test_rule_1_a_preview_can_take_flows_as_live_since_a_time(shop: Shop) -> None:
    shop.write(greet=FLOW).customers(ana={}).event("ana", "signed_up", "2026-03-02T08:00:00")
    found = shop.preview(NOW, as_live_since="2026-03-01T00:00:00")
    assert [(line["customer"], line["decision"]) for line in found] == [("ana", "send")]
    assert shop.preview(NOW) == []


def test_rule_2_an_event_exists_from_its_own_instant(shop: Shop) -> None:
    shop.customers(ana={}, ben={})
    shop.event("ana", "buy", NOW).event("ben", "buy", f"{NOW}.000001")
    assert shop.selects({"did": "buy"}, NOW) == {"ana"}


def test_rule_2_a_customer_created_later_does_not_exist(shop: Shop) -> None:
    shop.customers(
        ana={"created_at": NOW}, ben={"created_at": f"{NOW}.000001"}, cleo={}, dan={}, eve={}
    )
    shop.event("dan", "view", "2026-03-02T08:00:00").event("eve", "view", "2026-03-03T08:00:00")
    assert shop.selects({"did_not": "buy"}, NOW) == {"ana", "cleo", "dan"}


def test_rule_2_a_customer_who_does_not_exist_yet_enters_nothing(shop: Shop) -> None:
    shop.write(greet=FLOW).customers(ana={"created_at": "2026-03-05"})
    shop.tick(NOW)
    shop.event("ana", "signed_up", "2026-03-02T09:30:00")
    assert shop.told("2026-03-02T10:00:00") == []


def test_rule_3_late_data_counts_by_when_it_happened(shop: Shop) -> None:
    shop.write(greet=FLOW).customers(ana={})
    shop.tick(NOW)
    shop.tick("2026-03-02T12:00:00")
    shop.event("ana", "signed_up", "2026-03-02T10:00:00")
    assert shop.told("2026-03-02T13:00:00") == [("ana", "send", "email")]


def test_rule_6_money_is_exact_and_more_decimals_are_missing(shop: Shop) -> None:
    shop.customers(
        ana={"balance": "0.1"}, ben={"balance": "0.1000"}, cleo={"balance": "0.10001"}, dan={}
    )
    assert shop.selects({"attribute": "balance", "is": 0.1}, NOW) == {"ana", "ben"}
    assert shop.selects({"attribute": "balance", "is_set": False}, NOW) == {"cleo", "dan"}


def test_rule_6_sums_of_money_have_no_rounding(shop: Shop) -> None:
    shop.customers(ana={})
    for _ in range(10):
        shop.event("ana", "buy", "2026-03-01", amount="0.1")
    assert shop.selects({"total_of": "buy.amount", "exactly": 1}, NOW) == {"ana"}


def test_rule_6_averages_are_compared_without_dividing(shop: Shop) -> None:
    shop.customers(ana={})
    for amount in ("1", "1", "2"):
        shop.event("ana", "buy", "2026-03-01", amount=amount)
    assert shop.selects({"average_of": "buy.amount", "more_than": 1.3333}, NOW) == {"ana"}
    assert shop.selects({"average_of": "buy.amount", "at_least": 1.3334}, NOW) == set()


def test_rule_6_what_does_not_parse_is_missing(shop: Shop) -> None:
    shop.customers(
        ana={"points": "12abc"},
        ben={"points": "1e3"},
        cleo={"points": " 1"},
        dan={"points": "-07.50"},
    )
    assert shop.selects({"attribute": "points", "is_set": True}, NOW) == {"dan"}
    assert shop.selects({"attribute": "points", "is": -7.5}, NOW) == {"dan"}


def test_rule_6_text_is_composed_and_compared_exactly(shop: Shop) -> None:
    shop.customers(
        ana={"plan": "caf\u00e9"}, ben={"plan": "cafe\u0301"}, cleo={"plan": "Caf\u00e9"}
    )
    assert shop.selects({"attribute": "plan", "is": "cafe\u0301"}, NOW) == {"ana", "ben"}


def test_rule_6_text_is_ordered_by_its_bytes(shop: Shop) -> None:
    shop.customers(ana={"plan": "Z"}, ben={"plan": "a"}, cleo={"plan": "\u00e4"})
    assert shop.selects({"attribute": "plan", "more_than": "Z"}, NOW) == {"ben", "cleo"}
    assert shop.selects({"attribute": "plan", "more_than": "z"}, NOW) == {"cleo"}


def test_rule_6_percent_and_underscore_are_plain_characters(shop: Shop) -> None:
    shop.customers(ana={"plan": "50% off"}, ben={"plan": "500 off"}, cleo={"plan": "a_b"})
    assert shop.selects({"attribute": "plan", "contains": "50%"}, NOW) == {"ana"}
    assert shop.selects({"attribute": "plan", "starts_with": "a_"}, NOW) == {"cleo"}
    assert shop.selects({"attribute": "plan", "ends_with": "% off"}, NOW) == {"ana"}


def test_rule_6_a_list_has_members(shop: Shop) -> None:
    shop.customers(
        ana={"likes": "tea;coffee"}, ben={"likes": '["tea", "cocoa"]'}, cleo={"likes": "green tea"}
    )
    assert shop.selects({"attribute": "likes", "contains": "tea"}, NOW) == {"ana", "ben"}
    assert shop.selects({"attribute": "likes", "contains": "tea;coffee"}, NOW) == set()


def test_rule_7_a_time_without_offset_is_wall_time_in_the_project(shop: Shop) -> None:
    shop.customers(ana={"renewal": "2026-03-02 10:00"}, ben={"renewal": "2026-03-02"})
    written = {"attribute": "renewal", "is": "2026-03-02T09:00:00Z"}
    assert shop.selects(written, NOW) == {"ana"}
    assert shop.selects({"attribute": "renewal", "is": "2026-03-01T23:00:00Z"}, NOW) == {"ben"}


def test_rule_6_a_list_of_an_event_has_members(shop: Shop) -> None:
    shop.write(catalog="events: {buy: {kinds: list}}\ntopics: {news: marketing, texts: marketing}")
    shop.customers(anna={}, ben={})
    shop.event("anna", "buy", "2026-03-01", kinds="tea; coffee")
    shop.event("ben", "buy", "2026-03-01", kinds="teapot")

    asked = {"did": "buy", "where": {"kinds": {"contains": "tea"}}}

    assert shop.selects(asked, NOW) == {"anna"}
