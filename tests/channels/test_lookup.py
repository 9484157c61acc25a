"""Name servers that do not answer: an attempt ends in its time, and nothing has left."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from threading import BoundedSemaphore, Event
from time import monotonic, sleep
from typing import Any

import pytest
from channels.test_http_faults import SECRETS
from harness import CATALOG, Shop
from http_double import HttpDouble
from sending import NOW, drain, greeted, ledger
from smtp_peers import scripted

from orchestrator.channels import lookup
from orchestrator.channels.email import EmailChannel
from orchestrator.channels.lookup import addresses_of
from orchestrator.channels.mail.pool import Turns
from orchestrator.channels.mail.wire import Lost, Step, Wire
from orchestrator.channels.reach import Reach
from orchestrator.channels.sms import SmsChannel
from orchestrator.channels.web import NotTaken, Web
from orchestrator.channels.webhook import WebhookChannel
from orchestrator.delivery.outlet import Outlet
from orchestrator.testing.channels import adapter_of

NO_ANSWER = "the name servers do not answer in time"
SENDERS = "senders: {hello: 'Kopi <hello@kopi.example>'}\n"
CALLS = CATALOG + "webhooks: {crm: {url: 'https://slow.example/hook'}}\n"
TEXT = """
flow: greet
status: live
starts_when: {did: signed_up}
steps:
  - {send: hello, channel: sms, topic: texts}
"""
CALL = """
flow: greet
status: live
starts_when: {did: signed_up}
steps:
  - {webhook: crm, id: usage, at_most: 2 days}
"""


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Let names in slow.example have no answer until this is set; nothing is asked after it."""
    resolve, event, under_way = socket.getaddrinfo, Event(), list[str]()

    def slowly(host: str, *given: Any, **more: Any) -> Any:
        if not host.endswith("slow.example"):
            return resolve(host, *given, **more)
        under_way.append(host)
        assert event.wait(60)
        under_way.pop()
        return resolve("127.0.0.1", *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    yield event
    event.set()
    until = monotonic() + 20
    while under_way and monotonic() < until:
        sleep(0.01)


def test_a_name_has_its_addresses(answered: Event) -> None:
    assert addresses_of("127.0.0.1", 25, 5)[0][4] == ("127.0.0.1", 25)
    answered.set()
    assert addresses_of("slow.example", 25, 5)[0][4] == ("127.0.0.1", 25)
    with pytest.raises(UnicodeError):
        addresses_of("a" * 64 + ".example", 25, 5)


def test_a_web_exchange_ends_in_its_time_and_nothing_was_sent(answered: Event) -> None:
    web = Web(Reach(everywhere=True), timedelta(seconds=0.3))
    begun = monotonic()
    with pytest.raises(NotTaken, match=f"^slow.example:443 cannot be reached: {NO_ANSWER}$"):
        web.post("https://slow.example/", b"body", {})
    assert monotonic() - begun < 5
    web.close()


def test_the_next_exchange_has_its_own_time(answered: Event) -> None:
    with HttpDouble() as provider:
        web = Web(Reach((ip_network("127.0.0.0/8"),)), timedelta(seconds=0.5))
        url = provider.url.replace("127.0.0.1", "slow.example")
        with pytest.raises(NotTaken):
            web.post(url, b"body", {})
        answered.set()
        assert web.post(url, b"body", {}).status == 200
        web.close()


def test_other_conversations_of_the_same_thread_go_on(answered: Event) -> None:
    ended: list[str] = []

    def connect(host: str, port: int) -> Step[None]:
        wire = Wire()
        try:
            yield from wire.connect(host, port, 0.5)
            ended.append(host)
        except Lost as lost:
            ended.append(str(lost))
        wire.close()

    turns = Turns()
    with scripted({}) as server:
        turns.begin(connect("slow.example", server.port))
        turns.begin(connect("127.0.0.1", server.port))
        begun = monotonic()
        while turns.are_left:
            turns.take()
    turns.close()

    assert ended == ["127.0.0.1", f"slow.example has no address: {NO_ANSWER}"]
    assert monotonic() - begun < 5


def test_names_without_an_answer_take_no_more_than_their_share_of_threads(
    answered: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "_room", BoundedSemaphore(3))
    for number in range(3):
        with pytest.raises(TimeoutError):
            addresses_of(f"{number}.slow.example", 443, 0.01)
    begun = monotonic()
    with pytest.raises(TimeoutError, match=NO_ANSWER):
        addresses_of("127.0.0.1", 443, 30)
    assert monotonic() - begun < 5

    answered.set()
    until = monotonic() + 20
    while True:
        try:
            assert addresses_of("slow.example", 443, 5)
            return
        except TimeoutError:  # those before are just ending
            assert monotonic() < until
            sleep(0.01)


# --- in the ledger --------------------------------------------------------------------


def mail(folder: Path) -> Outlet:
    adapter = adapter_of(
        EmailChannel, "{host: slow.example}", folder=folder, timeout=timedelta(seconds=2)
    )
    return Outlet(channel="email", adapter=adapter, at_once=20)


def sms(folder: Path) -> Outlet:
    words = "{url: 'https://slow.example', account: 'env:ACCOUNT', token: 'env:TOKEN', from: Kopi}"
    adapter = adapter_of(
        SmsChannel, words, folder=folder, secrets=SECRETS, timeout=timedelta(seconds=0.5)
    )
    adapter.surroundings = replace(adapter.surroundings, clock=lambda: NOW)
    return Outlet(channel="sms", adapter=adapter, at_once=1)


def hook(folder: Path) -> Outlet:
    adapter = adapter_of(WebhookChannel, "{}", folder=folder, timeout=timedelta(seconds=0.5))
    return Outlet(channel="webhook", adapter=adapter, at_once=1)


def mails(shop: Shop) -> None:
    shop.write(catalog=CATALOG + SENDERS)
    greeted(shop, 1)


def texts(shop: Shop) -> None:
    shop.write(greet=TEXT)
    shop.customers(ana={"phone": "+436641234567"})
    shop.tick((NOW - timedelta(hours=1)).isoformat())
    shop.event("ana", "signed_up", NOW.isoformat())
    shop.tick(NOW.isoformat())


def calls(shop: Shop) -> None:
    shop.write(catalog=CALLS)
    greeted(shop, 1, flow=CALL)


@pytest.mark.parametrize(
    ("decide", "outlet"),
    [(mails, mail), (texts, sms), (calls, hook)],
    ids=["email", "sms", "webhook"],
)
def test_the_message_is_tried_again(
    shop: Shop,
    answered: Event,
    decide: Callable[[Shop], None],
    outlet: Callable[[Path], Outlet],
) -> None:
    decide(shop)
    begun = monotonic()
    drain(shop, outlet(shop.folder))

    assert monotonic() - begun < 20
    assert ledger(shop, "state", "attempt") == [("queued", 1)]
    assert NO_ANSWER in ledger(shop, "error")[0]
    assert ledger(shop, "not_before")[0] >= NOW
