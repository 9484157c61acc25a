"""Claiming costs as much with a long backlog as with a short one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from harness import Shop
from sending import drain, outlet, queued
from sqlalchemy import Engine, event, update

from orchestrator import tables
from orchestrator.database import summarize_statistics
from orchestrator.delivery.claims import Queue, waiting

LARGE = (
    "message",
    "customer",
    "enrollment",
    "consent",
    "suppression",
    "payload",
    "attribute_value",
)


@pytest.fixture
def shop(sqlite_engine: Engine, tmp_path: Any) -> Shop:
    """A shop on SQLite, whose planner says in words what it would do."""
    return Shop(sqlite_engine, tmp_path)


@contextmanager
def statements(engine: Engine) -> Iterator[dict[str, Any]]:
    """Yield each statement that is executed meanwhile, with values it was executed with."""
    seen: dict[str, Any] = {}

    @event.listens_for(engine, "before_cursor_execute")
    def _see(_: Any, __: Any, text: str, values: Any, ___: Any, many: bool) -> None:
        seen[text] = values[0] if many else values

    yield seen
    event.remove(engine, "before_cursor_execute", _see)


def test_nothing_that_a_worker_asks_reads_the_whole_ledger(shop: Shop) -> None:
    queued(shop, 1_000)
    summarize_statistics(shop.engine)
    with statements(shop.engine) as seen:
        drain(shop, outlet(at_once=100), rescue_every=timedelta(milliseconds=20))
    with shop.engine.connect() as connection:
        plans = {
            text: [
                str(step[3]).split()
                for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
            ]
            for text, values in seen.items()
            if text.startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
        }
    assert len(plans) > 10
    read_whole = {
        text
        for text, plan in plans.items()
        for verb, table, *by in plan
        if verb == "SCAN" and table in LARGE and not by
    }
    assert read_whole == set()


def test_the_queues_of_a_channel_are_those_with_something_in_them(shop: Shop) -> None:
    queued(shop, 6)
    row = tables.message.c
    with shop.engine.begin() as connection:
        for id, changed in {
            1: {"flow": "a", "purpose": "transactional"},
            2: {"flow": "b"},
            3: {"flow": "c", "channel": "sms"},
            4: {"flow": "d", "state": "sent"},
            5: {"flow": "b", "purpose": "transactional"},
        }.items():
            connection.execute(update(tables.message).where(row.id == id).values(**changed))
        assert list(waiting(connection, "email")) == [
            Queue("transactional", "a"),
            Queue("transactional", "b"),
            Queue("marketing", "b"),
            Queue("marketing", "greet"),
        ]
