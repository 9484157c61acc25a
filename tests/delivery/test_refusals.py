"""Who is not let in: everybody, which opens the breaker, or one message alone, which ends."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from delivery.test_breakers import let_pass
from harness import Shop
from sending import HELLO, NOW, carried, drain, greeted, happened, ledger, outlet, taken
from sqlalchemy import select

from orchestrator import tables
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, deferred, refused
from orchestrator.channels.subscription import Subscription
from orchestrator.delivery.breakers import read_breakers
from orchestrator.delivery.outlet import Outlet

WILD = "c00000"
NO = refused("not this one", code="403")
PUSHED = HELLO.replace("send: hello", "{send: hello, channel: push, purpose: transactional}")


def but_for_one(message: OutgoingMessage) -> Outcome:
    """Let all in but one customer."""
    return NO if message.customer == WILD else taken(message)


def over_a_while(shop: Shop, one: Outlet, looks: int, apart: int = 1) -> None:
    """Look so many times, some minutes apart; breakers are as far on as the clock."""
    for look in range(looks):
        drain(shop, one, now=NOW + look * timedelta(minutes=apart))
        let_pass(shop.engine, timedelta(minutes=apart))


def shut(shop: Shop, provider: str = "told") -> list[str]:
    """Return what of a provider is left alone: empty is all of it."""
    with shop.engine.connect() as connection:
        found = read_breakers(connection, provider)
    return [domain for domain, one in found.items() if one.state != "closed"]


def token(endpoint: str) -> str:
    """Return a browser's subscription."""
    p256dh, auth = (urlsafe_b64encode(bytes(size)).decode() for size in (65, 16))
    return json.dumps({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}})


def test_a_message_that_is_refused_alone_is_dead_after_three_times(shop: Shop) -> None:
    greeted(shop, 6)
    mail = outlet(but_for_one)
    over_a_while(shop, mail, looks=6)
    assert ledger(shop, "state") == ["dead", *["sent"] * 5]
    says = "refused 3 times while others pass: 403: not this one"
    assert ledger(shop, "error")[0] == says
    assert happened(shop) == [("refused", "403")] * 3


def test_whoever_tries_whether_all_is_well_is_another_each_time(shop: Shop) -> None:
    greeted(shop, 8)
    mail = outlet(lambda _: NO, at_once=1)
    over_a_while(shop, mail, looks=5, apart=2)
    tried = [one.customer for one in carried(mail)]
    assert len(tried) == len(set(tried)) >= 4
    assert ledger(shop, "state", "attempt") == [("queued", 0)] * 8


def test_nobody_is_dead_for_a_key_that_lets_nobody_in(shop: Shop) -> None:
    greeted(shop, 2)
    mail = outlet(lambda _: NO, at_once=1)
    over_a_while(shop, mail, looks=6, apart=11)
    assert len(carried(mail)) >= 6
    assert ledger(shop, "state") == ["queued"] * 2


def test_what_was_deferred_waits_behind_what_was_never_tried(shop: Shop) -> None:
    greeted(shop, 9)
    down = outlet(lambda _: deferred("no connection"), at_once=1)
    over_a_while(shop, down, looks=4, apart=4)
    tried = [one.customer for one in carried(down)]
    assert len(set(tried[:9])) == 9


def pushed(shop: Shop, *endpoints: str) -> Shop:
    """Return a shop in which each customer has a browser, and is to be greeted there."""
    shop.write(greet=PUSHED)
    people = [f"c{number:05}" for number in range(len(endpoints))]
    given = zip(people, endpoints, strict=True)
    shop.customers(**{name: {"push_token": token(endpoint)} for name, endpoint in given})
    shop.tick((NOW - timedelta(hours=1)).isoformat())
    for name in people:
        shop.event(name, "signed_up", NOW.isoformat())
    shop.tick(NOW.isoformat())
    return shop


def by_service(message: OutgoingMessage) -> Outcome:
    """Answer as a push service that lets one browser's subscription not in, or nobody."""
    return replace(NO, fault="domain") if "/bad" in message.to else taken(message)


def test_one_browser_s_subscription_stops_no_other(shop: Shop) -> None:
    pushed(shop, "https://push.example/bad", *["https://push.example/ok"] * 11)
    push = outlet(by_service, channel="push")
    drain(shop, push)
    assert ledger(shop, "state") == ["queued", *["sent"] * 11]
    assert shut(shop) == []
    over_a_while(shop, push, looks=4, apart=2)
    assert ledger(shop, "state")[0] == "dead"


def test_one_push_service_that_lets_nobody_in_stops_no_other(shop: Shop) -> None:
    pushed(shop, *["https://wrong.example/bad"] * 6, *["https://push.example/ok"] * 6)
    push = outlet(by_service, channel="push", at_once=1)
    over_a_while(shop, push, looks=4, apart=2)
    assert shut(shop) == ["wrong.example"]
    assert ledger(shop, "state") == [*["queued"] * 6, *["sent"] * 6]


def test_services_are_counted_apart_by_their_ports(shop: Shop) -> None:
    pushed(shop, "https://push.example:8443/bad", "https://PUSH.example/bad")
    drain(shop, outlet(by_service, channel="push"))
    row = tables.breaker.c
    with shop.engine.connect() as connection:
        found = connection.scalars(select(row.domain).order_by(row.domain)).all()
    assert found == ["push.example", "push.example:8443"]


@pytest.mark.parametrize(
    "endpoint", ["", "nonsense", "https://[::1", "https://a:99999/", "https://a\0b/", "https://ü/",
                 f"https://{'a' * 300}/"]
)  # fmt: skip
def test_an_endpoint_that_names_no_service_is_counted_nowhere(endpoint: str) -> None:
    assert Subscription(endpoint, b"", b"").service == ""
