"""What a lane makes of a provider's answers, and of what stands in its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from harness import Shop
from sending import (
    NOW,
    Answer,
    Told,
    carried,
    drain,
    greeted,
    happened,
    ledger,
    outlet,
    taken,
    worker,
)
from sqlalchemy import func, insert, select, update

from orchestrator import tables
from orchestrator.channels.base import Capabilities, MayBegin
from orchestrator.channels.message import OutgoingMessage
from orchestrator.channels.outcome import Outcome, accepted, deferred, refused, rejected, unknown
from orchestrator.columns import EPOCH, to_micros
from orchestrator.delivery.aside import Aside
from orchestrator.delivery.buckets import Pace
from orchestrator.delivery.doubts import Doubts
from orchestrator.delivery.line import Line
from orchestrator.delivery.manner import Until
from orchestrator.delivery.outlet import Outlet
from orchestrator.delivery.rescue import Rescuer
from orchestrator.delivery.switch import FRESH_SECONDS
from orchestrator.pausing import EVERYTHING, pause, resume_flow

LATER = NOW + timedelta(hours=12)
MINUTES = timedelta(minutes=20)


def once(*outcomes: Outcome) -> Answer:
    """Give these answers one after another, then accept."""
    left = list(outcomes)
    return lambda message: left.pop(0) if left else taken(message)


def payloads(shop: Shop) -> int:
    with shop.engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(tables.payload)) or 0)


# --- outcomes -------------------------------------------------------------------------------


def test_a_message_of_which_nothing_is_left_is_dead_and_says_why(shop: Shop) -> None:
    greeted(shop, customers=2)
    text = "---\nsubject: Hi\n---\n{% if customer.id == 'c00001' %}Hi{% endif %}\n"
    (shop.folder / "templates" / "hello" / "email.txt.j2").write_text(text, encoding="utf-8")
    mail = outlet()

    drain(shop, mail)

    assert ledger(shop, "state", "error") == [
        ("dead", "empty: the message has no text once it is rendered"),
        ("sent", None),
    ]
    assert len(carried(mail)) == 1


def test_a_deferred_message_is_tried_again_with_the_same_octets(shop: Shop) -> None:
    greeted(shop, 1)
    mail = outlet(once(deferred("busy", code="429")))
    drain(shop, mail)
    assert ledger(shop, "state", "attempt", "error") == [("queued", 1, "429: busy")]
    template = shop.folder / "templates" / "hello" / "email.txt.j2"
    template.write_text("---\nsubject: moved\n---\nAnother text.\n", encoding="utf-8")
    with shop.engine.begin() as connection:
        connection.execute(update(tables.customer).values(locale="de"))
    drain(shop, mail, now=NOW + MINUTES)
    first, second = carried(mail)
    assert (first.attempt, second.attempt) == (1, 2)
    assert (second.subject, second.created_at) == ("hello", first.created_at)
    assert (first.key, first.provider_key) == (second.key, second.provider_key)
    assert ledger(shop, "state", "attempt", "error") == [("sent", 2, None)]
    assert happened(shop) == [("deferred", "429")]
    assert payloads(shop) == 0


def test_a_message_deferred_for_ever_is_dead_after_eight_attempts(shop: Shop) -> None:
    greeted(shop, 1)
    mail = outlet(lambda message: deferred("full", fault="message"))
    for hour in range(0, 60, 6):
        drain(shop, mail, now=NOW + timedelta(hours=hour))
    assert [one.attempt for one in carried(mail)] == list(range(1, 9))
    assert ledger(shop, "state", "error") == [("dead", "exhausted: full")]
    assert payloads(shop) == 0


def test_a_dead_address_is_suppressed(shop: Shop) -> None:
    greeted(shop, 2)
    mail = outlet(once(rejected("no such user", code="550 5.1.1", is_dead_address=True)))
    drain(shop, mail)
    assert sorted(ledger(shop, "state")) == ["dead", "sent"]
    with shop.engine.connect() as connection:
        [(kind, address, reason)] = connection.execute(
            select(*(tables.suppression.c[name] for name in ("kind", "address", "reason")))
        ).all()
    assert (kind, address, reason) == ("email", carried(mail)[0].to, "bounced")


def test_what_a_provider_refuses_altogether_spends_no_attempt(shop: Shop) -> None:
    greeted(shop, 1)
    mail = outlet(once(refused("who are you?", code="535")))
    drain(shop, mail)
    assert ledger(shop, "state", "attempt") == [("queued", 0)]
    assert happened(shop) == [("refused", "535")]


@pytest.mark.parametrize(
    ("policy", "knows_keys", "states", "marks"),
    [
        (None, False, ["in_doubt", "in_doubt"], [0]),
        ("park", True, ["in_doubt", "in_doubt"], [0]),
        ("resend", False, ["queued", "sent"], [0, 1]),
        (None, True, ["queued", "sent"], [0, 0]),
        ("retry", False, ["in_doubt", "in_doubt"], [0]),
    ],
)
def test_a_message_in_doubt_goes_by_the_channels_policy(
    shop: Shop, policy: Any, knows_keys: bool, states: list[str], marks: list[int]
) -> None:
    greeted(shop, 1)
    said: dict[str, Any] = {"on_in_doubt": {"marketing": policy}} if policy else {}
    mail = outlet(once(unknown("no answer")), idempotent=knows_keys, **said)
    found = []
    for now in (NOW, NOW + MINUTES):
        drain(shop, mail, now=now)
        found += ledger(shop, "state")
    assert found == states
    assert [one.possible_duplicate for one in carried(mail)] == [bool(mark) for mark in marks]
    assert len({one.provider_key for one in carried(mail)}) == 1


def test_an_adapter_that_raises_spoils_one_message_and_leaves_the_rest_alone(shop: Shop) -> None:
    greeted(shop, 12)

    def answer(message: OutgoingMessage) -> Outcome:
        if message.customer == "c00005":
            raise KeyError(message.to)
        return taken(message)

    drain(shop, outlet(answer, at_once=4))
    drain(shop, outlet(answer, at_once=4))
    states = ledger(shop, "state")
    assert (states.count("sent"), states.count("in_doubt")) == (11, 1)
    [error] = [one for one in ledger(shop, "error") if one]
    assert error == "KeyError in the adapter"


def test_a_message_that_cannot_be_rendered_is_dead_and_the_rest_leaves(shop: Shop) -> None:
    greeted(shop, 3)
    broken = shop.folder / "templates" / "hello" / "email.txt.j2"
    broken.write_text(
        "---\nsubject: x\n---\nHi {% if customer.id == 'c00001' %}{{ customer.plan }}{% endif %}",
        encoding="utf-8",
    )
    mail = outlet()
    drain(shop, mail)
    assert ledger(shop, "state") == ["sent", "dead", "sent"]
    assert "customer.plan" in ledger(shop, "error")[1]
    assert len(carried(mail)) == 2


def test_a_flow_that_is_gone_from_the_files_keeps_nothing_from_leaving(shop: Shop) -> None:
    greeted(shop, 3)
    (shop.folder / "playbooks" / "greet.yaml").unlink()
    del shop.files["greet"]
    drain(shop, outlet())
    assert ledger(shop, "state") == ["sent"] * 3


def test_a_call_that_outlasts_its_lease_is_nobody_else_s(shop: Shop) -> None:
    greeted(shop, 1)
    rescued: Counter[str] = Counter()

    def answer(message: OutgoingMessage) -> Outcome:
        until = monotonic() + 1.5
        while monotonic() < until:
            with shop.engine.begin() as connection:
                rescued.update(Rescuer({"email": mail}, Random(1)).rescue(connection, NOW))
            sleep(0.1)
        return accepted("m1")

    mail = outlet(answer)
    drain(shop, mail, lease=timedelta(seconds=0.6))

    assert not rescued
    assert ledger(shop, "state") == ["sent"]
    assert len(carried(mail)) == 1


# --- what stands in the way -----------------------------------------------------------------


def test_a_withdrawal_after_the_tick_is_a_later_decision(shop: Shop) -> None:
    greeted(shop, 2)
    with shop.engine.begin() as connection:
        customer = connection.scalar(
            select(tables.customer.c.id).where(tables.customer.c.external_id == "c00000")
        )
        act = {"topic": "news", "at": to_micros(NOW), "withdrawn": 1, "source": "test"}
        connection.execute(insert(tables.consent).values(customer_id=customer, **act))
        connection.execute(tables.dirty.delete())
    mail = outlet()
    drain(shop, mail)
    assert [one.customer for one in carried(mail)] == ["c00001"]
    assert ledger(shop, "state", "set_aside", "error") == [
        ("suppressed", 1, "consent"),
        ("sent", 0, None),
    ]
    row = tables.decision.c
    with shop.engine.connect() as connection:
        found = connection.execute(select(row.decision, row.reason).order_by(row.id)).all()
        dirty = connection.scalars(select(tables.dirty.c.customer_id)).all()
    assert [tuple(one) for one in found] == [
        ("send", None), ("send", None), ("suppress", "consent"),
    ]  # fmt: skip
    assert dirty == [customer]


def test_what_is_too_old_expires(shop: Shop) -> None:
    greeted(shop, 1)
    mail = outlet()
    drain(shop, mail, now=NOW + timedelta(days=3))
    assert ledger(shop, "state") == ["expired"]
    assert carried(mail) == []


def test_a_pause_keeps_messages_where_they_are(shop: Shop) -> None:
    greeted(shop, 2)
    mail = outlet()
    pause(shop.engine, EVERYTHING, None)
    drain(shop, mail)
    assert carried(mail) == []
    resume_flow(shop.engine, EVERYTHING, NOW)
    drain(shop, mail)
    assert ledger(shop, "state") == ["sent", "sent"]


def test_the_kill_file_stops_what_is_marked_already(shop: Shop) -> None:
    greeted(shop, 4)
    kill_file = shop.folder / ".clm" / "STOP"
    kill_file.parent.mkdir()

    def answer(message: OutgoingMessage) -> Outcome:
        kill_file.touch()
        Event().wait(0.3)  # so long may a look at the file be old
        return taken(message)

    drain(shop, outlet(answer, at_once=4))
    assert sorted(ledger(shop, "state", "attempt")) == [("queued", 0)] * 3 + [("sent", 1)]
    kill_file.unlink()
    drain(shop, outlet())
    assert ledger(shop, "state") == ["sent"] * 4


def test_a_stop_gives_back_what_was_not_begun(shop: Shop) -> None:
    greeted(shop, 40)
    mail = outlet(at_once=3)
    sending = worker(shop, [mail])

    def answer(message: OutgoingMessage) -> Outcome:
        if len(carried(mail)) == 10:
            sending.stop.set()
        return taken(message)

    mail.adapter.answer = answer  # type: ignore[attr-defined]  # it is one that is told
    sending.run()
    assert len(carried(mail)) == 10
    assert sorted(ledger(shop, "state", "attempt")) == [("queued", 0)] * 30 + [("sent", 1)] * 10


def test_no_more_leave_than_a_bucket_holds(shop: Shop) -> None:
    greeted(shop, 12)
    mail = outlet(pace=Pace(per_second=0.001, burst=5))
    drain(shop, mail)
    assert len(carried(mail)) == 5
    assert sorted(ledger(shop, "state", "attempt")) == [("queued", 0)] * 7 + [("sent", 1)] * 5


def test_what_finds_no_token_is_left_where_it_is(shop: Shop) -> None:
    greeted(shop, 12)
    pace = Pace(per_second=0.001, burst=5)
    drain(shop, outlet(pace=pace))
    mail = outlet(pace=pace)
    waits = worker(shop, [mail])._crew.lanes[0]
    assert not waits.has_due()
    assert 0 < waits.rest <= 1_000
    assert waits.turn() == 0
    assert ledger(shop, "not_before").count(EPOCH) == 12


# --- who goes first -------------------------------------------------------------------------


def test_a_backlog_of_one_flow_does_not_keep_others_waiting(shop: Shop) -> None:
    greeted(shop, 30)
    with shop.engine.begin() as connection:
        row = tables.message.c
        for flow, purpose, ids in (("b", "marketing", (29, 30)), ("c", "transactional", (27, 28))):
            connection.execute(
                update(tables.message).where(row.id.in_(ids)).values(flow=flow, purpose=purpose)
            )
    mail = outlet()
    drain(shop, mail)
    order = [one.flow for one in carried(mail)]
    assert order.index("c") == 0
    assert order[:8].count("b") == 2


# --- late results and doubts ----------------------------------------------------------------


@pytest.mark.parametrize("rescued", ["in_doubt", "queued"])
def test_a_late_acceptance_closes_its_own_attempt(shop: Shop, rescued: str) -> None:
    greeted(shop, 1)

    def answer(message: OutgoingMessage) -> Outcome:
        with shop.engine.connect() as connection:
            connection.execution_options(sqlite_begin="IMMEDIATE")
            with connection.begin():
                connection.execute(update(tables.message).values(state=rescued))
        return taken(message)

    drain(shop, outlet(answer))
    assert ledger(shop, "state", "attempt") == [("sent", 1)]


def test_a_late_acceptance_never_closes_anothers_attempt(shop: Shop) -> None:
    greeted(shop, 1)

    def answer(message: OutgoingMessage) -> Outcome:
        with shop.engine.connect() as connection:
            connection.execution_options(sqlite_begin="IMMEDIATE")
            with connection.begin():
                connection.execute(
                    update(tables.message).values(state="sending", lease="other", attempt=2)
                )
        return taken(message)

    drain(shop, outlet(answer))
    assert ledger(shop, "state", "attempt", "lease") == [("sending", 2, "other")]
    assert happened(shop) == [("late", None)]


@pytest.mark.parametrize(
    ("told", "after", "state"),
    [
        (accepted("p1"), MINUTES, "sent"),
        (rejected("no"), MINUTES, "dead"),
        (deferred("never came"), MINUTES, "queued"),
        (None, MINUTES, "in_doubt"),
        (None, timedelta(hours=73), "dead"),
    ],
)
def test_a_provider_that_can_tell_ends_doubts(
    shop: Shop, told: Outcome | None, after: timedelta, state: str
) -> None:
    greeted(shop, 1)
    mail = outlet(lambda message: unknown("no answer"), verify=True)
    drain(shop, mail)
    asked: list[OutgoingMessage] = []

    def verify(message: OutgoingMessage) -> Outcome | None:
        asked.append(message)
        return told

    mail.adapter.verify = verify  # type: ignore[method-assign]  # of this one
    line, aside = Line(shop.engine), Aside(lambda: mail.adapter, 20, 600)
    assert Doubts(mail, line, aside).look(NOW) == 0
    assert Doubts(mail, line, aside).look(NOW + after) == 1
    line.close()
    assert ledger(shop, "state") == [state]
    assert len(asked) == (after == MINUTES)
    assert payloads(shop) == (state in ("queued", "in_doubt"))


def test_several_lanes_of_a_channel_send_each_message_once(shop: Shop) -> None:
    greeted(shop, 60)
    lanes: Sequence[Any] = [outlet(at_once=3) for _ in range(3)]
    drain(shop, *lanes)
    sent = [one.customer for lane in lanes for one in carried(lane)]
    assert sorted(sent) == [f"c{number:05}" for number in range(60)]


@pytest.mark.parametrize("until", [Until.NOTHING_DUE, Until.NOTHING_LEFT])
def test_a_drain_does_not_wait_for_a_provider_that_is_down(shop: Shop, until: Until) -> None:
    greeted(shop, 30)
    down = outlet(lambda message: deferred("no connection"), at_once=5)

    drain(shop, down, until=until)
    states = ledger(shop, "state")
    assert states == ["queued"] * 30
    assert 5 <= len(carried(down)) < 30, "its breaker opened"


class Hesitant(Told):
    """Asks whether a message may begin, waits, and asks again before it does."""

    def send_batch(
        self, messages: Sequence[OutgoingMessage], may_begin: MayBegin
    ) -> Iterator[tuple[OutgoingMessage, Outcome | None]]:
        for message in messages:
            assert may_begin(message)
            self.between()
            yield message, self.send(message) if may_begin(message) else None

    def between(self) -> None:
        """Let something happen between the two."""


def test_who_asks_again_before_a_call_has_not_begun(shop: Shop) -> None:
    greeted(shop, 3)
    mail = Hesitant(taken, Capabilities())
    drain(shop, Outlet(channel="email", adapter=mail, at_once=3))

    assert ledger(shop, "state") == ["sent"] * 3


def test_the_latest_answer_counts_until_a_call_begins(shop: Shop) -> None:
    greeted(shop, 3)
    stop = shop.folder / ".clm" / "STOP"
    stop.parent.mkdir(exist_ok=True)
    mail = Hesitant(taken, Capabilities())

    def stopped() -> None:
        stop.touch()
        sleep(2 * FRESH_SECONDS)

    mail.between = stopped  # type: ignore[method-assign]  # of this one instance
    drain(shop, Outlet(channel="email", adapter=mail, at_once=3))
    assert ledger(shop, "state", "attempt") == [("queued", 0)] * 3
    assert mail.messages == []
