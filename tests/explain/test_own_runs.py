"""A flow that asks about its own runs is explained as it was decided: before it opened any."""

from __future__ import annotations

import pytest
from harness import Shop, at

from orchestrator.explain.entry import explaining
from orchestrator.records.explained import Explained
from orchestrator.tick.run import TickPlan

FLOW = """
flow: welcome
status: live
owner: me
starts_when: {did: signed_up}
steps: [{send: hello}]
"""


def ask(shop: Shop, when: str) -> Explained:
    shop.import_facts()
    playbook = shop.playbook
    plan = TickPlan(playbook, at(when))
    with explaining(shop.engine, plan, playbook.flows["welcome"]) as explainer:
        return explainer.explain("anna")


def failing(explained: Explained) -> list[str]:
    return [one.path for one in explained.conditions if not one.holds]


def actual_of(explained: Explained, path: str) -> str | None:
    return next(one.actual for one in explained.conditions if one.path == path)


@pytest.mark.parametrize(
    ("audience", "exits_when", "actual"),
    [
        ("none: [{entered_flow: welcome}]", "in_flow: welcome", "is not in it"),
        ("not_in_flow: welcome", "entered_flow: welcome", "never"),
    ],
)
def test_who_enters_is_asked_before_the_run_that_opens(
    shop: Shop, audience: str, exits_when: str, actual: str
) -> None:
    asked = f"re_entry: always\naudience: {{{audience}}}\nexits_when: {{{exits_when}}}"
    shop.write(welcome=FLOW.replace("owner: me", asked)).customers(anna={})
    shop.tick("2026-03-01T09:00")
    shop.event("anna", "signed_up", "2026-03-02T08:00")

    told = ask(shop, "2026-03-02T09:00")

    assert told.enters
    assert failing(told) == []
    assert actual_of(told, "exits_when") == actual


def test_who_matches_is_asked_before_the_run_that_opens(shop: Shop) -> None:
    matches = "starts_when: {matches: {none: [{entered_flow: welcome}]}}"
    shop.write(welcome=FLOW.replace("starts_when: {did: signed_up}", matches))
    shop.customers(anna={})

    told = ask(shop, "2026-03-01T09:00")

    assert told.enters
    assert failing(told) == []


def test_who_begins_anew_is_asked_before_the_run_in_place_ends(shop: Shop) -> None:
    asked = "if_already_in: restart\naudience: {none: [{left_flow: welcome}]}"
    flow = FLOW.replace("owner: me", asked).replace("{send: hello}", "{wait: 2 days}")
    shop.write(welcome=flow).customers(anna={}).tick("2026-03-01T09:00")
    shop.event("anna", "signed_up", "2026-03-02T08:00").tick("2026-03-02T09:00")
    shop.event("anna", "signed_up", "2026-03-03T08:00")

    told = ask(shop, "2026-03-03T09:00")

    assert told.enters
    assert failing(told) == []


def test_who_ran_the_flow_before_is_kept_out_by_that(shop: Shop) -> None:
    asked = "re_entry: always\naudience: {none: [{entered_flow: welcome}]}"
    shop.write(welcome=FLOW.replace("owner: me", asked)).customers(anna={})
    shop.tick("2026-03-01T09:00")
    shop.event("anna", "signed_up", "2026-03-02T08:00").tick("2026-03-02T09:00")
    shop.event("anna", "signed_up", "2026-03-03T08:00")

    told = ask(shop, "2026-03-03T09:00")

    assert not told.enters
    assert failing(told) == ["audience.none.0"]
    assert actual_of(told, "audience.none.0") == "on 2 March 09:00"
