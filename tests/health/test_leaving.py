"""What ``status`` and ``doctor`` say of messages that leave, or do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import CATALOG, Shop
from jsonschema import Draft7Validator
from sending import greeted
from sqlalchemy import insert, update

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.clock import utcnow
from orchestrator.columns import to_micros

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "status.schema.json"
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def words(shop: Shop, database_url: str) -> list[str]:
    """A shop with four messages queued; the options that name it."""
    greeted(shop, 4)
    return ["--project", str(shop.folder), "--db", database_url]


def become(shop: Shop, number: int, state: str) -> None:
    row = tables.message
    with shop.engine.begin() as connection:
        connection.execute(update(row).where(row.c.id == number).values(state=state))


def status(capsys: Printed, words: list[str]) -> dict[str, Any]:
    assert answer(["status", "-o", "json", *words]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(printed)
    return printed


def doctor(capsys: Printed, words: list[str]) -> list[tuple[str, str]]:
    answer(["doctor", "-o", "json", *words])
    found = json.loads(capsys.readouterr().out)["findings"]
    return [(one["says"], one["fix"]) for one in found if one["area"] == "delivery"]


def test_nothing_is_wrong_with_what_is_queued(words: list[str], capsys: Printed) -> None:
    found = status(capsys, words)
    assert (found["queued"], found["on_the_way"], found["in_doubt"], found["dead"]) == (
        {"email": 4},
        0,
        0,
        {},
    )
    assert doctor(capsys, words) == []


def test_what_is_stuck_is_counted_and_its_verb_named(
    words: list[str], shop: Shop, capsys: Printed
) -> None:
    for number, state in enumerate(("sending", "in_doubt", "dead", "dead"), start=1):
        become(shop, number, state)

    found = status(capsys, words)
    assert (found["on_the_way"], found["in_doubt"], found["dead"]) == (1, 1, {"email": 2})
    (doubtful, first), (dead, second) = doctor(capsys, words)
    assert "1 message may or may not have been taken" in doubtful
    assert "in-doubt" in first
    assert "2 messages could not be delivered" in dead
    assert "retry" in second
    assert answer(["status", *words]) == 0
    page = capsys.readouterr().out
    assert "clmctl outbox in-doubt list" in page
    assert "on the way  1 message, in the hands of a worker" in page


def test_a_provider_that_is_left_alone_is_named_with_its_reason(
    words: list[str], shop: Shop, capsys: Printed
) -> None:
    row = {
        "provider": "smtp",
        "domain": "",
        "state": "open",
        "recent": "xxxxx",
        "trips": 1,
        "open_until": 5,
        "reason": "535 wrong password",
    }
    with shop.engine.begin() as connection:
        connection.execute(insert(tables.breaker).values(**row))

    (shut,) = status(capsys, words)["shut_out"]
    assert (shut["provider"], shut["domain"], shut["reason"]) == (
        "smtp",
        None,
        "535 wrong password",
    )
    assert "smtp is left alone for a while: 535 wrong password" in doctor(capsys, words)[0][0]
    assert answer(["status", *words]) == 0
    until = "until Thu 1 January 1970"
    assert f"left alone  smtp {until}" in capsys.readouterr().out


def test_a_surge_is_named_with_the_word_that_lets_it_go(
    words: list[str], shop: Shop, capsys: Printed
) -> None:
    row = {
        "kind": "surge",
        "name": "5/greet/hello",
        "state": "held",
        "at": 5,
        "reason": "many at once",
    }
    with shop.engine.begin() as connection:
        connection.execute(insert(tables.control).values(**row))

    (held,) = status(capsys, words)["surges"]
    assert (held["flow"], held["why"]) == ("greet", "many at once")
    assert "clmctl outbox approve greet" in doctor(capsys, words)[0][1]


def test_a_sender_that_is_complained_of_is_named_and_let_go(
    words: list[str], shop: Shop, capsys: Printed
) -> None:
    sender = "news@shop.example"
    shop.write(catalog=f"{CATALOG}senders: {{news: Shop <{sender}>}}\n")
    at = {"at": to_micros(utcnow())}
    with shop.engine.begin() as connection:
        row = {"kind": "complaints", "name": sender, "state": "held", "reason": "3 complaints"}
        connection.execute(insert(tables.control).values(**row, **at))

    assert status(capsys, words)["complaints"] == [
        {"sender": sender, "complaints": 0, "messages": 0, "is_held": True}
    ]
    assert answer(["outbox", "list", *words]) == 0
    assert f"clmctl outbox approve {sender}" in " ".join("".join(capsys.readouterr()).split())
    says, fix = doctor(capsys, words)[0]
    assert f"the marketing of {sender} is held" in says
    assert f"clmctl outbox approve {sender}" in fix
    assert answer(["outbox", "approve", "new@shop.example", *words]) == 2
    said = "".join(capsys.readouterr())
    assert 'there is no sender "new@shop.example"' in said
    assert f'did you mean "{sender}"?' in said
    assert answer(["outbox", "approve", sender, *words]) == 0
    assert "may leave" in "".join(capsys.readouterr())
    assert status(capsys, words)["complaints"] == []
    assert answer(["outbox", "approve", sender, *words]) == 0
    assert "Nothing was held" in "".join(capsys.readouterr())


def test_the_kill_file_is_found(words: list[str], shop: Shop, capsys: Printed) -> None:
    stop = shop.folder / ".clm" / "STOP"
    stop.parent.mkdir(exist_ok=True)
    stop.touch()

    ((says, fix),) = doctor(capsys, words)
    assert "kill switch" in says
    assert str(stop) in fix
    assert status(capsys, words)["may_send"] is False
    assert answer(["status", *words]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert f"kill switch set: nothing is sent ({stop} is there)" in page


def test_calls_that_failed_count_as_dead(words: list[str], shop: Shop, capsys: Printed) -> None:
    row = tables.message
    with shop.engine.begin() as connection:
        calls = update(row).where(row.c.id < 3).values(state="failed", channel="webhook")
        connection.execute(calls)
    assert status(capsys, words)["dead"] == {"webhook": 2}
    ((says, fix),) = doctor(capsys, words)
    assert "2 messages could not be delivered" in says
    assert "--state failed" in fix
