"""``clmctl tasks``: the list and its JSON, and marking a task done once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import Shop
from jsonschema import Draft7Validator
from sqlalchemy import func, select

from orchestrator import tables
from orchestrator.cli.shell import answer

SCHEMA = Path(__file__).parents[2] / "schemas" / "cli" / "tasks.schema.json"
FLOW = """
flow: greet
status: live
starts_when: {did: view}
steps:
  - {task: Call them, id: call, assign_to: team, due: 2 days}
  - {wait: 1 hour}
  - {send: hello, only_if: {task_done: call}}
"""


@pytest.fixture
def called(shop: Shop, database_url: str) -> list[str]:
    """A shop in which one task was given; the options that name it."""
    shop.write(greet=FLOW).customers(ana={}, ben={}).tick("2026-03-02T08:00:00")
    shop.event("ana", "view", "2026-03-02T09:00:00")
    shop.tick("2026-03-02T09:00:00")
    return ["--project", str(shop.folder), "--db", database_url]


def _tasks(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert answer(["tasks", "list", "-o", "json", *words]) == 0
    printed = json.loads(capsys.readouterr().out)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft7Validator(schema).validate(printed)
    found: list[dict[str, Any]] = printed["tasks"]
    return found


def test_a_task_is_listed_until_it_is_done(
    called: list[str], shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    (task,) = _tasks(capsys, *called)
    assert (task["customer"], task["task"], task["assign_to"]) == ("ana", "Call them", "team")
    assert (task["due_at"], task["done_at"]) == ("2026-03-04T09:00:00Z", None)
    done = ["tasks", "done", str(task["id"]), "--at", "2026-03-02T09:30:00Z", *called]
    assert answer(done) == 0
    assert "is done" in capsys.readouterr().err
    assert _tasks(capsys, *called) == []
    (task,) = _tasks(capsys, "--done-since", "2026-03-02T09:30:00Z", *called)
    assert task["done_at"] == "2026-03-02T09:30:00Z"
    assert shop.told("2026-03-02T10:00:00") == [("ana", "send", "email")]


def test_done_twice_changes_nothing_and_an_unknown_task_is_refused(
    called: list[str], shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    (task,) = _tasks(capsys, *called)
    with shop.engine.begin() as connection:
        connection.execute(tables.dirty.delete())
    for minute in ("30", "40"):
        at = f"2026-03-02T09:{minute}:00Z"
        assert answer(["tasks", "done", str(task["id"]), "--at", at, *called]) == 0
    assert "already" in capsys.readouterr().err
    (task,) = _tasks(capsys, "--done-since", "2026-03-02T09:00:00Z", *called)
    assert task["done_at"] == "2026-03-02T09:30:00Z"
    assert answer(["tasks", "done", "999", *called]) != 0
    assert "there is no task 999" in capsys.readouterr().err
    assert answer(["tasks", "done", "9" * 20, *called]) == 1
    assert f"there is no task {'9' * 20}" in capsys.readouterr().err
    with shop.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.dirty)) == 1


def test_people_see_a_table(called: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["tasks", "list", *called]) == 0
    printed = capsys.readouterr()
    assert "Call them" in printed.out
    assert "1 task" in printed.err


def test_files_that_do_not_load_are_no_obstacle(
    called: list[str], shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(greet=FLOW.replace("starts_when", "start_when"))
    (task,) = _tasks(capsys, "--done-since", "2026-03-01", *called)
    assert answer(["tasks", "list", *called]) == 0
    printed = capsys.readouterr()
    assert "4 March 2026 10:00" in printed.out  # in the zone of the last release
    assert "the playbooks have 1 error: this goes by the last release" in printed.err
    assert answer(["tasks", "done", str(task["id"]), "--at", "2026-03-02T10:30", *called]) == 0
    assert "is done" in capsys.readouterr().err
    (task,) = _tasks(capsys, "--done-since", "2026-03-01", *called)
    assert task["done_at"] == "2026-03-02T09:30:00Z"


def test_files_that_never_loaded_are_no_obstacle_either(
    shop: Shop, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write(greet="flow: greet")
    options = ["--project", str(shop.folder), "--db", database_url]
    assert _tasks(capsys, *options) == []
    assert answer(["tasks", "list", *options]) == 0
    assert "nothing was ever run: times are in UTC" in capsys.readouterr().err
    assert answer(["tasks", "done", "1", *options]) == 1
    assert "there is no task 1" in capsys.readouterr().err
