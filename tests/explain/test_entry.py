"""Why a customer does or does not enter, from files and facts to each leaf."""

from __future__ import annotations

import pytest
from harness import Shop, at

from orchestrator.errors import NotFoundError, UsageError
from orchestrator.explain.entry import explaining
from orchestrator.records.explained import Explained, ExplainedLeaf
from orchestrator.tick.run import TickPlan

SEGMENTS = """
segments:
  quiet: [{last: buy, older_than: 90 days}, {did_not: view, in_last: 14 days}]
  staff: {attribute: plan, is: staff}
"""
FLOW = """
flow: win_back
status: live
owner: me
starts_when: {enters_segment: quiet}
audience:
  - {total_of: buy.amount, at_least: 100}
  - any:
      - {attribute: points, more_than: 5}
      - {did: view, at_least: 3}
  - none:
      - {in_segment: staff}
      - {attribute: plan, is: trial}
  - {sample: 90%, seed: some}
exits_when: {not_subscribed_to: news}
re_entry: after 30 days
steps: [{send: hello}, {wait: 2 days}, {send: again}]
"""
SIGNED = """
flow: welcome
status: live
owner: me
starts_when: {did: signed_up}
steps: [{send: hello}]
"""


@pytest.fixture
def quiet_shop(shop: Shop) -> Shop:
    """A shop whose only customer bought on 1 January and looks on; live since 1 March."""
    shop.write(segments=SEGMENTS, win_back=FLOW, welcome=SIGNED)
    shop.customers(anna={"plan": "staff", "points": 3}, ben={})
    shop.event("anna", "buy", "2026-01-01T10:00", amount="64.00")
    shop.event("anna", "view", "2026-02-20T10:00")
    shop.tick("2026-03-01T09:00")
    return shop


def ask(shop: Shop, customer: str, flow: str, when: str, *, reveal: bool = False) -> Explained:
    shop.import_facts()
    playbook = shop.playbook
    plan = TickPlan(playbook, at(when))
    with explaining(shop.engine, plan, playbook.flows[flow], reveal=reveal) as explainer:
        return explainer.explain(customer)


def leaf(explained: Explained, path: str) -> ExplainedLeaf:
    return next(one for one in explained.conditions if one.path == path)


def test_each_condition_is_told_with_value_place_and_nearest_change(quiet_shop: Shop) -> None:
    told = ask(quiet_shop, "anna", "win_back", "2026-03-02T09:00")

    assert not told.enters
    found = {one.path: (one.says, one.holds, one.actual, one.nearest) for one in told.conditions}
    assert found["audience.0"] == (
        "total of buy.amount at least 100", False, "is 64.00", "needs 36.00 more"
    )  # fmt: skip
    assert found["audience.1.any.0"] == (
        "points more than 5",
        False,
        "is 3",
        "needs more than 2 more",
    )
    assert found["audience.1.any.1"] == ("did view at least 3 times", False, "once", "needs 2 more")
    assert found["audience.3"][2].startswith("bucket ")  # type: ignore[union-attr]  # a sample has one
    assert found["audience.3"][2].endswith(" of 9000")  # type: ignore[union-attr]  # a sample has one
    assert {one.at.rpartition(":")[0] for one in told.conditions} == {
        "playbooks/win_back.yaml", "playbooks/segments.yaml"
    }  # fmt: skip
    assert leaf(told, "audience.0").at == "playbooks/win_back.yaml:6"


def test_what_must_not_hold_is_told_as_its_opposite(quiet_shop: Shop) -> None:
    told = ask(quiet_shop, "anna", "win_back", "2026-03-02T09:00")

    staff = leaf(told, "audience.2.none.0")
    assert (staff.says, staff.holds) == ("not in segment staff", False)
    assert staff.actual == "since 1 March 10:00"
    assert leaf(told, "audience.2.none.0.staff").says == "not: plan is staff"
    assert not leaf(told, "audience.2.none.0.staff").holds
    assert leaf(told, "audience.2.none.1").says == "not: plan is trial"
    assert leaf(told, "audience.2.none.1").holds
    leaving = leaf(told, "exits_when")
    assert (leaving.says, leaving.holds, leaving.actual) == ("subscribed to news", True, "agreed")


