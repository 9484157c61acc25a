from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness import Shop, at
from ledger import TOPICS, greeted, handed_over, key_of, rows
from sending import KEYS
from sqlalchemy import Engine

from orchestrator.channels.receipt import Receipt, ReceiptKind
from orchestrator.delivery.inbox import Inbox
from orchestrator.delivery.line import Line
from orchestrator.delivery.receiving import Origin, Received

SMTP = Origin("email", "smtp")
NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)


def told(kind: ReceiptKind, who: str | None = None, id: str = "1", **more: Any) -> Receipt:
    """Return a receipt about the greeting of a customer."""
    key = KEYS.provider_key(key_of(who)) if who else None
    said: dict[str, Any] = {"at": at("2026-03-02T11:00"), "source_id": id, "provider_key": key}
    return Receipt(kind, **said | more)


def receive_all(shop: Shop, *receipts: Receipt, origin: Origin = SMTP) -> Received:
    return Inbox(Line(shop.engine)).take(origin, receipts, TOPICS, NOW)


def test_a_receipt_is_a_fact_of_its_message_and_the_customer_is_due(shop: Shop) -> None:
    greeted(shop, "ana", "ben")
    handed_over(shop.engine, "ana", "ben")
    by_id = told("opened", id="2", provider_id="id-ben")
    received = receive_all(shop, told("delivered", "ana"), by_id)
    assert received.new == {"delivered": 1, "opened": 1}
    query = (
        "SELECT c.external_id, r.message, r.flow, r.channel, r.kind FROM receipt r"
        " JOIN customer c ON c.id = r.customer_id JOIN dirty d ON d.customer_id = c.id ORDER BY 1"
    )
    assert rows(shop.engine, query) == [
        ("ana", "welcome", "hello", "email", "delivered"),
        ("ben", "welcome", "hello", "email", "opened"),
    ]


def test_a_condition_sees_it_at_the_next_tick(shop: Shop) -> None:
    flow = """
    flow: hello
    status: live
    starts_when: {did: signed_up}
    steps:
      - {send: welcome}
      - {wait_until: {clicked: welcome}, at_most: 3 days}
      - {send: thanks}
    """
    greeted(shop, "ana", "ben", flow=flow)
    handed_over(shop.engine, "ana", "ben")
    assert shop.told("2026-03-02T10:30") == []
    receive_all(shop, told("clicked", "ana"))
    assert shop.told("2026-03-02T12:00") == [("ana", "send", "email")]


