"""Sends that a frequency rule holds rest; whatever may let them go is seen as if they did not."""

from __future__ import annotations

import pytest
from harness import PROJECT, Shop, at
from sqlalchemy import func, insert, select

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.pausing import EVERYTHING, pause, resume_flow
from orchestrator.tick import breaker, pauses, workspace
from orchestrator.tick.run import TickPlan, dry_run

RULE = "frequency: [{at_most: 1, per: %s}]"
DAY = PROJECT.replace("none}", f"none, {RULE % '1 day'}}}")
FLOW = """
flow: greet
status: live
starts_when: {did: view}
%s
steps: [{send: hello}, {send: offer%s}]
"""
NOW = "2026-03-02T09:00"
HELD = [("ana", "send", "email"), ("ana", "hold", "frequency")]


def capped(shop: Shop, words: str = "", of_send: str = "", project: str = DAY) -> Shop:
    """Let a rule hold Ana's second message at 09:00 UTC, and tick once more for its echo."""
    shop.write(project=project, greet=FLOW % (words, of_send)).customers(ana={})
    shop.tick("2026-03-02T08:00")
    shop.event("ana", "view", "2026-03-02T08:30")
    assert shop.told(NOW) == HELD
    assert shop.told("2026-03-02T09:01") == []
    return shop


def looked_at(shop: Shop, when: str) -> int:
    """Return how many runs a dry tick takes up."""
    with dry_run(shop.engine, TickPlan(shop.playbook, at(when))) as ticked:
        query = select(func.count()).select_from(workspace.run)
        return ticked.tick.connection.execute(query).scalar_one()


def test_nobody_asks_until_a_message_leaves_the_window(shop: Shop) -> None:
    capped(shop)

    assert looked_at(shop, "2026-03-02T09:02") == 0
    assert looked_at(shop, "2026-03-03T08:59:59.999999") == 0
    assert shop.told("2026-03-03T09:00") == [("ana", "send", "email")]


def test_a_rule_of_a_month_lets_go_where_its_window_does(shop: Shop) -> None:
    month = DAY.replace("1 day", "1 month") + "defaults: {expires_after: 3 months}\n"
    shop.write(project=month, greet=FLOW % ("", "")).customers(ana={})
    shop.tick("2026-01-31T08:00")
    shop.event("ana", "view", "2026-01-31T08:30")
    assert shop.told("2026-01-31T09:00") == HELD
    for quiet in ("2026-01-31T09:01", "2026-02-28T09:00", "2026-02-28T23:59:59.999999"):
        assert shop.told(quiet) == []

    assert shop.told("2026-03-01T00:00") == [("ana", "send", "email")]


def test_a_month_that_ends_within_a_day_ends_at_the_minute(shop: Shop) -> None:
    month = DAY.replace("1 day", "1 month") + "defaults: {expires_after: 3 months}\n"
    capped(shop, project=month)
    for quiet in ("2026-03-30T09:00", "2026-04-02T00:00"):
        assert shop.told(quiet) == []
    assert looked_at(shop, "2026-04-02T08:00") == 0
    assert shop.told("2026-04-02T08:59:59.999999") == []

    assert shop.told("2026-04-02T09:00") == [("ana", "send", "email")]


def test_it_expires_on_time(shop: Shop) -> None:
    capped(shop, of_send=", expires_after: 4 hours")

    assert shop.told("2026-03-02T12:59") == []
    assert shop.told("2026-03-02T13:00") == [("ana", "expire", "frequency")]


def test_a_night_is_told_when_it_begins_and_the_rule_again_when_it_ends(shop: Shop) -> None:
    project = DAY.replace("quiet_hours: none", "quiet_hours: {between: '21:00-08:00'}")
    capped(shop, project=project.replace("1 day", "2 days"))

    assert shop.told("2026-03-02T19:59") == []
    assert shop.told("2026-03-02T20:00") == [("ana", "hold", "quiet_hours")]
    assert shop.told("2026-03-03T06:59") == []
    assert shop.told("2026-03-03T07:00") == [("ana", "hold", "frequency")]
    assert shop.told("2026-03-03T20:00") == [("ana", "hold", "quiet_hours")]
    assert shop.told("2026-03-04T07:00") == [("ana", "hold", "frequency")]
    assert shop.told("2026-03-04T09:00") == [("ana", "send", "email")]