def test_a_segment_that_is_not_entered_shows_its_own_conditions(quiet_shop: Shop) -> None:
    told = ask(quiet_shop, "anna", "win_back", "2026-03-02T09:00")

    start = leaf(told, "starts_when")
    assert (start.says, start.holds) == ("enters segment quiet", False)
    assert (start.actual, start.nearest) == ("never was in it", "on 1 April 12:00")
    assert leaf(told, "starts_when.quiet.0").nearest == "on 1 April 12:00"
    assert leaf(told, "starts_when.quiet.1").nearest == "on 6 March 11:00"
    assert leaf(told, "starts_when.quiet.1").at == "playbooks/segments.yaml:2"


def test_the_clock_alone_lets_in_when_it_is_said(quiet_shop: Shop) -> None:
    quiet_shop.event("anna", "buy", "2025-12-01T10:00", amount="36")
    quiet_shop.write(win_back=FLOW.replace("{in_segment: staff}", "{attribute: vip, is: true}"))
    quiet_shop.event("anna", "view", "2026-02-19T10:00")
    quiet_shop.event("anna", "view", "2026-02-18T10:00")

    before = ask(quiet_shop, "anna", "win_back", "2026-04-01T09:59")
    assert before.next == "enters on 1 April 12:00 if nothing else changes"
    after = ask(quiet_shop, "anna", "win_back", "2026-04-01T10:00")
    assert after.enters
    assert all(one.holds for one in after.conditions if not one.path.startswith("audience.1"))


@pytest.mark.parametrize(
    ("window", "nearest"),
    [("in_last: 1 day", None), ("in_last: 25 hours", "on 3 March 09:00"), ("", "on 3 March 09:00")],
)
def test_what_must_not_follow_is_waited_for_while_the_event_still_counts(
    quiet_shop: Shop, window: str, nearest: str | None
) -> None:
    start = f"did: view, then_not: buy, within: 1 day, {window}".rstrip(", ")
    quiet_shop.write(left=SIGNED.replace("welcome", "left") + f"audience: {{{start}}}\n")
    quiet_shop.event("ben", "view", "2026-03-02T08:00")

    told = leaf(ask(quiet_shop, "ben", "left", "2026-03-02T09:00"), "audience")

    assert (told.holds, told.nearest) == (False, nearest)


def test_an_event_that_was_used_up_is_told(quiet_shop: Shop) -> None:
    quiet_shop.event("ben", "signed_up", "2026-03-02T08:00")
    assert ask(quiet_shop, "ben", "welcome", "2026-03-02T09:00").enters
    quiet_shop.tick("2026-03-02T09:00")

    told = ask(quiet_shop, "ben", "welcome", "2026-03-02T10:00")
    start = leaf(told, "starts_when")
    assert not told.enters
    assert start.actual == "on 2 March 09:00, seen on 2 March 10:00, entered by it"
    assert start.nearest == "enters only when it happens"
    assert leaf(told, "re_entry").reason == "re_entry"
    assert (told.state["status"], told.state["exit"]) == ("ended", "completed")
    assert told.next == "does not enter again, for re_entry is never: left it on 2 March 10:00"


def test_an_event_before_the_flow_went_live_is_told(quiet_shop: Shop) -> None:
    quiet_shop.event("ben", "signed_up", "2026-02-01T08:00")

    start = leaf(ask(quiet_shop, "ben", "welcome", "2026-03-02T09:00"), "starts_when")

    assert start.reason == "before_live"
    assert start.actual == "on 1 February 09:00, before the flow went live on 1 March 10:00"


def test_whoever_is_inside_sees_where_they_stand(quiet_shop: Shop) -> None:
    steps = "steps: [{send: hello}, {wait: 2 days}, {send: again}]"
    quiet_shop.write(welcome=SIGNED.replace("steps: [{send: hello}]", steps))
    quiet_shop.event("ben", "signed_up", "2026-03-02T08:00")
    quiet_shop.tick("2026-03-02T09:00")

    told = ask(quiet_shop, "ben", "welcome", "2026-03-02T10:00")

    assert leaf(told, "if_already_in").reason == "already_in"
    assert not leaf(told, "if_already_in").holds
    assert told.state["step"] == "wait_before_again"
    assert told.state["due_at"] == at("2026-03-04T09:00")
    assert told.next == "goes on after wait_before_again on 4 March 10:00"


