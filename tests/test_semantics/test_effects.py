"""Semantics 47-49, 59, 63: what steps do beside sending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import CATALOG, PROJECT, Shop, at, names
from sqlalchemy import select

from orchestrator import tables
from orchestrator.importing.run import import_file

EARLY, NOW, LATER = "2026-03-02T08:00:00", "2026-03-02T09:00:00", "2026-03-02T10:00:00"
WITH_LISTS = CATALOG + "lists: [ads, vips]\n"
HELD_OUT = PROJECT.replace("quiet_hours: none", "quiet_hours: none, holdout: {share: 100%}")


def _flow(steps: str, more: str = "", name: str = "greet", start: str = "{did: view}") -> str:
    return f"flow: {name}\nstatus: live\nstarts_when: {start}\n{more}\nsteps: {steps}\n"


def _viewed(shop: Shop, *ids: str, when: str = NOW, **properties: Any) -> Shop:
    shop.tick(EARLY)
    for id in ids:
        shop.event(id, "view", when, **properties)
    return shop


def _effects(shop: Shop) -> list[tuple[str, str, str, str | None]]:
    """Return (customer, kind, object, withheld) of every effect, in the order it came."""
    row, customer = tables.effect.c, tables.customer.c
    query = (
        select(customer.external_id, row.kind, row.object, row.withheld)
        .join_from(tables.effect, tables.customer, row.customer_id == customer.id)
        .order_by(row.id)
    )
    with shop.engine.connect() as connection:
        return [tuple(one) for one in connection.execute(query)]


def _rows(shop: Shop, table: Any) -> list[dict[str, Any]]:
    with shop.engine.connect() as connection:
        return [dict(one) for one in connection.execute(select(table)).mappings()]


# --- lists ----------------------------------------------------------------------------------


def test_rule_59_a_list_is_changed_once_and_logged_in_order(shop: Shop) -> None:
    steps = "[{add_to: ads}, {remove_from: ads}, {add_to: vips, id: last}]"
    shop.write(catalog=WITH_LISTS, greet=_flow(steps)).customers(ana={})
    _viewed(shop, "ana").tick(NOW)
    shop.tick(LATER)
    assert _effects(shop) == [
        ("ana", "add_to", "ads", None),
        ("ana", "remove_from", "ads", None),
        ("ana", "add_to", "vips", None),
    ]


def test_rule_59_a_preview_counts_effects_and_keeps_none(shop: Shop) -> None:
    shop.write(catalog=WITH_LISTS, greet=_flow("[{add_to: ads}, {send: hello}]"))
    shop.customers(ana={}, ben={})
    _viewed(shop, "ana", "ben").preview(NOW)
    assert _effects(shop) == []


def test_rule_59_holdout_withholds_additions_and_does_the_rest(shop: Shop) -> None:
    steps = """
    - {add_to: ads}
    - {task: Call them}
    - {remove_from: ads}
    - {set: {plan: gold}}
    - {unsubscribe_from: texts}
    - {subscribe_to: news}
    """
    shop.write(catalog=WITH_LISTS, project=HELD_OUT, greet=_flow(steps)).customers(ana={})
    _viewed(shop, "ana").tick(NOW)
    assert _effects(shop) == [
        ("ana", "add_to", "ads", "holdout"),
        ("ana", "task", "Call them", "holdout"),
        ("ana", "remove_from", "ads", None),
        ("ana", "unsubscribe_from", "texts", None),
        ("ana", "subscribe_to", "news", None),
    ]
    assert _rows(shop, tables.task) == []
    assert shop.selects([{"attribute": "plan", "is": "gold"}], NOW) == {"ana"}
    assert shop.selects([{"not_subscribed_to": "texts"}], NOW) == {"ana"}


# --- consent --------------------------------------------------------------------------------


def test_rule_47_consent_counts_at_once_for_conditions_and_the_gate(shop: Shop) -> None:
    steps = """
    - {subscribe_to: news}
    - {send: hello, topic: news, only_if: {subscribed_to: news}}
    - {unsubscribe_from: news, id: stop}
    - {send: offer, topic: news}
    """
    shop.write(greet=_flow(steps)).customers(ana={"topics": []})
    told = _viewed(shop, "ana").told(NOW)
    assert told == [("ana", "send", "email"), ("ana", "suppress", "consent")]


def test_rule_47_any_is_every_marketing_topic(shop: Shop) -> None:
    shop.write(greet=_flow("[{unsubscribe_from: any}]")).customers(
        ana={"topics": ["news", "texts", "bills"]}
    )
    _viewed(shop, "ana").tick(NOW)
    written = {(one["topic"], one["withdrawn"], one["source"]) for one in _consents(shop)}
    assert written == {("news", 1, "flow"), ("texts", 1, "flow")}


def _consents(shop: Shop) -> list[dict[str, Any]]:
    query = select(tables.consent).where(tables.consent.c.source == "flow")
    with shop.engine.connect() as connection:
        return [dict(one) for one in connection.execute(query).mappings()]


def test_rule_47_no_subscription_without_an_act_in_this_run(shop: Shop) -> None:
    ask = "{branch: [{if: {did: buy}, do: [{subscribe_to: news}]}]}"
    start = "{matches: {did: buy}}"
    shop.write(greet=_flow(f"[{{wait: 1 hour}}, {ask}]", start=start))
    shop.customers(ana={"topics": []}, ben={"topics": []})
    shop.event("ana", "buy", EARLY).event("ben", "buy", EARLY)
    shop.tick(NOW)
    shop.event("ben", "view", "2026-03-02T09:30:00")
    shop.tick(LATER)
    assert sorted(_effects(shop)) == [
        ("ana", "subscribe_to", "news", "no_act"),
        ("ben", "subscribe_to", "news", None),
    ]
    assert len(_consents(shop)) == 1


def test_rule_47_a_click_in_a_message_of_the_run_is_an_act(shop: Shop) -> None:
    steps = "[{send: hello}, {wait: 1 hour}, {subscribe_to: texts, only_if: {clicked: hello}}]"
    shop.write(greet=_flow(steps, start="{matches: {did: buy}}"))
    shop.customers(ana={"topics": ["news"]}).event("ana", "buy", EARLY)
    shop.tick(NOW)
    shop.receipt("ana", "clicked", "hello", "2026-03-02T09:30:00")
    shop.tick(LATER)
    assert _effects(shop) == [("ana", "subscribe_to", "texts", None)]


def test_rule_47_an_act_does_not_undo_a_later_withdrawal(shop: Shop) -> None:
    shop.write(greet=_flow("[{wait: 1 hour}, {subscribe_to: news}]")).customers(ana={})
    _viewed(shop, "ana").tick(NOW)
    withdrawal = {
        "customer_id": 1, "topic": "news", "withdrawn": 1, "source": "customer",
        "at": at("2026-03-02T09:30:00"),
    }  # fmt: skip
    with shop.engine.begin() as connection:
        connection.execute(tables.consent.insert().values(**withdrawal))
    shop.tick(LATER)
    assert _effects(shop) == [("ana", "subscribe_to", "news", "no_act")]


def test_rule_5_an_import_does_not_undo_what_a_flow_withdrew(shop: Shop, tmp_path: Path) -> None:
    shop.write(greet=_flow("[{unsubscribe_from: news}]")).customers(ana={})
    _viewed(shop, "ana").tick(NOW)
    file = tmp_path / "people.csv"
    file.write_text("id,subscribed_to,consented_at\nana,news,2026-03-02T12:00Z\n", encoding="utf-8")
    import_file(shop.engine, "customers", file)
    assert shop.selects({"subscribed_to": "news"}, "2026-03-03T09:00:00") == set()


def test_rule_59_an_effect_of_a_repeated_step_happens_once_a_round(shop: Shop) -> None:
    again = "{repeat: {every: 1 hour, at_most: 2 times, do: [{task: Call, id: call}]}, id: again}"
    shop.write(greet=_flow(f"[{again}]")).customers(ana={})
    _viewed(shop, "ana").tick(NOW)
    for when in (LATER, "2026-03-02T11:00:00", "2026-03-02T12:00:00"):
        shop.tick(when)
    assert [task["occurrence"] for task in _rows(shop, tables.task)] == ["1", "2"]


def test_rule_59_shadow_withholds_every_effect(shop: Shop) -> None:
    steps = "[{set: {plan: gold, points: 1}}, {unsubscribe_from: news}, {add_to: ads}]"
    shadow = _flow(steps).replace("status: live", "status: shadow")
    shop.write(catalog=WITH_LISTS, greet=shadow).customers(ana={})
    _viewed(shop, "ana").tick(NOW)
    assert _effects(shop) == [
        ("ana", "set", "plan, points", "shadow"),
        ("ana", "unsubscribe_from", "news", "shadow"),
        ("ana", "add_to", "ads", "shadow"),
    ]
    assert shop.selects([{"attribute": "plan", "is_set": True}], NOW) == set()
    assert shop.selects({"subscribed_to": "news"}, NOW) == {"ana"}


# --- tasks ----------------------------------------------------------------------------------


def test_rule_59_a_task_is_given_once_with_its_due_time(shop: Shop) -> None:
    steps = "[{task: Call them, assign_to: team, due: 2 days, id: call}]"
    shop.write(greet=_flow(steps)).customers(ana={})
    _viewed(shop, "ana").tick(NOW)
    shop.tick(LATER)
    (task,) = _rows(shop, tables.task)
    assert (task["text"], task["assign_to"], task["step"]) == ("Call them", "team", "call")
    assert task["due_at"] == at("2026-03-04T09:00:00")


def test_task_done_asks_about_the_task_of_this_run(shop: Shop) -> None:
    steps = "[{task: Call, id: call}, {wait: 1 hour}, {send: hello, only_if: {task_done: call}}]"
    shop.write(greet=_flow(steps)).customers(ana={}, ben={})
    _viewed(shop, "ana", "ben").tick(NOW)
    first = _rows(shop, tables.task)[0]
    with shop.engine.begin() as connection:
        connection.execute(
            tables.task.update().where(tables.task.c.id == first["id"]).values(done_at=at(LATER))
        )
    assert len(shop.tick(LATER)) == 1


# --- telling another flow -------------------------------------------------------------------


def _pair(shop: Shop, told: str = "", **more: str) -> Shop:
    tell = "[{start_flow: thanks, with: {points: 50, cart: $entry.cart, plan: $customer.plan}}]"
    steps = "[{send: hello, only_if: {attribute: entry.points, at_least: 50}}]"
    thanks = _flow(steps, told, "thanks", "{told_by: [greet]}")
    return shop.write(**{"greet": _flow(tell), "thanks": thanks, **more})


def test_rule_48_a_flow_that_is_told_starts_at_the_next_tick_with_its_values(shop: Shop) -> None:
    _pair(shop).customers(ana={"plan": "gold"})
    assert _viewed(shop, "ana", cart="red").tick(NOW) == []
    assert names(shop.tick(LATER)) == {"ana"}
    assert shop.tick("2026-03-02T11:00:00") == []
    told = next(one for one in _rows(shop, tables.event) if one["name"] == "told:thanks")
    assert told["properties"] == '{"cart": "red", "plan": "gold", "points": "50"}'
    assert told["occurred_at"] == at(NOW)


def test_rule_48_the_targets_audience_and_re_entry_decide(shop: Shop) -> None:
    _pair(shop, "audience: {attribute: plan, is: gold}").customers(ana={"plan": "red"})
    _viewed(shop, "ana").tick(NOW)
    shop.tick(LATER)
    assert shop.left_out == {"audience": 1}


def test_rule_48_for_names_another_customer_and_a_stranger_starts_nobody(shop: Shop) -> None:
    tell = "[{start_flow: thanks, for: $entry.cart}]"
    thanks = _flow("[{send: hello}]", "", "thanks", "{told_by: greet}")
    shop.write(greet=_flow(tell), thanks=thanks).customers(ana={}, ben={}, cleo={})
    _viewed(shop, "ana", cart="cleo").event("ben", "view", NOW, cart="nobody")
    shop.tick(NOW)
    assert names(shop.tick(LATER)) == {"cleo"}
    assert sorted(_effects(shop)) == [
        ("ana", "start_flow", "thanks", None),
        ("ben", "start_flow", "thanks", "nobody"),
    ]


@pytest.mark.parametrize("value", ["$customer.n", "$customer.spent", "$customer.seen"])
def test_rule_63_computed_values_are_passed_on(shop: Shop, value: str) -> None:
    computed = """  n: {count_of: view}
  spent: {total_of: buy.amount}
  seen: {last: view}
topics:"""
    wanted = {"$customer.n": "1", "$customer.spent": "12.5"}
    shop.write(
        catalog=CATALOG.replace("topics:", computed),
        greet=_flow(f"[{{start_flow: thanks, with: {{x: {value}}}}}]"),
        thanks=_flow("[{send: hello}]", "", "thanks", "{told_by: greet}"),
    ).customers(ana={})
    shop.event("ana", "buy", EARLY, amount="12.5")
    _viewed(shop, "ana").tick(NOW)
    told = next(one for one in _rows(shop, tables.event) if one["name"] == "told:thanks")
    expected = wanted.get(value, "2026-03-02T09:00:00+00:00")
    assert told["properties"] == f'{{"x": "{expected}"}}'
