"""The volume breaker over several ticks: it trips, holds, and is resumed by a person."""

from __future__ import annotations

import pytest
from harness import Shop, at, names
from sqlalchemy import Engine, select

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.pausing import resume_flow
from orchestrator.playbook.model import Playbook
from orchestrator.tick.run import TickPlan, dry_run

FLOW = """
flow: hello
status: live
owner: me
starts_when: {did: signed_up}
re_entry: never
guardrails: {stop_if_more_than: {customers: 2, per: 1 day}}
steps: [{send: hello}]
"""


def shop_of(shop: Shop, flow: str = FLOW) -> Shop:
    """Let the flow go live a day before anybody signs up."""
    shop.write(hello=flow).customers(**{f"c{number}": {} for number in range(9)})
    assert shop.tick("2026-03-01T09:00") == []
    return shop


def sign_up(shop: Shop, when: str, *customers: str) -> None:
    for customer in customers:
        shop.event(customer, "signed_up", when)


def tripped(engine: Engine, playbook: Playbook, when: str) -> bool:
    with dry_run(engine, TickPlan(playbook, at(when))) as ticked:
        return ticked.report.flows["hello"].tripped


def test_more_than_the_limit_are_all_held_and_told_once(shop: Shop) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1", "c2")

    assert shop.told("2026-03-02T09:00") == [
        ("c0", "hold", "volume"), ("c1", "hold", "volume"), ("c2", "hold", "volume")
    ]  # fmt: skip
    assert shop.tick("2026-03-02T10:00") == []
    assert tripped(shop.engine, shop.playbook, "2026-03-02T11:00")


def test_as_many_as_the_limit_are_sent_to(shop: Shop) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1")

    assert [line[1] for line in shop.told("2026-03-02T09:00")] == ["send", "send"]
    assert not tripped(shop.engine, shop.playbook, "2026-03-02T11:00")


def test_those_sent_to_lately_count(shop: Shop) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1")
    shop.tick("2026-03-02T09:00")
    sign_up(shop, "2026-03-02T09:30", "c2")

    assert shop.told("2026-03-02T10:00") == [("c2", "hold", "volume")]


def test_once_tripped_it_holds_even_a_single_one(shop: Shop) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1", "c2")
    shop.tick("2026-03-02T09:00")
    sign_up(shop, "2026-03-04T08:00", "c3")

    assert ("c3", "hold", "volume") in shop.told("2026-03-04T09:00")


def test_resumed_it_lets_go_who_stood_there_and_counts_the_others_anew(shop: Shop) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1", "c2")
    shop.tick("2026-03-02T09:00")
    sign_up(shop, "2026-03-02T09:30", "c3")
    shop.tick("2026-03-02T10:00")

    assert resume_flow(shop.engine, "hello", at("2026-03-02T10:30")).had_tripped

    assert not tripped(shop.engine, shop.playbook, "2026-03-02T10:45")
    sign_up(shop, "2026-03-02T10:40", "c4", "c5")
    sent = shop.tick("2026-03-02T11:00")
    assert {line["decision"] for line in sent} == {"send"}
    assert names(sent) == {"c0", "c1", "c2", "c3", "c4", "c5"}
    sign_up(shop, "2026-03-02T11:30", "c6")
    assert shop.told("2026-03-02T12:00") == [("c6", "hold", "volume")]


def test_a_breaker_that_has_not_tripped_is_left_alone(shop: Shop) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0")
    shop.tick("2026-03-02T09:00")

    assert not resume_flow(shop.engine, "hello", at("2026-03-02T10:00")).had_tripped
    assert not resume_flow(shop.engine, "nobody", at("2026-03-02T10:00")).had_tripped


def test_before_it_tripped_there_is_nothing_to_resume(shop: Shop) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1", "c2")
    shop.tick("2026-03-02T09:00")

    assert not resume_flow(shop.engine, "hello", at("2026-03-02T08:30")).had_tripped
    assert shop.tick("2026-03-02T10:00") == []


def test_it_can_trip_again(shop: Shop) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1", "c2")
    shop.tick("2026-03-02T09:00")
    resume_flow(shop.engine, "hello", at("2026-03-02T09:30"))
    sign_up(shop, "2026-03-02T09:40", "c3", "c4", "c5")

    told = shop.told("2026-03-02T10:00")

    assert [line for line in told if line[1] == "send"] == [
        ("c0", "send", "email"), ("c1", "send", "email"), ("c2", "send", "email")
    ]  # fmt: skip
    assert [line[0] for line in told if line[2] == "volume"] == ["c3", "c4", "c5"]
    assert resume_flow(shop.engine, "hello", at("2026-03-02T10:30")).had_tripped
    assert [line[1] for line in shop.told("2026-03-02T11:00")] == ["send"] * 3


PLAIN = FLOW.replace("guardrails: {stop_if_more_than: {customers: 2, per: 1 day}}\n", "")
PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails: {quiet_hours: none, stop_if_more_than: {customers: 1, per: 1 day}}
"""


def test_the_projects_own_breaker_is_resumed_by_the_projects_name(shop: Shop) -> None:
    shop.write(project=PROJECT)
    sign_up(shop_of(shop, PLAIN), "2026-03-02T08:00", "c0", "c1")
    assert [line[2] for line in shop.told("2026-03-02T09:00")] == ["volume", "volume"]

    with shop.engine.connect() as connection:
        state = tables.flow_state.c
        query = select(state.flow).where(state.tripped_at.is_not(None))
        assert list(connection.scalars(query)) == ["shop"]
    assert resume_flow(shop.engine, "shop", at("2026-03-02T09:30")).had_tripped
    assert [line[1] for line in shop.told("2026-03-02T10:00")] == ["send", "send"]


def test_all_sets_the_projects_own_breaker_back_and_names_the_flows_that_hold(
    shop: Shop, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> str:
        options = ["--at", "2026-03-02T09:30Z", "--yes", *connected]
        assert answer(["resume", *words, *options]) == 0
        return " ".join(capsys.readouterr().err.split())

    connected = ["--project", str(shop.folder), "--db", database_url]
    shop.write(project=PROJECT, other=PLAIN.replace("hello", "other", 1))
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1", "c2")
    shop.tick("2026-03-02T09:00")

    told = said("hello")
    assert "hello may send again." in told
    assert "The volume breaker of shop still holds its sends: clmctl resume shop" in told
    told = said("--all")
    assert "The project's volume breaker is set back: all flows may send again." in told
    assert "still holds" not in told
    assert "neither paused nor tripped" in said("--all")


def test_a_flow_s_own_breaker_is_left_to_its_name(
    shop: Shop, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sign_up(shop_of(shop), "2026-03-02T08:00", "c0", "c1", "c2")
    shop.tick("2026-03-02T09:00")

    words = ["resume", "--all", "--yes", "--project", str(shop.folder), "--db", database_url]
    assert answer(words) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "The volume breaker of hello still holds its sends: clmctl resume hello" in told
