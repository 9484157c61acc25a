"""One scheduler holds office at a time, for terms that only grow."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from orchestrator import tables
from orchestrator.clock import utcnow
from orchestrator.database_clock import database_now
from orchestrator.scheduler.lease import LEASE, Candidate, office


def let_it_run_out(engine: Engine) -> None:
    with engine.begin() as connection:
        past = database_now(connection) - timedelta(seconds=1)
        connection.execute(update(tables.lease).values(expires_at=past))


def test_the_database_clock_is_read_in_utc(engine: Engine) -> None:
    before = utcnow()
    with engine.connect() as connection:
        read = database_now(connection)

    assert abs(read - before) < timedelta(seconds=5)


def test_the_first_takes_office_and_the_second_stands_by(engine: Engine) -> None:
    first, second = Candidate(engine), Candidate(engine)

    assert first.stand()
    assert not second.stand()
    assert (first.term, second.term) == (1, None)


def test_renewing_keeps_the_term_and_moves_its_end(engine: Engine) -> None:
    one = Candidate(engine)
    one.stand()
    with engine.connect() as connection:
        before = office(connection)
    one.stand()
    with engine.connect() as connection:
        after = office(connection)

    assert before
    assert after
    assert after.term == before.term == 1
    assert after.is_held
    assert after.expires_at >= before.expires_at


def test_a_lease_that_ran_out_goes_to_the_next_in_a_new_term(engine: Engine) -> None:
    first, second = Candidate(engine), Candidate(engine)
    first.stand()
    let_it_run_out(engine)

    assert second.stand()
    assert second.term == 2
    assert not first.stand()
    assert first.term is None


def test_a_lease_from_before_the_clock_was_set_back_is_nobodys(engine: Engine) -> None:
    first, second = Candidate(engine), Candidate(engine)
    first.stand()
    with engine.begin() as connection:
        tomorrow = database_now(connection) + timedelta(days=1)
        connection.execute(update(tables.lease).values(expires_at=tomorrow))
        standing = office(connection)

    assert standing
    assert not standing.is_held
    assert second.stand()
    assert second.term == 2
    assert not first.stand()


def test_who_comes_back_before_anybody_took_over_keeps_the_term(engine: Engine) -> None:
    one = Candidate(engine)
    one.stand()
    let_it_run_out(engine)

    assert one.stand()
    assert one.term == 1


def test_stepping_down_frees_the_office_at_once(engine: Engine) -> None:
    first, second = Candidate(engine), Candidate(engine)
    first.stand()
    first.step_down()

    assert second.stand()
    assert second.term == 2


def test_stepping_down_takes_nothing_from_the_next(engine: Engine) -> None:
    first, second = Candidate(engine), Candidate(engine)
    first.stand()
    let_it_run_out(engine)
    second.stand()
    first.step_down()

    with engine.connect() as connection:
        standing = office(connection)
    assert standing
    assert (standing.holder, standing.is_held) == (second.holder, True)


def test_trust_is_counted_from_before_the_question(engine: Engine) -> None:
    times = iter([100.0, 100.0 + LEASE.total_seconds() - 0.1, 100.0 + LEASE.total_seconds()])
    one = Candidate(engine, elapsed=lambda: next(times))
    one.stand()

    assert one.is_trusted()
    assert not one.is_trusted()


def test_a_database_that_fails_costs_the_office(engine: Engine) -> None:
    one = Candidate(engine)
    one.stand()
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE lease RENAME TO gone")

    with pytest.raises(Exception, match="lease"):
        one.stand()

    assert one.term is None
