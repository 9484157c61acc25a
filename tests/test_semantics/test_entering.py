"""Semantics 24-40: stages and segments, one tick, entering and leaving.

Keys, restarts, ``keep_going`` and ``recheck`` (37-40) have a module of their own;
``told_by`` has no words in this version.
"""

from __future__ import annotations

import pytest
from harness import Shop, names

from orchestrator.errors import UsageError

STAGES = """
stages:
  - {stage: buyer, when: {did: buy, in_last: 30 days}}
  - {stage: lapsed, when: {did: buy}, stay_at_least: 10 days}
  - {stage: lead, otherwise: true}
"""
SEGMENTS = """
segments:
  carts: {did: view, in_last: 7 days, then_not: buy, within: 4 hours}
"""
DAY_1, DAY_2, DAY_3 = "2026-03-02T09:00:00", "2026-03-03T09:00:00", "2026-03-04T09:00:00"


def _flow(starts_when: str, more: str = "", steps: str = "[{send: hello}]") -> str:
    return f"flow: greet\nstatus: live\nstarts_when: {starts_when}\n{more}\nsteps: {steps}\n"


# --- 24, 25: stages and segments ------------------------------------------------------------


def test_rule_24_the_first_stage_that_matches_wins(shop: Shop) -> None:
    shop.write(stages=STAGES).customers(ana={}, ben={}, cleo={})
    shop.event("ana", "buy", DAY_1).event("ben", "buy", "2026-01-01")
    shop.tick(DAY_1)
    assert shop.stages() == {"ana": "buyer", "ben": "lapsed", "cleo": "lead"}


def test_rule_24_every_tick_counts_each_customer_in_one_stage(shop: Shop) -> None:
    shop.write(stages=STAGES).customers(ana={}, ben={})
    shop.preview(DAY_1)
    assert shop.stage_counts == {"lead": 2}
    shop.tick(DAY_1)
    assert shop.stage_counts == {"lead": 2}


def test_rule_24_stay_at_least_keeps_the_stage_until_exactly_then(shop: Shop) -> None:
    shop.write(stages=STAGES).customers(ana={}).event("ana", "buy", "2026-01-01")
    shop.tick(DAY_1)
    shop.event("ana", "buy", "2026-03-02T10:00:00")
    shop.tick("2026-03-12T08:59:59.999999")
    assert shop.stages() == {"ana": "lapsed"}
    shop.tick("2026-03-12T09:00:00")
    assert shop.stages() == {"ana": "buyer"}


def test_rule_25_the_first_evaluation_makes_no_transition(shop: Shop) -> None:
    shop.write(stages=STAGES, greet=_flow("{enters_stage: buyer}")).customers(ana={}, ben={})
    shop.event("ana", "buy", "2026-03-01")
    assert shop.told(DAY_1) == []
    shop.event("ben", "buy", "2026-03-02T10:00:00")
    assert shop.told(DAY_2) == [("ben", "send", "email")]


def test_rule_25_a_silent_state_starts_a_stay_but_is_no_entry(shop: Shop) -> None:
    shop.write(stages=STAGES).customers(ana={})
    shop.tick(DAY_1)
    assert shop.selects({"in_stage": "lead", "for_at_least": "1 day"}, DAY_2) == {"ana"}
    assert shop.selects({"entered_stage": "lead"}, DAY_2) == set()


def test_rule_25_an_edited_condition_moves_people_silently(shop: Shop) -> None:
    model = STAGES.replace(", stay_at_least: 10 days", "")
    shop.write(stages=model, greet=_flow("{enters_stage: buyer}")).customers(ana={}, ben={})
    shop.event("ana", "buy", "2026-01-15")
    shop.tick(DAY_1)
    shop.write(stages=model.replace("30 days", "60 days"))
    shop.event("ben", "buy", "2026-03-02T10:00:00")
    assert shop.told(DAY_2) == [("ben", "send", "email")]
    assert shop.stages() == {"ana": "buyer", "ben": "buyer"}


