"""Token buckets: no more leaves than the burst and what time has given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database_clock import database_now
from orchestrator.delivery.buckets import Pace, Purse, give_back, take

PURSE = Purse("sms", "pigeon", "+43123")
SLOW = Pace(per_second=0.0001, burst=10)


def taken(engine: Engine, wanted: int, pace: Pace = SLOW, purse: Purse = PURSE) -> int:
    with engine.begin() as connection:
        return take(connection, purse, pace, wanted)


def let_pass(engine: Engine, span: timedelta) -> None:
    """Make a bucket older: the database's clock cannot be set."""
    with engine.begin() as connection:
        now = to_micros(database_now(connection) - span)
        connection.execute(update(tables.bucket).values(refilled_at=now))


def test_a_new_bucket_is_full_and_gives_no_more_than_it_has(engine: Engine) -> None:
    assert [taken(engine, 6), taken(engine, 6), taken(engine, 6)] == [6, 4, 0]


def test_time_fills_it_up_to_the_burst(engine: Engine) -> None:
    pace = Pace(per_second=2, burst=10)
    taken(engine, 10, pace)

    let_pass(engine, timedelta(seconds=2.1))
    assert taken(engine, 10, pace) == 4
    let_pass(engine, timedelta(hours=1))
    assert taken(engine, 100, pace) == 10


def test_a_clock_that_was_set_back_stops_nothing(engine: Engine) -> None:
    pace = Pace(per_second=2, burst=10)
    taken(engine, 10, pace)

    let_pass(engine, -timedelta(days=1))
    assert taken(engine, 10, pace) == 0
    let_pass(engine, timedelta(seconds=2.1))
    assert taken(engine, 10, pace) == 4


def test_part_of_a_token_is_kept(engine: Engine) -> None:
    pace = Pace(per_second=0.5, burst=1)
    assert taken(engine, 1, pace) == 1

    let_pass(engine, timedelta(seconds=1))
    assert taken(engine, 1, pace) == 0
    let_pass(engine, timedelta(seconds=1.1))
    assert taken(engine, 1, pace) == 1


def test_purses_are_apart(engine: Engine) -> None:
    assert taken(engine, 10) == 10
    assert taken(engine, 10, purse=PURSE._replace(sender="+43999")) == 10


def test_what_did_not_leave_comes_back_and_overfills_nothing(engine: Engine) -> None:
    taken(engine, 10)
    with engine.begin() as connection:
        give_back(connection, PURSE, SLOW, 3)
    assert taken(engine, 10) == 3
    with engine.begin() as connection:
        give_back(connection, PURSE, SLOW, 99)
    assert taken(engine, 99) == 10


def test_a_clock_set_back_gives_nothing_and_takes_nothing(engine: Engine) -> None:
    taken(engine, 4)
    let_pass(engine, timedelta(hours=-1))

    assert taken(engine, 10) == 6
    assert taken(engine, 10) == 0


@pytest.mark.slow
def test_many_takers_at_once_never_take_more_than_there_is(engine: Engine) -> None:
    got: list[int] = []
    pace, began = Pace(per_second=20, burst=30), time.monotonic()
    at_once([lambda: got.extend(taken(engine, 3, pace) for _ in range(20))] * 4)

    assert 30 <= sum(got) <= 30 + 20 * (time.monotonic() - began) + 1


def at_once(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
