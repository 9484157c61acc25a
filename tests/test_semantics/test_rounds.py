"""Semantics 46: `until` drops the rest of its steps, `repeat` does them round by round."""

from __future__ import annotations

from datetime import UTC, datetime

from harness import Shop
from sqlalchemy import select
from waiting_runs import NOW, begun, flow, results, sent

from orchestrator import tables
from orchestrator.channels.file import message_key

# --- until (46) -----------------------------------------------------------------------------


UNTIL = """
- until: {did: buy, since: entry}
  do:
    - {send: one}
    - {wait: 1 day}
    - {send: two}
  if_met: [{send: bought}]
- {send: then_all}
"""


def test_rule_46_until_drops_the_rest_of_its_steps(shop: Shop) -> None:
    shop.write(greet=flow(UNTIL)).customers(ana={}, ben={})
    assert sent(begun(shop, "ana", "ben"), NOW) == ["one", "one"]
    shop.event("ana", "buy", "2026-03-02T10:00:00")
    assert sent(shop, "2026-03-02T11:00:00") == ["bought", "then_all"]
    assert sent(shop, "2026-03-03T09:00:00") == ["then_all", "two"]


def test_rule_46_until_is_looked_at_before_its_first_step(shop: Shop) -> None:
    shop.write(greet=flow(UNTIL.replace(", since: entry", ""))).customers(ana={})
    shop.event("ana", "buy", "2026-01-01T00:00:00")
    assert sent(begun(shop), NOW) == ["bought", "then_all"]


def test_rule_46_until_sees_what_its_own_steps_do(shop: Shop) -> None:
    steps = """
    - until: {attribute: points, at_least: 5}
      do: [{set: {points: {add: 5}}, id: adds}, {send: one}]
      if_met: [{send: enough}]
    - until: {received: two}
      do: [{send: two}, {send: three}]
    """
    shop.write(greet=flow(steps)).customers(ana={})
    assert sent(begun(shop), NOW) == ["enough", "two"]


def test_rule_46_a_held_send_that_until_drops_is_closed(shop: Shop) -> None:
    steps = """
    - until: {did: buy, since: entry}
      id: asking
      do: [{send: one, send_between: '20:00-21:00'}]
    """
    shop.write(greet=flow(steps)).customers(ana={})
    assert begun(shop).told(NOW) == [("ana", "hold", "send_between")]
    assert shop.told("2026-03-02T10:00:00") == []
    shop.event("ana", "buy", "2026-03-02T10:30:00")
    (line,) = shop.tick("2026-03-02T11:00:00")
    assert (line["decision"], line["reason"], line["detail"]) == ("suppress", "only_if", "asking")
    assert [run[3] for run in shop.runs()] == ["completed"]


def test_rule_46_a_held_send_inside_until_waits_for_its_slot(shop: Shop) -> None:
    steps = "[{until: {did: buy}, do: [{send: one, send_between: '20:00-21:00'}]}]"
    shop.write(greet=flow(steps)).customers(ana={"timezone": "UTC"})
    assert begun(shop).told(NOW) == [("ana", "hold", "send_between")]
    assert shop.told("2026-03-02T19:59:00") == []
    assert shop.told("2026-03-02T20:00:00") == [("ana", "send", "email")]


def test_rule_46_the_outer_until_goes_first_and_branches_may_hold_it(shop: Shop) -> None:
    steps = """
    - branch:
        - if: {attribute: vip, is: true}
          do:
            - until: {did: buy, since: entry}
              do:
                - until: {did: view, since: entry}
                  id: inner
                  do: [{wait: 9 days}, {send: one}]
                  if_met: [{send: viewed}, {wait: 1 day}, {send: viewed_more}]
              if_met: [{send: bought}]
      otherwise: [{send: other}]
    - {send: then_all}
    """
    shop.write(greet=flow(steps)).customers(ana={"vip": "true"}, ben={"vip": "true"}, cleo={})
    assert sent(begun(shop, "ana", "ben", "cleo"), NOW) == ["other", "then_all"]
    for id in ("ana", "ben"):
        shop.event(id, "view", "2026-03-02T10:00:00")
    shop.event("ben", "buy", "2026-03-02T10:00:00")
    told = [(line["customer"], line["message"]) for line in shop.tick("2026-03-02T11:00:00")]
    assert told == [("ana", "viewed"), ("ben", "bought"), ("ben", "then_all")]
    shop.event("ana", "buy", "2026-03-02T12:00:00")
    assert sent(shop, "2026-03-02T13:00:00") == ["bought", "then_all"]


