"""A secret's file that changes while the server runs: callbacks are proved by what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness import Shop
from ledger import greeted, handed_over, key_of, rows
from sending import KEYS
from server.test_receipts import meta, sent_by_meta
from serving import Served, served

CHANNELS = """
channels:
  whatsapp: {phone_number_id: '1', token: file:token, app_secret: file:secret}
  onsite: {secret: file:site}
"""
FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: welcome, channel: onsite, topic: news}]
"""
OLD, NEW = "old" * 11, "new" * 11


def written(shop: Shop, **secrets: str) -> None:
    for name, text in secrets.items():
        (shop.folder / name).write_text(f"{text}\n", encoding="utf-8")


@pytest.fixture
def starting(shop: Shop) -> Iterator[Served]:
    """Return a server whose adapters are not opened yet."""
    greeted(shop, "ana", flow=FLOW)
    handed_over(shop.engine, "ana", channel="onsite", provider="onsite")
    shop.write(channels=CHANNELS)
    written(shop, token="t" * 32, secret=OLD, site=OLD)
    with served(shop) as running:
        yield running


@pytest.fixture
def server(starting: Served) -> Served:
    starting.site.open_readers()
    return starting


def told(server: Served, secret: str, id: str = "wamid.1") -> int:
    body = sent_by_meta({"id": id, "status": "read", "timestamp": "1772445600"})
    return server.client.post(
        "/receipts/whatsapp", content=body, headers=meta(body, secret)
    ).status_code


def asked(server: Served, secret: str) -> httpx.Response:
    return server.client.get("/onsite/ana", headers={"authorization": f"Bearer {secret}"})


def test_a_callback_is_proved_by_the_secret_that_is_there_now(server: Served, shop: Shop) -> None:
    assert (told(server, OLD), told(server, NEW)) == (200, 401)
    written(shop, secret=NEW)
    assert (told(server, OLD), told(server, NEW)) == (401, 200)
    opened = [facts for event, facts in server.said if event == "channel_opened"]
    assert opened == [{"channel": "whatsapp"}]
    assert not any(secret in str(server.said) for secret in (OLD, NEW))


def test_the_site_asks_by_the_secret_that_is_there_now(server: Served, shop: Shop) -> None:
    assert [asked(server, one).status_code for one in (OLD, NEW)] == [200, 401]
    written(shop, site=NEW)
    assert [asked(server, one).status_code for one in (OLD, NEW)] == [401, 200]


@pytest.mark.parametrize("half_way", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_while_the_file_is_not_there_the_old_secret_counts(
    server: Served, shop: Shop, half_way: object
) -> None:
    assert callable(half_way)
    half_way(shop.folder / "secret")
    assert [told(server, OLD) for _ in range(3)] == [200] * 3
    assert [event for event, _ in server.said].count("channel_kept") == 1

    written(shop, secret=NEW)
    assert (told(server, OLD), told(server, NEW)) == (401, 200)
    (shop.folder / "secret").unlink()
    assert told(server, NEW) == 200
    assert [event for event, _ in server.said].count("channel_kept") == 2


def test_receipts_of_both_secrets_are_kept(server: Served, shop: Shop) -> None:
    for number, secret in enumerate((OLD, NEW)):
        written(shop, site=secret)
        answer = server.client.post(
            "/receipts/onsite",
            json={
                "key": KEYS.provider_key(key_of("ana", "onsite")),
                "kind": "opened",
                "id": str(number),
            },
            headers={"authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 200
    assert rows(shop.engine, "SELECT count(*) FROM receipt") == [(2,)]


def test_while_nobody_can_say_what_carries_channels_callbacks_come_again(
    starting: Served, shop: Shop
) -> None:
    channels = shop.folder / "playbooks" / "channels.yaml"
    text = channels.read_text(encoding="utf-8")
    channels.unlink()
    starting.site.open_readers()
    assert [event for event, _ in starting.said] == ["channels_shut"]
    assert told(starting, OLD) == 503
    channels.write_text(text, encoding="utf-8")
    assert told(starting, OLD) == 200


def test_a_file_of_channels_that_goes_leaves_callbacks_read(server: Served, shop: Shop) -> None:
    (shop.folder / "playbooks" / "channels.yaml").unlink()
    assert told(server, OLD) == 200
