"""Semantics 29, 44, 45, 50: waits for something or for a date, what steps bring back."""

from __future__ import annotations

import pytest
from harness import CATALOG, Shop, at
from waiting_runs import EARLY, NOW, begun, flow, results, sent

from orchestrator.app import OpenProject, drain
from orchestrator.app.delivery import Remarks
from orchestrator.telling import decision_lines
from orchestrator.tick.run import TickPlan, dry_run, live_run

# --- wait_until (44) ------------------------------------------------------------------------


def test_rule_44_a_wait_ends_at_the_first_tick_that_sees_it_met_or_its_deadline(
    shop: Shop,
) -> None:
    steps = "[{wait_until: {did: buy, since: entry}, at_most: 2 days}, {send: thanks}]"
    shop.write(greet=flow(steps)).customers(ana={}, ben={})
    assert sent(begun(shop, "ana", "ben"), NOW) == []
    shop.event("ana", "buy", "2026-03-02T09:30:00")
    assert shop.told("2026-03-02T10:00:00") == [("ana", "send", "email")]
    assert shop.told("2026-03-04T08:59:59.999999") == []
    assert shop.told("2026-03-04T09:00:00") == [("ben", "send", "email")]


def test_rule_28_a_wait_is_asked_as_it_is_reached(shop: Shop) -> None:
    steps = "[{wait_until: {did: buy}, at_most: 2 days}, {send: thanks}]"
    shop.write(greet=flow(steps)).customers(ana={}).event("ana", "buy", "2026-01-01T00:00:00")
    assert sent(begun(shop), NOW) == ["thanks"]


WAYS = """
- wait_until: {did: buy, since: entry}
  id: answer
  at_most: 1 day
  if_met: [{send: met}]
  if_timed_out: [{send: late}]
- {send: then_all}
"""


def test_rule_44_each_end_of_a_wait_has_its_way_then_the_next_step(shop: Shop) -> None:
    shop.write(greet=flow(WAYS)).customers(ana={}, ben={})
    begun(shop, "ana", "ben").tick(NOW)
    shop.event("ana", "buy", "2026-03-02T20:00:00")
    told = [(line["customer"], line["message"]) for line in shop.tick("2026-03-03T09:00:00")]
    assert told == [("ana", "met"), ("ana", "then_all"), ("ben", "late"), ("ben", "then_all")]


def test_rule_44_met_wins_also_long_after_the_deadline(shop: Shop) -> None:
    shop.write(greet=flow(WAYS)).customers(ana={}, ben={})
    begun(shop, "ana", "ben").tick(NOW)
    shop.event("ana", "buy", "2026-04-19T20:00:00")
    told = [(line["customer"], line["message"]) for line in shop.tick("2026-04-20T09:00:00")]
    assert told == [("ana", "met"), ("ana", "then_all"), ("ben", "late"), ("ben", "then_all")]


def test_rule_44_a_dry_run_decides_what_the_live_one_does_and_keeps_nothing(shop: Shop) -> None:
    shop.write(greet=flow(WAYS)).customers(ana={}, ben={})
    begun(shop, "ana", "ben").tick(NOW)
    shop.event("ana", "buy", "2026-03-02T20:00:00")
    before = shop.preview("2026-03-03T09:00:00")
    assert results(shop) == []
    assert shop.preview("2026-03-03T09:00:00") == before
    assert shop.tick("2026-03-03T09:00:00") == before


def test_rule_8_a_deadline_in_days_counts_hours(shop: Shop) -> None:
    steps = "[{wait_until: {did: buy}, at_most: 1 day}, {send: thanks}]"
    shop.write(greet=flow(steps)).customers(ana={"timezone": "Europe/Vienna"})
    shop.tick("2026-03-28T08:00:00")
    shop.event("ana", "view", "2026-03-28T12:00:00")
    shop.tick("2026-03-28T12:00:00")  # the clocks go forward in the night to come
    assert sent(shop, "2026-03-29T11:59:59") == []
    assert sent(shop, "2026-03-29T12:00:00") == ["thanks"]


