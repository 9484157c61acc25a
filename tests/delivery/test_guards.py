"""The last look before the wire (semantics 62): what may have changed since the decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from harness import Shop, at
from sqlalchemy import insert, select, update

from orchestrator import smear, tables
from orchestrator.columns import to_micros
from orchestrator.delivery.guards import Guard, Leaving, Verdict, address_kind
from orchestrator.delivery.stops import read_stops
from orchestrator.delivery.terms import Kind, TermsOf
from orchestrator.pausing import EVERYTHING, pause

FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
re_entry: always
exits_when: {did: buy, since: entry}
steps: [{send: hi, %s}, {wait: 2 days}, {send: bye}]
"""
SENT_AT = "2026-03-02T09:00"


def sent(shop: Shop, words: str = "topic: news", **more: str) -> Shop:
    """Send one message to ``ann`` by a live tick at nine."""
    shop.write(hello=FLOW % words, **more).customers(ann={"phone": "+431234567"})
    shop.tick("2026-03-01T09:00")
    shop.event("ann", "signed_up", "2026-03-02T08:00")
    assert shop.told(SENT_AT)[0][1] == "send"
    return shop


def leaving(shop: Shop) -> list[Leaving]:
    row = tables.message.c
    with shop.engine.connect() as connection:
        rows = connection.execute(
            select(tables.message, tables.customer.c.email, tables.customer.c.phone)
            .join_from(tables.message, tables.customer, tables.customer.c.id == row.customer_id)
            .order_by(row.id)
        ).all()
    return [
        Leaving(
            one.id, one.customer_id, Kind(one.flow, one.step, one.channel, one.purpose, one.topic),
            one.due_at, one.decided_at, getattr(one, address_kind(one.channel) or "flow"), was_tried=False,
        )
        for one in rows
    ]  # fmt: skip


def verdict(shop: Shop, when: str, asked: list[Leaving] | None = None) -> Verdict | None:
    """Look at the first message."""
    guard = Guard(TermsOf(shop.playbook), ZoneInfo("Europe/Vienna"))
    rows = leaving(shop)[:1] if asked is None else asked
    with shop.engine.connect() as connection:
        found = guard.look(connection, rows, read_stops(connection, shop.playbook), at(when))
    return found.get(rows[0].id)


def test_what_still_holds_may_leave(shop: Shop) -> None:
    assert verdict(sent(shop), "2026-03-02T09:05") is None


def test_a_withdrawal_since_the_decision_suppresses(shop: Shop) -> None:
    sent(shop).consent("ann", "news", "2026-03-02T09:01", withdrawn=True).import_facts()

    assert verdict(shop, "2026-03-02T09:05") == Verdict("suppress", "consent")
    assert verdict(shop, "2026-03-02T09:00") is None


def test_without_a_topic_any_marketing_topic_that_covers_the_channel_is_enough(shop: Shop) -> None:
    sent(shop, "purpose: marketing").consent("ann", "texts", "2026-03-02T09:01", withdrawn=True)
    shop.import_facts()

    assert verdict(shop, "2026-03-02T09:05") is None


def test_a_transactional_message_needs_no_consent(shop: Shop) -> None:
    sent(shop, "purpose: transactional, topic: bills").consent(
        "ann", "news", "2026-03-02T09:01", withdrawn=True
    )
    shop.import_facts()

    assert verdict(shop, "2026-03-02T09:05") is None


@pytest.mark.parametrize("purpose", ["marketing", "transactional"])
def test_a_suppressed_address_gets_nothing(shop: Shop, purpose: str) -> None:
    sent(shop, f"purpose: {purpose}")
    row = {"kind": "email", "address": "ann@shop.example", "reason": "bounced"}
    with shop.engine.begin() as connection:
        connection.execute(
            insert(tables.suppression).values(**row, at=to_micros(at("2026-03-02T09:02")))
        )

    assert verdict(shop, "2026-03-02T09:05") == Verdict("suppress", "suppressed")
    assert verdict(shop, "2026-03-02T09:01") is None


def test_a_message_for_an_address_that_changed_is_made_anew_unless_it_was_tried(shop: Shop) -> None:
    sent(shop)
    with shop.engine.begin() as connection:
        connection.execute(update(tables.customer).values(email="new@shop.example"))
    old = leaving(shop)[0]._replace(to="ann@shop.example")

    assert verdict(shop, "2026-03-02T09:05", [old]) == Verdict("anew")
    assert verdict(shop, "2026-03-02T09:05", [old._replace(was_tried=True)]) is None


def test_a_customer_without_an_address_any_more_is_unreachable(shop: Shop) -> None:
    sent(shop)
    asked = leaving(shop)[:1]
    with shop.engine.begin() as connection:
        connection.execute(update(tables.customer).values(email=None))

    assert verdict(shop, "2026-03-02T09:05", asked) == Verdict("suppress", "unreachable")


