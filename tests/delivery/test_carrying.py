"""A file of channels that does not load, or is gone, turns no message into a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from faults.kit import wait_for
from harness import Shop
from sending import ledger

from orchestrator.app import delivery as app_delivery
from orchestrator.app.delivery import WorkerRequest
from orchestrator.cli.shell import answer
from orchestrator.clock import utcnow
from orchestrator.delivery import worker as workers
from orchestrator.delivery.carrying import Carrying
from orchestrator.delivery.manner import Say
from orchestrator.playbook.load import load
from orchestrator.scheduler.events import Happened

FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: hi, topic: news}]
"""
REAL = "channels: {email: {adapter: dry_run}}"
MISTYPED = "channels: {email: {adaptr: dry_run}}"
Capture = pytest.CaptureFixture[str]


def ago(minutes: int) -> str:
    """Return an instant of today: workers go by the clock, and old messages expire."""
    return f"{utcnow() - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def words(shop: Shop, database_url: str) -> list[str]:
    """Return the options of a project of which a tick was run before it had set channels."""
    shop.write(hello=FLOW).customers(ann={}, bea={})
    shop.tick(ago(300))
    return ["--project", str(shop.folder), "--db", database_url]


def due(shop: Shop, customer: str = "ann", minutes: int = 60) -> None:
    """Let a message to a customer be due, by a tick so many minutes ago."""
    shop.event(customer, "signed_up", ago(200)).import_facts()
    shop.tick(ago(minutes))


def lose_channels(shop: Shop) -> None:
    shop.files.pop("channels", None)
    (shop.folder / "playbooks" / "channels.yaml").unlink()


