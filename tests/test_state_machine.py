"""docs/state_machine.md draws the states of runs and messages; every row of it is walked here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from harness import CATALOG, Shop
from sending import NOW, drain, greeted, ledger, outlet
from sqlalchemy import insert, select, update

from orchestrator import tables
from orchestrator.channels.outcome import Outcome, accepted, deferred, rejected, unknown
from orchestrator.columns import to_micros
from orchestrator.delivery.claims import Claims, Lease
from orchestrator.delivery.outbox import Ruling, rule
from orchestrator.delivery.rescue import Rescuer
from orchestrator.delivery.stops import Stops

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


# --- messages -------------------------------------------------------------------------------

DOUBT = unknown("no answer")
CALL = """
flow: greet
status: live
starts_when: {did: signed_up}
steps:
  - webhook: crm
    at_most: 2 days
"""


def watch(shop: Shop) -> None:
    """Let the database itself note each change of a message's state."""
    with shop.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE seen (before text, after text)")
        changed = "INSERT INTO seen VALUES (OLD.state, NEW.state);"
        if shop.engine.dialect.name == "sqlite":
            connection.exec_driver_sql(
                f"CREATE TRIGGER watch AFTER UPDATE OF state ON message BEGIN {changed} END"
            )
            return
        connection.exec_driver_sql(
            "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {changed} RETURN NULL; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER watch AFTER UPDATE OF state ON message "
            "FOR EACH ROW EXECUTE FUNCTION noted()"
        )


def seen(shop: Shop) -> list[tuple[str, str]]:
    """Return the changes of state, in order; the first is from nothing."""
    with shop.engine.connect() as connection:
        changes = [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM seen")]
    return [("–", "queued"), *changes]


def send(shop: Shop, outcome: Outcome, now: datetime = NOW) -> None:
    """Let a worker send what is due to a provider that answers so."""
    drain(shop, outlet(lambda message: outcome), now=now)


def lose(shop: Shop) -> None:
    """Let a worker be lost with all that waits, and another one rescue it."""
    with shop.engine.begin() as connection:
        Claims("email", Lease("lost", timedelta())).take(connection, 10, Stops(), NOW)
    with shop.engine.begin() as connection:
        Rescuer({"email": outlet()}, Random(1)).rescue(connection, NOW, all_of_them=True)


def withdraw(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        act = {"topic": "news", "at": to_micros(NOW), "withdrawn": 1, "source": "test"}
        people = connection.scalars(select(tables.customer.c.id)).all()
        connection.execute(insert(tables.consent), [{"customer_id": one, **act} for one in people])


def reach_goal(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(update(tables.enrollment).values(status="ended", exit_reason="goal"))


def spoil(shop: Shop) -> None:
    broken = shop.folder / "templates" / "hello" / "email.txt.j2"
    broken.write_text("---\nsubject: hello\n---\n{{ customer.plan + 1 }}\n", encoding="utf-8")


def judge(shop: Shop, ruling: Ruling) -> None:
    """Let a person end a doubt."""
    send(shop, DOUBT)
    [number] = ledger(shop, "id")
    with shop.engine.begin() as connection:
        rule(connection, number, ruling, NOW)


def call(shop: Shop, outcome: Outcome) -> None:
    """Let a worker call a webhook that answers so."""
    drain(shop, outlet(lambda message: outcome, channel="webhook"))


TAKEN = accepted()


def sent_after(change: Callable[[Shop], None]) -> Callable[[Shop], None]:
    """Return a walk on which something changes after the tick, and then a worker comes."""

    def walk(shop: Shop) -> None:
        change(shop)
        send(shop, TAKEN)

    return walk


WALKS: dict[tuple[str, str], Callable[[Shop], None]] = {
    ("–", "queued"): lambda shop: None,
    ("queued", "claimed"): lambda shop: send(shop, TAKEN),
    ("claimed", "queued"): lose,
    ("claimed", "sending"): lambda shop: send(shop, TAKEN),
    ("claimed", "dead"): sent_after(spoil),
    ("claimed", "suppressed"): sent_after(withdraw),
    ("claimed", "expired"): lambda shop: send(shop, TAKEN, NOW + timedelta(days=4)),
    ("claimed", "cancelled"): sent_after(reach_goal),
    ("sending", "sent"): lambda shop: send(shop, TAKEN),
    ("sending", "queued"): lambda shop: send(shop, deferred("busy")),
    ("sending", "dead"): lambda shop: send(shop, rejected("no")),
    ("sending", "in_doubt"): lambda shop: send(shop, DOUBT),
    ("sent", "answered"): lambda shop: call(shop, accepted(fields={})),
    ("sending", "failed"): lambda shop: call(shop, rejected("no")),
    ("in_doubt", "sent"): lambda shop: judge(shop, "mark-sent"),
    ("in_doubt", "queued"): lambda shop: judge(shop, "resend"),
    ("in_doubt", "dead"): lambda shop: judge(shop, "discard"),
}


@pytest.mark.parametrize(("before", "after"), rows("Messages"))
def test_a_message_goes_from_state_to_state_and_no_other_way(
    shop: Shop, before: str, after: str
) -> None:
    if after in ("answered", "failed"):
        shop.write(catalog=CATALOG + 'webhooks: {crm: {url: "https://crm.example"}}\n')
        greeted(shop, 1, flow=CALL)
    else:
        greeted(shop, 1)
    watch(shop)
    WALKS[before, after](shop)
    assert (before, after) in seen(shop)
    assert set(seen(shop)) <= set(rows("Messages"))