def test_rule_25_comments_and_order_change_nothing(shop: Shop) -> None:
    shop.write(segments=SEGMENTS, greet=_flow("{enters_segment: carts}")).customers(ana={})
    shop.event("ana", "view", DAY_1)
    shop.tick("2026-03-02T10:00:00")
    shop.write(segments="# hello\n" + SEGMENTS)
    assert shop.told("2026-03-02T13:00:00") == [("ana", "send", "email")]


def test_rule_25_an_import_of_old_customers_starts_nothing(shop: Shop) -> None:
    shop.write(stages=STAGES, greet=_flow("{enters_stage: lead}")).customers(ana={})
    shop.tick(DAY_1)
    shop.customers(
        old={"created_at": "2026-03-01"}, new={"created_at": "2026-03-02T10:00:00"}, ever={}
    )
    assert shop.told(DAY_2) == [("new", "send", "email")]


# --- 26-30: one tick ------------------------------------------------------------------------


def test_rule_26_an_exit_makes_room_for_an_entry_of_the_same_tick(shop: Shop) -> None:
    more = "re_entry: always\nexits_when: {did: buy, since: entry}"
    shop.write(greet=_flow("{did: view}", more, "[{wait: 10 days}]")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00:00")
    shop.tick("2026-03-02T10:30:00")
    shop.event("ana", "buy", "2026-03-02T11:00:00").event("ana", "view", "2026-03-02T12:00:00")
    shop.tick(DAY_2)
    assert shop.runs() == [("greet", "ana", 1, "exit"), ("greet", "ana", 2, None)]


def test_rule_27_a_run_walks_on_in_the_tick_it_entered(shop: Shop) -> None:
    steps = "[{send: hello}, {set: {plan: pro}}, {send: offer, only_if: {received: hello}}]"
    shop.write(greet=_flow("{did: view}", "", steps)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2)
    assert shop.told(DAY_2) == [("ana", "send", "email"), ("ana", "send", "email")]
    assert shop.selects({"attribute": "plan", "is": "pro"}, DAY_2) == {"ana"}


def test_rule_30_a_tick_at_the_same_instant_changes_nothing(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view}", "re_entry: always")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2)
    assert len(shop.tick(DAY_2)) == 1
    shop.event("ana", "view", "2026-03-03T08:00:00")
    assert shop.tick(DAY_2) == []
    assert shop.tick(DAY_1) == []


def test_rule_30_a_dry_run_before_the_watermark_is_refused(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view}")).tick(DAY_2)
    with pytest.raises(UsageError, match="before the latest tick"):
        shop.preview(DAY_1)
    assert shop.preview(DAY_2) == []


def test_rule_30_a_dry_run_tells_what_the_live_tick_then_does(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view}")).customers(ana={}, ben={"email": None})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2).event("ben", "view", DAY_2)
    before = shop.preview(DAY_2)
    assert before == shop.preview(DAY_2) == shop.tick(DAY_2)
    assert names(before) == {"ana", "ben"}


# --- 31-34: occurrences ---------------------------------------------------------------------


def test_rule_31_entry_holds_the_start_events_properties(shop: Shop) -> None:
    more = "audience: {attribute: entry.amount, at_least: 50}"
    shop.write(greet=_flow("{did: buy}", more)).customers(ana={}, ben={}, cleo={})
    shop.tick(DAY_1)
    shop.event("ana", "buy", DAY_2, amount="50").event("ben", "buy", DAY_2, amount="49.99")
    shop.event("cleo", "buy", DAY_2)
    assert names(shop.tick(DAY_2)) == {"ana"}
    assert shop.left_out["audience"] == 2


def test_rule_31_a_segment_start_has_the_latest_matching_event(shop: Shop) -> None:
    more = "audience: {attribute: entry.cart, is: second}"
    shop.write(segments=SEGMENTS, greet=_flow("{enters_segment: carts}", more)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00:00", cart="first")
    shop.event("ana", "view", "2026-03-02T11:00:00", cart="second")
    shop.event("ana", "view", "2026-03-03T08:00:00", cart="open")
    assert names(shop.tick(DAY_2)) == {"ana"}


def test_rule_31_since_entry_is_after_the_start_event(shop: Shop) -> None:
    steps = "[{wait: 1 hour}, {send: hello, only_if: {did: view, since: entry}}]"
    shop.write(greet=_flow("{did: view}", "", steps)).customers(ana={}, ben={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2).event("ben", "view", DAY_2)
    shop.event("ben", "view", f"{DAY_2}.000001")
    shop.tick("2026-03-03T10:00:00")
    assert names(shop.tick("2026-03-03T11:00:00")) == {"ben"}


def test_rule_32_the_first_event_that_passes_opens_the_run(shop: Shop) -> None:
    more = "re_entry: always\naudience: {attribute: entry.amount, at_least: 10}"
    shop.write(greet=_flow("{did: buy}", more)).customers(ana={})
    shop.tick(DAY_1)
    for hour, amount in (("10", "5"), ("11", "20"), ("12", "5"), ("13", "30")):
        shop.event("ana", "buy", f"2026-03-02T{hour}:00:00", amount=amount)
    assert len(shop.tick(DAY_2)) == 1
    assert shop.left_out == {"audience": 1, "already_in": 2}


def test_rule_32_number_is_the_customers_nth_such_event(shop: Shop) -> None:
    shop.write(greet=_flow("{did: buy, number: 2, where: {amount: {at_least: 10}}}"))
    shop.customers(ana={}, ben={})
    shop.event("ana", "buy", "2026-02-01", amount="10").event(
        "ben", "buy", "2026-02-01", amount="5"
    )
    shop.tick(DAY_1)
    shop.event("ana", "buy", DAY_2, amount="10").event("ben", "buy", DAY_2, amount="10")
    assert names(shop.tick(DAY_2)) == {"ana"}


def test_rule_32_after_makes_the_occurrence_happen_later(shop: Shop) -> None:
    shop.write(greet=_flow("{did: buy, after: 24 hours}")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "buy", "2026-03-02T10:00:00")
    assert shop.tick("2026-03-03T09:59:59") == []
    assert names(shop.tick("2026-03-03T10:00:00")) == {"ana"}


def test_rule_33_an_occurrence_is_used_up_by_the_tick_that_sees_it(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view}", "audience: {did: buy}")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2)
    assert shop.tick(DAY_2) == []
    assert shop.left_out == {"audience": 1}
    shop.event("ana", "buy", "2026-03-03T09:30:00")
    assert shop.tick("2026-03-03T10:00:00") == []
    assert shop.left_out == {}


def test_rule_33_matches_is_asked_again_every_tick(shop: Shop) -> None:
    shop.write(greet=_flow("{matches: {did: buy}}")).customers(ana={}, ben={})
    shop.event("ana", "buy", "2026-01-01")
    assert names(shop.tick(DAY_1)) == {"ana"}
    shop.event("ben", "buy", "2026-01-01")
    assert names(shop.tick(DAY_2)) == {"ben"}


def test_rule_33_opens_and_closes_bound_the_occurrence_a_closing_day_included(shop: Shop) -> None:
    more = "opens: 2026-03-03 10:00\ncloses: 2026-03-04"
    shop.write(greet=_flow("{did: view}", more))
    shop.customers(a={}, b={}, c={}, d={}, west={"timezone": "America/Los_Angeles"})
    shop.tick(DAY_1)
    shop.event("a", "view", "2026-03-03T08:59:59").event("b", "view", "2026-03-03T09:00:00")
    shop.event("c", "view", "2026-03-04T22:59:59").event("d", "view", "2026-03-04T23:00:00")
    shop.event("west", "view", "2026-03-05T07:59:59")
    assert names(shop.tick("2026-03-05T09:00:00")) == {"b", "c", "west"}
    assert shop.left_out == {"opens_closes": 2}


def test_rule_34_an_old_occurrence_is_stale(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view}")).customers(ana={}, ben={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T09:00:01").event("ben", "view", "2026-03-02T09:00:02")
    assert names(shop.tick("2026-03-05T09:00:02")) == {"ben"}
    assert shop.left_out == {"stale": 1}


def test_rule_34_backfill_takes_in_events_from_before_going_live(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view, backfill: 30 days}")).customers(old={}, edge={}, new={})
    shop.event("old", "view", "2026-01-31T08:59:59.999999").event(
        "edge", "view", "2026-01-31T09:00:00"
    )
    shop.event("new", "view", "2026-03-02T08:00:00")
    assert names(shop.tick(DAY_1)) == {"edge", "new"}
    assert shop.left_out == {"before_live": 1}


def test_rule_34_backfill_of_a_stage_takes_in_whoever_is_there(shop: Shop) -> None:
    shop.write(stages=STAGES, greet=_flow("{enters_stage: lapsed, backfill: true}"))
    shop.customers(ana={}, ben={}).event("ana", "buy", "2026-01-01")
    assert names(shop.tick(DAY_1)) == {"ana"}
    assert shop.tick(DAY_2) == []


def test_rule_34_a_flow_set_aside_catches_up_on_what_is_not_stale(shop: Shop) -> None:
    text = _flow("{enters_segment: carts}")
    shop.write(segments=SEGMENTS, greet=text).customers(ana={}, ben={})
    shop.tick("2026-03-02T00:00:00")
    shop.write(greet=text.replace("live", "draft"))
    shop.event("ben", "view", "2026-03-02T01:00:00")
    shop.tick("2026-03-02T06:00:00")
    shop.event("ana", "view", "2026-03-03T01:00:00")
    shop.tick("2026-03-03T06:00:00")
    shop.write(greet=text)
    assert names(shop.tick("2026-03-06T00:00:00")) == {"ana"}


# --- 35-37: calendars, re-entry -------------------------------------------------------------


def test_rule_35_every_happens_on_the_customers_clock(shop: Shop) -> None:
    shop.write(greet=_flow("{every: monday, at: '10:00'}", "re_entry: always"))
    shop.customers(
        east={"timezone": "Asia/Kathmandu"}, home={}, west={"timezone": "America/Los_Angeles"}
    )
    shop.tick("2026-03-01T12:00:00")
    assert names(shop.tick("2026-03-02T04:14:59")) == set()
    assert names(shop.tick("2026-03-02T04:15:00")) == {"east"}
    assert names(shop.tick("2026-03-02T09:00:00")) == {"home"}
    assert names(shop.tick("2026-03-02T18:00:00")) == {"west"}
    assert names(shop.tick("2026-03-08T18:00:00")) == set()


def test_rule_35_day_31_is_the_last_day_of_shorter_months(shop: Shop) -> None:
    shop.write(greet=_flow("{every: month, on_day: 31}", "re_entry: always")).customers(ana={})
    shop.tick("2026-02-27T12:00:00")
    assert names(shop.tick("2026-02-28T08:00:00")) == {"ana"}
    assert names(shop.tick("2026-03-30T08:00:00")) == set()
    assert names(shop.tick("2026-03-31T08:00:00")) == {"ana"}


def test_rule_35_the_customer_must_exist_at_that_instant(shop: Shop) -> None:
    shop.write(greet=_flow("{every: day, at: '10:00'}")).customers(
        ana={"created_at": "2026-03-03T09:00:00"}, ben={"created_at": "2026-03-03T09:00:01"}
    )
    shop.tick(DAY_1)
    assert names(shop.tick("2026-03-03T12:00:00")) == {"ana"}


def test_rule_35_a_date_start_happens_days_before_at_nine(shop: Shop) -> None:
    shop.write(greet=_flow("{date: renewal, before: 3 days}"))
    shop.customers(ana={"renewal": "2026-03-06 15:00"}, ben={"renewal": "2026-03-07"})
    shop.tick(DAY_1)
    assert names(shop.tick("2026-03-03T07:59:59")) == set()
    assert names(shop.tick("2026-03-03T08:00:00")) == {"ana"}


def test_rule_35_a_zone_that_is_said_reads_day_and_hour_on_its_own_clock(shop: Shop) -> None:
    flow = _flow("{date: created_at, at: 09:00, timezone: Asia/Kathmandu}")
    shop.write(greet=flow)
    shop.tick("2026-02-28T09:00:00")
    late = "2026-03-01T11:00:01Z"  # the 2nd in Auckland, still the 1st in Kathmandu
    shop.customers(ana={"timezone": "Pacific/Auckland", "created_at": late})
    assert names(shop.tick("2026-03-01T12:00:00")) == {"ana"}


def test_rule_35_an_anniversary_comes_once_a_year_in_later_years(shop: Shop) -> None:
    shop.write(greet=_flow("{anniversary_of: birthday}", "re_entry: always"))
    shop.customers(ana={"birthday": "1990-03-03"}, ben={"birthday": "2026-03-03"})
    shop.tick(DAY_1)
    assert names(shop.tick("2026-03-03T08:00:00")) == {"ana"}
    assert names(shop.tick("2026-03-03T09:00:00")) == set()
    assert names(shop.tick("2027-03-03T08:00:00")) == {"ana", "ben"}


def test_rule_35_a_date_known_late_counts_while_it_is_fresh(shop: Shop) -> None:
    shop.write(greet=_flow("{date: renewal}"))
    shop.tick("2026-03-02T07:00:00")
    shop.customers(ana={"renewal": "2026-03-02"})
    assert names(shop.tick("2026-03-04T09:00:00")) == {"ana"}


def test_rule_37_re_entry_after_counts_from_the_end_of_the_latest_run(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view}", "re_entry: after 1 day")).customers(ana={})
    shop.tick("2026-03-01T09:00:00")
    shop.event("ana", "view", DAY_1)
    assert len(shop.tick(DAY_1)) == 1
    shop.event("ana", "view", "2026-03-03T08:00:00")
    assert shop.tick("2026-03-03T08:59:59.999999") == []
    assert shop.left_out == {"re_entry": 1}
    shop.event("ana", "view", DAY_2)
    assert [line["entry"] for line in shop.tick(DAY_2)] == [2]


def test_rule_37_re_entry_is_never_unless_said(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view}")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2)
    shop.tick(DAY_2)
    shop.event("ana", "view", DAY_3)
    assert shop.tick(DAY_3) == []


def test_rule_38_an_occurrence_while_a_run_is_active_is_ignored(shop: Shop) -> None:
    shop.write(greet=_flow("{did: view}", "re_entry: always", "[{wait: 3 days}]")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2)
    shop.tick(DAY_2)
    shop.event("ana", "view", DAY_3)
    shop.tick(DAY_3)
    assert shop.left_out == {"already_in": 1}


# --- 39, 40: goals and exits ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (DAY_2, None),
        (f"{DAY_2}.000001", "goal"),
        (DAY_3, "goal"),
        (f"{DAY_3}.000001", None),
    ],
)
def test_rule_39_a_goal_counts_after_the_entry_and_up_to_its_end(
    shop: Shop, when: str, reason: str | None
) -> None:
    more = "goal: {did: buy, within: 1 day}"
    shop.write(greet=_flow("{did: view}", more, "[{wait: 9 days}]")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2).event("ana", "buy", when)
    shop.tick("2026-03-05T09:00:00")
    assert shop.runs() == [("greet", "ana", 1, reason)]


def test_rule_39_a_goal_of_clicks_is_about_this_runs_messages(shop: Shop) -> None:
    more = "goal: {clicked: hello}"
    steps = "[{wait: 1 day}, {send: hello}, {wait: 9 days}]"
    shop.write(greet=_flow("{did: view}", more, steps)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2).receipt("ana", "clicked", "hello", "2026-03-03T10:00:00")
    shop.tick(DAY_2)
    shop.tick("2026-03-03T11:00:00")
    assert shop.runs() == [("greet", "ana", 1, None)]
    shop.tick(DAY_3)
    shop.receipt("ana", "clicked", "hello", "2026-03-04T10:00:00").tick("2026-03-04T11:00:00")
    assert shop.runs() == [("greet", "ana", 1, "goal")]


def test_rule_29_the_goal_is_looked_at_before_the_exit(shop: Shop) -> None:
    more = "goal: {did: buy}\nexits_when: {did: buy, since: entry}"
    shop.write(greet=_flow("{did: view}", more, "[{wait: 9 days}]")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", DAY_2)
    shop.tick(DAY_2)
    shop.event("ana", "buy", DAY_3)
    shop.tick(DAY_3)
    assert shop.runs() == [("greet", "ana", 1, "goal")]