def drained(words: list[str], capsys: Capture) -> list[dict[str, Any]]:
    """Let a worker send what is due; return what it told."""
    capsys.readouterr()
    assert answer(["worker", "--drain", "--metrics", "off", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def shut(told: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return what was told of all channels together."""
    return [(one["level"], one["says"]) for one in told if one["event"] == "channels_shut"]


def nothing_left(shop: Shop) -> bool:
    return set(ledger(shop, "state")) == {"queued"} and not (shop.folder / "outbox").exists()


def test_a_new_file_that_does_not_load_opens_no_channel(
    shop: Shop, words: list[str], capsys: Capture
) -> None:
    due(shop)
    shop.write(channels=MISTYPED)
    told = drained(words, capsys)
    ((level, says),) = shut(told)
    assert level == "error"
    assert "no channel is opened, all messages wait" in says
    assert "clmctl check" in says
    assert nothing_left(shop)
    shop.write(channels=REAL)
    assert shut(drained(words, capsys)) == []
    assert ledger(shop, "state", "provider") == [("sent", "dry_run")]


@pytest.mark.parametrize("text", ["chanels: {email: {adapter: dry_run}}", "", "channels: {"])
def test_a_slip_in_its_first_word_or_no_word_at_all_opens_none_either(
    text: str, shop: Shop, words: list[str], capsys: Capture
) -> None:
    due(shop)
    shop.write(channels=text)
    assert len(shut(drained(words, capsys))) == 1
    assert nothing_left(shop)


def test_settings_that_changed_and_do_not_load_are_not_replaced_by_older_ones(
    shop: Shop, words: list[str], capsys: Capture
) -> None:
    shop.write(channels=REAL)
    due(shop)
    shop.write(channels=MISTYPED)
    assert len(shut(drained(words, capsys))) == 1
    assert nothing_left(shop)


def test_a_slip_in_another_file_leaves_channels_as_the_last_release_has_them(
    shop: Shop, words: list[str], capsys: Capture
) -> None:
    shop.write(channels=REAL)
    due(shop)
    shop.write(hello=FLOW.replace("steps", "stepps"))
    assert shut(drained(words, capsys)) == []
    assert ledger(shop, "state", "provider") == [("sent", "dry_run")]


def test_a_project_that_never_set_channels_writes_files(
    shop: Shop, words: list[str], capsys: Capture
) -> None:
    due(shop)
    shop.write(hello=FLOW.replace("steps", "stepps"))
    assert shut(drained(words, capsys)) == []
    assert ledger(shop, "state", "provider") == [("sent", "file")]


@pytest.mark.parametrize("ticks", [1, 2], ids=["at once", "after a tick without it"])
def test_a_file_that_is_gone_opens_no_channel_for_whoever_starts(
    ticks: int, shop: Shop, words: list[str], capsys: Capture
) -> None:
    shop.write(channels=REAL)
    due(shop)
    lose_channels(shop)
    if ticks > 1:
        due(shop, "bea", 30)
    ((level, says),) = shut(drained(words, capsys))
    assert level == "error"
    assert "playbooks/channels.yaml is gone" in says
    assert "put it back" in says
    assert nothing_left(shop)


def test_a_live_run_opens_none_and_says_why(shop: Shop, words: list[str], capsys: Capture) -> None:
    shop.write(channels=REAL)
    due(shop)
    lose_channels(shop)
    assert answer(["run", *words]) == 0
    assert "playbooks/channels.yaml is gone" in " ".join(capsys.readouterr().err.split())
    assert nothing_left(shop)


def test_the_ledger_and_doctor_say_what_keeps_messages_back(
    shop: Shop, words: list[str], capsys: Capture
) -> None:
    shop.write(channels=REAL)
    due(shop)
    lose_channels(shop)
    assert answer(["outbox", "list", "-o", "json", *words]) == 0
    (message,) = json.loads(capsys.readouterr().out)["messages"]
    assert message["why"] == "playbooks/channels.yaml is gone, and this project had one"
    assert answer(["doctor", "--dns", "off", "-o", "json", *words]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [one["severity"] for one in found if "is gone" in one["says"]] == ["error"]


# --- a process that runs --------------------------------------------------------------


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "REOPENED_EVERY", workers.REOPENED_EVERY / 40)
    monkeypatch.setattr(app_delivery, "FRESH_SECONDS", 0.05)


@pytest.mark.usefixtures("words", "looks_often")
def test_a_worker_keeps_its_channels_when_their_file_goes_and_tells_it_once(
    shop: Shop, database_url: str
) -> None:
    shop.write(channels=REAL)
    told: list[Happened] = []
    asked = WorkerRequest()
    found = app_delivery.worker(shop.folder, database_url, None, request=asked, tell=told.append)
    thread = Thread(target=found.run)
    thread.start()

    def heard(event: str) -> list[str]:
        return [one.level for one in told if one.event == event]

    try:
        lose_channels(shop)
        wait_for(lambda: heard("channels_kept") == ["error"])
        due(shop)
        wait_for(lambda: ledger(shop, "state", "provider") == [("sent", "dry_run")])
        loaded = len(heard("playbooks_loaded"))
        shop.write(channels=REAL)
        wait_for(lambda: len(heard("playbooks_loaded")) > loaded)
    finally:
        found.stop.set()
        thread.join(30)
    assert heard("channels_kept") == ["error"]
    assert (heard("channel_opened"), heard("channel_closed")) == ([], [])


def carrying(shop: Shop, say: Say) -> Callable[[], list[str]]:
    """Return how to ask what carries each channel, in one process."""

    def current() -> Any:
        playbook = load(shop.folder).playbook
        assert playbook is not None
        return playbook

    asked = Carrying(shop.engine, shop.folder, current, say)
    return lambda: [f"{name}: {route.adapter.name}" for name, route in asked().items()]


@pytest.mark.usefixtures("words")
def test_a_file_that_comes_goes_and_comes_is_told_each_time_it_goes(shop: Shop) -> None:
    told: list[tuple[str, str]] = []
    asked = carrying(shop, lambda event, says, level="info", facts=None: told.append((event, says)))
    assert "sms: file" in asked()
    for _ in range(2):
        shop.write(channels=REAL)
        assert asked() == ["email: dry_run"]
        lose_channels(shop)
        assert [asked(), asked()] == [["email: dry_run"]] * 2
    assert [event for event, _ in told] == ["channels_kept"] * 2
    shop.write(channels="channels: {email: {adapter: file}}")
    assert asked() == ["email: file"]
