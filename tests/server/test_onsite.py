"""Messages on the site: published once, shown as long as they are wanted, told about by the site."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from harness import Shop, at
from ledger import LINKED
from sending import ledger, worker
from serving import Served, served

from orchestrator.delivery.outlet import outlet_of
from orchestrator.playbook.routes import open_channels

FLOW = """
flow: banner
status: live
starts_when: {did: signed_up}
re_entry: always
exits_when: {did: buy, since: entry}
steps: [{send: hello, channel: onsite, topic: news, expires_after: 2 days}, {wait: 5 days}]
"""
CHANNELS = "channels: {onsite: {secret: 'env:SITE'}}\n"
PROOF = {"authorization": "Bearer of-the-site"}


class Clock:
    now: datetime = at("2026-03-02T09:00")

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("SITE", "of-the-site")
    return Clock()


@pytest.fixture
def server(shop: Shop, clock: Clock) -> Iterator[Served]:
    """A shop that has published a message for ``ana``."""
    shop.write(project=LINKED, banner=FLOW, channels=CHANNELS).customers(ana={}, ben={})
    shop.tick("2026-03-01T09:00")
    publish(shop, "ana", "2026-03-02T09:00")
    with served(shop, clock) as running:
        yield running


def publish(shop: Shop, customer: str, when: str) -> None:
    shop.event(customer, "signed_up", when)
    shop.tick(when)
    route = open_channels(shop.playbook, shop.folder)["onsite"]
    worker(shop, [outlet_of(route)], at(when)).run()


def shown(server: Served, customer: str = "ana") -> Any:
    answer = server.client.get(f"/onsite/{customer}", headers=PROOF)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    return answer.json()["best"]


def test_what_was_sent_waits_for_the_customer(server: Served, shop: Shop) -> None:
    assert ledger(shop, "state") == ["sent"]
    best = shown(server)
    assert (best["message"], best["flow"], best["text"], best["data"]) == (
        "hello",
        "banner",
        "Hello.",
        None,
    )
    assert best["expires_at"] == "2026-03-04T09:00:00Z"
    assert shown(server, "ben") is None
    assert shown(server, "nobody/at all") is None


def test_only_the_site_may_ask(server: Served) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "of-the-site"}):
        assert server.client.get("/onsite/ana", headers=headers).status_code == 401
    assert server.client.post("/onsite/ana", headers=PROOF).status_code == 405


def test_it_is_gone_when_its_time_is_over(server: Served, clock: Clock) -> None:
    clock.now = at("2026-03-04T08:59")
    assert shown(server) is not None
    clock.now = at("2026-03-04T09:00")
    assert shown(server) is None


def test_it_is_gone_when_consent_is(server: Served, shop: Shop, clock: Clock) -> None:
    shop.consent("ana", "news", "2026-03-02T10:00", withdrawn=True).import_facts()

    assert shown(server) is not None
    clock.now = at("2026-03-02T10:00")
    assert shown(server) is None


def test_it_is_gone_when_its_run_was_ended(server: Served, shop: Shop) -> None:
    shop.event("ana", "buy", "2026-03-02T09:30").tick("2026-03-02T10:00")

    assert shown(server) is None


def test_the_latest_decision_is_the_best(server: Served, shop: Shop, clock: Clock) -> None:
    first = shown(server)["key"]
    shop.tick("2026-03-07T12:00")
    publish(shop, "ana", "2026-03-08T09:00")
    clock.now = at("2026-03-08T09:00")

    answer = server.client.get("/onsite/ana", headers=PROOF).json()
    assert answer["best"]["key"] != first
    assert len(answer["messages"]) == 1, "what has expired is not kept"


def test_the_site_tells_what_became_of_it(server: Served, shop: Shop) -> None:
    told = [{"key": shown(server)["key"], "kind": "opened"}, {"key": "unknown", "kind": "clicked"}]
    assert post(server, told).status_code == 200
    assert (
        post(server, {**told[0], "kind": "clicked", "at": "2026-03-02T09:00:00Z"}).status_code
        == 200
    )
    assert post(server, {"kind": "bounced"}).status_code == 400
    assert post(server, told, authorization="Bearer wrong").status_code == 401
    assert shop.selects({"clicked": "hello", "in_last": "7 days"}, "2026-03-02T12:00") == {"ana"}


def post(server: Served, body: Any, **headers: str) -> httpx.Response:
    return server.client.post("/receipts/onsite", json=body, headers={**PROOF, **headers})