def test_too_old_expires_before_anything_else_is_asked(shop: Shop) -> None:
    sent(shop, "expires_after: 2 hours").consent("ann", "news", "2026-03-02T09:01", withdrawn=True)
    shop.import_facts()

    assert verdict(shop, "2026-03-02T10:59:59.999999") == Verdict("suppress", "consent")
    assert verdict(shop, "2026-03-02T11:00") == Verdict("expire")


def test_quiet_hours_move_it_to_their_end_on_the_customers_clock(shop: Shop) -> None:
    sent(shop, project="project: shop\ntimezone: Europe/Vienna\n")

    assert verdict(shop, "2026-03-02T19:59") is None
    assert_opens(verdict(shop, "2026-03-02T20:00"), "2026-03-03T07:00", smear.OVER)


def assert_opens(held: Verdict | None, opens: str, over: timedelta) -> None:
    """Assert that a message is moved to its customer's place in an opening."""
    assert held is not None
    assert held.not_before is not None
    assert held == Verdict("later", "quiet_hours", not_before=held.not_before)
    assert at(opens) <= held.not_before < at(opens) + over


def test_the_hours_of_a_send_move_it_too(shop: Shop) -> None:
    sent(shop, "send_between: 09:00-12:00")

    assert_opens(verdict(shop, "2026-03-02T11:00"), "2026-03-03T08:00", smear.OVER)


def test_an_opening_is_over_before_the_slot_or_the_message_is(shop: Shop) -> None:
    sent(shop, "send_between: 10:00-10:20")

    assert_opens(verdict(shop, "2026-03-02T11:00"), "2026-03-03T09:00", timedelta(minutes=10))
    row = tables.message.c
    with shop.engine.begin() as connection:
        due = to_micros(at("2026-02-28T09:02"))  # three days before two past the opening
        connection.execute(update(tables.message).where(row.id == 1).values(due_at=due))
    assert_opens(verdict(shop, "2026-03-02T11:00"), "2026-03-03T09:00", timedelta(minutes=1))


def test_quiet_hours_are_nothing_to_a_transactional_message(shop: Shop) -> None:
    sent(shop, "purpose: transactional", project="project: shop\ntimezone: Europe/Vienna\n")

    assert verdict(shop, "2026-03-02T22:00") is None


def test_a_run_that_was_ended_takes_its_message_along(shop: Shop) -> None:
    sent(shop).event("ann", "buy", "2026-03-02T09:10").tick("2026-03-02T09:30")

    assert verdict(shop, "2026-03-02T09:35") == Verdict("cancel", "run_ended", "exit")


def test_a_run_that_went_through_does_not(shop: Shop) -> None:
    sent(shop)
    shop.tick("2026-03-04T10:00")
    assert shop.runs()[0][3] == "completed"

    assert verdict(shop, "2026-03-04T10:05") is None


def test_a_pause_holds_whatever_else_is_true(shop: Shop) -> None:
    sent(shop, "expires_after: 1 hour")
    pause(shop.engine, "hello", None)

    assert verdict(shop, "2026-03-05T09:05") == Verdict("wait")


def test_a_pause_of_everything_and_of_a_channel_hold(shop: Shop) -> None:
    sent(shop)
    with shop.engine.begin() as connection:
        row = {"kind": "channel", "name": "email", "state": "paused", "at": 0}
        connection.execute(insert(tables.control).values(**row))
    assert verdict(shop, "2026-03-02T09:05") == Verdict("wait")
    with shop.engine.begin() as connection:
        connection.execute(tables.control.delete())
    assert verdict(shop, "2026-03-02T09:05") is None
    pause(shop.engine, EVERYTHING, None)
    assert verdict(shop, "2026-03-02T09:05") == Verdict("wait")


def test_a_flow_that_its_file_pauses_holds(shop: Shop) -> None:
    sent(shop)
    shop.write(hello=(FLOW % "topic: news").replace("status: live", "status: paused"))

    assert verdict(shop, "2026-03-02T09:05") == Verdict("wait")


def test_a_step_that_is_gone_keeps_the_terms_of_the_release_that_decided(shop: Shop) -> None:
    sent(shop, "expires_after: 1 hour")
    decided = shop.playbook
    shop.write(hello=(FLOW % "topic: news").replace("send: hi", "send: other"))
    edited = replace(shop.playbook, earlier=tuple(decided.flows.values()))
    guard = Guard(TermsOf(edited), ZoneInfo("Europe/Vienna"))

    with shop.engine.connect() as connection:
        rows = leaving(shop)[:1]
        stops = read_stops(connection, edited)
        assert guard.look(connection, rows, stops, at("2026-03-02T09:30")) == {}
        found = guard.look(connection, rows, stops, at("2026-03-02T10:00"))
    assert found == {rows[0].id: Verdict("expire")}