def test_the_same_fact_twice_is_one(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana")
    receipt = told("delivered", "ana")
    assert receive_all(shop, receipt, receipt).new == {"delivered": 1}
    again = receive_all(shop, receipt)
    assert (again.new, again.repeated) == (Counter(), 1)
    assert rows(shop.engine, "SELECT count(*) FROM receipt") == [(1,)]


@pytest.mark.parametrize("state", ["in_doubt", "queued", "claimed", "sending"])
def test_a_receipt_ends_a_doubt(shop: Shop, state: str) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana", state=state)
    receive_all(shop, told("delivered", "ana"))
    assert rows(shop.engine, "SELECT state FROM message") == [("sent",)]
    events = rows(shop.engine, "SELECT kind, detail FROM message_event")
    assert events == [("received", f"delivered, while it was {state}")]


@pytest.mark.parametrize("state", ["sent", "dead", "suppressed", "cancelled", "expired"])
def test_what_is_over_stays_as_it_is(shop: Shop, state: str) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana", state=state)
    receive_all(shop, told("delivered", "ana"))
    assert rows(shop.engine, "SELECT state FROM message") == [(state,)]
    assert rows(shop.engine, "SELECT count(*) FROM message_event") == [(0,)]


def test_what_was_never_tried_is_not_sent_by_a_receipt(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana", state="queued")
    with shop.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE message SET attempt = 0")
    receive_all(shop, told("delivered", "ana"))
    assert rows(shop.engine, "SELECT state FROM message") == [("queued",)]


STRANGERS = {
    "key": told("delivered", "nobody"),
    "id": told("delivered", provider_id="id-nobody"),
    "address": told("replied", address="nobody@shop.example"),
    "nothing": told("delivered"),
    "half a character": told("unsubscribed", address="\ud800"),
    "NUL": told("delivered", provider_id="id-ana\0"),
}


@pytest.mark.parametrize("receipt", STRANGERS.values(), ids=STRANGERS)
def test_what_is_about_no_message_of_ours_is_kept_out(shop: Shop, receipt: Receipt) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana")
    assert receive_all(shop, receipt).unknown == 1
    assert rows(shop.engine, "SELECT count(*) FROM receipt") == [(0,)]


def test_an_id_counts_only_from_the_provider_that_gave_it(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana")
    receipt = told("delivered", provider_id="id-ana")
    assert receive_all(shop, receipt, origin=Origin("email", "other")).unknown == 1
    assert receive_all(shop, receipt, origin=Origin("sms", "smtp")).unknown == 1


def test_a_permanent_bounce_puts_the_address_out_of_use_and_a_passing_one_does_not(
    shop: Shop,
) -> None:
    greeted(shop, "ana", "ben")
    handed_over(shop.engine, "ana", "ben")
    receive_all(shop, told("bounced", "ana"), told("bounced", "ben", id="2", is_permanent=True))
    held = rows(shop.engine, "SELECT kind, address, reason FROM suppression")
    assert held == [("email", "ben@shop.example", "bounced")]


def test_a_complaint_ends_all_marketing(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana")
    received = receive_all(shop, told("complained", "ana", address="ANA@shop.example"))
    assert len(received.left) == 1
    assert rows(shop.engine, "SELECT address, reason FROM suppression") == [
        ("ana@shop.example", "complained")
    ]
    query = "SELECT topic FROM consent WHERE withdrawn = 1 AND source = 'customer' ORDER BY 1"
    assert rows(shop.engine, query) == [("news",), ("texts",)]


def test_stop_from_a_number_withdraws_everyone_who_has_it(shop: Shop) -> None:
    texts = {"phone": "+436641234567"}
    flow = """
    flow: hello
    status: live
    starts_when: {did: signed_up}
    steps: [{send: welcome, channel: sms, topic: texts}]
    """
    greeted(shop, "ana", flow=flow, **texts)
    shop.customers(new=texts).import_facts()
    handed_over(shop.engine, "ana", channel="sms", provider="twilio")
    stop = Receipt("unsubscribed", at=NOW, source_id="SM1", address="+436641234567")
    for _ in range(2):
        receive_all(shop, stop, origin=Origin("sms", "twilio"))
    query = (
        "SELECT c.external_id, a.topic FROM consent a JOIN customer c ON c.id = a.customer_id"
        " WHERE a.withdrawn = 1 ORDER BY 1, 2"
    )
    assert rows(shop.engine, query) == [
        ("ana", "news"), ("ana", "texts"), ("new", "news"), ("new", "texts"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), at("2026-03-02T10:00")),
        (datetime(2099, 1, 1, tzinfo=UTC), NOW),
        (NOW - timedelta(hours=1), NOW - timedelta(hours=1)),
    ],
)
def test_nothing_happened_before_the_decision_or_after_now(
    shop: Shop, said: datetime, kept: datetime
) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana")
    receive_all(shop, told("opened", "ana", at=said))
    micros = int((kept - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    assert rows(shop.engine, "SELECT at FROM receipt") == [(micros,)]


def test_an_endless_id_of_a_fact_is_still_one(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana")
    odd = [told("opened", "ana", id=one) for one in ("x" * 100_000, "\n\x07", "", "\ud800")]
    assert receive_all(shop, *odd).new == {"opened": 4}
    assert receive_all(shop, *odd).repeated == 4


def test_what_comes_at_the_same_time_is_kept_and_told_of_once(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana")
    inbox = Inbox(Line(shop.engine))
    brought = [[told("opened", "ana", id=str(number % 20))] for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(inbox.take, SMTP, some, TOPICS, NOW) for some in brought]
    received = [job.result() for job in jobs]
    assert sum(one.new["opened"] for one in received) == 20
    assert sum(one.repeated for one in received) == 40
    assert rows(shop.engine, "SELECT count(*) FROM receipt") == [(20,)]


def test_a_receipt_waits_for_the_id_that_its_call_is_about_to_bring(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana", state="sending")
    with shop.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE message SET provider_id = NULL")
    receipt = told("delivered", provider_id="id-ana")
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(receive_all, shop, receipt)
        time.sleep(0.3)
        handed_over(shop.engine, "ana")
        assert job.result().new == {"delivered": 1}


def _state_of(engine: Engine) -> list[Any]:
    return [
        rows(engine, "SELECT source_id, kind, at, message FROM receipt ORDER BY 1"),
        rows(engine, "SELECT * FROM suppression ORDER BY 1, 2"),
        rows(
            engine, "SELECT customer_id, topic, withdrawn, at, source FROM consent ORDER BY 1, 2, 4"
        ),
        rows(engine, "SELECT customer_id, state FROM message ORDER BY 1"),
    ]


def test_whatever_their_order_receipts_give_one_state(
    both_engines: tuple[Engine, Engine], tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance = random.Random(7)
    people = [f"c{number}" for number in range(20)]
    kinds: tuple[ReceiptKind, ...] = (
        "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed",
    )  # fmt: skip
    receipts = [
        told(
            chance.choice(kinds),
            chance.choice(people),
            id=str(number),
            at=NOW - timedelta(seconds=chance.randint(0, 9)),
            is_permanent=chance.random() < 0.5,
        )
        for number in range(300)
    ]
    states = []
    for engine in both_engines:
        shop = greeted(Shop(engine, tmp_path_factory.mktemp("shop")), *people)
        handed_over(engine, *people, state="in_doubt")
        for _ in range(3):
            chance.shuffle(receipts)
            for begin in range(0, len(receipts), 37):
                receive_all(shop, *receipts[begin : begin + 37])
            states.append(_state_of(engine))
    assert all(state == states[0] for state in states[1:])
    assert len(states[0][0]) == 300
