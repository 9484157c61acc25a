"""A call that never ends costs its own message, and its channel no more than a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Event, current_thread
from threading import enumerate as enumerate_threads
from typing import Any, Literal

import pytest
from harness import Shop
from sending import greeted, ledger, outlet, taken, worker
from sqlalchemy import Connection

from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome
from orchestrator.channels.settings import ChannelSettings
from orchestrator.delivery import breakers, crew, rescue, unwritten
from orchestrator.delivery import outlet as outlets
from orchestrator.delivery import worker as workers
from orchestrator.delivery.line import Line
from orchestrator.delivery.manner import Until
from orchestrator.delivery.outlet import Outlet
from orchestrator.errors import EnvironmentFault
from orchestrator.language.marks import Mark

WILD = "c00002"


class Hanging(Channel):
    """Takes every message, and says nothing of one customer's until it is let go."""

    name = "hanging"
    spec = None
    capabilities = Capabilities(timeout=timedelta(seconds=0.3))
    Settings = ChannelSettings
    let_go = Event()
    deaf_to = frozenset((WILD,))

    def send(self, message: OutgoingMessage) -> Outcome:
        if message.customer in self.deaf_to:
            self.let_go.wait(60)
        return taken(message)


class Keyed(Hanging):
    """The same of a provider that knows keys: what is in doubt is sent again."""

    capabilities = Capabilities(timeout=timedelta(seconds=0.3), idempotent=True)


class Deaf(Keyed):
    """Comes back from no call."""

    deaf_to = frozenset(f"c{number:05}" for number in range(9))


@pytest.fixture
def said(shop: Shop) -> Iterator[list[str]]:
    greeted(shop, 5)
    Hanging.let_go.clear()
    yield []
    Hanging.let_go.set()
    for one in enumerate_threads():
        if "_drive" in one.name:
            one.join(20)  # while its database is there
            assert not one.is_alive()


def hanging(
    shop: Shop, kind: type[Hanging], said: list[str], until: Until = Until.NOTHING_LEFT
) -> workers.Worker:
    """Return a worker whose adapter does not always come back."""
    settings = ChannelSettings(mark=Mark("test", 1, 1), marks={})
    adapter = kind(settings, Surroundings(project="shop", folder=Path()))
    outlet = Outlet(channel="email", adapter=adapter, at_once=1)
    soon = timedelta(seconds=0.2)
    found = worker(shop, [outlet], until=until, rescue_every=soon)

    def say(
        event: str,
        says: str,
        level: Literal["info", "warning", "error"] = "info",
        facts: Mapping[str, Any] | None = None,
        /,
    ) -> None:
        said.append(event)

    found.say = say
    return found


def test_the_others_leave_although_one_call_never_ends(shop: Shop, said: list[str]) -> None:
    hanging(shop, Hanging, said).run()

    assert ledger(shop, "state") == ["sent", "sent", "in_doubt", "sent", "sent"]
    assert said.count("lane_hangs") == 1


def test_calls_that_hang_open_the_breaker(
    shop: Shop, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breakers, "IN_A_ROW", 2)
    hanging(shop, Deaf, said, Until.NOTHING_DUE).run()

    assert said.count("lane_hangs") == 2
    with shop.engine.connect() as connection:
        assert breakers.read_breakers(connection, "hanging")[breakers.WHOLE].state == "open"


def test_a_call_that_ends_late_ends_its_own_doubt(shop: Shop, said: list[str]) -> None:
    hanging(shop, Hanging, said).run()
    Hanging.let_go.set()
    until = time.monotonic() + 20
    while "in_doubt" in ledger(shop, "state") and time.monotonic() < until:
        time.sleep(0.05)

    assert ledger(shop, "state") == ["sent"] * 5


def test_a_message_whose_call_hangs_three_times_is_poison(
    shop: Shop, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue, "COINCIDENCE", timedelta())  # the clock of these tests stands still
    hanging(shop, Keyed, said).run()

    assert ledger(shop, "state") == ["sent", "sent", "dead", "sent", "sent"]
    assert ledger(shop, "error")[2] == "poison: 3 workers were lost with it"
    assert said.count("lane_hangs") == 3


def test_a_worker_none_of_whose_calls_end_gives_itself_up(
    shop: Shop, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "MOST_HANGING", 2)
    monkeypatch.setattr(workers, "GRACE", timedelta(seconds=0.1))
    with pytest.raises(EnvironmentFault, match="email: calls hang"):
        hanging(shop, Deaf, said, Until.STOPPED).run()

    assert said.count("lane_hangs") == 2


def test_what_a_call_came_to_is_tried_to_be_written_for_a_while_after_a_stop(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    greeted(shop, 1)
    monkeypatch.setattr(unwritten, "LAST_TRIES", 1.0)
    gone, tries, write = Event(), list[str](), Line.write

    def send(message: OutgoingMessage) -> Outcome:
        gone.set()
        found.stop.set()
        return taken(message)

    def fails_from_then_on(line: Line, work: Callable[[Connection], Any], **how: bool) -> Any:
        if not gone.is_set():
            return write(line, work, **how)
        tries.append(current_thread().name)
        raise EnvironmentFault("the database is gone")

    monkeypatch.setattr(Line, "write", fails_from_then_on)
    found = worker(shop, [outlet(send)])
    begun = time.monotonic()
    found.run()

    assert time.monotonic() - begun < 20
    assert 3 <= sum("_drive" in one for one in tries) <= 8  # not as fast as it goes
    assert ledger(shop, "state") == ["sending"]


class Staying(Hanging):
    """Sends, and does not close."""

    deaf_to = frozenset()

    def close(self) -> None:
        self.let_go.wait(60)


def test_an_adapter_that_does_not_close_is_left_behind(
    shop: Shop, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlets, "CLOSED_WITHIN", 0.3)
    found = hanging(shop, Staying, said)
    begun = time.monotonic()
    found.run()

    assert time.monotonic() - begun < 20
    assert ledger(shop, "state") == ["sent"] * 5
    assert said.count("close_hangs") == 1


def test_adapters_close_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlets, "CLOSED_WITHIN", 1.0)
    Hanging.let_go.clear()
    settings = ChannelSettings(mark=Mark("test", 1, 1), marks={})
    kinds = (Staying, Staying, Hanging)
    all_of_them = [
        Outlet(
            channel=name,
            adapter=kind(settings, Surroundings(project="shop", folder=Path())),
            at_once=1,
        )
        for name, kind in zip(("email", "sms", "push"), kinds, strict=True)
    ]
    told = []
    begun = time.monotonic()
    outlets.shut_all(all_of_them, lambda *one: told.append(one[1]))
    Hanging.let_go.set()

    assert 1.0 <= time.monotonic() - begun < 1.9
    assert told == [
        f"{name}: its adapter does not close, and is left behind" for name in ("email", "sms")
    ]
