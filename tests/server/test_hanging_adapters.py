"""An adapter that does not come back from reading a callback: everything else is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from brought import install_adapters
from harness import Shop
from ledger import greeted, handed_over, key_of, rows
from sending import KEYS
from serving import Served, path_of, served

from orchestrator.server import readers

PACKAGE = '''\
"""Reads callbacks for as long as a file says that it hangs, once it has one that hangs."""
import time
from orchestrator.channels.api import Channel, ChannelSettings, Receipt, accepted

class Stuck(Channel):
    name = "stuck"
    spec = None
    Settings = ChannelSettings

    def send(self, message):
        return accepted()

    def receipts(self, callback):
        while (self.surroundings.folder / "hang").exists():
            time.sleep(0.02)
        yield Receipt("opened", callback.received_at, "1", provider_key=callback.body.decode())

    def handshake(self, callback):
        while (self.surroundings.folder / "hang").exists():
            time.sleep(0.02)
        return "hello"
'''
CHANNELS = "channels: {email: {adapter: stuck}, onsite: {secret: file:site}}"


@pytest.fixture
def server(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    package = tmp_path / "packages"
    about = package / "stuck-1.0.dist-info"
    about.mkdir(parents=True)
    (package / "stuck.py").write_text(PACKAGE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stuck\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[clmctl.channels]\nstuck = stuck:Stuck\n")
    install_adapters(monkeypatch, package)
    monkeypatch.setattr(readers, "READ_SECONDS", 0.5)
    monkeypatch.setattr(readers, "PAUSE_SECONDS", 1.0)
    (shop.folder / "site").write_text("s" * 32, encoding="utf-8")
    shop.write(channels=CHANNELS)
    greeted(shop, "ana", "ben")
    handed_over(shop.engine, "ana", provider="stuck")
    with served(shop) as running:
        yield running
        (shop.folder / "hang").unlink(missing_ok=True)


def told(server: Served) -> int:
    key = KEYS.provider_key(key_of("ana"))
    return server.client.post("/receipts/email", content=key, timeout=30).status_code


def test_a_callback_whose_reading_does_not_end_comes_again(server: Served, shop: Shop) -> None:
    hang = shop.folder / "hang"
    hang.touch()
    begun = time.monotonic()
    assert [told(server) for _ in range(5)] == [503] * 5
    assert server.client.get("/receipts/email").status_code == 503
    assert time.monotonic() - begun < 20
    hang.unlink()
    time.sleep(1.1)
    assert told(server) == 200
    assert server.client.get("/receipts/email").text == "hello"
    assert rows(shop.engine, "SELECT kind FROM receipt") == [("opened",)]
    assert {event for event, _ in server.said} == {"question_hangs", "receipts"}


def test_everything_else_is_answered_meanwhile(server: Served, shop: Shop) -> None:
    (shop.folder / "hang").touch()
    with ThreadPoolExecutor(40) as providers:
        hanging = [providers.submit(told, server) for _ in range(40)]
        begun = time.monotonic()
        assert server.client.post(path_of(shop, "ben")).status_code == 200
        site = {"authorization": f"Bearer {'s' * 32}"}
        assert server.client.get("/onsite/ana", headers=site).status_code == 200
        assert server.client.post("/receipts/onsite", json=[], headers=site).status_code == 200
        assert time.monotonic() - begun < 15
        assert {one.result() for one in hanging} == {503}
