"""What ``explain`` says of a run's messages: which left, which did not, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import CATALOG, Shop, at
from jsonschema import Draft7Validator
from sqlalchemy import insert, update

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.columns import to_micros

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "explain.schema.json"
FLOW = """
flow: hello
status: live
owner: me
starts_when: {did: signed_up}
re_entry: always
steps: [{send: hi, topic: news}, {send: now, topic: texts, channel: sms}, {send: again, topic: news}]
"""
LATER = "2026-03-02T10:00:00Z"
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def words(shop: Shop, database_url: str) -> list[str]:
    """Ann has two mails in the ledger, ids 1 and 2, and no telephone for the text between."""
    shop.write(hello=FLOW).customers(ann={}).tick("2026-03-01T09:00")
    shop.event("ann", "signed_up", "2026-03-02T08:00").tick("2026-03-02T09:00")
    return ["ann", "--flow", "hello", "--at", LATER, "--project", str(shop.folder), "--db",
            database_url]  # fmt: skip


def become(shop: Shop, number: int, **values: object) -> None:
    row = tables.message
    with shop.engine.begin() as connection:
        connection.execute(update(row).where(row.c.id == number).values(**values))


def page(capsys: Printed, words: list[str]) -> str:
    assert answer(["explain", *words]) == 0
    return capsys.readouterr().out


def test_what_did_not_leave_is_told_with_its_reason(
    shop: Shop, words: list[str], capsys: Printed
) -> None:
    become(shop, 1, state="dead", error="554 5.6.0: content refused")
    again = {"error": "451: try later", "not_before": to_micros(at(LATER))}
    become(shop, 2, state="queued", **again)
    said = page(capsys, words)
    assert "Its messages:" in said
    assert "    554 5.6.0: content refused; clmctl outbox show 1\n" in said
    assert "no address" in said
    assert " ".join(said.split()).count("451: try later; not before Mon 2 March 2026 11:00") == 1


def test_what_left_is_told_and_nothing_besides(
    shop: Shop, words: list[str], capsys: Printed
) -> None:
    for number in (1, 2):
        become(shop, number, state="sent")
    said = page(capsys, words)
    assert said.count("sent") == 2
    assert "clmctl outbox show" not in said


def test_messages_of_the_latest_run_alone_are_in_the_document(
    shop: Shop, words: list[str], capsys: Printed
) -> None:
    become(shop, 2, state="dead", error="554: no")
    assert answer(["explain", *words, "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    told = [(one["step"], one["state"], one["why"], one["id"]) for one in document["messages"]]
    assert told == [
        ("hi", "dead", "554: no", 2),
        ("now", "suppressed", "unreachable", None),
        ("again", "queued", None, 1),
    ]
    shop.event("ann", "signed_up", "2026-03-02T09:30").tick("2026-03-02T09:45")
    assert answer(["explain", *words, "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {one["id"] for one in document["messages"]} == {3, 4, None}


@pytest.mark.parametrize(
    ("kind", "name", "why"),
    [
        ("complaints", "news@shop.example", "many complain of its sender"),
        ("surge", f"{to_micros(at('2026-03-02T09:00'))}/hello/hi", "unusually many at once"),
        ("flow", "hello", "paused"),
    ],
)
def test_what_people_or_breakers_hold_back_is_told_so(
    shop: Shop, words: list[str], capsys: Printed, kind: str, name: str, why: str
) -> None:
    shop.write(catalog=f"{CATALOG}senders: {{news: Shop <news@shop.example>}}\n")
    row = {"kind": kind, "name": name, "state": "held", "at": 5, "reason": None}
    with shop.engine.begin() as connection:
        connection.execute(insert(tables.control).values(**row))
    assert why in " ".join(page(capsys, words).split())
