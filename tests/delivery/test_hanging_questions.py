"""A question to a provider that does not end: the lane goes on, and asks again a while later."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Event
from threading import enumerate as enumerate_threads
from typing import Any, Literal

import pytest
from harness import Shop
from sending import NOW, greeted, ledger, queued, taken, worker

from orchestrator.channels.base import Capabilities, Channel, Surroundings
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, unknown
from orchestrator.channels.settings import ChannelSettings
from orchestrator.delivery import aside as asides
from orchestrator.delivery import doubts
from orchestrator.delivery.aside import Aside, Hangs, NotAsked
from orchestrator.delivery.doubts import Doubts
from orchestrator.delivery.line import Line
from orchestrator.delivery.outlet import Outlet
from orchestrator.language.marks import Mark

LATER = NOW + timedelta(minutes=5)


class Doubtful(Channel):
    """Leaves a doubt about the first messages, and cannot tell of them until it is let go."""

    name = "doubtful"
    spec = None
    capabilities = Capabilities(verify=True)
    Settings = ChannelSettings
    let_go = Event()
    sure = False
    made = 0
    asked: list[str]  # set anew for each test

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        type(self).made += 1

    def send(self, message: OutgoingMessage) -> Outcome:
        return taken(message) if self.sure else unknown("no answer")

    def verify(self, message: OutgoingMessage) -> Outcome | None:
        self.asked.append(message.customer)
        assert self.let_go.wait(60)
        return accepted("at last")


@pytest.fixture
def outlet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outlet]:
    monkeypatch.setattr(doubts, "ASKED_SECONDS", 0.3)
    for name, value in {"let_go": Event(), "sure": False, "made": 0, "asked": []}.items():
        monkeypatch.setattr(Doubtful, name, value, raising=False)
    settings = ChannelSettings(mark=Mark("test", 1, 1), marks={})
    adapter = Doubtful(settings, Surroundings(project="shop", folder=Path()))
    yield Outlet(
        channel="email",
        adapter=adapter,
        at_once=20,
        on_in_doubt={"marketing": "park", "transactional": "park"},
    )
    Doubtful.let_go.set()
    for one in enumerate_threads():
        if one.name.startswith("asks "):
            one.join(20)
            assert not one.is_alive()


def test_the_lane_sends_on_beside_a_question_that_does_not_end(shop: Shop, outlet: Outlet) -> None:
    greeted(shop, 3)
    worker(shop, [outlet]).run()
    assert ledger(shop, "state") == ["in_doubt"] * 3
    queued(shop, 4)
    Doubtful.sure, said = True, list[str]()

    def say(
        event: str,
        says: str,
        level: Literal["info", "warning", "error"] = "info",
        facts: Mapping[str, Any] | None = None,
        /,
    ) -> None:
        said.append(event)

    found = worker(shop, [outlet], now=LATER)
    found.say = say
    begun = time.monotonic()
    found.run()

    assert time.monotonic() - begun < 20
    assert ledger(shop, "state") == ["in_doubt"] * 3 + ["sent"] * 4
    assert (len(Doubtful.asked), said.count("question_hangs")) == (1, 1)


def test_after_a_while_another_adapter_asks_and_ends_the_doubt(
    shop: Shop, outlet: Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "PAUSE_SECONDS", 0.2)
    greeted(shop, 2)
    worker(shop, [outlet]).run()
    line, aside = Line(shop.engine), doubts.beside(outlet)
    look = Doubts(outlet, line, aside).look
    look(LATER)
    assert ledger(shop, "state") == ["in_doubt"] * 2
    made = Doubtful.made

    Doubtful.let_go.set()
    time.sleep(0.3)
    look(LATER + timedelta(hours=1))
    aside.close()
    line.close()
    assert ledger(shop, "state", "provider_id") == [("sent", "at last")] * 2
    assert Doubtful.made == made + 1


def test_a_doubt_ends_after_three_days_though_nobody_can_be_asked(
    shop: Shop, outlet: Outlet
) -> None:
    greeted(shop, 3)
    worker(shop, [outlet]).run()
    line, aside = Line(shop.engine), doubts.beside(outlet)
    Doubts(outlet, line, aside).look(LATER)
    Doubts(outlet, line, aside).look(NOW + timedelta(hours=73))
    line.close()
    assert ledger(shop, "state") == ["dead"] * 3


# --- one channel's questions ------------------------------------------------------------


def test_what_does_not_come_back_is_left_behind_and_no_more_than_some(
    outlet: Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asides, "MOST_LEFT", 3)
    aside = Aside(lambda: outlet.anew().adapter, 0.05, 0)
    kinds = []
    for _ in range(5):
        with pytest.raises(Hangs) as raised:
            aside.ask(lambda _: Doubtful.let_go.wait(60))
        kinds.append(raised.type)
    assert kinds == [Hangs, Hangs, Hangs, NotAsked, NotAsked]

    Doubtful.let_go.set()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            assert aside.ask(lambda adapter: adapter.name) == "doubtful"
            break
        except NotAsked:
            time.sleep(0.01)
    aside.close()


def test_what_an_adapter_raises_is_raised_and_costs_it_nothing(outlet: Outlet) -> None:
    def fails(error: BaseException) -> Any:
        def question(_: Channel) -> None:
            raise error

        return question

    aside = Aside(lambda: outlet.anew().adapter, 20, 600)
    with pytest.raises(KeyError, match="this"):
        aside.ask(fails(KeyError("this")))
    with pytest.raises(RuntimeError, match="^SystemExit in the adapter$"):
        aside.ask(fails(SystemExit(3)))
    assert aside.ask(lambda adapter: adapter.name) == "doubtful"
    aside.close()
