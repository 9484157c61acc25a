"""A worker that goes on notices what changes about its channels, and cuts off no call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from faults.kit import wait_for
from harness import Shop
from sending import carried, greeted, ledger, outlet, queued, taken, worker

from orchestrator.app import delivery as app_delivery
from orchestrator.app.delivery import WorkerRequest
from orchestrator.delivery import worker as workers
from orchestrator.delivery.manner import Until
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.reopening import Reopening
from orchestrator.playbook.load import load
from orchestrator.playbook.routes import open_channels
from orchestrator.scheduler.events import Happened

CHANNELS = """
channels:
  email: {adapter: file, rate: %s per second}
  sms: {account: 'file:sid', token: 'file:token', from: '+4312345'}
"""
Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def project(shop: Shop) -> Shop:
    shop.write(channels=CHANNELS % 5)
    for name in ("sid", "token"):
        (shop.folder / name).write_text(f"{name}-text", encoding="utf-8")
    return shop


def reopening(shop: Shop, told: Told) -> Reopening:
    def routes() -> Any:
        playbook = load(shop.folder).playbook
        assert playbook is not None
        return open_channels(playbook, shop.folder)

    return Reopening(
        routes,
        lambda event, says, level="info", facts=None: told.append((event, dict(facts or {}))),
    )


def test_what_is_the_same_is_not_opened_again(project: Shop) -> None:
    channels = reopening(project, [])
    assert sorted(channels.look()) == ["email", "sms"]
    assert channels.look() == {}
    project.write(channels="\n# a remark\n" + CHANNELS % 5)
    assert channels.look() == {}


def test_a_new_rate_a_new_secret_a_new_and_a_lost_channel_are_seen(project: Shop) -> None:
    channels = reopening(project, [])
    channels.look()
    project.write(channels=CHANNELS % 7)
    changed = channels.look()
    assert sorted(changed) == ["email"]
    assert [one.pace.per_second for one in changed["email"] if one.pace] == [7]

    (project.folder / "token").write_text("another", encoding="utf-8")
    assert sorted(channels.look()) == ["sms"]
    project.write(
        channels="channels: {email: {adapter: file, rate: 7 per second}, push: {adapter: file}}"
    )
    changed = channels.look()
    assert {name: len(found) for name, found in changed.items()} == {"push": 1, "sms": 0}


def test_a_secret_that_goes_missing_is_told_once_and_closes_nothing(project: Shop) -> None:
    told: Told = []
    channels = reopening(project, told)
    channels.look()
    (project.folder / "token").unlink()
    assert (channels.look(), channels.look()) == ({}, {})
    assert [(event, facts["channel"]) for event, facts in told] == [("channel_kept", "sms")]
    (project.folder / "token").write_text("found again", encoding="utf-8")
    assert sorted(channels.look()) == ["sms"]


def test_a_channel_without_its_secret_opens_once_it_is_there(project: Shop) -> None:
    told: Told = []
    (project.folder / "sid").unlink()
    channels = reopening(project, told)
    assert sorted(channels.look()) == ["email"]
    assert channels.look() == {}
    assert [event for event, _ in told] == ["channel_shut"]
    (project.folder / "sid").write_text("there", encoding="utf-8")
    assert sorted(channels.look()) == ["sms"]


# --- the worker -----------------------------------------------------------------------


class Changes:
    """What a worker is told of its channels, when a test says so."""

    def __init__(self) -> None:
        self.next: dict[str, list[Outlet]] = {}

    def __call__(self) -> dict[str, list[Outlet]]:
        found, self.next = self.next, {}
        return found


@contextmanager
def working(shop: Shop, outlets: list[Outlet], changes: Changes) -> Iterator[Told]:
    """Let a worker work beside the test."""
    told: Told = []
    found = worker(shop, outlets, until=Until.STOPPED)
    found.reopen = changes
    found.say = lambda event, says, level="info", facts=None: told.append(
        (event, dict(facts or {}))
    )
    thread = Thread(target=found.run)
    thread.start()
    try:
        yield told
    finally:
        found.stop.set()
        thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "REOPENED_EVERY", workers.REOPENED_EVERY / 40)


def test_a_channel_that_is_opened_anew_ends_its_calls_and_loses_none(shop: Shop) -> None:
    queued(shop, 30)
    goes_on, began = Event(), Event()

    def slowly(message: Any) -> Any:
        began.set()
        assert goes_on.wait(30)
        return taken(message)

    old, new, changes = outlet(slowly, at_once=3), outlet(), Changes()
    with working(shop, [old], changes) as told:
        assert began.wait(30)
        changes.next = {"email": [new]}
        wait_for(lambda: ("channel_opened", {"channel": "email"}) in told)
        wait_for(lambda: ledger(shop, "state").count("sent") > 0)
        goes_on.set()
        wait_for(lambda: set(ledger(shop, "state")) == {"sent"})

    assert len(carried(old)) == 1
    assert len(carried(new)) == 29


def test_a_worker_without_channels_waits_for_one_and_one_that_is_gone_sends_no_more(
    shop: Shop,
) -> None:
    greeted(shop, 2)
    mail, changes = outlet(), Changes()
    with working(shop, [], changes) as told:
        changes.next = {"email": [mail]}
        wait_for(lambda: ledger(shop, "state") == ["sent", "sent"])
        changes.next = {"email": []}
        wait_for(lambda: ("channel_closed", {"channel": "email"}) in told)
        queued(shop, 1)
    assert ledger(shop, "state")[-1] == "queued"
    assert len(carried(mail)) == 2


def test_a_worker_of_a_project_takes_up_an_edit_and_lets_a_broken_one_be(
    project: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_delivery, "FRESH_SECONDS", 0.05)
    told: list[Happened] = []
    request = WorkerRequest()
    found = app_delivery.worker(
        project.folder, database_url, None, request=request, tell=told.append
    )
    thread = Thread(target=found.run)
    thread.start()

    def heard(event: str, channel: str | None = None) -> int:
        return sum(one.event == event and one.facts.get("channel") == channel for one in told)

    try:
        project.write(channels="channels: {email: {adaptr: file}}")
        wait_for(lambda: heard("playbooks_refused") == 1)
        project.write(channels=CHANNELS % 9)
        wait_for(lambda: heard("channel_opened", "email") == 1)
    finally:
        found.stop.set()
        thread.join(30)
    assert (heard("channel_opened", "sms"), heard("channel_closed", "sms")) == (0, 0)
    assert heard("playbooks_refused") == 1
