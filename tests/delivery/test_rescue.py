"""Messages of workers that are gone go back into the queue."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from harness import Shop, at
from loading import rows
from sqlalchemy import update

from orchestrator import tables
from orchestrator.columns import to_micros
from orchestrator.database_clock import database_now
from orchestrator.delivery.outlet import LONGEST_LEASE
from orchestrator.delivery.rescue import COINCIDENCE, FORSAKEN, Rescuer

FLOW = """
flow: hello
status: live
starts_when: {did: buy}
steps: [{send: welcome}]
"""


@pytest.mark.parametrize(
    ("left", "state"),
    [
        (-timedelta(seconds=1), "queued"),
        (LONGEST_LEASE, "claimed"),
        (timedelta(days=1), "queued"),  # the clock was set back since
    ],
)
def test_what_was_claimed_goes_back_once_its_lease_cannot_hold(
    shop: Shop, left: timedelta, state: str
) -> None:
    shop.write(hello=FLOW).customers(ana={}).tick("2026-03-02T09:00")
    shop.event("ana", "buy", "2026-03-02T09:10").tick("2026-03-02T09:20")
    with shop.engine.begin() as connection:
        until = to_micros(database_now(connection) + left)
        claimed = {"state": "claimed", "lease": "gone", "lease_until": until}
        connection.execute(update(tables.message).values(**claimed))
        Rescuer({}, Random(1)).rescue(connection, at("2026-03-02T09:30"))

    assert rows(shop.engine, "SELECT state FROM message") == [(state,)]


@pytest.mark.parametrize(("ago", "state"), [(FORSAKEN / 2, "sending"), (2 * FORSAKEN, "in_doubt")])
def test_what_was_at_the_wire_of_a_channel_that_nobody_carries_any_more_is_in_doubt(
    shop: Shop, ago: timedelta, state: str
) -> None:
    shop.write(hello=FLOW).customers(ana={}).tick("2026-03-02T09:00")
    shop.event("ana", "buy", "2026-03-02T09:10").tick("2026-03-02T09:20")
    with shop.engine.begin() as connection:
        until = to_micros(database_now(connection) - ago)
        marked = {"state": "sending", "lease": "gone", "lease_until": until, "attempt": 1}
        connection.execute(update(tables.message).values(**marked))
        Rescuer({}, Random(1)).rescue(connection, at("2026-03-02T09:30"))

    assert rows(shop.engine, "SELECT state FROM message") == [(state,)]


def test_what_two_workers_were_lost_with_comes_back_at_another_moment(shop: Shop) -> None:
    """Who kills each worker as soon as it starts does not meet one message three times."""
    shop.write(hello=FLOW).customers(ana={}).tick("2026-03-02T09:00")
    shop.event("ana", "buy", "2026-03-02T09:10").tick("2026-03-02T09:20")
    now, claimed = at("2026-03-02T09:30"), {"state": "claimed", "lease": "gone", "lease_until": 0}
    back = []
    for _ in range(2):
        with shop.engine.begin() as connection:
            connection.execute(update(tables.message).values(**claimed))
            Rescuer({}, Random(1)).rescue(connection, now)
        back += rows(shop.engine, "SELECT state, crashes, not_before FROM message")

    (first, second) = back
    assert first == ("queued", 1, 0)
    assert second[:2] == ("queued", 2)
    assert to_micros(now) < second[2] <= to_micros(now + COINCIDENCE)
