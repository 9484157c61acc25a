"""Explaining a flow with ``key``: each run by its key, the newest first."""

from __future__ import annotations

import pytest
from harness import Shop, at

from orchestrator.errors import UsageError
from orchestrator.explain.entry import explaining
from orchestrator.records.explained import Explained
from orchestrator.tick.run import TickPlan

FLOW = """
flow: carts
status: live
key: {key}
re_entry: after 30 days
starts_when: {{did: view}}
steps: [{{id: pause, wait: 2 days}}, {{send: hello}}]
"""


def ask(shop: Shop, when: str, key: str | None = None) -> Explained:
    shop.import_facts()
    playbook = shop.playbook
    with explaining(shop.engine, TickPlan(playbook, at(when)), playbook.flows["carts"]) as asked:
        return asked.explain("anna", key)


def holds(explained: Explained, path: str) -> bool:
    return next(one.holds for one in explained.conditions if one.path == path)


@pytest.fixture
def carts(shop: Shop) -> Shop:
    """A shop in which anna has a run of cart A that ended, and one of cart B on its way."""
    shop.write(carts=FLOW.format(key="cart")).customers(anna={}).tick("2026-03-01T09:00")
    shop.event("anna", "view", "2026-03-02T09:00", cart="A").tick("2026-03-02T09:00")
    shop.event("anna", "view", "2026-03-04T08:00", cart="B").tick("2026-03-04T09:00")
    return shop


def test_what_is_told_is_of_one_key_and_does_not_contradict_itself(carts: Shop) -> None:
    told = ask(carts, "2026-03-05T09:00")
    assert (told.key, told.state["status"], told.keys) == ("B", "active", 2)
    assert not holds(told, "if_already_in")
    assert told.next == "goes on after pause on 6 March 10:00"
    (other,) = told.others
    assert (other.key, other.state["exit"], other.next) == ("A", "completed", None)


def test_a_key_can_be_asked_about(carts: Shop) -> None:
    told = ask(carts, "2026-03-05T09:00", "A")
    assert (told.key, told.state["exit"]) == ("A", "completed")
    assert holds(told, "if_already_in")
    assert not holds(told, "re_entry")
    assert [one.key for one in told.others] == ["B"]

    new = ask(carts, "2026-03-05T09:00", "C")
    assert (new.key, new.state) == ("C", {})
    assert holds(new, "re_entry")
    assert [one.key for one in new.others] == ["B", "A"]


def test_who_enters_by_a_new_key_is_told_of_that_key(carts: Shop) -> None:
    carts.event("anna", "view", "2026-03-05T08:00", cart="C")
    told = ask(carts, "2026-03-05T09:00")
    assert (told.enters, told.key, told.state) == (True, "C", {})
    assert holds(told, "if_already_in")
    assert not ask(carts, "2026-03-05T09:00", "B").enters


def test_only_the_latest_runs_are_told_and_the_others_counted(carts: Shop) -> None:
    for number in range(6):
        carts.event("anna", "view", f"2026-03-05T0{number}:00", cart=f"N{number}")
    carts.tick("2026-03-05T09:00")
    told = ask(carts, "2026-03-05T10:00")
    assert told.key == "N5"
    assert [one.key for one in told.others] == ["N4", "N3", "N2", "N1", "N0"]
    assert told.keys == 8


@pytest.mark.parametrize(
    ("key", "said", "asked"),
    [
        ("score", "12.50", "12.5"),
        ("amount", "9.00", "9"),
        ("day", "2026-03-01", "2026-03-01"),
        ("cart", "a b", "a b"),
    ],
)
def test_a_key_is_found_in_any_spelling_and_told_as_its_event_has_it(
    shop: Shop, key: str, said: str, asked: str
) -> None:
    flow = FLOW.format(key=key).replace("view", "buy")
    shop.write(carts=flow).customers(anna={}).tick("2026-03-01T09:00")
    shop.event("anna", "buy", "2026-03-02T09:00", **{key: said}).tick("2026-03-02T09:00")
    told = ask(shop, "2026-03-02T10:00", asked)
    assert (told.key, told.state["status"]) == (said, "active")


def test_a_key_that_cannot_be_is_refused(shop: Shop) -> None:
    shop.write(carts=FLOW.format(key="score")).customers(anna={}).tick("2026-03-01T09:00")
    with pytest.raises(UsageError, match="cannot be a value of score"):
        ask(shop, "2026-03-02T10:00", "many")
    shop.write(carts=FLOW.format(key="score").replace("key: score\n", ""))
    with pytest.raises(UsageError, match="carts has no key"):
        ask(shop, "2026-03-02T10:00", "1")
