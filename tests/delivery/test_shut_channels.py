"""A channel that cannot be opened keeps its own messages, and no others."""

from __future__ import annotations

import json

import pytest
from harness import Shop
from sending import ledger

from orchestrator.cli.shell import answer

FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: hi, topic: news}, {send: now, topic: texts, channel: sms}]
"""
CHANNELS = """
channels:
  email: {adapter: file}
  sms: {account: env:NO_SUCH_SID, token: env:NO_SUCH_TOKEN, from: '+4312345'}
"""


@pytest.fixture
def words(shop: Shop, database_url: str) -> list[str]:
    shop.write(hello=FLOW, channels=CHANNELS).customers(ann={"phone": "+436641234567"})
    shop.tick("2026-03-01T09:00")
    shop.event("ann", "signed_up", "2026-03-02T08:00").import_facts()
    return ["--project", str(shop.folder), "--db", database_url]


def test_a_missing_secret_keeps_one_channel_and_is_told(
    shop: Shop, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["run", "--at", "2026-03-02T09:00Z", *words]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "sms stays shut, its messages wait" in said
    assert "NO_SUCH_SID is not set" in said
    assert ledger(shop, "channel", "state") == [("email", "sent"), ("sms", "queued")]


def test_a_worker_tells_it_and_sends_the_rest(
    shop: Shop, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.tick("2026-03-02T09:00")
    assert answer(["worker", "--drain", "--metrics", "off", *words]) == 0
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (shut,) = [one for one in told if one["event"] == "channel_shut"]
    assert (shut["channel"], shut["level"]) == ("sms", "error")
    assert ledger(shop, "channel", "state")[1] == ("sms", "queued")