def test_rule_29_a_goal_or_exit_ends_a_run_that_waits(shop: Shop) -> None:
    steps = "[{wait_until: {did: buy}, at_most: 9 days, if_met: [{send: thanks}]}]"
    shop.write(
        greet=flow(steps, "exits_when: {did: buy, since: entry}"),
        other=flow(steps, "goal: {did: buy}", "other"),
    ).customers(ana={})
    begun(shop).tick(NOW)
    shop.event("ana", "buy", "2026-03-03T09:00:00")
    assert sent(shop, "2026-03-03T10:00:00") == []
    assert [run[3] for run in shop.runs()] == ["exit", "goal"]


def test_rule_42_only_if_of_a_wait_is_asked_at_each_try(shop: Shop) -> None:
    steps = """
    - {wait_until: {did: buy, since: entry}, at_most: 9 days, only_if: {attribute: vip, is: true}}
    - {send: thanks}
    """
    shop.write(greet=flow(steps)).customers(ana={"vip": "false"}, ben={"vip": "true"})
    assert [line["customer"] for line in begun(shop, "ana", "ben").tick(NOW)] == ["ana"]
    assert shop.tick("2026-03-03T09:00:00") == []


def test_rule_44_the_result_is_the_earliest_event_that_ended_it(shop: Shop) -> None:
    steps = """
    - wait_until: {any: [{did: buy, since: entry, where: {kind: tea}}, {did: view, since: entry}]}
      id: answer
      at_most: 2 days
    - {send: thanks}
    """
    shop.write(greet=flow(steps)).customers(ana={}, ben={}, cleo={})
    begun(shop, "ana", "ben", "cleo").tick(NOW)
    shop.event("ana", "buy", "2026-03-02T10:00:00", kind="cup")
    shop.event("ana", "buy", "2026-03-02T11:30:00", kind="tea")
    shop.event("ana", "view", "2026-03-02T11:00:00")
    shop.event("ben", "buy", "2026-03-02T12:00:00", kind="tea")
    shop.tick("2026-03-02T13:00:00")
    shop.tick("2026-03-04T09:00:00")
    assert results(shop) == [
        ("answer", "view", at("2026-03-02T11:00:00"), 0),
        ("answer", "buy", at("2026-03-02T12:00:00"), 0),
        ("answer", None, at("2026-03-04T09:00:00"), 1),
    ]


@pytest.mark.parametrize(
    ("asked", "when"),
    [
        ("{did: buy, at_least: 2, since: entry}", "2026-03-02T11:00:00"),
        ("{did: buy, more_than: 2, since: entry}", "2026-03-02T12:00:00"),
        ("{all: [{did: buy, since: entry}, {did: view, since: entry}]}", "2026-03-02T13:00:00"),
        ("{any: [{did: view, since: entry}, {all: [{did: buy}]}]}", "2026-03-02T10:00:00"),
        ("{did: buy, since: entry, then: view, within: 9 hours}", "2026-03-02T10:00:00"),
        ("{attribute: vip, is: true}", "2026-03-02T14:00:00"),
        ("{none: [{did_not: buy}]}", "2026-03-02T14:00:00"),
    ],
)
def test_rule_44_which_event_ended_it(shop: Shop, asked: str, when: str) -> None:
    steps = f"[{{wait_until: {asked}, id: answer, at_most: 2 days}}]"
    shop.write(greet=flow(steps)).customers(ana={"vip": "true"})
    shop.tick(EARLY)
    shop.event("ana", "view", NOW)
    for hour in (10, 11, 12):
        shop.event("ana", "buy", f"2026-03-02T{hour}:00:00")
    shop.event("ana", "view", "2026-03-02T13:00:00")
    shop.tick("2026-03-02T14:00:00")
    assert [row[2] for row in results(shop)] == [at(when)]


# --- results of steps (44, 50, 63) ----------------------------------------------------------