def test_a_draft_is_not_entered_though_all_its_tests_are_told(quiet_shop: Shop) -> None:
    quiet_shop.write(welcome=SIGNED.replace("live", "draft"))
    quiet_shop.event("ben", "signed_up", "2026-03-02T08:00")

    told = ask(quiet_shop, "ben", "welcome", "2026-03-02T09:00")

    assert not told.enters
    assert (leaf(told, "status").actual, leaf(told, "status").reason) == ("is draft", "not_live")
    assert told.next == "nothing enters this flow: is draft"


def test_a_customer_who_is_not_born_yet_is_told_so(quiet_shop: Shop) -> None:
    quiet_shop.customers(cleo={"created_at": "2026-05-01T00:00"})

    told = ask(quiet_shop, "cleo", "welcome", "2026-03-02T09:00")

    assert not told.enters
    assert told.conditions[1].says == "the customer exists"
    assert told.conditions[1].actual == "is known from 1 May 02:00"


def test_an_unknown_customer_is_answered_with_the_nearest(quiet_shop: Shop) -> None:
    with pytest.raises(NotFoundError) as failed:
        ask(quiet_shop, "ana", "welcome", "2026-03-02T09:00")

    assert failed.value.help == 'did you mean "anna"? the database has 2 customers'


def test_the_past_is_refused_as_a_dry_run_refuses_it(quiet_shop: Shop) -> None:
    with pytest.raises(UsageError, match="before the latest tick"):
        ask(quiet_shop, "ben", "welcome", "2026-02-01T09:00")


def test_personal_values_are_masked_unless_revealed(shop: Shop) -> None:
    catalog = """
        events: {signed_up: {}}
        attributes:
          nick: {type: text, personal: true}
          born: {type: date, personal: true}
        topics: {news: marketing}
    """
    audience = (
        "audience: [{attribute: nick, is: Zo}, {attribute: born, older_than: 18 years}]\nsteps"
    )
    shop.write(catalog=catalog, welcome=SIGNED.replace("steps", audience))
    shop.customers(anna={"nick": "Anouk", "born": "2010-01-05"})

    hidden = ask(shop, "anna", "welcome", "2026-03-02T09:00")
    shown = ask(shop, "anna", "welcome", "2026-03-02T09:00", reveal=True)

    assert leaf(hidden, "audience.0").actual == "is A***"
    assert (leaf(hidden, "audience.1").actual, leaf(hidden, "audience.1").nearest) == (
        "is ***",
        None,
    )
    assert leaf(shown, "audience.0").actual == "is Anouk"
    assert leaf(shown, "audience.1").actual == "is 2010-01-05"
    assert leaf(shown, "audience.1").nearest == "on 6 January 2028"


def test_nothing_is_kept_of_an_explanation(quiet_shop: Shop) -> None:
    before = quiet_shop.runs()
    quiet_shop.event("ben", "signed_up", "2026-03-02T08:00")
    assert ask(quiet_shop, "ben", "welcome", "2026-03-02T09:00").enters

    assert quiet_shop.runs() == before
    assert [line["decision"] for line in quiet_shop.tick("2026-03-02T09:00")] == ["send"]


def test_a_run_that_ends_as_another_takes_its_place_is_left(shop: Shop) -> None:
    again = SIGNED.replace("owner: me", "if_already_in: restart")
    after = SIGNED.replace("welcome", "well_then").replace("did: signed_up", "leaves_flow: welcome")
    shop.write(welcome=again, well_then=after).customers(anna={}).tick("2026-03-01T09:00")
    shop.template("hello", "send_between: 20:00-21:00")
    shop.event("anna", "signed_up", "2026-03-02T08:00").tick("2026-03-02T09:00")
    shop.event("anna", "signed_up", "2026-03-03T08:00")
    assert ask(shop, "anna", "well_then", "2026-03-03T09:00").enters


def test_a_run_that_begins_anew_is_not_asked_for_re_entry(shop: Shop) -> None:
    asked = "starts_when: {matches: {attribute: plan, is: staff}}\nif_already_in: restart"
    steps = "steps: [{wait: 2 days}]"
    flow = SIGNED.replace("starts_when: {did: signed_up}", asked)
    shop.write(welcome=flow.replace("steps: [{send: hello}]", steps))
    shop.customers(anna={"plan": "staff"})
    shop.tick("2026-03-01T09:00")

    told = ask(shop, "anna", "welcome", "2026-03-01T10:00")
    assert told.enters
    assert [one.path for one in told.conditions if one.holds is False] == []
