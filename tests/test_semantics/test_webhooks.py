"""Semantics 49, 59: calls of webhooks, and waiting for their answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from harness import CATALOG, PROJECT, Shop, at
from sqlalchemy import select

from orchestrator import tables
from orchestrator.answers import Answer, record
from orchestrator.errors import NotFoundError
from orchestrator.importing.run import import_file
from orchestrator.playbook.check import check

EARLY, NOW, HALF, LATER = (
    f"2026-03-02T{clock}:00" for clock in ("08:00", "09:00", "09:30", "10:00")
)
HOOKS = (
    CATALOG + "webhooks: {usage: {url: 'https://shop.example/usage', gives: {projects: number}}}\n"
)
VIENNA = ZoneInfo("Europe/Vienna")
KEY = "v1.shop.ana.greet.1.ask.0.webhook.0"


def _flow(step: str, more: str = "{send: hello}", name: str = "greet") -> str:
    steps = f"[{{webhook: usage, id: ask, {step}}}, {more}]"
    return f"flow: {name}\nstatus: live\nstarts_when: {{did: view}}\nsteps: {steps}\n"


def _called(shop: Shop, step: str, more: str = "{send: hello}", **files: str) -> Shop:
    shop.write(catalog=HOOKS, greet=_flow(step, more), **files).customers(ana={})
    shop.tick(EARLY)
    shop.event("ana", "view", NOW)
    return shop


def _ledger(shop: Shop) -> list[tuple[str, int, str]]:
    row = tables.message.c
    query = select(row.channel, row.generation, row.state).order_by(row.id)
    with shop.engine.connect() as connection:
        return [tuple(one) for one in connection.execute(query)]


def _answer(
    shop: Shop, when: str, failure: str | None = None, key: str = KEY, **fields: str
) -> bool:
    return record(shop.engine, Answer(key, at(when), fields, failure), VIENNA)


def _kinds(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(line["message"], line["decision"]) for line in lines]


def test_rule_49_a_call_is_queued_once_and_the_run_goes_on(shop: Shop) -> None:
    _called(shop, "with: {points: 5}, if_it_fails: retry")
    assert _kinds(shop.tick(NOW)) == [("usage", "send"), ("hello", "send")]
    assert shop.tick(LATER) == []
    assert _ledger(shop) == [("webhook", 0, "queued"), ("email", 0, "queued")]


def test_rule_49_a_run_waits_for_the_answer_and_reads_its_fields(shop: Shop) -> None:
    more = "{send: hello, only_if: {attribute: ask.projects, at_least: 2}}"
    _called(shop, "at_most: 3 hours", more)
    assert _kinds(shop.tick(NOW)) == [("usage", "send")]
    assert shop.tick(HALF) == []
    assert _answer(shop, "2026-03-02T09:40:00", projects="3")
    assert not _answer(shop, "2026-03-02T09:45:00", projects="1")
    assert _kinds(shop.tick(LATER)) == [("hello", "send")]
    assert _ledger(shop)[0] == ("webhook", 0, "answered")


@pytest.mark.parametrize(
    ("fails", "told", "exits"),
    [
        ("skip", [("hello", "send")], "completed"),
        ("exit", [], "step"),
        ("retry", [("usage", "send")], None),
    ],
)
def test_rule_49_a_failure_is_skipped_left_or_tried_again(
    shop: Shop, fails: str, told: list[tuple[str, str]], exits: str | None
) -> None:
    _called(shop, f"at_most: 3 hours, if_it_fails: {fails}").tick(NOW)
    assert _answer(shop, HALF, "no route")
    assert _kinds(shop.tick(LATER)) == told
    assert shop.runs()[0][3] == exits
    assert shop.tick("2026-03-02T10:30:00") == []


def test_rule_49_a_second_try_may_be_answered(shop: Shop) -> None:
    _called(shop, "at_most: 3 hours, if_it_fails: retry").tick(NOW)
    _answer(shop, HALF, "no route")
    shop.tick(LATER)
    assert _ledger(shop) == [("webhook", 0, "failed"), ("webhook", 1, "queued")]
    assert _answer(shop, "2026-03-02T10:10:00", key=KEY[:-1] + "1", projects="1")
    assert _kinds(shop.tick("2026-03-02T10:20:00")) == [("hello", "send")]


@pytest.mark.parametrize(("fails", "exits"), [("skip", "completed"), ("exit", "step")])
def test_rule_49_no_answer_in_time_is_a_failure(shop: Shop, fails: str, exits: str) -> None:
    more = "{send: hello, only_if: {attribute: ask.timed_out, is: true}}"
    _called(shop, f"at_most: 1 hour, if_it_fails: {fails}", more).tick(NOW)
    assert shop.tick("2026-03-02T09:59:59") == []
    assert len(shop.tick(LATER)) == (1 if fails == "skip" else 0)
    assert shop.runs()[0][3] == exits


def test_rule_49_a_template_reads_what_the_answer_gave(shop: Shop) -> None:
    more = "{send: hello, subject: 'You have {{ ask.projects }}'}"
    _called(shop, "at_most: 3 hours", more)
    assert check(shop.folder).errors == 0


def test_rule_49_no_condition_about_messages_sees_a_call(shop: Shop) -> None:
    _called(shop, "if_it_fails: skip", "{send: hello, only_if: {not_received: any}}")
    assert len(shop.tick(NOW)) == 2


def test_rule_49_a_preview_calls_nothing_and_says_so(shop: Shop) -> None:
    _called(shop, "at_most: 1 hour")
    shop.preview(NOW)
    assert _ledger(shop) == []


def test_rule_59_a_control_group_is_not_called_for_and_does_not_wait(shop: Shop) -> None:
    project = PROJECT.replace("quiet_hours: none", "quiet_hours: none, holdout: {share: 100%}")
    _called(shop, "at_most: 1 hour, if_it_fails: exit", project=project)
    told = [(one["message"], one["decision"], one["reason"]) for one in shop.tick(NOW)]
    assert told == [("usage", "suppress", "holdout"), ("hello", "suppress", "holdout")]
    assert _ledger(shop) == []


def test_rule_30_an_answer_puts_its_customer_on_the_next_ticks_list(shop: Shop) -> None:
    _called(shop, "at_most: 1 hour").tick(NOW)
    with shop.engine.begin() as connection:
        connection.execute(tables.dirty.delete())
    _answer(shop, HALF, projects="3")
    with shop.engine.connect() as connection:
        assert connection.scalars(select(tables.dirty.c.customer_id)).all() == [1]


def test_answers_come_from_a_file_too(shop: Shop, tmp_path: Path) -> None:
    _called(shop, "at_most: 3 hours", "{send: hello, only_if: {attribute: ask.projects, is: 3}}")
    shop.tick(NOW)
    file = tmp_path / "answers.csv"
    file.write_text(
        f"key,at,projects,error\n{KEY},2026-03-02T09:30Z,3,\n"
        "v1.shop.ben.greet.1.ask.0.webhook.0,2026-03-02T09:30Z,3,\nbad,2026-03-02T09:30Z,,\n",
        encoding="utf-8",
    )
    first, again = (import_file(shop.engine, "answers", file) for _ in range(2))
    assert (first.loaded, first.rejected, again.loaded, again.unchanged) == (1, 2, 0, 1)
    assert _kinds(shop.tick(LATER)) == [("hello", "send")]


def test_a_call_that_nobody_made_has_no_answer(shop: Shop) -> None:
    _called(shop, "at_most: 1 hour").tick(NOW)
    for call in ("", "v1.shop", KEY.replace("ana", "ben"), 99):
        with pytest.raises(NotFoundError):
            record(shop.engine, Answer(call, at(HALF)), VIENNA)