USES = """
- wait_until: {did: buy, since: entry}
  id: answer
  at_most: 2 days
- set: {plan: $answer.kind, points: $answer.score, renewal: $answer.at, vip: $answer.timed_out}
- branch:
    - if: {attribute: answer.timed_out, is: true}
      do: [{send: silent}]
    - if: [{attribute: answer.amount, at_least: 50}, {attribute: answer.did, is: buy}]
      do: [{send: large}]
  otherwise: [{send: small}]
- {send: again, only_if: {did: view, where: {score: {at_least: $answer.score}}}}
"""


def test_rule_50_what_a_step_brought_back_is_asked_and_set(shop: Shop) -> None:
    shop.write(greet=flow(USES)).customers(ana={}, ben={}, cleo={})
    begun(shop, "ana", "ben", "cleo", score=3).tick(NOW)
    shop.event("ana", "buy", "2026-03-02T10:00:00", amount="50", score=3, kind="tea")
    shop.event("ben", "buy", "2026-03-02T10:00:00", amount="49.99", score=4)
    told = [(line["customer"], line["message"]) for line in shop.tick("2026-03-02T11:00:00")]
    assert told == [("ana", "again"), ("ana", "large"), ("ben", "small")]
    assert sent(shop, "2026-03-04T09:00:00") == ["silent"]
    later = "2026-03-04T10:00:00"
    assert shop.selects({"attribute": "plan", "is": "tea"}, later) == {"ana"}
    assert shop.selects({"attribute": "points", "at_least": 4}, later) == {"ben"}
    assert shop.selects({"attribute": "renewal", "in_last": "26 hours"}, later) == {"cleo"}
    assert shop.selects({"attribute": "vip", "is": True}, later) == {"cleo"}
    assert shop.selects({"attribute": "vip", "is": False}, later) == {"ana", "ben"}


def test_rule_50_what_did_not_come_back_is_missing(shop: Shop) -> None:
    steps = """
    - wait_until: {did: buy, since: entry}
      id: answer
      at_most: 2 days
      only_if: {attribute: vip, is: true}
    - {send: none_yet, only_if: {attribute: answer.did, is_set: false}}
    - {send: no_kind, only_if: {attribute: answer.kind, is_not: tea}}
    """
    shop.write(greet=flow(steps)).customers(ana={})
    assert sent(begun(shop), NOW) == ["no_kind", "none_yet"]


def test_rule_29_an_exit_may_ask_what_a_step_has_just_brought_back(shop: Shop) -> None:
    exits = "exits_when: {attribute: answer.timed_out, is: true}"
    shop.write(greet=flow(WAYS, exits)).customers(ana={})
    begun(shop).tick(NOW)
    assert sent(shop, "2026-03-03T09:00:00") == []
    assert [run[3] for run in shop.runs()] == ["exit"]


def test_rule_50_templates_see_what_a_step_brought_back(shop: Shop) -> None:
    steps = """
    - {wait_until: {did: buy, since: entry}, id: answer, at_most: 2 days}
    - {send: thanks, with: {score: $answer.score}}
    """
    shop.write(greet=flow(steps)).customers(ana={}, ben={})
    body = (
        "{{ answer.kind | default('nothing') }} {{ answer.timed_out }} "
        "{{ with.score | default(0) }}"
    )
    mail = shop.folder / "templates/thanks/email.txt.j2"
    mail.write_text(f"---\nsubject: thanks\n---\n{body}\n", encoding="utf-8")
    begun(shop, "ana", "ben").tick(NOW)
    shop.event("ana", "buy", "2026-03-02T10:00:00", kind="tea", score=7).import_facts()
    plan = TickPlan(shop.playbook, at("2026-03-05T10:00:00"))
    with dry_run(shop.engine, plan) as ticked:
        shown = [(line.customer, line.text) for line in decision_lines(ticked.tick, None)]
    assert shown == [("ana", "tea false 7"), ("ben", "nothing true 0")]
    with live_run(shop.engine, plan):
        pass
    drain(OpenProject(shop.folder, shop.playbook), shop.engine, plan.now, Remarks())
    written = sorted(path.read_text("utf-8") for path in (shop.folder / "outbox").glob("*.json"))
    assert ["tea false 7" in one for one in written] == [True, False]
    assert ["nothing true 0" in one for one in written] == [False, True]


