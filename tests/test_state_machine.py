"""docs/state_machine.md draws the states of runs and messages; every row of it is walked here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import Shop, at
from sqlalchemy import select

from orchestrator import tables
from orchestrator.app import OpenProject, drain

PAGE = Path(__file__).parents[1] / "docs" / "state_machine.md"
ROW = re.compile(r"^\| (–|\w+) \| (\w+) \|", re.MULTILINE)
BEFORE, FIRST, SECOND = "2026-03-02T08:00:00", "2026-03-02T09:00:00", "2026-03-03T21:00:00"
STEPS: dict[str, dict[str, Any]] = {
    "waiting": {"wait": "1 day"},
    "asked": {"wait_until": {"did": "buy", "since": "entry"}, "at_most": "1 day"},
    "held": {"send": "hello", "send_between": "20:00-24:00"},
}
NEXT: dict[str, dict[str, Any]] = {
    "waiting": {"wait": "2 days", "id": "then"},
    "asked": {"wait_until": {"did": "view", "since": "entry"}, "at_most": "9 days", "id": "then"},
    "held": {"send": "other", "send_between": "05:00-06:00"},
}


def rows(title: str) -> list[tuple[str, str]]:
    """Return (from, to) of the table below a heading."""
    part = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [found for found in ROW.findall(part) if found[0] != "from"]


def drawn(title: str) -> set[tuple[str, str]]:
    """Return the arrows of the drawing below a heading, but for those that end it."""
    part = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    arrows = re.findall(r"^ +(\S+) --> (\w+)$", part, re.MULTILINE)
    return {("–" if start == "[*]" else start, end) for start, end in arrows}


@pytest.mark.parametrize("title", ["Runs", "Messages"])
def test_the_drawing_has_the_rows_of_the_table(title: str) -> None:
    assert drawn(title) == set(rows(title))


def state(shop: Shop) -> str | None:
    """Return the state of the one run, None if there is none."""
    run = tables.enrollment.c
    with shop.engine.connect() as connection:
        found = connection.execute(
            select(run.status, run.held_reason, run.step, run.due_at)
        ).one_or_none()
    if found is None:
        return None
    if found.status == "ended":
        return "ended"
    if found.held_reason is not None:
        return "held"
    assert found.due_at is not None
    return "asked" if found.step == "then_asked" or "wait_until" in str(found.step) else "waiting"


def write(shop: Shop, steps: list[dict[str, Any]]) -> None:
    """Write a flow of some steps; who waits to be asked is told from the step's name."""
    for step in steps:
        if "wait_until" in step and "id" in step:
            step["id"] = "then_asked"
    flow = {
        "flow": "greet",
        "status": "live",
        "starts_when": {"did": "signed_up"},
        "steps": steps or [{"exit": "at once"}],
    }
    shop.write(greet=yaml.safe_dump(flow, sort_keys=False)).customers(ana={})
    for message in ("hello", "other"):
        shop.template(message)


@pytest.mark.parametrize(("before", "after"), rows("Runs"))
def test_a_tick_takes_a_run_from_state_to_state(shop: Shop, before: str, after: str) -> None:
    steps = [dict(STEPS[before])] if before != "–" else []
    steps += [dict((NEXT if steps else STEPS)[after])] if after != "ended" else []
    write(shop, steps)
    shop.tick(BEFORE)
    shop.event("ana", "signed_up", FIRST)
    shop.tick(FIRST)
    if before != "–":
        assert state(shop) == before
        shop.tick(SECOND)
    assert state(shop) == after


@pytest.mark.parametrize(("before", "after"), rows("Messages"))
def test_a_message_goes_from_state_to_state(shop: Shop, before: str, after: str) -> None:
    write(shop, [{"send": "hello"}])
    if after == "dead":
        broken = shop.folder / "templates" / "hello" / "email.txt.j2"
        broken.write_text("---\nsubject: hello\n---\n{{ customer.plan + 1 }}\n", encoding="utf-8")
    shop.tick(BEFORE)
    shop.event("ana", "signed_up", FIRST)
    shop.tick(FIRST)
    if before != "–":
        drain(OpenProject(shop.folder, shop.playbook), shop.engine, at(FIRST))
    with shop.engine.connect() as connection:
        assert connection.scalars(select(tables.message.c.state)).all() == [after]
