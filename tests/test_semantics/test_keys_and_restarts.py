"""Semantics 33, 37-40, 60: keys, restarts, audiences asked again, goals that let go on."""

from __future__ import annotations

from datetime import datetime

import pytest
from harness import Shop, at
from sqlalchemy import select

from orchestrator import tables

DAY_1, DAY_2, DAY_3 = "2026-03-02T09:00:00", "2026-03-03T09:00:00", "2026-03-04T09:00:00"


def _flow(more: str = "", steps: str = "[{wait: 10 days}]", starts: str = "{did: view}") -> str:
    return f"flow: greet\nstatus: live\nstarts_when: {starts}\n{more}\nsteps: {steps}\n"


def _runs(shop: Shop) -> list[tuple[int, str | None, str | None, datetime]]:
    """Return (entry, key, exit reason, entry at) of every run, by customer and entry."""
    row = tables.enrollment.c
    query = select(row.entry, row.key_value, row.exit_reason, row.entry_at)
    with shop.engine.connect() as connection:
        found = connection.execute(query.order_by(row.customer_id, row.entry)).all()
    return [tuple(one) for one in found]


def _shop(shop: Shop, more: str, steps: str = "[{wait: 10 days}]") -> Shop:
    shop.write(greet=_flow(more, steps)).customers(ana={})
    shop.tick(DAY_1)
    return shop


# --- 37: key ----------------------------------------------------------------------------


def test_rule_37_each_key_has_a_run_of_its_own(shop: Shop) -> None:
    _shop(shop, "key: cart")
    shop.event("ana", "view", "2026-03-02T10:00", cart="one")
    shop.event("ana", "view", "2026-03-02T12:00", cart="two")
    shop.event("ana", "view", "2026-03-02T11:00", cart="three")
    shop.event("ana", "view", "2026-03-02T13:00", cart="one")
    shop.tick(DAY_2)
    assert _runs(shop) == [
        (1, "one", None, at("2026-03-02T10:00")),
        (2, "three", None, at("2026-03-02T11:00")),
        (3, "two", None, at("2026-03-02T12:00")),
    ]
    assert shop.left_out == {"already_in": 1}


def test_rule_37_a_start_without_the_key_is_refused(shop: Shop) -> None:
    _shop(shop, "key: cart")
    shop.event("ana", "view", "2026-03-02T10:00").event("ana", "view", "2026-03-02T10:00", cart="")
    shop.tick(DAY_2)
    assert (_runs(shop), shop.left_out) == ([], {"no_key": 2})


def test_rule_37_a_key_of_another_type_is_missing(shop: Shop) -> None:
    _shop(shop, "key: score")
    shop.event("ana", "view", "2026-03-02T10:00", score="many")
    shop.tick(DAY_2)
    assert shop.left_out == {"no_key": 1}


def test_rule_37_spellings_of_one_number_are_one_key(shop: Shop) -> None:
    _shop(shop, "key: score")
    shop.event("ana", "view", "2026-03-02T10:00", score="17")
    shop.event("ana", "view", "2026-03-02T11:00", score="17.0")
    shop.tick(DAY_2)
    assert (len(_runs(shop)), shop.left_out) == (1, {"already_in": 1})


def test_rule_37_re_entry_counts_per_key(shop: Shop) -> None:
    _shop(shop, "key: cart\nre_entry: after 1 day", "[{exit: done}]")
    shop.event("ana", "view", "2026-03-02T10:00", cart="one")
    shop.tick(DAY_2)
    shop.event("ana", "view", "2026-03-03T10:00", cart="one")
    shop.event("ana", "view", "2026-03-03T11:00", cart="two")
    shop.tick("2026-03-03T12:00")
    assert shop.left_out == {"re_entry": 1}
    shop.event("ana", "view", "2026-03-03T13:00", cart="one")
    shop.tick(DAY_3)
    assert [(entry, key) for entry, key, *_ in _runs(shop)] == [(1, "one"), (2, "two"), (3, "one")]


def test_rule_37_never_is_once_per_key(shop: Shop) -> None:
    _shop(shop, "key: cart\nre_entry: never", "[{exit: done}]")
    shop.event("ana", "view", "2026-03-02T10:00", cart="one")
    shop.tick(DAY_2)
    shop.event("ana", "view", "2026-03-03T10:00", cart="one")
    shop.event("ana", "view", "2026-03-03T11:00", cart="two")
    shop.tick(DAY_3)
    assert (len(_runs(shop)), shop.left_out) == (2, {"re_entry": 1})


