"""Rules 20 to 28 as far as they are about runs: in_flow, entered_flow, in_variant, replied."""

from __future__ import annotations

import pytest
from harness import Shop, at, names

from orchestrator.explain.entry import explaining
from orchestrator.tick.run import TickPlan

WELCOME = """
flow: welcome
status: live
starts_when: {did: signed_up}
re_entry: after 1 day
steps: [{wait: 3 days}]
"""
NINE = "T09:00:00"


def test_21_in_flow_is_an_active_run_and_nothing_else(shop: Shop) -> None:
    shop.write(welcome=WELCOME).customers(ana={}, ben={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "signed_up", "2026-03-02T08:00")
    shop.tick(f"2026-03-02{NINE}")

    assert shop.selects({"in_flow": "welcome"}, f"2026-03-02{NINE}") == {"ana"}
    assert shop.selects({"not_in_flow": "welcome"}, f"2026-03-02{NINE}") == {"ben"}

    shop.tick(f"2026-03-05{NINE}")
    assert shop.selects({"in_flow": "welcome"}, f"2026-03-05{NINE}") == set()


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ({"entered_flow": "welcome"}, {"ana"}),
        ({"entered_flow": "welcome", "in_last": "7 days"}, {"ana"}),
        ({"entered_flow": "welcome", "older_than": "7 days"}, set()),
        ({"left_flow": "welcome", "older_than": "1 day"}, {"ana"}),
        ({"left_flow": "welcome", "in_last": "1 day"}, set()),
    ],
)
def test_21_entered_flow_and_left_flow_test_the_latest_entry_and_exit(
    shop: Shop, asked: dict[str, str], who: set[str]
) -> None:
    shop.write(welcome=WELCOME).customers(ana={}, ben={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "signed_up", "2026-03-02T08:00")
    shop.tick(f"2026-03-02{NINE}")
    shop.tick(f"2026-03-05{NINE}")

    assert shop.selects(asked, f"2026-03-06{NINE}") == who


def test_21_an_entry_is_when_the_event_happened(shop: Shop) -> None:
    shop.write(welcome=WELCOME).customers(ana={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "signed_up", "2026-03-01T10:00")
    shop.tick(f"2026-03-02{NINE}")

    asked = {"entered_flow": "welcome", "older_than": "1 day"}
    assert shop.selects(asked, "2026-03-02T09:59") == set()
    assert shop.selects(asked, "2026-03-02T10:00") == {"ana"}


def after(flow: str, other: str, send: str) -> str:
    return f"""
flow: {flow}
status: live
starts_when: {{did: buy}}
audience: {{not_in_flow: {other}}}
steps: [{{send: {send}}}, {{wait: 1 day}}]
"""


def test_28_an_entry_sees_those_of_flows_before_it(shop: Shop) -> None:
    shop.write(alpha=after("alpha", "beta", "one"), beta=after("beta", "alpha", "two"))
    shop.customers(ana={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "buy", "2026-03-02T08:00")

    assert [one["flow"] for one in shop.tick(f"2026-03-02{NINE}")] == ["alpha"]
    assert shop.left_out == {"audience": 1}


def test_28_a_run_that_part_3_ends_makes_room_for_another_flow(shop: Shop) -> None:
    leaving = WELCOME.replace("steps", "exits_when: {did: buy}\nsteps")
    shop.write(welcome=leaving, alpha=after("alpha", "welcome", "one")).customers(ana={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "signed_up", "2026-03-01T10:00")
    shop.tick(f"2026-03-02{NINE}")
    shop.event("ana", "buy", "2026-03-02T10:00")

    assert names(shop.tick(f"2026-03-03{NINE}")) == {"ana"}


def test_28_a_run_that_ends_while_walking_is_in_its_flow_until_the_tick_is_over(
    shop: Shop,
) -> None:
    short = "flow: alpha\nstatus: live\nstarts_when: {did: buy}\nsteps: [{exit: done}]\n"
    asking = """
flow: beta
status: live
starts_when: {did: buy}
steps: [{send: two, only_if: {in_flow: alpha}}]
"""
    shop.write(alpha=short, beta=asking).customers(ana={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "buy", "2026-03-02T08:00")

    assert names(shop.tick(f"2026-03-02{NINE}")) == {"ana"}
    assert shop.selects({"in_flow": "alpha"}, f"2026-03-02{NINE}") == set()


def test_28_segments_see_the_runs_that_the_tick_before_left(shop: Shop) -> None:
    shop.write(
        welcome=WELCOME,
        segments="segments: {new_here: {in_flow: welcome}}",
        beta="flow: beta\nstatus: live\nstarts_when: {enters_segment: new_here}\n"
        "steps: [{send: two}]\n",
    ).customers(ana={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "signed_up", "2026-03-02T08:00")

    assert shop.tick(f"2026-03-02{NINE}") == []
    assert names(shop.tick("2026-03-02T09:01")) == {"ana"}


SPLIT = """
flow: {flow}
status: live
starts_when: {{did: signed_up}}
steps:
  - split: {{short: {{share: 40%}}, story: {{share: 60%}}}}
    id: copy
  - send: {send}
    only_if: {{in_variant: copy/story}}
"""
MANY: dict[str, dict[str, str]] = {f"c_{number}": {} for number in range(40)}


def test_22_a_variant_is_the_share_that_the_split_gives(shop: Shop) -> None:
    shop.write(alpha=SPLIT.format(flow="alpha", send="one")).customers(**MANY)

    story = shop.selects({"in_variant": "copy/story"}, f"2026-03-01{NINE}")
    short = shop.selects({"in_variant": "alpha/copy/short"}, f"2026-03-01{NINE}")
    sample = shop.selects({"sample": "40%", "seed": "split:alpha/copy"}, f"2026-03-01{NINE}")
    assert short == sample
    assert story == set(MANY) - short


def test_22_a_flow_means_its_own_split_first(shop: Shop) -> None:
    shop.write(
        alpha=SPLIT.format(flow="alpha", send="one"), beta=SPLIT.format(flow="beta", send="two")
    ).customers(**MANY)
    shop.tick(f"2026-03-01{NINE}")
    for customer in MANY:
        shop.event(customer, "signed_up", "2026-03-02T08:00")

    told = shop.tick(f"2026-03-02{NINE}")
    for flow in ("alpha", "beta"):
        story = shop.selects({"in_variant": f"{flow}/copy/story"}, f"2026-03-02{NINE}")
        assert names(one for one in told if one["flow"] == flow) == story


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ({"replied": "hello"}, {"ana"}),
        ({"not_replied": "hello"}, {"ben"}),
        ({"replied": "any", "in_last": "1 day"}, set()),
    ],
)
def test_20_replied_counts_receipts(shop: Shop, asked: dict[str, str], who: set[str]) -> None:
    shop.customers(ana={}, ben={}).template("hello")
    shop.receipt("ana", "replied", "hello", "2026-03-01")

    assert shop.selects(asked, "2026-03-31T09:00:00") == who


def test_28_explain_sees_the_runs_that_an_entry_sees(shop: Shop) -> None:
    shop.write(alpha=after("alpha", "beta", "one"), beta=after("beta", "alpha", "two"))
    shop.customers(ana={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "buy", "2026-03-02T08:00").import_facts()

    plan = TickPlan(shop.playbook, at(f"2026-03-02{NINE}"))
    with explaining(shop.engine, plan, shop.playbook.flows["beta"]) as explainer:
        occurrence = explainer.case("ana").occurrence
        assert occurrence is not None
        assert occurrence["reason"] == "audience"


def test_29_an_exit_by_flow_words_is_looked_at_before_every_step(shop: Shop) -> None:
    own = "flow: alpha\nstatus: live\nstarts_when: {did: buy}\nexits_when: {in_flow: alpha}\n"
    shop.write(alpha=own + "steps: [{send: one}]\n").customers(ana={})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "buy", "2026-03-02T08:00")

    assert shop.tick(f"2026-03-02{NINE}") == []
    assert shop.runs() == [("alpha", "ana", 1, "exit")]


def test_29_an_exit_compared_with_what_the_flow_sets_is_looked_at_before_every_step(
    shop: Shop,
) -> None:
    flow = """
flow: alpha
status: live
starts_when: {did: buy}
exits_when: {did: buy, where: {score: {at_most: $customer.points}}}
steps: [{set: {points: 9}}, {send: one}]
"""
    shop.write(alpha=flow).customers(ana={"points": 1})
    shop.tick(f"2026-03-01{NINE}")
    shop.event("ana", "buy", "2026-03-02T08:00", score=5)

    assert shop.tick(f"2026-03-02{NINE}") == []
    assert shop.runs() == [("alpha", "ana", 1, "exit")]
