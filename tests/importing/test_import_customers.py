"""Customers are set to exactly what a file says; consent only within its rules (semantics 5, 6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from loading import contents, counts, load, rows
from sqlalchemy import Engine, text

from orchestrator.columns import EVER, to_micros
from orchestrator.importing.people import base_of

FACTS = (
    "SELECT external_id, email, phone, locale, timezone, preferred_time, created_at FROM customer"
    " ORDER BY external_id"
)
ATTRIBUTES = (
    "SELECT c.external_id, v.name, v.text FROM attribute_value v"
    " JOIN customer c ON c.id = v.customer_id ORDER BY 1, 2"
)
ACTS = (
    "SELECT c.external_id, a.topic, a.withdrawn, a.at, a.source FROM consent a"
    " JOIN customer c ON c.id = a.customer_id ORDER BY a.id"
)
SUBSCRIBED = (
    "SELECT external_id, topic FROM (SELECT c.external_id, a.topic, a.withdrawn,"
    " row_number() OVER (PARTITION BY a.customer_id, a.topic ORDER BY a.at DESC, a.withdrawn DESC)"
    " AS age FROM consent a JOIN customer c ON c.id = a.customer_id) acts"
    " WHERE age = 1 AND withdrawn = 0 ORDER BY 1, 2"
)


def _micros(moment: str) -> int:
    return to_micros(datetime.fromisoformat(moment).replace(tzinfo=UTC))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def test_known_columns_and_attributes(engine: Engine, people: Path) -> None:
    content = (
        "id,email,phone,locale,timezone,created_at,preferred_time,plan,birthday,points\n"
        "anna,Anna@Example.com,+62 812-3456-7890,id-ID,Mars/Olympus,2026-01-05,09:00,pro,"
        "1990-02-29,12.5\n"
        "ben,,,,,,,,1990-03-01,\n"
    )
    assert counts(load(engine, "customers", people, content)) == (2, 0, 0, 0)
    assert rows(engine, FACTS) == [
        (
            "anna",
            "Anna@Example.com",
            "+6281234567890",
            "id-ID",
            "Mars/Olympus",
            "09:00",
            _micros("2026-01-05"),
        ),
        ("ben", None, None, None, None, None, None),
    ]
    assert rows(engine, ATTRIBUTES) == [
        ("anna", "birthday", "1990-02-29"),
        ("anna", "plan", "pro"),
        ("anna", "points", "12.5"),
        ("ben", "birthday", "1990-03-01"),
    ]
    typed = "SELECT on_date, money FROM attribute_value ORDER BY name, text"
    assert rows(engine, typed) == [(None, None), (19900301, None), (None, None), (None, 125_000)]
    assert rows(engine, "SELECT base FROM customer WHERE external_id = 'anna'") == [
        (base_of("anna"),)
    ]
    assert rows(engine, "SELECT count(*) FROM dirty") == [(2,)]


def test_the_same_file_twice_changes_nothing(engine: Engine, people: Path) -> None:
    content = (
        "id,email,plan,tags,subscribed_to,consented_at\n"
        "anna,a@example.com,pro,x;y,news;sms,2026-01-01\n"
        "ben,,,,news,\n"
        "cara,c@example.com,free,z,,\n"
    )
    load(engine, "customers", people, content)
    before = contents(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dirty"))
    assert counts(load(engine, "customers", people, content)) == (0, 0, 3, 0)
    assert contents(engine) == before
    assert rows(engine, "SELECT * FROM dirty") == []


def test_exactly_the_columns_of_the_file_are_set(engine: Engine, people: Path) -> None:
    load(engine, "customers", people, "id,email,plan,city\nanna,a@example.com,pro,Wien\n")
    outcome = load(engine, "customers", people, "id,plan,city\nanna,,Graz\nben,free,\n")
    assert counts(outcome) == (1, 1, 0, 0)
    assert rows(engine, "SELECT email FROM customer WHERE external_id = 'anna'") == [
        ("a@example.com",)
    ]
    assert rows(engine, ATTRIBUTES) == [("anna", "city", "Graz"), ("ben", "plan", "free")]
    load(engine, "customers", people, "id,email\nanna,\n")
    assert rows(engine, "SELECT email FROM customer WHERE external_id = 'anna'") == [(None,)]


def test_the_last_row_of_a_customer_wins(engine: Engine, people: Path) -> None:
    content = "id,plan,subscribed_to\nanna,free,news\nben,x,\nanna,pro,\n"
    assert counts(load(engine, "customers", people, content)) == (2, 0, 1, 0)
    assert rows(engine, ATTRIBUTES) == [("anna", "plan", "pro"), ("ben", "plan", "x")]
    assert rows(engine, ACTS) == []
    assert counts(load(engine, "customers", people, content)) == (0, 0, 3, 0)


def test_a_rejected_row_does_not_replace_a_good_one(engine: Engine, people: Path) -> None:
    content = "id,email\nanna,a@example.com\nanna,not an address\n"
    assert counts(load(engine, "customers", people, content)) == (1, 0, 0, 1)
    assert rows(engine, "SELECT email FROM customer") == [("a@example.com",)]


def test_each_json_line_sets_its_own_keys(engine: Engine, tmp_path: Path) -> None:
    lines = [
        {"id": "anna", "plan": "pro", "city": "Wien"},
        {"id": "ben", "city": "Graz"},
        {"id": "anna", "city": None, "tags": ["x", "y"]},
    ]
    content = "\n".join(json.dumps(line) for line in lines)
    load(engine, "customers", tmp_path / "people.jsonl", content)
    assert rows(engine, ATTRIBUTES) == [
        ("anna", "plan", "pro"),
        ("anna", "tags", "x;y"),
        ("ben", "city", "Graz"),
    ]


def test_lists_have_their_members(engine: Engine, people: Path) -> None:
    items = "SELECT c.external_id, i.item FROM attribute_item i JOIN customer c ON c.id = i.customer_id ORDER BY 1, 2"
    content = 'id,tags\nanna,a; b ;a\nben,"[""c;d"", 2]"\ncara,single\ndora,[broken\n'
    load(engine, "customers", people, content)
    assert rows(engine, items) == [("anna", "a"), ("anna", "b"), ("ben", "2"), ("ben", "c;d")]
    load(engine, "customers", people, "id,tags\nanna,b;c\nben,\n")
    assert rows(engine, items) == [("anna", "b"), ("anna", "c")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",a@example.com,,,", "id: empty"),
        ("x,a@b,,,", "email: not one address"),
        ('x,"a@example.com\r\nBcc: x@y.com",,,', "email: not one address"),
        ('x,"a@example.com, b@example.com",,,', "email: not one address"),
        ("x,,0812345678,,", "phone: not +"),
        ("x,,6.28E+12,,", "phone: not +"),
        ("x,,,03/04/26,", "created_at: no time"),
        ("x,,,0001-01-01,", "created_at: no time"),
        ("x,,,,soon", "consented_at: no time"),
    ],
)
def test_a_row_with_a_bad_id_address_or_time_is_rejected_alone(
    engine: Engine, people: Path, row: str, reason: str
) -> None:
    content = f"id,email,phone,created_at,consented_at\n{row}\nanna,,,,\n"
    assert counts(load(engine, "customers", people, content)) == (1, 0, 0, 1)
    written = people.with_name("people.csv.rejects.csv").read_text().replace('"', "")
    assert f"2,{reason}" in written


# --- consent --------------------------------------------------------------------------


def test_without_the_column_there_is_no_consent_and_none_is_lost(
    engine: Engine, people: Path
) -> None:
    load(engine, "customers", people, "id,plan\nanna,pro\n")
    assert rows(engine, ACTS) == []
    load(engine, "customers", people, "id,subscribed_to\nanna,news\n")
    load(engine, "customers", people, "id,plan\nanna,free\n")
    assert rows(engine, SUBSCRIBED) == [("anna", "news")]


def test_consent_holds_since_ever_or_since_it_was_given(engine: Engine, people: Path) -> None:
    content = "id,subscribed_to,consented_at\nanna,news; sms,\nben,news,2026-01-05T10:00Z\n"
    load(engine, "customers", people, content)
    assert rows(engine, ACTS) == [
        ("anna", "news", 0, EVER, "import"),
        ("anna", "sms", 0, EVER, "import"),
        ("ben", "news", 0, _micros("2026-01-05T10:00"), "import"),
    ]


def test_a_topic_no_longer_listed_is_withdrawn_and_may_come_back(
    engine: Engine, people: Path
) -> None:
    header = "id,subscribed_to\n"
    load(engine, "customers", people, f"{header}anna,news;sms\n")
    assert counts(load(engine, "customers", people, f"{header}anna,sms\n")) == (0, 1, 0, 0)
    assert rows(engine, SUBSCRIBED) == [("anna", "sms")]
    load(engine, "customers", people, f"{header}anna,\n")
    assert rows(engine, SUBSCRIBED) == []
    for _ in range(2):
        load(engine, "customers", people, f"{header}anna,news\n")
        assert rows(engine, SUBSCRIBED) == [("anna", "news")]
    assert len(rows(engine, ACTS)) == 5


def test_an_earlier_consent_than_known_counts(engine: Engine, people: Path) -> None:
    header = "id,subscribed_to,consented_at\n"
    load(engine, "customers", people, f"{header}anna,news,2026-05-01\n")
    for _ in range(2):
        load(engine, "customers", people, f"{header}anna,news,2026-01-01\n")
    assert [at for _, _, _, at, _ in rows(engine, ACTS)] == [
        _micros("2026-05-01"),
        _micros("2026-01-01"),
    ]


@pytest.mark.parametrize("source", ["customer", "flow"])
@pytest.mark.parametrize("consented_at", ["", "2026-01-01", "2026-12-31"])
def test_an_import_never_undoes_what_the_customer_withdrew(
    engine: Engine, people: Path, source: str, consented_at: str
) -> None:
    content = f"id,subscribed_to,consented_at\nanna,news;sms,{consented_at}\n"
    load(engine, "customers", people, content)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO consent (customer_id, topic, withdrawn, at, source)"
                " SELECT id, 'news', 1, :at, :source FROM customer"
            ),
            {"at": _micros("2026-12-31T12:00"), "source": source},
        )
    outcome = load(engine, "customers", people, content)
    assert outcome.blocked == 1
    assert counts(outcome) == (0, 0, 1, 0)
    load(engine, "customers", people, "id,subscribed_to\nanna,\n")
    assert load(engine, "customers", people, content).blocked == 1
    assert rows(engine, SUBSCRIBED) == [("anna", "sms")]


def test_both_databases_hold_the_same(both_engines: tuple[Engine, Engine], people: Path) -> None:
    for seed in range(3):
        lines = [
            f"c{n % 40},{('', 'a@example.com', 'b@example.com')[(n + seed) % 3]},"
            f"{(n * 7 + seed) % 5}.5,{('', 'x;y', 'news')[n % 3]},{('', 'news', 'news;sms')[(n + seed) % 3]}"
            for n in range(60)
        ]
        content = "id,email,points,tags,subscribed_to\n" + "\n".join(lines)
        for engine in both_engines:
            load(engine, "customers", people, content)
    one, two = (contents(engine) for engine in both_engines)
    assert one == two