def test_consent_withdrawn_ahead_of_time_is_seen_then(shop: Shop) -> None:
    capped(shop)
    shop.consent("ana", "news", "2026-03-02T11:00", withdrawn=True)
    shop.consent("ana", "texts", "2026-03-02T11:00", withdrawn=True)
    for quiet in ("2026-03-02T10:00", "2026-03-02T10:59"):
        assert shop.told(quiet) == []

    assert shop.told("2026-03-02T11:00") == [("ana", "suppress", "consent")]


def test_an_address_suppressed_ahead_of_time_is_seen_then(shop: Shop) -> None:
    capped(shop)
    with shop.engine.begin() as connection:
        row = {"kind": "email", "address": "ana@shop.example", "reason": "bounced"}
        ahead = to_micros(at("2026-03-02T11:00"))
        connection.execute(insert(tables.suppression).values(**row, at=ahead))
    assert shop.told("2026-03-02T10:59") == []

    assert shop.told("2026-03-02T11:00") == [("ana", "suppress", "suppressed")]


def test_only_if_is_asked_when_the_clock_changes_its_answer(shop: Shop) -> None:
    capped(shop, of_send=", only_if: {did: view, in_last: 4 hours}")
    assert shop.told("2026-03-02T12:29") == []

    assert shop.told("2026-03-02T12:30") == [("ana", "suppress", "only_if")]


def test_an_audience_asked_again_is_asked_when_the_clock_changes_its_answer(shop: Shop) -> None:
    capped(shop, "audience: {did: view, in_last: 4 hours}\nrecheck: true")
    assert shop.told("2026-03-02T12:29") == []

    assert shop.told("2026-03-02T12:30") == [("ana", "suppress", "run_ended")]
    assert shop.runs() == [("greet", "ana", 1, "audience")]


def test_a_fact_about_the_customer_is_asked_about_at_once(shop: Shop) -> None:
    capped(shop, of_send=", only_if: {none: [{did: buy}]}")
    shop.event("ana", "buy", "2026-03-02T09:30")

    assert shop.told("2026-03-02T09:40") == [("ana", "suppress", "only_if")]


@pytest.mark.parametrize("edit", ["at_most: 2", "per: 5 min"])
def test_an_edited_rule_counts_at_once(shop: Shop, edit: str) -> None:
    capped(shop)
    old = "at_most: 1" if edit.startswith("at_most") else "per: 1 day"
    shop.write(project=DAY.replace(old, edit))

    assert shop.told("2026-03-02T09:06") == [("ana", "send", "email")]


def test_an_edit_while_the_flow_is_paused_counts_when_it_goes_on(shop: Shop) -> None:
    capped(shop)
    with shop.engine.begin() as connection:
        pauses.pause(connection, "greet", at("2026-03-02T09:02"), None)
    shop.write(project=DAY.replace("at_most: 1", "at_most: 2"))
    for quiet in ("2026-03-02T09:03", "2026-03-02T09:04"):
        assert shop.told(quiet) == []
    with shop.engine.begin() as connection:
        pauses.lift(connection, "greet")

    assert shop.told("2026-03-02T09:05") == [("ana", "send", "email")]


def test_the_clock_may_stand_still_for_days(shop: Shop) -> None:
    capped(shop)

    assert shop.told("2026-03-05T08:59") == [("ana", "send", "email")]


LIMIT = "guardrails: {stop_if_more_than: {customers: 1, per: 1 hour}}"


def test_who_rests_not_counts_for_the_volume_breaker(shop: Shop) -> None:
    capped(shop, LIMIT)
    shop.customers(ben={})
    shop.event("ben", "view", "2026-03-02T11:00")

    told = shop.told("2026-03-02T11:01")
    assert told == [("ana", "hold", "volume"), ("ben", "hold", "volume")]


def test_who_was_let_past_the_volume_breaker_rests(shop: Shop) -> None:
    capped(shop, LIMIT)
    shop.customers(ben={})
    shop.event("ben", "view", "2026-03-02T11:00")
    shop.tick("2026-03-02T11:01")
    with shop.engine.begin() as connection:
        breaker.resume(connection, "greet", at("2026-03-02T11:02"))
    assert sorted(shop.told("2026-03-02T11:03")) == [
        ("ana", "hold", "frequency"),
        ("ben", "hold", "frequency"),
        ("ben", "send", "email"),
    ]
    assert shop.told("2026-03-02T11:04") == []

    assert looked_at(shop, "2026-03-02T11:05") == 1  # Ben's second message came after


PLAIN = """
flow: greet
status: live
starts_when: {did: view}
%s
steps: [{send: hello, expires_after: 4 hours}]
"""
SHARED = PROJECT.replace("none}", "none, stop_if_more_than: {customers: 1, per: 1 hour}}")
TWO_HELD = [("ana", "hold", "volume"), ("ben", "hold", "volume")]


