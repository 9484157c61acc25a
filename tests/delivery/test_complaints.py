"""A sender of whom too many complain: held, named, let go by a person."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from harness import CATALOG, Shop
from sending import NOW, carried, drain, ledger, outlet, queued, worker
from sqlalchemy import insert, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.delivery.complaints import Reputation, held_senders, hold, release, reputations

SENDER = "news@shop.example"
OLD = NOW - timedelta(days=1)
SENT = 1_000


@pytest.fixture
def sender(shop: Shop) -> Shop:
    """A shop that has sent 1,000 mails a day ago."""
    shop.write(catalog=f"{CATALOG}senders: {{news: Shop <{SENDER}>}}\n")
    queued(shop, SENT, when=OLD)
    with shop.engine.begin() as connection:
        connection.execute(update(tables.message).values(state="sent"))
    return shop


def complain(shop: Shop, count: int, at: datetime = OLD) -> None:
    fact = {"message": "hello", "kind": "complained", "at": to_micros(at), "channel": "email"}
    rows = [{**fact, "customer_id": n + 1, "source_id": f"{at}:{n}"} for n in range(count)]
    with shop.engine.begin() as connection:
        connection.execute(insert(tables.receipt), rows)


def held(shop: Shop) -> list[Reputation]:
    with shop.engine.begin() as connection:
        return hold(connection, shop.playbook, NOW)


@pytest.mark.parametrize(
    ("complaints", "warns", "holds"), [(1, False, False), (2, False, False), (3, True, True)]
)
def test_three_in_a_thousand_hold_a_senders_marketing(
    sender: Shop, complaints: int, warns: bool, holds: bool
) -> None:
    complain(sender, complaints)
    with sender.engine.begin() as connection:
        assert bool(reputations(connection, sender.playbook, NOW)) is warns
    assert [one.sender for one in held(sender)] == [SENDER] * holds


def test_more_than_one_in_a_thousand_is_told_and_holds_nothing(sender: Shop) -> None:
    queued(sender, SENT, when=OLD)
    with sender.engine.begin() as connection:
        connection.execute(update(tables.message).values(state="sent"))
    complain(sender, 3)

    assert held(sender) == []
    with sender.engine.begin() as connection:
        (told,) = reputations(connection, sender.playbook, NOW)
    assert (told.complaints, told.sent, told.is_held) == (3, 2_000, False)


def test_one_of_ten_says_nothing_and_what_is_older_than_a_week_neither(shop: Shop) -> None:
    shop.write(catalog=f"{CATALOG}senders: {{news: Shop <{SENDER}>}}\n")
    queued(shop, 10, when=OLD)
    complain(shop, 1)
    complain(shop, 9, NOW - timedelta(days=7))
    assert held(shop) == []


def test_what_is_held_waits_and_transactional_mail_goes_on(sender: Shop) -> None:
    queued(sender, 2)
    queued(sender, 3, purpose="transactional")
    complain(sender, 4)
    mail, said = outlet(), []
    sending = worker(sender, [mail])
    sending.say = lambda event, *_: said.append(event)
    sending.run()

    assert said.count("sender_held") == 1
    assert [one.purpose for one in carried(mail)] == ["transactional"] * 3
    assert ledger(sender, "state").count("queued") == 2


def test_a_person_lets_it_go_on_and_only_later_complaints_count(sender: Shop) -> None:
    queued(sender, 2)
    complain(sender, 4)
    assert len(held(sender)) == 1
    with sender.engine.begin() as connection:
        assert held_senders(connection) == {SENDER}
        assert release(connection, SENDER, NOW)
        assert not release(connection, SENDER, NOW)
    mail = outlet()
    drain(sender, mail, now=NOW + timedelta(minutes=1))
    assert len(carried(mail)) == 2

    complain(sender, 3, NOW + timedelta(minutes=2))
    with sender.engine.begin() as connection:
        (anew,) = hold(connection, sender.playbook, NOW + timedelta(minutes=3))
    assert (anew.complaints, anew.sent) == (3, 0)
