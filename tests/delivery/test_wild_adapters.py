"""Adapters that break the contract cost their own messages, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from delivery.test_webhooks import called
from harness import Shop
from sending import NOW, Told, drain, greeted, ledger, outlet, taken, worker

from orchestrator.channels.base import Capabilities, MayBegin
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred, rejected, unknown
from orchestrator.delivery.aside import Aside
from orchestrator.delivery.buckets import Pace
from orchestrator.delivery.doubts import Doubts
from orchestrator.delivery.line import Line
from orchestrator.delivery.observer import Observer
from orchestrator.delivery.outlet import Outlet

WILD = "c00002"
KINDS = ("perhaps", None, ["accepted"])
LATER = NOW + timedelta(minutes=20)


def answers(said: object) -> Any:
    """Answer so about one customer, and well about all others."""
    return lambda message: said if message.customer == WILD else taken(message)


def wild(shop: Shop) -> list[Any]:
    """Return what the ledger says of that customer's message; the others are sent."""
    found = ledger(shop, "state", "error", "provider_id")
    mine = found.pop(2)
    assert [state for state, _, _ in found] == ["sent"] * len(found)
    return list(mine)


@pytest.mark.parametrize(
    "said",
    [None, "ok", True, {"kind": "accepted"}, accepted, *map(cast("Any", Outcome), KINDS)],
)
def test_what_is_no_outcome_is_a_doubt_of_one_message(shop: Shop, said: object) -> None:
    greeted(shop, 5)
    drain(shop, outlet(answers(said), at_once=2))
    state, error, _ = wild(shop)
    assert state == "in_doubt"
    assert error.startswith("the adapter returned ")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (17, "17"), ("a\0b", None), ("a\ud800b", None), ("x" * 501, None), (["a"], None),
        ("a\nb", None), ("SM0123", "SM0123"),
    ],
)  # fmt: skip
def test_an_id_that_cannot_be_kept_is_as_good_as_none(shop: Shop, given: Any, kept: Any) -> None:
    greeted(shop, 5)
    drain(shop, outlet(answers(accepted(given)), at_once=2))
    assert wild(shop) == ["sent", None, kept]


def test_what_a_provider_says_is_one_line_of_some_length(shop: Shop) -> None:
    greeted(shop, 5)
    said = rejected("no\0w\ud800\r\n" + "y" * 9_999, code=550)  # type: ignore[arg-type]  # what they do
    drain(shop, outlet(answers(said), at_once=2))
    state, error, _ = wild(shop)
    assert (state, len(error)) == ("dead", len("550: ") + 500)
    assert error.startswith("550: no w   yyy")


@pytest.mark.parametrize("said", [rejected, deferred, unknown])
def test_a_provider_that_repeats_the_address_is_not_quoted_so(shop: Shop, said: Any) -> None:
    greeted(shop, 5)
    drain(shop, outlet(lambda message: said(f"<{message.to}>: no such user"), at_once=1))
    assert all("@" not in error for error in ledger(shop, "error") if error)
    assert "<…>: no such user" in ledger(shop, "error")


@pytest.mark.parametrize("called", ["{}", "<{}>", "id={}; queued"])
def test_an_id_that_repeats_the_address_is_not_kept(shop: Shop, called: str) -> None:
    greeted(shop, 5)
    say = lambda message: accepted(called.format(message.to.upper()))  # noqa: E731 - one line says it
    drain(shop, outlet(say, at_once=1))
    assert set(ledger(shop, "state", "provider_id")) == {("sent", None)}


def test_an_adapter_that_raises_with_the_address_tells_its_kind_alone(shop: Shop) -> None:
    greeted(shop, 5)

    def fails(message: OutgoingMessage) -> Outcome:
        raise RuntimeError(f"{message.to}: {message.text}")

    drain(shop, outlet(fails, at_once=1))
    assert set(ledger(shop, "error")) <= {"RuntimeError in the adapter", None}


@pytest.mark.parametrize("text", ["\0", "half \ud800 of it", "y" * 300_000, "two\nlines", 7])
def test_an_answer_of_a_call_that_no_database_takes_reaches_its_run(shop: Shop, text: Any) -> None:
    called(shop)
    answered: Any = {"projects": "4", text: "1", "note": text}
    drain(shop, outlet(lambda _: accepted(fields=answered), channel="webhook", idempotent=True))

    assert ledger(shop, "state") == ["answered"]
    shop.tick((NOW + timedelta(minutes=1)).isoformat())
    assert shop.runs() == [("greet", "ana", 1, "completed")]


@pytest.mark.parametrize("span", [timedelta.max, -timedelta(days=9_999), 7, "soon"])
def test_a_pause_that_cannot_be_kept_is_brought_within_reach(shop: Shop, span: Any) -> None:
    greeted(shop, 5)
    drain(shop, outlet(answers(deferred("busy", retry_after=span)), at_once=2))
    assert wild(shop)[:2] == ["queued", "busy"]


def test_only_calls_are_answered(shop: Shop) -> None:
    greeted(shop, 5)
    drain(shop, outlet(answers(accepted("p1", fields={"a": "1"})), at_once=2))
    assert wild(shop) == ["sent", None, "p1"]


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_whatever_an_adapter_raises_the_worker_goes_on(
    shop: Shop, raised: type[BaseException]
) -> None:
    greeted(shop, 5)

    def answer(message: OutgoingMessage) -> Outcome:
        if message.customer == WILD:
            raise raised
        return taken(message)

    drain(shop, outlet(answer, at_once=2))
    assert wild(shop)[:2] == ["in_doubt", f"{raised.__name__} in the adapter"]