# --- wait_until_date (45) -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("wait_until_date: renewal", "2026-03-30T06:15:00"),
        ("wait_until_date: renewal, before: 3 days", "2026-03-27T07:15:00"),
        ("wait_until_date: renewal, after: 1 week, at: 10:00", "2026-04-06T08:00:00"),
        ("wait_until_date: birthday", "2026-03-31T07:00:00"),
        ("wait_until_date: birthday, before: 1 month", "2026-03-02T23:59:59"),
        ("wait_until_date: birthday, at: 02:30, before: 2 days", "2026-03-29T01:00:00"),
        ("wait_until_date: entry.day, at: 20:00", "2026-03-05T19:00:00"),
    ],
)
def test_rule_45_a_date_is_waited_for_on_the_customers_clock(
    shop: Shop, words: str, due: str
) -> None:
    catalog = CATALOG.replace("view: {", "view: {day: date, ")
    steps = f"[{{{words}, if_past: exit}}, {{send: now}}]"
    shop.write(greet=flow(steps), catalog=catalog).customers(
        ana={
            "timezone": "Europe/Vienna",
            "renewal": "2026-03-30T08:15:00",
            "birthday": "2026-03-31",
        }
    )
    begun(shop, day="2026-03-05")
    shop.tick(NOW)
    if due == "2026-03-02T23:59:59":  # 28 February: over already
        assert [run[3] for run in shop.runs()] == ["step"]
        return
    moment = at(due)
    assert (
        sent(
            shop,
            moment.replace(
                minute=moment.minute - 1 if moment.minute else 0,
                hour=moment.hour - (not moment.minute),
            ).isoformat(),
        )
        == []
    )
    assert sent(shop, due) == ["now"]


def test_rule_45_a_past_or_missing_date_does_what_is_said(shop: Shop) -> None:
    flows = {
        how: flow(
            f"[{{wait_until_date: renewal, if_past: {how}}}, {{send: soon}}, {{send: after}}]",
            name=how,
        )
        for how in ("go_on", "skip_next", "exit")
    }
    shop.write(**flows).customers(ana={"renewal": "2026-03-02T08:59:59Z"}, ben={})
    found = [
        (line["flow"], line["customer"], line["message"])
        for line in begun(shop, "ana", "ben").tick(NOW)
    ]
    assert sorted(found) == [
        ("go_on", "ana", "after"),
        ("go_on", "ana", "soon"),
        ("go_on", "ben", "after"),
        ("go_on", "ben", "soon"),
        ("skip_next", "ana", "after"),
        ("skip_next", "ben", "after"),
    ]
    assert {run[0]: run[3] for run in shop.runs()}["exit"] == "step"


def test_rule_45_the_date_is_fixed_as_the_step_is_reached(shop: Shop) -> None:
    steps = "[{wait_until_date: renewal, if_past: exit}, {send: soon}]"
    change = flow("[{wait: 1 day}, {set: {renewal: 2026-05-01}}]", name="other")
    shop.write(greet=flow(steps), other=change)
    shop.customers(ana={"renewal": "2026-03-10T09:00:00Z"}, ben={"renewal": "2026-03-02T09:00:00Z"})
    assert [line["customer"] for line in begun(shop, "ana", "ben").tick(NOW)] == ["ben"]
    shop.tick("2026-03-05T09:00:00")
    assert sent(shop, "2026-03-10T09:00:00") == ["soon"]


def test_rule_45_downtime_does_not_make_a_date_that_was_ahead_past(shop: Shop) -> None:
    steps = "[{wait_until_date: renewal, if_past: exit}, {send: soon}]"
    shop.write(greet=flow(steps)).customers(ana={"renewal": "2026-03-10T09:00:00Z"})
    begun(shop).tick(NOW)
    assert sent(shop, "2026-06-10T09:00:00") == ["soon"]