def test_rule_46_a_wait_until_inside_until(shop: Shop) -> None:
    steps = """
    - until: {did: buy, since: entry}
      do:
        - {wait_until: {did: view, since: entry}, at_most: 3 days, if_met: [{send: viewed}]}
        - {send: two}
      if_met: [{send: bought}]
    """
    shop.write(greet=flow(steps)).customers(ana={}, ben={})
    begun(shop, "ana", "ben").tick(NOW)
    for id in ("ana", "ben"):
        shop.event(id, "view", "2026-03-02T10:00:00")
    shop.event("ben", "buy", "2026-03-02T10:00:00")
    told = [(line["customer"], line["message"]) for line in shop.tick("2026-03-02T11:00:00")]
    assert told == [("ana", "two"), ("ana", "viewed"), ("ben", "bought")]


def test_rule_42_only_if_skips_a_whole_until_or_repeat(shop: Shop) -> None:
    only = "only_if: {attribute: vip, is: true}"
    steps = f"""
    - {{until: {{did: buy}}, do: [{{send: one}}], {only}}}
    - {{repeat: {{every: 1 day, at_most: 2 times, do: [{{send: two}}]}}, {only}}}
    - {{send: three}}
    """
    shop.write(greet=flow(steps)).customers(ana={})
    assert sent(begun(shop), NOW) == ["three"]


# --- repeat (46) ----------------------------------------------------------------------------


def test_rule_46_the_first_round_is_at_once_and_the_next_every_so_often(shop: Shop) -> None:
    steps = """
    - repeat: {every: 7 days, at_most: 3 times, do: [{send: weekly}]}
    - {send: after}
    """
    shop.write(greet=flow(steps)).customers(ana={})
    assert sent(begun(shop), NOW) == ["weekly"]
    assert sent(shop, "2026-03-09T08:59:59") == []
    assert sent(shop, "2026-03-09T09:00:00") == ["weekly"]
    assert sent(shop, "2026-03-16T09:00:00") == ["after", "weekly"]
    assert [run[3] for run in shop.runs()] == ["completed"]


def test_rule_46_every_keeps_the_local_clock_from_when_the_last_round_began(shop: Shop) -> None:
    steps = "[{repeat: {every: 1 week, at_most: 9 times, do: [{send: weekly}, {wait: 5 days}]}}]"
    shop.write(greet=flow(steps)).customers(ana={"timezone": "Europe/Vienna"})
    shop.tick("2026-03-20T08:00:00")
    shop.event("ana", "view", "2026-03-23T09:00:00")
    assert sent(shop, "2026-03-23T09:00:00") == ["weekly"]
    shop.tick("2026-03-28T12:00:00")
    assert sent(shop, "2026-03-30T07:59:59") == []
    assert sent(shop, "2026-03-30T08:00:00") == ["weekly"]


def test_rule_46_a_list_of_pauses_grows_and_the_last_one_stays(shop: Shop) -> None:
    steps = "[{repeat: {every: [1 hour, 3 hours], at_most: 4 times, do: [{send: more}]}}]"
    shop.write(greet=flow(steps)).customers(ana={})
    begun(shop)
    hours = [hour for hour in range(9, 24) if sent(shop, f"2026-03-02T{hour:02}:00:00") == ["more"]]
    assert hours == [9, 10, 13, 16]


def test_rule_46_a_round_that_takes_longer_is_followed_at_once(shop: Shop) -> None:
    steps = """
    - repeat: {every: 1 day, at_most: 2 times, do: [{send: one}, {wait: 3 days}, {send: two}]}
    """
    shop.write(greet=flow(steps)).customers(ana={})
    assert sent(begun(shop), NOW) == ["one"]
    assert sent(shop, "2026-03-04T09:00:00") == []
    assert sent(shop, "2026-03-05T09:00:00") == ["one", "two"]
    assert sent(shop, "2026-03-08T09:00:00") == ["two"]


def test_rule_46_repeat_ends_as_soon_as_until_holds_also_between_rounds(shop: Shop) -> None:
    steps = """
    - repeat:
        every: 7 days
        at_most: 4 times
        until: {did: buy, since: entry}
        do: [{send: weekly}, {wait: 1 day}, {send: reminder}]
        if_met: [{send: bought}]
    - {send: after}
    """
    shop.write(greet=flow(steps)).customers(ana={}, ben={})
    assert sent(begun(shop, "ana", "ben"), NOW) == ["weekly", "weekly"]
    shop.event("ana", "buy", "2026-03-02T10:00:00")
    assert sent(shop, "2026-03-02T11:00:00") == ["after", "bought"]
    assert sent(shop, "2026-03-03T09:00:00") == ["reminder"]
    shop.event("ben", "buy", "2026-03-05T10:00:00")
    assert sent(shop, "2026-03-05T11:00:00") == ["after", "bought"]