def test_rule_37_runs_of_two_keys_send_the_same_message(shop: Shop) -> None:
    _shop(shop, "key: cart", "[{send: hello}]")
    for cart in ("one", "two"):
        shop.event("ana", "view", "2026-03-02T10:00", cart=cart)
    lines = shop.tick(DAY_2)
    assert [(line["entry"], line["decision"]) for line in lines] == [(1, "send"), (2, "send")]


def test_rule_47_runs_of_several_keys_write_one_after_the_other_by_entry(shop: Shop) -> None:
    steps = "[{set: {points: {add: 2}, plan: $entry.cart}}, {wait: 1 hours}]"
    _shop(shop, "key: cart", steps).customers(ben={})
    for minute, cart in enumerate(("one", "two", "three")):
        shop.event("ana", "view", f"2026-03-02T10:{minute:02}", cart=cart)
    shop.event("ben", "view", "2026-03-02T10:00", cart="four")
    shop.tick(DAY_2)
    assert shop.selects({"attribute": "points", "is": 6}, DAY_2) == {"ana"}
    assert shop.selects({"attribute": "plan", "is": "three"}, DAY_2) == {"ana"}
    assert shop.selects({"attribute": "points", "is": 2}, DAY_2) == {"ben"}


def test_rule_37_the_key_is_asked_of_the_event_that_starts(shop: Shop) -> None:
    starts = "{any: [{did: view, id: seen}, {did: buy, id: bought}]}"
    shop.write(greet=_flow("key: cart", starts=starts)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00", cart="one")
    shop.event("ana", "buy", "2026-03-02T11:00", cart="one")
    shop.event("ana", "buy", "2026-03-02T12:00", cart="two")
    shop.tick(DAY_2)
    assert [(entry, key) for entry, key, *_ in _runs(shop)] == [(1, "one"), (2, "two")]


# --- 33: the order of the tests -----------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("closes: 2026-03-01", "opens_closes"),
        ("audience: {attribute: vip, is: true}", "no_key"),
        ("exits_when: {attribute: vip, is_set: false}", "no_key"),
    ],
)
def test_rule_33_the_key_is_asked_after_staleness(shop: Shop, more: str, reason: str) -> None:
    _shop(shop, f"key: cart\n{more}")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick(DAY_2)
    assert shop.left_out == {reason: 1}


def test_rule_33_an_occurrence_without_a_key_can_be_stale(shop: Shop) -> None:
    _shop(shop, "key: cart")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-09T09:00")
    assert shop.left_out == {"stale": 1}


# --- 38: restart --------------------------------------------------------------------------


