"""Calls of webhooks leave like messages, and what they are answered with reaches the run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from harness import Shop
from sending import NOW, carried, drain, ledger, outlet

from orchestrator.channels.outcome import Outcome, accepted, deferred, rejected, unknown

CATALOG = """
events: {signed_up: {code: text, amount: money}}
attributes: {points: number, birthday: date}
topics: {news: marketing}
webhooks:
  crm: {url: "https://crm.example/hook", gives: {projects: number}}
"""
FLOW = """
flow: greet
status: live
starts_when: {did: signed_up}
steps:
  - webhook: crm
    id: usage
    at_most: 2 days
    with: {points: $customer.points, code: $entry.code, amount: $entry.amount, plan: gold, n: 3}
    IF_IT_FAILS
"""


def called(shop: Shop, if_it_fails: str = "") -> Shop:
    """Return a shop in which a tick has queued one call."""
    flow = FLOW.replace("IF_IT_FAILS", f"if_it_fails: {if_it_fails}" if if_it_fails else "")
    shop.write(catalog=CATALOG, greet=flow)
    shop.customers(ana={"points": 12}, ben={})
    shop.tick((NOW - timedelta(hours=1)).isoformat())
    shop.event("ana", "signed_up", NOW.isoformat(), code="x7", amount="12.50")
    shop.tick(NOW.isoformat())
    return shop


def test_a_call_carries_its_values_and_its_answer_lets_the_run_go_on(shop: Shop) -> None:
    called(shop)
    hooks = outlet(
        lambda message: accepted(fields={"projects": "4"}), channel="webhook", idempotent=True
    )
    drain(shop, hooks)
    [call] = carried(hooks)
    assert (call.to, call.message, call.purpose) == (
        "https://crm.example/hook",
        "crm",
        "transactional",
    )
    assert call.fields == {"points": 12, "code": "x7", "amount": 12.5, "plan": "gold", "n": 3}
    assert ledger(shop, "state", "attempt") == [("answered", 1)]
    shop.tick((NOW + timedelta(minutes=1)).isoformat())
    assert shop.runs() == [("greet", "ana", 1, "completed")]


@pytest.mark.parametrize(("if_it_fails", "reason"), [("exit", "step"), ("skip", "completed")])
def test_a_call_that_is_rejected_fails_as_the_step_says(
    shop: Shop, if_it_fails: str, reason: str
) -> None:
    called(shop, if_it_fails)
    found = drain(shop, outlet(lambda message: rejected("gone", code="410"), channel="webhook"))
    assert ledger(shop, "state", "error") == [("failed", "410: gone")]
    assert found.came_to == {"failed": 1}
    shop.tick((NOW + timedelta(minutes=1)).isoformat())
    assert shop.runs() == [("greet", "ana", 1, reason)]


def test_a_call_that_fails_is_made_again_where_the_step_says_so(shop: Shop) -> None:
    called(shop, "retry")
    drain(shop, outlet(lambda message: rejected("gone"), channel="webhook"))
    shop.tick((NOW + timedelta(minutes=1)).isoformat())
    assert ledger(shop, "state", "generation") == [("failed", 0), ("queued", 1)]


@pytest.mark.parametrize("outcome", [deferred("down"), unknown("no answer")])
def test_a_call_without_an_answer_is_tried_again_under_the_same_key(
    shop: Shop, outcome: Outcome
) -> None:
    called(shop)
    left = [outcome]
    hooks = outlet(
        lambda message: left.pop() if left else accepted(fields={}),
        channel="webhook",
        idempotent=True,
    )
    drain(shop, hooks)
    assert ledger(shop, "state") == ["queued"]
    drain(shop, hooks, now=NOW + timedelta(hours=1))
    assert len({call.provider_key for call in carried(hooks)}) == 1
    assert len(carried(hooks)) == 2
    assert ledger(shop, "state") == ["answered"]
