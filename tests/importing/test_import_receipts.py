"""Receipts are facts about messages; some take consent or an address away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from loading import contents, counts, load, rows
from sqlalchemy import Engine

from orchestrator.columns import to_micros
from orchestrator.language.marks import Mark
from orchestrator.language.names import Name
from orchestrator.playbook.model import Catalog, Topic

HEADER = "customer_id,message,kind,at,flow,channel,topic\n"
ACTS = (
    "SELECT c.external_id, a.topic, a.at FROM consent a JOIN customer c ON c.id = a.customer_id"
    " WHERE a.withdrawn = 1 AND a.source = 'customer' ORDER BY 1, 2"
)
AT = to_micros(datetime(2026, 3, 2, 10, tzinfo=UTC))
MARK = Mark("playbooks/catalog.yaml", 1, 1)
CATALOG = Catalog(
    mark=MARK,
    marks={},
    topics={
        Name("news", "topic", MARK): Topic(mark=MARK, marks={}, purpose="marketing"),
        Name("offers", "topic", MARK): Topic(mark=MARK, marks={}, purpose="marketing"),
        Name("orders", "topic", MARK): Topic(mark=MARK, marks={}, purpose="transactional"),
    },
)


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Engine:
    """A database with two customers."""
    content = (
        "id,email,phone,subscribed_to\n"
        "anna,a@example.com,+6281234567890,news;orders;old\n"
        "ben,a@example.com,,news\n"
    )
    load(engine, "customers", tmp_path / "people.csv", content)
    return engine


def test_a_receipt_is_stored_once(shop: Engine, tmp_path: Path) -> None:
    content = HEADER + "anna,hello,opened,2026-03-02T10:00Z,welcome,email,\n" * 2
    outcome = load(shop, "receipts", tmp_path / "r.csv", content)
    assert counts(outcome) == (1, 0, 1, 0)
    before = contents(shop)
    assert counts(load(shop, "receipts", tmp_path / "r.csv", content)) == (0, 0, 2, 0)
    assert contents(shop) == before
    assert rows(shop, "SELECT message, kind, at, flow, channel FROM receipt") == [
        ("hello", "opened", AT, "welcome", "email")
    ]


def test_an_unsubscribe_withdraws_from_all_marketing(shop: Engine, tmp_path: Path) -> None:
    content = HEADER + "anna,hello,unsubscribed,2026-03-02T10:00Z,,,\n"
    outcome = load(shop, "receipts", tmp_path / "r.csv", content, catalog=CATALOG)
    assert rows(shop, ACTS) == [("anna", "news", AT), ("anna", "offers", AT), ("anna", "old", AT)]
    assert outcome.withdrawn == 3
    people = "id,subscribed_to\nanna,news;offers;orders\n"
    assert load(shop, "customers", tmp_path / "people.csv", people, catalog=CATALOG).blocked == 2


def test_an_unsubscribe_from_a_topic_withdraws_from_that_alone(
    shop: Engine, tmp_path: Path
) -> None:
    content = HEADER + "anna,hello,unsubscribed,2026-03-02T10:00Z,,,orders\n"
    load(shop, "receipts", tmp_path / "r.csv", content, catalog=CATALOG)
    assert rows(shop, ACTS) == [("anna", "orders", AT)]


def test_a_complaint_suppresses_and_withdraws_and_the_address_stays_so(
    shop: Engine, tmp_path: Path
) -> None:
    content = HEADER + "anna,hello,complained,2026-03-02T10:00Z,,,\n"
    assert load(shop, "receipts", tmp_path / "r.csv", content, catalog=CATALOG).suppressed == 1
    assert rows(shop, "SELECT * FROM suppression") == [("email", "a@example.com", "complained", AT)]
    assert len(rows(shop, ACTS)) == 3
    people = "id,email\nanna,a@example.com\ncara,a@example.com\n"
    load(shop, "customers", tmp_path / "people.csv", people)
    assert len(rows(shop, "SELECT * FROM suppression")) == 1


def test_a_bounce_suppresses_the_address_of_its_channel(shop: Engine, tmp_path: Path) -> None:
    content = (
        HEADER
        + "anna,hello,bounced,2026-03-02T10:00Z,,sms,\n"
        + "ben,hello,bounced,2026-03-02T10:00Z,,sms,\n"
        + "ben,hello,bounced,2026-03-02T10:00Z,,onsite,\n"
    )
    load(shop, "receipts", tmp_path / "r.csv", content)
    assert rows(shop, "SELECT * FROM suppression") == [("phone", "+6281234567890", "bounced", AT)]
    assert rows(shop, ACTS) == []


def test_everyone_with_a_suppressed_address_is_looked_at_again(
    shop: Engine, tmp_path: Path
) -> None:
    with shop.begin() as connection:
        connection.exec_driver_sql("DELETE FROM dirty")
    load(shop, "receipts", tmp_path / "r.csv", HEADER + "anna,m,bounced,2026-03-02,,,\n")
    assert rows(shop, "SELECT count(*) FROM dirty") == [(2,)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nobody,m,opened,2026-03-02,,,", "customer_id: there is no such customer"),
        (",m,opened,2026-03-02,,,", "customer_id: empty"),
        ("anna,,opened,2026-03-02,,,", "message: empty"),
        ("anna,m,read,2026-03-02,,,", "kind: none of accepted, delivered"),
        ("anna,m,Opened,2026-03-02,,,", "kind: none of"),
        ("anna,m,opened,today,,,", "at: no time"),
        ("anna,m,opened,2026-03-02,,fax,", "channel: none of"),
    ],
)
def test_a_bad_row_is_rejected_alone(shop: Engine, tmp_path: Path, row: str, reason: str) -> None:
    content = f"{HEADER}{row}\nanna,m,clicked,2026-03-02,,,\n"
    assert counts(load(shop, "receipts", tmp_path / "r.csv", content)) == (1, 0, 0, 1)
    written = (tmp_path / "r.csv.rejects.csv").read_text().replace('"', "")
    assert f"2,{reason}" in written