def test_rule_38_a_newer_start_takes_the_place_of_the_run(shop: Shop) -> None:
    _shop(shop, "if_already_in: restart", "[{send: hello}, {wait: 2 days}, {send: offer}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick(DAY_2)
    shop.event("ana", "view", "2026-03-03T10:00")
    lines = shop.tick(DAY_3)
    assert [(line["entry"], line["step"]) for line in lines] == [(2, "hello")]
    assert [one[2] for one in _runs(shop)] == ["restarted", None]
    assert [line["entry"] for line in shop.tick("2026-03-06T09:00")] == [2]


def test_rule_38_restart_does_not_ask_re_entry(shop: Shop) -> None:
    _shop(shop, "if_already_in: restart\nre_entry: never", "[{wait: 1 day}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T11:00")
    shop.event("ana", "view", "2026-03-02T12:00")
    shop.tick("2026-03-02T13:00")
    shop.tick("2026-03-03T13:00")
    shop.event("ana", "view", "2026-03-03T14:00")
    shop.tick("2026-03-03T15:00")
    assert [one[2] for one in _runs(shop)] == ["restarted", "completed"]
    assert shop.left_out == {"re_entry": 1}


def test_rule_38_whom_the_audience_refuses_goes_on(shop: Shop) -> None:
    audience = "audience: {attribute: entry.score, at_least: 5}"
    _shop(shop, f"if_already_in: restart\n{audience}")
    shop.event("ana", "view", "2026-03-02T10:00", score=5)
    shop.tick(DAY_2)
    shop.event("ana", "view", "2026-03-03T10:00", score=4)
    shop.tick(DAY_3)
    assert ([one[2] for one in _runs(shop)], shop.left_out) == ([None], {"audience": 1})


def test_rule_38_several_starts_of_one_tick_restart_one_another(shop: Shop) -> None:
    _shop(shop, "if_already_in: restart", "[{send: hello}]")
    for minute in (30, 10, 20):
        shop.event("ana", "view", f"2026-03-02T10:{minute}")
    lines = shop.tick(DAY_2)
    assert [line["entry"] for line in lines] == [3]
    assert [(one[0], one[2], one[3].minute) for one in _runs(shop)] == [
        (1, "restarted", 10), (2, "restarted", 20), (3, "completed", 30),
    ]  # fmt: skip


def test_rule_38_restart_counts_per_key(shop: Shop) -> None:
    _shop(shop, "key: cart\nif_already_in: restart")
    shop.event("ana", "view", "2026-03-02T10:00", cart="one")
    shop.event("ana", "view", "2026-03-02T11:00", cart="two")
    shop.tick(DAY_2)
    shop.event("ana", "view", "2026-03-03T10:00", cart="one")
    shop.tick(DAY_3)
    assert [one[1:3] for one in _runs(shop)] == [
        ("one", "restarted"), ("two", None), ("one", None),
    ]  # fmt: skip


def test_rule_38_a_run_that_ends_makes_room_and_is_not_restarted(shop: Shop) -> None:
    more = "if_already_in: restart\nre_entry: always\ngoal: {did: buy}"
    _shop(shop, more)
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick(DAY_2)
    shop.event("ana", "buy", "2026-03-03T10:00").event("ana", "view", "2026-03-03T11:00")
    shop.tick(DAY_3)
    assert [one[2] for one in _runs(shop)] == ["goal", None]


def test_rule_38_the_flow_after_it_sees_the_restart_in_the_same_tick(shop: Shop) -> None:
    after = (
        "status: live\nstarts_when: {leaves_flow: greet}\nre_entry: always\nsteps: [{exit: x}]\n"
    )
    shop.write(late="flow: late\n" + after, early="flow: early\n" + after)
    _shop(shop, "if_already_in: restart")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick(DAY_2)
    shop.event("ana", "view", "2026-03-03T10:00")
    shop.tick(DAY_3)
    assert [run[:3] for run in shop.runs() if run[0] != "greet"] == [("late", "ana", 1)]
    shop.tick("2026-03-05T09:00")
    assert [run[0] for run in shop.runs() if run[0] != "greet"] == ["early", "late"]


def test_rule_60_the_hold_of_a_restarted_run_is_closed_once(shop: Shop) -> None:
    steps = "[{send: hello, send_between: 20:00-21:00}]"
    _shop(shop, "if_already_in: restart", steps)
    shop.event("ana", "view", "2026-03-02T10:00")
    assert shop.told(DAY_2) == [("ana", "hold", "send_between")]
    shop.event("ana", "view", "2026-03-03T10:00")
    lines = shop.tick("2026-03-03T11:00")
    assert [
        (line["entry"], line["decision"], line["reason"], line["detail"]) for line in lines
    ] == [
        (1, "suppress", "run_ended", "restarted"),
        (2, "hold", "send_between", None),
    ]
    assert [line["entry"] for line in shop.tick("2026-03-03T19:30")] == [2]


# --- 39: goals ----------------------------------------------------------------------------


def test_rule_39_a_goal_that_keeps_going_ends_nothing(shop: Shop) -> None:
    goal = "goal: {did: buy, within: 14 days, keep_going: true}"
    _shop(shop, goal, "[{wait: 2 days}, {send: hello}]")
    shop.event("ana", "view", "2026-03-02T10:00").event("ana", "buy", "2026-03-02T11:00")
    shop.tick("2026-03-02T12:00")
    assert shop.told("2026-03-04T12:00") == [("ana", "send", "email")]
    assert [one[2] for one in _runs(shop)] == ["completed"]


@pytest.mark.parametrize("kind", ["opened", "clicked", "replied"])
def test_rule_39_what_became_of_a_message_is_a_goal(shop: Shop, kind: str) -> None:
    steps = "[{send: hello}, {wait: 10 days}]"
    _shop(shop, f"goal: {{{kind}: hello, within: 2 days}}", steps)
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T10:00")
    shop.receipt("ana", kind, "hello", "2026-03-04T10:00")
    shop.tick("2026-03-04T11:00")
    assert [one[2] for one in _runs(shop)] == ["goal"]


def test_rule_39_after_within_nothing_meets_the_goal(shop: Shop) -> None:
    _shop(shop, "goal: {replied: hello, within: 2 days}", "[{send: hello}, {wait: 10 days}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T10:00")
    shop.receipt("ana", "replied", "hello", "2026-03-04T10:00:00.000001")
    shop.tick("2026-03-04T11:00")
    assert [one[2] for one in _runs(shop)] == [None]


# --- 40: recheck --------------------------------------------------------------------------

VIP = "audience: {attribute: entry.score, at_least: 5}\nrecheck: true"
NOT_BOUGHT = "audience: {did_not: buy, in_last: 30 days}\nrecheck: true"


def test_rule_40_who_left_the_audience_leaves_before_a_send(shop: Shop) -> None:
    _shop(shop, NOT_BOUGHT, "[{wait: 1 day}, {send: hello}, {send: offer}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T10:00")
    shop.event("ana", "buy", "2026-03-02T11:00")
    assert shop.told("2026-03-03T10:00") == [("ana", "suppress", "audience")]
    assert [one[2] for one in _runs(shop)] == ["audience"]


def test_rule_40_the_audience_is_asked_before_each_send(shop: Shop) -> None:
    _shop(shop, NOT_BOUGHT, "[{send: hello}, {wait: 1 day}, {send: offer}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    assert shop.told("2026-03-02T10:00") == [("ana", "send", "email")]
    shop.event("ana", "buy", "2026-03-02T11:00")
    assert shop.told("2026-03-03T10:00") == [("ana", "suppress", "audience")]


def test_rule_40_without_recheck_the_audience_is_asked_at_entry_only(shop: Shop) -> None:
    _shop(shop, NOT_BOUGHT.replace("true", "false"), "[{wait: 1 day}, {send: hello}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T10:00")
    shop.event("ana", "buy", "2026-03-02T11:00")
    assert shop.told("2026-03-03T10:00") == [("ana", "send", "email")]


def test_rule_40_recheck_knows_what_started_the_run(shop: Shop) -> None:
    _shop(shop, VIP, "[{send: hello}]")
    shop.event("ana", "view", "2026-03-02T10:00", score=5)
    assert shop.told(DAY_2) == [("ana", "send", "email")]


def test_rule_60_a_hold_that_recheck_ends_is_closed_once(shop: Shop) -> None:
    _shop(shop, NOT_BOUGHT, "[{send: hello, send_between: 20:00-21:00}, {send: offer}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    assert shop.told("2026-03-02T11:00") == [("ana", "hold", "send_between")]
    shop.event("ana", "buy", "2026-03-02T12:00")
    lines = shop.tick("2026-03-02T19:30")
    assert [(line["decision"], line["reason"], line["detail"]) for line in lines] == [
        ("suppress", "run_ended", "audience")
    ]
    assert shop.tick("2026-03-03T19:30") == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (", only_if: {did_not: buy}", ("only_if", None)),
        ("", ("run_ended", "audience")),
    ],
)
def test_rule_51_recheck_is_asked_after_only_if_and_before_consent(
    shop: Shop, more: str, told: tuple[str, str | None]
) -> None:
    _shop(shop, NOT_BOUGHT, f"[{{send: hello, send_between: 20:00-21:00{more}}}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T11:00")
    shop.event("ana", "buy", "2026-03-02T12:00")
    shop.consent("ana", "news", "2026-03-02T12:00", withdrawn=True)
    lines = shop.tick("2026-03-02T19:30")
    assert [(line["reason"], line["detail"]) for line in lines] == [told]


def test_rule_51_expiry_is_asked_before_recheck(shop: Shop) -> None:
    _shop(shop, NOT_BOUGHT, "[{send: hello, send_between: 20:00-21:00, expires_after: 1 hour}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T11:00")
    shop.event("ana", "buy", "2026-03-02T12:00")
    assert shop.told("2026-03-02T19:30") == [("ana", "expire", "send_between")]
    assert [one[2] for one in _runs(shop)] == ["completed"]


def test_rule_29_the_goal_is_asked_before_recheck(shop: Shop) -> None:
    _shop(shop, f"{NOT_BOUGHT}\ngoal: {{did: buy}}", "[{wait: 1 day}, {send: hello}]")
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T10:00")
    shop.event("ana", "buy", "2026-03-02T11:00")
    assert shop.told("2026-03-03T10:00") == []
    assert [one[2] for one in _runs(shop)] == ["goal"]


@pytest.mark.parametrize("already_in", ["ignore", "restart"])
def test_a_transition_that_two_starts_name_is_one_occurrence(shop: Shop, already_in: str) -> None:
    starts = (
        "{any: [{enters_segment: big, id: one, backfill: true}, {enters_segment: big, id: two}]}"
    )
    segments = "segments: {big: {did: buy}}"
    more = f"if_already_in: {already_in}\nre_entry: always"
    shop.write(greet=_flow(more, starts=starts), segments=segments).customers(ana={}, ben={})
    shop.event("ana", "buy", DAY_1)
    shop.tick(DAY_1)
    shop.event("ben", "buy", "2026-03-02T10:00")
    shop.tick(DAY_2)
    assert shop.runs() == [("greet", "ana", 1, None), ("greet", "ben", 1, None)]