def tripped(shop: Shop, words: str = LIMIT, project: str = PROJECT) -> Shop:
    """Let a breaker hold two customers at 09:00 UTC, and tick once more, after which they rest."""
    shop.write(project=project, greet=PLAIN % words).customers(ana={}, ben={})
    shop.tick("2026-03-02T08:00")
    for name in ("ana", "ben"):
        shop.event(name, "view", "2026-03-02T08:30")
    assert shop.told(NOW) == TWO_HELD
    assert looked_at(shop, "2026-03-02T09:01") == 2, "a resume may have come meanwhile"
    assert shop.told("2026-03-02T09:01") == []
    return shop


@pytest.mark.parametrize(("words", "project"), [(LIMIT, PROJECT), ("", SHARED), (LIMIT, SHARED)])
def test_nobody_asks_about_what_a_tripped_breaker_holds_until_a_person_resumes_it(
    shop: Shop, words: str, project: str
) -> None:
    tripped(shop, words, project)
    assert looked_at(shop, "2026-03-02T09:02") == 0
    assert shop.told("2026-03-02T09:02") == []

    name = "greet" if words else "shop"
    assert resume_flow(shop.engine, name, at("2026-03-02T09:03")).had_tripped
    told = shop.told("2026-03-02T09:03")
    if (words, project) == (LIMIT, SHARED):
        assert told == [], "the other breaker has seen them for the first time, and trips"
        return
    assert told == [("ana", "send", "email"), ("ben", "send", "email")]


def test_what_a_tripped_breaker_holds_expires_on_time(shop: Shop) -> None:
    tripped(shop)

    assert shop.told("2026-03-02T12:59") == []
    assert shop.told("2026-03-02T13:00") == [
        ("ana", "expire", "volume"),
        ("ben", "expire", "volume"),
    ]


def test_a_withdrawal_ends_the_rest_under_a_tripped_breaker(shop: Shop) -> None:
    tripped(shop)
    shop.consent("ana", "news", "2026-03-02T09:02", withdrawn=True)
    shop.consent("ana", "texts", "2026-03-02T09:02", withdrawn=True)

    assert shop.told("2026-03-02T09:03") == [("ana", "suppress", "consent")]


def test_quiet_hours_begin_under_a_tripped_breaker(shop: Shop) -> None:
    shop_of_nights = PROJECT.replace("none}", "{between: 11:00-12:00, timezone: UTC}}")
    tripped(shop, project=shop_of_nights)
    assert looked_at(shop, "2026-03-02T10:59") == 0

    assert shop.told("2026-03-02T11:00") == [
        ("ana", "hold", "quiet_hours"),
        ("ben", "hold", "quiet_hours"),
    ]
    assert shop.told("2026-03-02T12:00") == TWO_HELD


def test_an_edit_that_takes_the_limit_away_lets_them_go(shop: Shop) -> None:
    tripped(shop)
    shop.write(greet=PLAIN % "")

    assert shop.told("2026-03-02T09:02") == [("ana", "send", "email"), ("ben", "send", "email")]


def test_a_breaker_that_still_counts_forbids_rest_under_another_that_tripped(shop: Shop) -> None:
    own = "guardrails: {stop_if_more_than: {customers: 2, per: 1 hour}}"
    shop.write(project=SHARED, greet=PLAIN % own).customers(ana={}, ben={}, cai={})
    shop.tick("2026-03-02T08:00")
    for name in ("ana", "ben"):
        shop.event(name, "view", "2026-03-02T08:30")
    assert shop.told(NOW) == TWO_HELD
    shop.tick("2026-03-02T09:01")
    assert looked_at(shop, "2026-03-02T09:02") == 2

    shop.event("cai", "view", "2026-03-02T09:01")
    assert shop.told("2026-03-02T09:02") == [("cai", "hold", "volume")]
    with shop.engine.connect() as connection:
        flows = select(tables.flow_state.c.flow).where(tables.flow_state.c.tripped_at.is_not(None))
        assert set(connection.scalars(flows)) == {"shop", "greet"}


def test_a_resume_while_everything_is_paused_is_not_forgotten(shop: Shop) -> None:
    tripped(shop)
    pause(shop.engine, EVERYTHING, None)
    resume_flow(shop.engine, "greet", at("2026-03-02T09:02"))
    assert shop.told("2026-03-02T09:03") == []
    resume_flow(shop.engine, EVERYTHING, at("2026-03-02T09:04"))

    assert shop.told("2026-03-02T09:05") == [("ana", "send", "email"), ("ben", "send", "email")]
