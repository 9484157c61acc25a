"""What hours have held leaves over half an hour after they open, each customer at a place."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from harness import Shop, at
from sqlalchemy import select

from orchestrator import tables
from orchestrator.tick.run import TickPlan, live_run

PEOPLE = 60
PROJECT = """
project: shop
timezone: Europe/Vienna
guardrails: {quiet_hours: {between: 21:00-08:00}}
"""
FLOW = """
flow: hello
status: live
starts_when: {did: signed_up}
steps: [{send: hi, topic: news, %s}]
"""
OPENS = at("2026-03-03T07:00")
"""Eight o'clock in Vienna."""
HALF_AN_HOUR = timedelta(minutes=30)


def held(shop: Shop, words: str = "channels: [email]") -> Shop:
    """Let everybody sign up at half past eleven at night, and hold what they would get."""
    shop.write(project=PROJECT, hello=FLOW % words)
    shop.customers(**{f"c{number:02}": {} for number in range(PEOPLE)})
    shop.tick("2026-03-02T12:00")
    for number in range(PEOPLE):
        shop.event(f"c{number:02}", "signed_up", "2026-03-02T22:30")
    assert {one["decision"] for one in shop.tick("2026-03-02T22:31")} == {"hold"}
    return shop


def leave(shop: Shop, when: datetime, *, smears: bool = True) -> list[datetime]:
    """Tick; return when the messages leave at the earliest, in order."""
    with live_run(shop.engine, TickPlan(shop.playbook, when, smears=smears)):
        pass
    with shop.engine.connect() as connection:
        found = list(connection.scalars(select(tables.message.c.not_before)))
    assert len(found) == PEOPLE
    return sorted(found)


def test_what_quiet_hours_held_leaves_evenly_over_half_an_hour(shop: Shop) -> None:
    instants = leave(held(shop), OPENS + timedelta(minutes=1))

    assert instants[0] >= OPENS
    assert instants[-1] < OPENS + HALF_AN_HOUR
    gaps = [after - before for before, after in pairwise(instants)]
    assert max(gaps) < 3 * HALF_AN_HOUR / PEOPLE


def test_a_tick_that_comes_later_finds_all_places_past(shop: Shop) -> None:
    late = OPENS + HALF_AN_HOUR + timedelta(minutes=1)
    assert leave(held(shop), late)[-1] < late


def test_where_no_worker_goes_on_nothing_is_spread(shop: Shop) -> None:
    assert set(leave(held(shop), OPENS, smears=False)) == {datetime.fromtimestamp(0, OPENS.tzinfo)}


@pytest.mark.parametrize(
    ("words", "latest"),
    [
        ("send_between: 08:00-08:10", timedelta(minutes=5)),
        ("expires_after: 510 minutes", timedelta(seconds=30)),
    ],
    ids=["slot", "expiry"],
)
def test_half_of_a_short_slot_or_of_what_is_left_to_live_is_kept(
    shop: Shop, words: str, latest: timedelta
) -> None:
    instants = leave(held(shop, words), OPENS)
    assert OPENS + latest / 2 < instants[-1] <= OPENS + latest
