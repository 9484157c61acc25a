"""``clmctl status``: due, held, queued, who plans, what is stopped, who is stranded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import Shop, at
from jsonschema import Draft7Validator
from sqlalchemy import update
from waking import Clockwork, ticks

from orchestrator import tables
from orchestrator.cli.shell import answer
from orchestrator.columns import to_micros

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "status.schema.json"
FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps:
  - {send: welcome, send_between: 08:00-11:00}
  - {wait: 3 days}
  - {send: again}
"""


def status(shop: Shop, capsys: pytest.CaptureFixture[str], when: str, *more: str) -> Any:
    url = shop.engine.url.render_as_string(hide_password=False)
    located = ["--project", str(shop.folder), "--db", url, "--at", when]
    capsys.readouterr()
    assert answer(["status", *located, "-o", "json", *more]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    return document


@pytest.fixture
def running(shop: Shop) -> Clockwork:
    """Anna waits since 9, ben is held since 12."""
    shop.write(hello=FLOW).customers(anna={}, ben={})
    clockwork = Clockwork(shop, "2026-03-02T08:00")
    clockwork.wake()
    shop.event("anna", "signed_up", "2026-03-02T08:30").import_facts()
    clockwork.wake("2026-03-02T09:00")
    shop.event("ben", "signed_up", "2026-03-02T09:30").import_facts()
    clockwork.wake("2026-03-02T10:00")
    return clockwork


def test_status_before_anything_ran(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write(hello=FLOW)
    document = status(shop, capsys, "2026-03-02T10:00Z")

    assert (document["last_tick"], document["lag_seconds"], document["leader"]) == (
        None,
        None,
        None,
    )


def test_status_tells_what_is_due_held_and_who_plans(
    running: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    document = status(running.shop, capsys, "2026-03-02T10:05Z")

    assert document["last_tick"] == "2026-03-02T10:00:00Z"
    assert document["lag_seconds"] == 300
    assert document["held"] == {"send_between": 1}
    assert document["leader"]["term"] == 1
    assert document["leader"]["is_held"]
    assert document["flows"]["hello"]["active"] == 2
    assert document["queued"] == {}
    assert document["stranded"] == []


def test_what_is_due_is_what_the_next_tick_moves(
    running: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    before = status(running.shop, capsys, "2026-03-05T08:59Z")
    after = status(running.shop, capsys, "2026-03-05T09:00Z")

    assert before["next_due_at"] == "2026-03-05T09:00:00Z"
    assert after["due"] == before["due"] + 1
    assert after["next_due_at"] is None
    assert ticks(running.shop)[-1] == at("2026-03-02T10:00")


def test_messages_wait_by_channel_and_webhooks_apart(
    running: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    with running.shop.engine.begin() as connection:
        connection.execute(update(tables.message).values(state="queued"))
    assert status(running.shop, capsys, "2026-03-02T10:05Z")["queued"] == {"email": 1}

    with running.shop.engine.begin() as connection:
        connection.execute(update(tables.message).values(channel="webhook"))
    document = status(running.shop, capsys, "2026-03-02T10:05Z")

    assert (document["queued"], document["webhooks_waiting"]) == ({}, 1)


def test_runs_on_a_step_that_is_gone_are_stranded(
    running: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    with running.shop.engine.begin() as connection:
        run = tables.enrollment
        connection.execute(update(run).where(run.c.step == "welcome").values(step="gone"))
    document = status(running.shop, capsys, "2026-03-02T10:05Z")

    assert document["stranded"] == [{"flow": "hello", "step": "gone", "runs": 1}]


def test_pauses_and_tripped_breakers_are_listed(
    running: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    moment = to_micros(at("2026-03-02T10:01"))
    with running.shop.engine.begin() as connection:
        row = {"kind": "flow", "name": "hello", "state": "paused", "at": moment, "reason": "why"}
        connection.execute(tables.control.insert().values(**row))
        connection.execute(update(tables.flow_state).values(tripped_at=moment))
    document = status(running.shop, capsys, "2026-03-02T10:05Z")

    stopped = {
        "flow": "hello",
        "channel": None,
        "at": "2026-03-02T10:01:00Z",
        "reason": "why",
    }
    assert document["paused"] == [stopped]
    assert document["tripped"] == {"hello": "2026-03-02T10:01:00Z"}


def test_files_that_do_not_load_are_no_obstacle(
    running: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    (running.shop.folder / "playbooks" / "hello.yaml").write_text("flow: [", encoding="utf-8")

    assert status(running.shop, capsys, "2026-03-02T10:05Z")["flows"]["hello"]["active"] == 2


def test_the_page_for_people_says_the_same(
    running: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    url = running.shop.engine.url.render_as_string(hide_password=False)
    located = ["--project", str(running.shop.folder), "--db", url, "--at", "2026-03-02T10:05Z"]
    capsys.readouterr()
    assert answer(["status", *located]) == 0
    page = capsys.readouterr().out

    assert "Mon 2 March 2026 11:00 Europe/Vienna, 5 minutes ago" in page
    assert "1 send_between" in page
    assert "term 1" in page
