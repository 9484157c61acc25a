"""A worker sends what is due, each message once, and ends as it was asked to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from harness import Shop
from sending import NOW, carried, drain, greeted, ledger, outlet, queued, worker
from sqlalchemy import func, select, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database_clock import database_now
from orchestrator.delivery.manner import Until
from orchestrator.delivery.policy import MOST_CRASHES
from orchestrator.delivery.sole import sole_of
from orchestrator.render.apart.hand import Hand
from orchestrator.render.apart.pool import Pool
from orchestrator.render.apart.wire import Wanted


def test_each_due_message_is_sent_once_and_its_payload_is_gone(shop: Shop) -> None:
    greeted(shop, customers=30)
    mail = outlet(at_once=7)
    drain(shop, mail)
    drain(shop, mail)
    assert sorted(one.customer for one in carried(mail)) == [f"c{n:05}" for n in range(30)]
    assert ledger(shop, "state", "attempt") == [("sent", 1)] * 30
    assert ledger(shop, "provider_id") == [f"id-{key}" for key in ledger(shop, "provider_key")]
    with shop.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.payload)).scalar() == 0


def test_nothing_leaves_while_the_clocks_are_far_apart(shop: Shop) -> None:
    greeted(shop, customers=2)
    mail, said = outlet(), []
    sending = worker(shop, [mail], skew_stops=timedelta(minutes=1))
    sending.say = lambda event, *_: said.append(event)
    sending.run()
    assert carried(mail) == []
    assert said == ["clock_is_off"]
    assert ledger(shop, "state") == ["queued", "queued"]


def test_clocks_that_are_a_little_apart_are_told_and_stop_nothing(shop: Shop) -> None:
    greeted(shop, customers=1)
    with shop.engine.connect() as connection:
        ahead = database_now(connection) + timedelta(seconds=20)
    said: list[tuple[str, str]] = []
    sending = worker(shop, [outlet()], ahead, skew_stops=timedelta(minutes=1))
    sending.say = lambda event, says, level="info", *_: said.append((event, level))
    sending.run()
    assert said[0] == ("clock_is_off", "warning")
    assert ledger(shop, "state") != ["queued"]


def test_many_in_doubt_are_told_once(shop: Shop) -> None:
    queued(shop, 6)
    row = tables.message
    with shop.engine.begin() as connection:
        connection.execute(update(row).values(state="in_doubt", not_before=to_micros(NOW)))
    said: list[str] = []
    sending = worker(shop, [outlet()])
    sending.say = lambda event, *_: said.append(event)
    sending._alarms.look()
    sending._alarms.look()
    assert said == ["many_in_doubt"]


def test_what_becomes_of_a_lost_worker_s_messages_is_told_by_state(shop: Shop) -> None:
    queued(shop, 4)
    row = tables.message
    held = {"lease": "gone", "lease_until": to_micros(NOW - timedelta(days=1))}
    with shop.engine.begin() as connection:
        first, *others = connection.scalars(select(row.c.id).order_by(row.c.id)).all()
        poison = {"state": "claimed", "crashes": MOST_CRASHES}
        for number, state in zip(others, ("claimed", "claimed", "sending"), strict=True):
            taken = update(row).where(row.c.id == number).values(state=state, attempt=1, **held)
            connection.execute(taken)
        connection.execute(update(row).where(row.c.id == first).values(**poison, **held))
    said = []
    sending = worker(shop, [outlet()])
    sending.say = lambda *told: said.append(told)
    sending._rescue()
    says = (
        "4 messages of lost workers rescued: 2 go again, 1 in doubt: clmctl outbox in-doubt list, "
        "1 dead: clmctl outbox list --state dead"
    )
    facts = {"messages": 4, "states": {"queued": 2, "in_doubt": 1, "dead": 1}}
    assert said == [("rescued", says, "warning", facts)]


def test_a_drain_tells_that_it_waits_for_what_others_have_in_hand(shop: Shop) -> None:
    queued(shop, 3)
    with shop.engine.begin() as connection:
        until = to_micros(database_now(connection)) + 1_000_000
        lost = {"state": "claimed", "lease": "lost", "lease_until": until}
        connection.execute(update(tables.message).values(**lost).where(tables.message.c.id < 3))
    said: list[str] = []
    mail, often = outlet(), timedelta(milliseconds=50)
    last = worker(shop, [mail], until=Until.NOTHING_LEFT, rescue_every=often)
    last.say = lambda event, says, *more: said.append(f"{event}: {says}")
    last.run()

    waits = [one for one in said if one.startswith("waits_for_others")]
    told = (
        "waits_for_others: email: waits for 2 messages that other workers have in hand; "
        "what a lost one had is free within 100 seconds"
    )
    assert waits == ([told] if shop.engine.dialect.name == "postgresql" else [])
    assert len(carried(mail)) == 3


def test_the_longest_call_does_not_make_a_lost_worker_s_messages_wait(shop: Shop) -> None:
    mail = outlet(timeout=timedelta(minutes=15))

    assert mail.lease == timedelta(seconds=90)
    assert mail.longest_silence == timedelta(minutes=16, seconds=30)
    assert outlet(timeout=timedelta(seconds=10)).lease == timedelta(seconds=30)


def test_on_sqlite_one_process_sends_and_others_wait(shop: Shop) -> None:
    greeted(shop, customers=2)
    sole = sole_of(shop.engine)
    if sole is None:
        assert shop.engine.dialect.name == "postgresql"
        return
    assert sole.take()
    mail, said = outlet(), []
    second = worker(shop, [mail])
    second.say = lambda event, *_: said.append(event)
    second.run()
    assert (carried(mail), said) == ([], ["stands_by"])
    sole.leave()
    drain(shop, mail)
    assert len(carried(mail)) == 2


def test_a_bug_ends_the_worker_and_gives_nothing_up(shop: Shop) -> None:
    greeted(shop, customers=2)
    sending = worker(shop, [outlet()])
    sending._crew.lanes[0].turn = lambda: 1 // 0  # type: ignore[method-assign]  # a bug
    with pytest.raises(ZeroDivisionError):
        sending.run()
    assert ledger(shop, "state") == ["queued", "queued"]


def test_nothing_is_in_hand_while_what_renders_starts(shop: Shop) -> None:
    """Who is killed then is not thought to be lost by a message."""
    queued(shop, 3)
    states: list[list[str]] = []

    class Watched(Pool):
        def fork(self, wanted: Wanted) -> Hand:
            states.append(ledger(shop, "state"))
            return super().fork(wanted)

    drain(shop, outlet(), pool=Watched())
    assert states == [["queued"] * 3]
    assert ledger(shop, "state") == ["sent"] * 3
