"""Semantics 1, 34, 59: flows that only decide, and flows that stand still."""

from __future__ import annotations

import pytest
from harness import Shop, at
from sqlalchemy import func, select

from orchestrator import tables
from orchestrator.pausing import EVERYTHING, pause, resume_flow
from orchestrator.tick.run import TickPlan, dry_run

DAY_1, DAY_2, DAY_3 = "2026-03-02T09:00:00", "2026-03-03T09:00:00", "2026-03-04T09:00:00"


def _flow(status: str, more: str = "", steps: str = "[{send: hello}]", name: str = "greet") -> str:
    return (
        f"flow: {name}\nstatus: {status}\nstarts_when: {{did: view}}\nre_entry: always\n{more}\n"
        f"steps: {steps}\n"
    )


def _messages(shop: Shop) -> int:
    with shop.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(tables.message)).scalar_one()


def _standing_still(shop: Shop, when: str) -> dict[str, int]:
    with dry_run(shop.engine, TickPlan(shop.playbook, at(when))) as ticked:
        return dict(ticked.report.paused)


# --- 59: shadow ---------------------------------------------------------------------------


def test_rule_59_a_flow_in_shadow_decides_and_sends_nothing(shop: Shop) -> None:
    shop.write(greet=_flow("shadow")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    assert shop.told(DAY_2) == [("ana", "suppress", "shadow")]
    assert _messages(shop) == 0
    assert shop.runs() == [("greet", "ana", 1, "completed")]


def test_rule_59_what_is_withheld_is_not_received(shop: Shop) -> None:
    steps = "[{send: hello}, {send: offer, only_if: {not_received: hello}}]"
    shop.write(greet=_flow("shadow", steps=steps)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    assert [line["step"] for line in shop.tick(DAY_2)] == ["hello", "offer"]
    assert shop.selects({"received": "any"}, DAY_2) == set()


def test_rule_51_shadow_is_asked_last(shop: Shop) -> None:
    more = "guardrails: {frequency: [{at_most: 1, per: 1 day}], holdout: {share: 100%}}"
    shop.write(
        greet=_flow("shadow", more), other=_flow("shadow", steps="[{send: offer}]", name="other")
    ).customers(ana={}, ben={"topics": ()})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00").event("ben", "view", "2026-03-02T10:00")
    lines = shop.tick(DAY_2)
    assert [(line["customer"], line["flow"], line["reason"]) for line in lines] == [
        ("ana", "greet", "holdout"),
        ("ana", "other", "shadow"),
        ("ben", "greet", "consent"),
        ("ben", "other", "consent"),
    ]


def test_rule_59_shadow_counts_in_no_cap(shop: Shop) -> None:
    project = (
        "project: shop\ntimezone: Europe/Vienna\nguardrails: {quiet_hours: none, "
        "frequency: [{at_most: 1, per: 1 day}], stop_if_more_than: {customers: 2, per: 1 day}}\n"
    )
    shadow = _flow("shadow", "guardrails: {priority: 90}", "[{send: offer}]", name="dark")
    shop.write(project=project, greet=_flow("live"), dark=shadow)
    shop.customers(ana={}, ben={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00").event("ben", "view", "2026-03-02T10:00")
    lines = shop.tick(DAY_2)
    assert [(line["flow"], line["decision"], line["reason"]) for line in lines] == [
        ("dark", "suppress", "shadow"),
        ("greet", "send", None),
    ] * 2


def test_rule_59_a_cap_holds_what_is_in_shadow(shop: Shop) -> None:
    more = "guardrails: {stop_if_more_than: {customers: 1, per: 1 day}}"
    shop.write(greet=_flow("shadow", more)).customers(ana={}, ben={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00").event("ben", "view", "2026-03-02T10:00")
    assert {line["reason"] for line in shop.tick(DAY_2)} == {"volume"}


def test_rule_59_shadow_sets_no_attribute(shop: Shop) -> None:
    shop.write(greet=_flow("shadow", steps="[{set: {plan: pro}}]")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick(DAY_2)
    assert shop.runs() == [("greet", "ana", 1, "completed")]
    assert shop.selects({"attribute": "plan", "is": "pro"}, DAY_2) == set()


def test_rule_1_a_flow_goes_live_with_the_first_tick_in_shadow(shop: Shop) -> None:
    steps = "[{send: hello}, {wait: 1 day}, {send: offer}]"
    shop.write(greet=_flow("shadow", steps=steps)).customers(ana={}, ben={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    assert shop.told("2026-03-02T11:00") == [("ana", "suppress", "shadow")]
    shop.event("ben", "view", "2026-03-02T12:00")
    shop.write(greet=_flow("live", steps=steps))
    lines = shop.tick("2026-03-03T11:00")
    assert [(line["customer"], line["step"], line["decision"]) for line in lines] == [
        ("ana", "offer", "send"),
        ("ben", "hello", "send"),
    ]


def test_rule_1_a_live_flow_put_in_shadow_goes_on_silently(shop: Shop) -> None:
    steps = "[{send: hello}, {wait: 1 day}, {send: offer}]"
    shop.write(greet=_flow("live", steps=steps)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T11:00")
    shop.write(greet=_flow("shadow", steps=steps))
    assert shop.told("2026-03-03T11:00") == [("ana", "suppress", "shadow")]


def test_rule_60_a_hold_from_the_shadow_is_closed_by_a_real_send(shop: Shop) -> None:
    steps = "[{send: hello, send_between: 20:00-21:00}]"
    shop.write(greet=_flow("shadow", steps=steps)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    assert shop.told("2026-03-02T11:00") == [("ana", "hold", "send_between")]
    shop.write(greet=_flow("live", steps=steps))
    assert shop.told("2026-03-02T19:30") == [("ana", "send", "email")]


# --- 1, 34: paused ------------------------------------------------------------------------


def _pause(shop: Shop, how: str, steps: str) -> None:
    if how == "file":
        shop.write(greet=_flow("paused", steps=steps))
    else:
        pause(shop.engine, "greet" if how == "flow" else EVERYTHING, "for the test")


def _resume(shop: Shop, how: str, steps: str) -> None:
    if how == "file":
        shop.write(greet=_flow("live", steps=steps))
    else:
        resume_flow(shop.engine, "greet" if how == "flow" else EVERYTHING, at("2026-03-30"))


@pytest.mark.parametrize("how", ["file", "flow", "all"])
def test_rule_1_the_runs_of_a_paused_flow_stand_still(shop: Shop, how: str) -> None:
    steps = "[{send: hello}, {wait: 1 day}, {send: offer}]"
    shop.write(greet=_flow("live", "exits_when: {did: buy}", steps)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T10:00")
    _pause(shop, how, steps)
    shop.event("ana", "buy", "2026-03-02T12:00")
    assert shop.told("2026-03-03T12:00") == []
    assert shop.runs() == [("greet", "ana", 1, None)]
    assert _standing_still(shop, "2026-03-03T12:00") == {"greet": 1}


@pytest.mark.parametrize("how", ["file", "flow", "all"])
def test_rule_1_waits_go_on_counting(shop: Shop, how: str) -> None:
    steps = "[{wait: 1 day}, {send: hello}]"
    shop.write(greet=_flow("live", steps=steps)).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.tick("2026-03-02T10:00")
    _pause(shop, how, steps)
    shop.tick("2026-03-02T20:00")
    _resume(shop, how, steps)
    assert shop.told("2026-03-03T10:00") == [("ana", "send", "email")]


@pytest.mark.parametrize("how", ["file", "flow", "all"])
def test_rule_34_what_happened_in_a_pause_is_stale_after_catch_up(shop: Shop, how: str) -> None:
    steps = "[{send: hello}]"
    shop.write(greet=_flow("live", steps=steps)).customers(ana={}, ben={})
    shop.tick(DAY_1)
    _pause(shop, how, steps)
    shop.event("ana", "view", "2026-03-02T10:00").event("ben", "view", "2026-03-05T10:00")
    shop.tick("2026-03-06T10:00")
    _resume(shop, how, steps)
    assert shop.told("2026-03-07T10:00") == [("ben", "send", "email")]
    assert shop.left_out == {"stale": 1}


def test_rule_1_a_paused_flow_has_not_gone_live(shop: Shop) -> None:
    shop.write(greet=_flow("paused")).customers(ana={})
    shop.tick(DAY_1)
    shop.event("ana", "view", "2026-03-02T10:00")
    shop.write(greet=_flow("live"))
    assert shop.told(DAY_2) == []
    assert shop.left_out == {"before_live": 1}


def test_rule_1_other_flows_go_on_beside_a_paused_one(shop: Shop) -> None:
    shop.write(greet=_flow("live"), other=_flow("live", steps="[{send: offer}]", name="other"))
    shop.customers(ana={}).tick(DAY_1)
    pause(shop.engine, "greet", None)
    shop.event("ana", "view", "2026-03-02T10:00")
    assert [line["flow"] for line in shop.tick(DAY_2)] == ["other"]


def test_rule_1_stages_go_on_while_everything_is_paused(shop: Shop) -> None:
    stages = "stages: [{stage: buyer, when: {did: buy}}, {stage: lead, otherwise: true}]"
    shop.write(greet=_flow("live"), stages=stages).customers(ana={})
    shop.tick(DAY_1)
    pause(shop.engine, EVERYTHING, None)
    shop.event("ana", "buy", "2026-03-02T10:00")
    shop.tick(DAY_2)
    assert shop.stages() == {"ana": "buyer"}


def test_what_was_paused_by_name_stays_so_when_everything_goes_on(shop: Shop) -> None:
    shop.write(greet=_flow("live"))
    assert pause(shop.engine, "greet", None).changed
    assert pause(shop.engine, EVERYTHING, None).changed
    assert not pause(shop.engine, EVERYTHING, "again").changed
    resumed = resume_flow(shop.engine, EVERYTHING, at(DAY_1))
    assert (resumed.was_paused, resumed.still_paused) == (True, ("greet",))
    assert resume_flow(shop.engine, "greet", at(DAY_1)).changed
    assert not resume_flow(shop.engine, "greet", at(DAY_1)).changed


def test_a_paused_draft_is_not_said_to_stand_still(shop: Shop) -> None:
    shop.write(greet=_flow("draft"))
    pause(shop.engine, EVERYTHING, None)
    assert _standing_still(shop, DAY_1) == {}
