"""A worker whose database is gone says so ever more seldom, and that it is back."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from threading import Thread

from faults.kit import wait_for
from harness import Shop
from sending import greeted, outlet, worker
from sqlalchemy import event

from orchestrator.delivery.failing import Failing
from orchestrator.delivery.manner import Until
from orchestrator.errors import EnvironmentFault


def test_a_fault_that_lasts_is_told_after_1_2_4_and_at_last_60_seconds() -> None:
    now, told = 0.0, list[float]()
    failing = Failing("keeper_failed", lambda *_: told.append(now), elapsed=lambda: now)
    for second in range(301):
        now = float(second)
        failing.failed(EnvironmentFault("gone"))
    assert [later - earlier for earlier, later in pairwise(told)] == [
        1,
        2,
        4,
        8,
        16,
        32,
        60,
        60,
        60,
    ]


def test_what_works_again_is_told_once_and_a_new_fault_at_once() -> None:
    told: list[tuple[str, str]] = []
    failing = Failing(
        "keeper_failed", lambda event, says, *_: told.append((event, says)), elapsed=lambda: 0.0
    )
    failing.went_well()
    for _ in range(3):
        failing.failed(EnvironmentFault("gone", help="start it"))
    failing.went_well()
    failing.went_well()
    failing.failed(EnvironmentFault("gone"))
    assert told == [
        ("keeper_failed", "tries again: gone (start it)"),
        ("recovered", "works again after 3 failures"),
        ("keeper_failed", "tries again: gone"),
    ]


def test_a_worker_tells_one_fault_once_and_goes_on(shop: Shop) -> None:
    greeted(shop, 1)
    told: list[str] = []
    found = worker(shop, [outlet()], until=Until.STOPPED, rescue_every=timedelta(milliseconds=60))
    found.reopen = dict
    found.say = lambda event, *_: told.append(event)
    rounds, is_gone = [0], [True]

    def lose(*_: object) -> None:
        rounds[0] += 1
        if is_gone[0]:
            raise EnvironmentFault("The connection to the database was lost.")

    event.listen(shop.engine, "before_cursor_execute", lose)
    thread = Thread(target=found.run)
    try:
        thread.start()
        wait_for(lambda: rounds[0] > 5 and "keeper_failed" in told)
        is_gone[0] = False
        wait_for(lambda: "recovered" in told)
    finally:
        found.stop.set()
        thread.join(30)
        event.remove(shop.engine, "before_cursor_execute", lose)
    assert told.count("recovered") == 1
    assert told.count("keeper_failed") < 4