def test_what_an_adapter_writes_into_a_message_changes_nothing_of_ours(shop: Shop) -> None:
    changes = {"key": "stolen", "attempt": 99, "channel": "sms", "to": "a@b.example",
               "possible_duplicate": True, "provider_key": "X" * 40}  # fmt: skip

    def writes(message: OutgoingMessage) -> Outcome:
        said = taken(message) if len(mail.adapter.messages) % 2 else deferred("busy")  # type: ignore[attr-defined]  # it is told
        for name, value in changes.items():
            object.__setattr__(message, name, value)
        return said

    greeted(shop, 4)
    mail = outlet(writes, at_once=4)
    drain(shop, mail)
    columns = ("state", "attempt", "possible_duplicate")
    assert sorted(ledger(shop, *columns)) == [("queued", 1, 0)] * 2 + [("sent", 1, 0)] * 2
    drain(shop, mail, now=LATER)
    assert len(mail.adapter.messages) == 6  # type: ignore[attr-defined]  # as above


class Batches(Told):
    """Answers about whole batches, as a test says."""

    def __init__(self, tell: Any) -> None:
        super().__init__(taken, Capabilities(batch=10))
        self.tell = tell

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        return self.tell(self, messages, may_begin)  # type: ignore[no-any-return]  # it is any


def _twice(self: Batches, messages: Sequence[OutgoingMessage], may_begin: MayBegin) -> Any:
    for message in messages:
        if may_begin(message):
            yield message, self.send(message)
            yield message, deferred("or not")


def _without_asking(self: Batches, messages: Sequence[OutgoingMessage], _: MayBegin) -> Any:
    for message in messages:
        self.send(message)
    raise ValueError
    yield


def _nothing(_: Batches, __: Sequence[OutgoingMessage], ___: MayBegin) -> Any:
    return iter(())


def _nonsense(self: Batches, messages: Sequence[OutgoingMessage], may_begin: MayBegin) -> Any:
    for message in messages:
        if may_begin(message):
            self.send(message)
    yield 7


@pytest.mark.parametrize(
    ("tell", "error"),
    [
        (_twice, "the adapter told two different things of it"),
        (_without_asking, "ValueError in the adapter"),
        (_nothing, "the adapter told nothing of it"),
        (_nonsense, "TypeError in the adapter"),
    ],
)
def test_what_a_batch_leaves_open_is_in_doubt_and_sent_once(
    shop: Shop, tell: Any, error: str
) -> None:
    greeted(shop, 3)
    batches = Batches(tell)
    for now in (NOW, LATER):
        drain(shop, Outlet(channel="email", adapter=batches, at_once=10), now=now)
    assert ledger(shop, "state", "error") == [("in_doubt", error)] * 3
    assert len({one.key for one in batches.messages}) == len(batches.messages)


def test_an_adapter_that_goes_on_telling_is_not_listened_to_for_ever(shop: Shop) -> None:
    def tell(self: Batches, messages: Sequence[OutgoingMessage], may_begin: MayBegin) -> Any:
        told = [(message, self.send(message)) for message in messages if may_begin(message)]
        while True:
            yield from told

    greeted(shop, 3)
    drain(shop, Outlet(channel="email", adapter=Batches(tell), at_once=10))
    assert ledger(shop, "state") == ["sent"] * 3


@pytest.mark.parametrize("sender", [None, 7, "a\0b", ValueError])
def test_a_sender_that_an_adapter_cannot_tell_is_all_senders(shop: Shop, sender: Any) -> None:
    greeted(shop, 3)
    mail = outlet(pace=Pace(per_second=1_000, burst=1_000))

    def sender_of(message: OutgoingMessage) -> Any:
        if sender is ValueError:
            raise ValueError(message.to)
        return sender

    mail.adapter.sender_of = sender_of  # type: ignore[method-assign]  # of this one
    drain(shop, mail)
    assert ledger(shop, "state") == ["sent"] * 3


def test_an_adapter_that_cannot_be_closed_fails_nobody(shop: Shop) -> None:
    greeted(shop, 3)
    mail = outlet()

    def close() -> None:
        raise OSError

    mail.adapter.close = close  # type: ignore[method-assign]  # of this one
    drain(shop, mail)
    assert ledger(shop, "state") == ["sent"] * 3


@pytest.mark.parametrize("said", ["accepted", {}, SystemExit])
def test_a_provider_that_tells_nonsense_about_a_doubt_has_not_told(shop: Shop, said: Any) -> None:
    greeted(shop, 1)
    mail = outlet(cast("Any", lambda message: None), verify=True)
    drain(shop, mail)

    def verify(message: OutgoingMessage) -> Any:
        if said is SystemExit:
            raise SystemExit(message.to)
        return said

    mail.adapter.verify = verify  # type: ignore[method-assign]  # of this one
    line, aside = Line(shop.engine), Aside(lambda: mail.adapter, 20, 600)
    assert Doubts(mail, line, aside).look(LATER) == 1
    line.close()
    assert ledger(shop, "state") == ["in_doubt"]


class Touchy(Observer):
    """Cannot bear to hear that a message is dead."""

    def ended(self, channel: str, state: str, messages: int = 1) -> None:
        if state == "dead":
            raise ValueError(channel)


def test_an_end_that_cannot_be_written_costs_no_other_message_its_own(shop: Shop) -> None:
    greeted(shop, 5)
    sending = worker(shop, [outlet(answers(rejected("no")), at_once=2)])
    for lane in sending._crew.lanes:
        lane._results.ender = replace(lane._results.ender, observer=Touchy())
    sending.run()
    assert wild(shop)[:2] == ["in_doubt", "internal: ValueError"]
