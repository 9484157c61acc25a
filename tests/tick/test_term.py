"""A tick is written by who is in office, and says in which term."""

from __future__ import annotations

import pytest
from harness import Shop, at
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from orchestrator import tables
from orchestrator.database import in_one_transaction
from orchestrator.scheduler.lease import Candidate
from orchestrator.tick.run import TickPlan, live_run

NOW = at("2026-03-02T09:00")
WROTE = at("2026-03-02T09:00:07")


def test_a_tick_keeps_its_term_and_when_it_was_written(shop: Shop) -> None:
    candidate = Candidate(shop.engine)
    candidate.stand()

    with live_run(shop.engine, TickPlan(shop.playbook, NOW, term=1, clock=lambda: WROTE)) as ticked:
        assert not ticked.did_nothing

    row = tables.tick.c
    with shop.engine.connect() as connection:
        assert connection.execute(select(row.at, row.term, row.recorded_at)).one() == (
            NOW,
            1,
            WROTE,
        )


def test_a_tick_that_nobody_in_office_runs_has_no_term(shop: Shop) -> None:
    shop.tick("2026-03-02T09:00")

    with shop.engine.connect() as connection:
        assert connection.scalar(select(tables.tick.c.term)) is None


def test_a_tick_of_a_term_that_is_over_is_not_written(shop: Shop) -> None:
    Candidate(shop.engine).stand()
    with shop.engine.begin() as connection:
        connection.execute(update(tables.lease).values(term=2))

    with live_run(shop.engine, TickPlan(shop.playbook, NOW, term=1)) as ticked:
        assert ticked.did_nothing

    with shop.engine.connect() as connection:
        assert connection.execute(select(tables.tick.c.at)).all() == []


def test_work_that_met_another_transaction_is_done_again(shop: Shop) -> None:
    tries = []

    def work() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("", {}, _deadlock())
        return "done"

    with shop.engine.connect() as connection:
        assert in_one_transaction(connection, work) == "done"


def test_work_that_fails_otherwise_is_done_once(shop: Shop) -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        raise OperationalError("", {}, Exception("something else"))

    with shop.engine.connect() as connection, pytest.raises(OperationalError):
        in_one_transaction(connection, work)
    assert len(tries) == 1


def _deadlock() -> Exception:
    from psycopg.errors import DeadlockDetected

    return DeadlockDetected()
