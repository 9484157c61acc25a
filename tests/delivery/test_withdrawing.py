from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from harness import Shop
from ledger import TOPICS, greeted, handed_over, rows, wish_of

from orchestrator.delivery.line import Line
from orchestrator.delivery.withdrawing import choose, holder_of, withdraw

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
LEFT = "SELECT topic FROM consent WHERE withdrawn = 1 AND source = 'customer' ORDER BY topic"


def subscribed(shop: Shop, customer: str = "ana") -> set[str]:
    with shop.engine.connect() as connection:
        holder = holder_of(connection, wish_of(shop.playbook, customer))
        return set(holder.subscribed()) if holder else set()


def sent(shop: Shop) -> Shop:
    greeted(shop, "ana")
    handed_over(shop.engine, "ana")
    return shop


def test_to_leave_a_topic_leaves_that_alone(shop: Shop) -> None:
    done = withdraw(Line(sent(shop).engine), wish_of(shop.playbook, "ana"), "news", TOPICS, NOW)
    assert done.is_new
    assert subscribed(shop) == {"texts"}
    query = "SELECT message, flow, channel, kind FROM receipt"
    assert rows(shop.engine, query) == [("welcome", "hello", "email", "unsubscribed")]
    assert len(rows(shop.engine, "SELECT 1 FROM dirty")) == 1


def test_to_leave_all_leaves_topics_never_subscribed_to_as_well(shop: Shop) -> None:
    topics = {**TOPICS, "never": "marketing"}
    withdraw(Line(sent(shop).engine), wish_of(shop.playbook, "ana", None), None, topics, NOW)
    assert rows(shop.engine, LEFT) == [("never",), ("news",), ("texts",)]


def test_twice_is_once(shop: Shop) -> None:
    wish = wish_of(sent(shop).playbook, "ana")
    asked = [withdraw(Line(shop.engine), wish, "news", TOPICS, NOW).is_new for _ in range(3)]
    assert asked == [True, False, False]
    assert rows(shop.engine, LEFT) == [("news",)]


def test_at_the_same_time_is_once(shop: Shop) -> None:
    wish = wish_of(sent(shop).playbook, "ana")
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(withdraw, Line(shop.engine), wish, "news", TOPICS, NOW) for _ in range(16)
        ]
    assert sorted(job.result().is_new for job in jobs) == [False] * 15 + [True]


def test_a_customer_who_is_gone_has_left(shop: Shop) -> None:
    wish = wish_of(sent(shop).playbook, "nobody")
    assert withdraw(Line(shop.engine), wish, None, TOPICS, NOW).customer is None
    assert choose(Line(shop.engine), wish, {"news"}, TOPICS, NOW).customer is None


def test_a_link_works_again_after_the_customer_came_back(shop: Shop) -> None:
    wish = wish_of(sent(shop).playbook, "ana")
    withdraw(Line(shop.engine), wish, "news", TOPICS, NOW)
    choose(Line(shop.engine), wish, {"news", "texts"}, TOPICS, NOW)
    assert subscribed(shop) == {"news", "texts"}
    assert withdraw(Line(shop.engine), wish, "news", TOPICS, NOW).is_new
    assert subscribed(shop) == {"texts"}


def test_what_the_file_says_later_does_not_count_against_the_customer(shop: Shop) -> None:
    withdraw(Line(sent(shop).engine), wish_of(shop.playbook, "ana"), "news", TOPICS, NOW)
    shop.consent("ana", "news", "2026-03-01T00:00").import_facts()
    assert subscribed(shop) == {"texts"}


def test_consent_that_is_dated_ahead_is_withdrawn_too(shop: Shop) -> None:
    sent(shop).consent("ana", "news", "2027-01-01T00:00").import_facts()
    withdraw(Line(shop.engine), wish_of(shop.playbook, "ana"), "news", TOPICS, NOW)
    assert subscribed(shop) == {"texts"}


def test_to_choose_sets_what_is_wanted_and_no_more(shop: Shop) -> None:
    wish = wish_of(sent(shop).playbook, "ana")
    choose(Line(shop.engine), wish, {"texts", "bills", "made_up"}, TOPICS, NOW)
    assert subscribed(shop) == {"texts"}
    assert not choose(Line(shop.engine), wish, {"texts"}, TOPICS, NOW).is_new
    choose(Line(shop.engine), wish, set(), TOPICS, NOW)
    assert subscribed(shop) == set()


def test_an_alias_is_the_customer(shop: Shop) -> None:
    sent(shop)
    with shop.engine.begin() as connection:
        number = connection.exec_driver_sql("SELECT id FROM customer").scalar()
        connection.exec_driver_sql(f"INSERT INTO alias VALUES ('old', {number})")
    withdraw(Line(shop.engine), wish_of(shop.playbook, "old"), "news", TOPICS, NOW)
    assert subscribed(shop) == {"texts"}
