"""Mail that came back, in both databases: receipts and withdrawals, each once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from harness import Shop
from ledger import TOPICS, greeted, handed_over, key_of, rows, wish_of
from returned_mails import AWAY, COMPLAINT, EXCHANGE, GMAIL, POSTFIX, WISH, raw, report, returned
from sending import KEYS

from orchestrator.channels.mail.reports import returned_mail
from orchestrator.delivery.line import Line
from orchestrator.delivery.links import Links, Wish
from orchestrator.delivery.returning import Returns, Taken
from orchestrator.delivery.withdrawing import Holder, choose, holder_of
from orchestrator.signing import Keys, Secret

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
ADDRESS = "leave+{token}@shop.example"


def links(keys: Keys = KEYS) -> Links:
    return Links(keys, "shop", "https://shop.example", ADDRESS)


def provider_key(who: str) -> str:
    return KEYS.provider_key(key_of(who))


def leaving(who: str, keys: Keys = KEYS) -> str:
    """Return the address by which a customer leaves, as the mail to them has it."""
    offered = links(keys).unsubscribe(key_of(who), "news", provider_key(who))
    assert offered is not None
    assert offered.mailto is not None
    return offered.mailto


def bounce(who: str, shape: str = POSTFIX, **given: str) -> bytes:
    return raw(shape, **{"key": provider_key(who), "receiver": f"{who}@shop.example", **given})


def take(shop: Shop, *mails: bytes, to: Sequence[str] = (), keys: Keys = KEYS) -> Taken:
    returns = Returns(shop.engine, shop.playbook, links(keys))
    return returns.take([returned_mail(one, to) for one in mails], NOW)


@pytest.fixture
def sent(shop: Shop) -> Shop:
    """A shop that has written to Ana and Ben, who subscribe to everything."""
    greeted(shop, "ana", "ben", subscribed_to="news;texts")
    handed_over(shop.engine, "ana", "ben", provider="email")
    return shop


def facts(shop: Shop) -> list[tuple[str, str]]:
    query = (
        "SELECT c.external_id, r.kind FROM receipt r JOIN customer c ON c.id = r.customer_id"
        " ORDER BY 1, 2"
    )
    return [(who, kind) for who, kind in rows(shop.engine, query)]


def withdrawn(shop: Shop) -> set[tuple[str, str, str]]:
    query = (
        "SELECT x.external_id, c.topic, c.source FROM consent c"
        " JOIN customer x ON x.id = c.customer_id WHERE c.withdrawn = 1"
    )
    return {(who, topic, source) for who, topic, source in rows(shop.engine, query)}


@pytest.mark.parametrize("shape", [POSTFIX, EXCHANGE, GMAIL], ids=["Postfix", "Exchange", "Gmail"])
def test_a_bounce_is_a_fact_puts_the_address_out_of_use_and_wakes_the_customer(
    sent: Shop, shape: str
) -> None:
    taken = take(sent, bounce("ana", shape))
    assert (taken.read, taken.new) == (1, {"bounced": 1})
    assert facts(sent) == [("ana", "bounced")]
    held = rows(sent.engine, "SELECT kind, address, reason FROM suppression")
    assert held == [("email", "ana@shop.example", "bounced")]
    due = "SELECT c.external_id FROM dirty d JOIN customer c ON c.id = d.customer_id"
    assert rows(sent.engine, due) == [("ana",)]


def test_a_condition_sees_the_bounce_at_the_next_tick(shop: Shop) -> None:
    flow = """
    flow: hello
    status: live
    starts_when: {did: signed_up}
    steps:
      - {send: welcome}
      - {wait_until: {bounced: welcome}, at_most: 9 days}
      - {send: welcome_by_text, channels: [sms]}
    """
    greeted(shop, "ana", flow=flow, phone="+436601234567")
    handed_over(shop.engine, "ana", provider="email")
    take(shop, bounce("ana"))
    assert shop.told("2026-03-04T12:00") == [("ana", "send", "sms")]


def test_the_same_mail_twice_is_one_however_it_arrives(sent: Shop) -> None:
    mail = bounce("ana")
    assert take(sent, mail, mail).new == {"bounced": 1}
    for again in (mail, bounce("ana", to="halo@shop.example"), bounce("ana", EXCHANGE)):
        taken = take(sent, again)
        assert (taken.new, taken.repeated) == ({}, 1)
    assert facts(sent) == [("ana", "bounced")]


def test_what_passes_puts_no_address_out_of_use(sent: Shop) -> None:
    full = bounce("ana", status="5.2.2", code="552", words="mailbox full")
    late = bounce("ben", status="4.4.1", action="delayed", code="451", words="later")
    taken = take(sent, full, late)
    assert (taken.new, taken.noted) == ({"bounced": 1}, {"delayed": 1})
    assert facts(sent) == [("ana", "bounced")]
    assert rows(sent.engine, "SELECT count(*) FROM suppression") == [(0,)]


def test_a_passing_bounce_that_becomes_permanent_is_two_facts(sent: Shop) -> None:
    take(sent, bounce("ana", status="5.2.2", code="552", words="mailbox full"))
    assert take(sent, bounce("ana")).new == {"bounced": 1}
    assert rows(sent.engine, "SELECT count(*) FROM suppression") == [(1,)]


def test_an_address_that_the_report_does_not_name_stays_in_use(sent: Shop) -> None:
    with sent.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE customer SET email = 'new@shop.example' WHERE external_id = 'ana'"
        )
    assert take(sent, bounce("ana")).new == {"bounced": 1}
    assert rows(sent.engine, "SELECT count(*) FROM suppression") == [(0,)]


@pytest.mark.parametrize("named", ["Ana@BÜCHER.example", "ana@xn--bcher-kva.example"])
def test_an_address_is_the_same_in_other_letters(sent: Shop, named: str) -> None:
    with sent.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE customer SET email = 'ana@bücher.example' WHERE external_id = 'ana'"
        )
    take(sent, bounce("ana", receiver=named))
    assert rows(sent.engine, "SELECT address FROM suppression") == [("ana@bücher.example",)]


def test_a_bounce_of_the_standard_library_by_its_message_id_alone(sent: Shop) -> None:
    original = f"<{provider_key('ben')}@shop.example>"
    fields = {"Final-Recipient": "rfc822; BEN@shop.example"}
    assert take(sent, report("halo@shop.example", "5.1.1", fields, original=original)).new == {
        "bounced": 1
    }
    assert facts(sent) == [("ben", "bounced")]


def test_a_bounce_ends_a_doubt(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana", provider="email", state="in_doubt")
    take(shop, bounce("ana"))
    assert rows(shop.engine, "SELECT state FROM message") == [("sent",)]


def test_a_complaint_ends_all_marketing(sent: Shop) -> None:
    mail = raw(COMPLAINT, key=provider_key("ana"), returned=returned(provider_key("ana")))
    assert take(sent, mail).new == {"complained": 1}
    assert take(sent, mail).repeated == 1
    assert {(who, topic) for who, topic, _ in withdrawn(sent)} == {
        ("ana", "news"),
        ("ana", "texts"),
    }


def test_a_wish_does_what_the_link_does(sent: Shop) -> None:
    mail = raw(WISH, to=leaving("ana"), receiver="somebody@else.example")
    assert take(sent, mail).new == {"unsubscribed": 1}
    assert withdrawn(sent) == {("ana", "news", "customer")}
    assert facts(sent) == [("ana", "unsubscribed")]


def test_the_same_wish_read_again_leaves_alone_who_came_back(sent: Shop) -> None:
    mail, later = (
        f"Message-ID: <{number}@mail.example>\r\n".encode() + raw(WISH, to=leaving("ana"))
        for number in (1, 2)
    )
    take(sent, mail)
    wish = wish_of(sent.playbook, "ana")
    choose(Line(sent.engine), wish, {"news", "texts"}, TOPICS, NOW + timedelta(hours=1))
    again = take(sent, b"Delivered-To: x@shop.example\r\n" + mail, to=[leaving("ana").lower()])
    assert (again.new, again.repeated) == ({}, 1)
    assert holder(sent, wish).subscribed() == {"news", "texts"}
    assert take(sent, later).new == {"unsubscribed": 1}
    assert holder(sent, wish).subscribed() == {"texts"}


def holder(shop: Shop, wish: Wish) -> Holder:
    with shop.engine.connect() as connection:
        found = holder_of(connection, wish)
    assert found is not None
    return found


def test_a_wish_signed_with_an_earlier_secret_still_counts(sent: Shop) -> None:
    changed = Keys(Secret("another secret of 32 characters!!"), (KEYS.current,))
    assert take(sent, raw(WISH, to=leaving("ana")), keys=changed).new == {"unsubscribed": 1}


STRANGE = Keys(Secret("a secret of somebody else, 32 and more"))


def test_forged_addresses_change_nothing(sent: Shop) -> None:
    right = leaving("ana")
    key, proof = provider_key("ana"), right.partition("@")[0][-12:]
    forged = [
        raw(WISH, to=leaving("ana", STRANGE)),
        raw(WISH, to=right.replace(key, provider_key("ben"))),
        raw(WISH, to=right.replace(key, "A" * 40)),
        raw(WISH, to=right.replace(proof, "A" * 12)),
        raw(WISH, to=right.replace(proof, "")),
        raw(WISH, to=right.replace(proof, proof[:-1])),
        raw(POSTFIX, key="B" * 40),
        raw(POSTFIX, key=key[:-1] + "A"),
        raw(COMPLAINT, key="C" * 40),
    ]
    taken = take(sent, *forged)
    assert (taken.new, taken.repeated) == ({}, 0)
    assert taken.unknown + taken.unproved + sum(taken.noted.values()) == len(forged)
    assert taken.unproved == 3
    assert (facts(sent), withdrawn(sent)) == ([], set())
    assert rows(sent.engine, "SELECT count(*) FROM suppression") == [(0,)]


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated", "X-Autoreply: 1"]
)
def test_who_is_away_has_not_bounced(sent: Shop, header: str) -> None:
    taken = take(sent, raw(AWAY, key=provider_key("ana"), header=header))
    assert (taken.noted, facts(sent)) == ({"automatic": 1}, [])


def test_a_message_of_another_channel_has_no_bounce(shop: Shop) -> None:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana", provider="email")
    with shop.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE message SET channel = 'sms'")
    assert take(shop, bounce("ana")).unknown == 1


def test_a_customer_who_is_gone_has_nothing_to_leave(sent: Shop) -> None:
    mails = raw(WISH, to=leaving("ana")), bounce("ana")
    with sent.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM customer WHERE external_id = 'ana'")
    assert take(sent, *mails).unknown == 2


def test_the_same_mails_brought_by_many_at_once_are_taken_once(sent: Shop) -> None:
    mails = [bounce("ana"), raw(WISH, to=leaving("ben"))]
    with ThreadPoolExecutor(4) as many:
        took = list(many.map(lambda _: take(sent, *mails), range(4)))
    assert sum((one.new for one in took), Counter()) == {"bounced": 1, "unsubscribed": 1}
    assert sum(one.repeated for one in took) == 6
    assert facts(sent) == [("ana", "bounced"), ("ben", "unsubscribed")]


def test_who_leaves_by_mail_has_left_at_the_wire_too(shop: Shop) -> None:
    greeted(shop, "ana", subscribed_to="news")
    handed_over(shop.engine, "ana", provider="email", state="sending")
    with ThreadPoolExecutor(1) as one:
        took = one.submit(take, shop, raw(WISH, to=leaving("ana")))
        until = time.monotonic() + 9
        while not withdrawn(shop) and time.monotonic() < until:
            time.sleep(0.01)
        assert not took.done()  # written, and waiting for the call that had begun before
        with shop.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE message SET state = 'sent'")
        assert took.result().new == {"unsubscribed": 1}