def test_rule_46_downtime_over_several_rounds_makes_up_for_one_at_a_time(shop: Shop) -> None:
    steps = "[{repeat: {every: 1 day, at_most: 3 times, do: [{send: daily}]}}]"
    shop.write(greet=flow(steps)).customers(ana={})
    assert sent(begun(shop), NOW) == ["daily"]
    assert sent(shop, "2026-03-12T09:00:00") == ["daily"]
    assert sent(shop, "2026-03-13T08:00:00") == []
    assert sent(shop, "2026-03-13T09:00:00") == ["daily"]


def test_rule_46_repeats_may_hold_each_other_and_until(shop: Shop) -> None:
    steps = """
    - until: {did: buy, since: entry}
      do:
        - repeat:
            every: 1 week
            at_most: 2 times
            do:
              - {repeat: {every: 1 day, at_most: 2 times, do: [{send: daily}]}, id: days}
              - {send: weekly}
          id: weeks
      if_met: [{send: bought}]
    """
    shop.write(greet=flow(steps)).customers(ana={}, ben={})
    assert sent(begun(shop, "ana", "ben"), NOW) == ["daily", "daily"]
    assert sent(shop, "2026-03-03T09:00:00") == ["daily", "weekly"] * 2
    assert sent(shop, "2026-03-09T09:00:00") == ["daily", "daily"]
    shop.event("ben", "buy", "2026-03-09T10:00:00")
    told = [(line["customer"], line["message"]) for line in shop.tick("2026-03-20T09:00:00")]
    assert told == [("ana", "daily"), ("ana", "weekly"), ("ben", "bought")]
    assert shop.runs() == [("greet", "ana", 1, "completed"), ("greet", "ben", 1, "completed")]


def test_rule_46_each_round_is_its_own_occurrence_of_its_sends(shop: Shop) -> None:
    steps = """
    - {send: first}
    - repeat: {every: 1 day, at_most: 2 times, do: [{send: daily}, {send: other}]}
    """
    shop.write(greet=flow(steps)).customers(ana={})
    begun(shop).tick(NOW)
    shop.tick("2026-03-03T09:00:00")
    row = tables.message.c
    with shop.engine.connect() as connection:
        query = select(row.step, row.occurrence).order_by(row.step, row.occurrence)
        found = [tuple(one) for one in connection.execute(query)]
    assert found == [
        ("daily", "1"),
        ("daily", "2"),
        ("first", "0"),
        ("other", "1"),
        ("other", "2"),
    ]
    keys = {
        message_key("shop", "ana", "greet", entry=1, step=step, occurrence=lap, channel="email")
        for step, lap in found
    }
    assert len(keys) == 5


def test_rule_46_a_second_run_begins_its_rounds_anew(shop: Shop) -> None:
    steps = "[{repeat: {every: 1 day, at_most: 2 times, do: [{send: daily}]}}]"
    shop.write(greet=flow(steps, "re_entry: always")).customers(ana={})
    assert sent(begun(shop), NOW) == ["daily"]
    assert sent(shop, "2026-03-03T09:00:00") == ["daily"]
    shop.event("ana", "view", "2026-03-03T10:00:00")
    assert sent(shop, "2026-03-03T10:00:00") == ["daily"]
    assert sent(shop, "2026-03-04T10:00:00") == ["daily"]
    assert [run[3] for run in shop.runs()] == ["completed", "completed"]


def test_rule_44_a_wait_in_rounds_keeps_the_latest_rounds_result(shop: Shop) -> None:
    steps = """
    - repeat:
        every: 1 day
        at_most: 2 times
        do:
          - {wait_until: {did: buy, in_last: 2 hours}, id: answer, at_most: 3 hours}
          - {send: thanks, only_if: {attribute: answer.timed_out, is: false}}
    """
    shop.write(greet=flow(steps)).customers(ana={})
    begun(shop).tick(NOW)
    assert sent(shop, "2026-03-02T12:00:00") == []
    assert results(shop) == [("answer", None, datetime(2026, 3, 2, 12, tzinfo=UTC), 1)]
    shop.event("ana", "buy", "2026-03-03T08:30:00")
    assert sent(shop, "2026-03-03T09:00:00") == ["thanks"]
    assert results(shop) == [("answer", "buy", datetime(2026, 3, 3, 8, 30, tzinfo=UTC), 0)]
