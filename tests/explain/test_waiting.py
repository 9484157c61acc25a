"""What a run on its way waits for, or what holds its send, and until when."""

from __future__ import annotations

import pytest
from harness import PROJECT, Shop, at

from orchestrator import pausing
from orchestrator.explain.entry import explaining
from orchestrator.records.explained import Explained
from orchestrator.tick.run import TickPlan

HEAD = "flow: care\nstatus: live\nstarts_when: {did: signed_up}\n"
START = "2026-03-02T09:00"
"""A Monday, 10:00 in Vienna."""


def begun(shop: Shop, steps: str, more: str = "", **customer: str) -> Shop:
    """Let anna enter a flow and walk as far as she gets at once."""
    shop.write(care=f"{HEAD}{more}steps:\n{steps}").customers(anna=customer)
    shop.tick("2026-03-01T09:00")
    shop.event("anna", "signed_up", START).tick(START)
    return shop


def ask(shop: Shop, when: str) -> Explained:
    shop.import_facts()
    playbook = shop.playbook
    with explaining(shop.engine, TickPlan(playbook, at(when)), playbook.flows["care"]) as asked:
        return asked.explain("anna")


def waits(explained: Explained) -> list[tuple[str, bool, str | None, str | None]]:
    return [(one.path, one.holds, one.actual, one.nearest) for one in explained.waits_for]


UNTIL_MET = """
  - id: answer
    wait_until: {any: [{did: buy}, {did: view, at_least: 3}]}
    at_most: 6 days
"""


def test_each_condition_of_a_wait_is_told_as_it_is_now(shop: Shop) -> None:
    begun(shop, UNTIL_MET).event("anna", "view", "2026-03-03T09:00")
    told = ask(shop, "2026-03-04T09:00")
    assert waits(told) == [
        ("wait_until.any.0", False, "never", "needs 1 more"),
        ("wait_until.any.1", False, "once", "needs 2 more"),
    ]
    assert told.next == (
        "goes on after answer as soon as wait_until holds, at the latest on 8 March 10:00"
    )
    shop.event("anna", "buy", "2026-03-04T08:00")
    met = ask(shop, "2026-03-04T09:00")
    assert met.waits_for[0].holds
    assert met.next == "goes on after answer at the next run, for wait_until holds"


def test_what_ends_the_steps_around_a_wait_is_told_from_the_outside_in(shop: Shop) -> None:
    steps = """
  - id: outer
    until: {did: buy}
    do:
      - repeat:
          every: 7 days
          at_most: 3 times
          until: {did: view}
          do: [{send: hello}]
        id: rounds
"""
    told = ask(begun(shop, steps), "2026-03-04T09:00")
    assert [one.path for one in told.waits_for] == ["until.outer", "until.rounds"]
    assert told.next == "goes on after rounds on 9 March 10:00, or as soon as until holds"
    shop.event("anna", "view", "2026-03-04T08:00")
    met = ask(shop, "2026-03-04T09:00")
    assert [one.holds for one in met.waits_for] == [False, True]
    assert met.next == "goes on after rounds at the next run, for until.rounds holds"


def test_a_date_is_told_with_its_day(shop: Shop) -> None:
    steps = "  - {id: ends, wait_until_date: birthday, before: 2 days, if_past: exit}\n"
    told = ask(begun(shop, steps, birthday="2026-05-10"), "2026-03-04T09:00")
    assert waits(told) == [("wait_until_date", False, "is 2026-05-10", "on 8 May 09:00")]
    assert told.next == "goes on after ends on 8 May 09:00"


def test_a_wait_that_is_over_goes_on_at_the_next_run(shop: Shop) -> None:
    told = ask(begun(shop, "  - {id: pause, wait: 1 day}\n"), "2026-03-04T09:00")
    assert (told.waits_for, told.next) == ((), "goes on after pause at the next run")


def test_quiet_hours_and_slots_are_told_with_the_hour_at_which_they_end(shop: Shop) -> None:
    shop.write(project=PROJECT.replace("none", "{between: 09:00-12:00}"))
    told = ask(begun(shop, "  - {send: hello, send_between: 14:00-15:00}\n"), "2026-03-02T09:30")
    clock = "it is Monday 10:30 in Europe/Vienna"
    assert waits(told) == [
        ("gate.quiet_hours", False, clock, "on 2 March 12:00"),
        ("gate.send_between", False, clock, "on 2 March 14:00"),
    ]
    assert told.next == (
        "the send hello is held (quiet_hours), and is tried again on 2 March 14:00; "
        "it expires on 5 March 10:00"
    )


@pytest.mark.parametrize("days", ["2", "5"])
def test_frequency_is_told_with_what_was_sent_and_when_it_ends(shop: Shop, days: str) -> None:
    rules = f"guardrails: {{frequency: [{{at_most: 1, per: {days} days}}]}}\n"
    told = ask(begun(shop, "  - send: hello\n  - send: again\n", rules), "2026-03-02T09:30")
    (gate,) = told.waits_for
    assert (gate.says, gate.actual) == (
        f"at most 1 per {days} days",
        "1 sent, the last on 2 March 10:00",
    )
    assert gate.nearest == f"on {2 + int(days)} March 10:00"
    free = "and is tried again on 4 March 10:00; it expires on 5 March 10:00"
    late = "and expires on 5 March 10:00, before it is free"
    says = told.next or ""
    assert says.removeprefix("the send again is held (frequency)").lstrip(" ,") == (
        free if days == "2" else late
    )
    at_least = 4 if days == "2" else 5
    assert shop.told(f"2026-03-0{at_least}T08:59") == []
    decided = "send" if days == "2" else "expire"
    assert [one[1] for one in shop.told(f"2026-03-0{at_least}T09:00")] == [decided]


def test_a_tripped_breaker_is_told_with_the_command_that_resumes_it(shop: Shop) -> None:
    rules = "guardrails: {stop_if_more_than: {customers: 1, per: 1 day}}\n"
    shop.customers(ben={}).event("ben", "signed_up", START)
    told = ask(begun(shop, "  - {send: hello}\n", rules), "2026-03-02T09:30")
    (gate,) = told.waits_for
    assert (gate.says, gate.actual, gate.nearest) == (
        "care: at most 1 customer per 1 day",
        "tripped on 2 March 10:00",
        None,
    )
    assert told.next == (
        "the send hello is held (volume) until clmctl resume care; it expires on 5 March 10:00"
    )


def test_in_a_paused_flow_a_run_stands_still(shop: Shop) -> None:
    begun(shop, UNTIL_MET)
    pausing.pause(shop.engine, "care", None)
    told = ask(shop, "2026-03-04T09:00")
    assert told.next == "stands still, for the flow is paused"
    assert len(told.waits_for) == 2


def test_a_pinned_run_waits_for_what_its_release_says(shop: Shop) -> None:
    begun(shop, UNTIL_MET, "in_flight: pin\n")
    shop.write(care=f"{HEAD}in_flight: pin\nsteps:\n  - {{id: answer, wait: 9 days}}\n")
    assert [one.path for one in ask(shop, "2026-03-04T09:00").waits_for] == [
        "wait_until.any.0",
        "wait_until.any.1",
    ]
