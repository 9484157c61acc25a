"""What a worker was lost with three times is poison, unless workers are lost without it too."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from harness import Shop
from sending import NOW, ledger, outlet, queued
from sqlalchemy import update

from orchestrator import tables
from orchestrator.delivery.poison import MOST_AMONG_OTHERS
from orchestrator.delivery.rescue import Rescuer


class Losses:
    """Workers that are lost, a minute apart, each with some messages."""

    def __init__(self, shop: Shop) -> None:
        self.shop = queued(shop, 3)
        mail = outlet(on_in_doubt={"marketing": "retry"}, idempotent=True)
        self.rescuer = Rescuer({mail.channel: mail}, Random(2))
        self.now = NOW

    def lost_with(self, *rows: int, state: str = "sending") -> list[str]:
        """Lose one worker; return the states of all messages after what it had is rescued."""
        row = tables.message
        self.now += timedelta(minutes=1)
        held = {"state": state, "lease": f"at {self.now}", "lease_until": 0}
        with self.shop.engine.begin() as connection:
            connection.execute(update(row).where(row.c.id.in_(rows)).values(**held))
            self.rescuer.rescue(connection, self.now)
        found: list[str] = ledger(self.shop, "state")
        return found


@pytest.fixture
def losses(shop: Shop) -> Losses:
    """Three messages that wait, by rows 1, 2 and 3."""
    return Losses(shop)


@pytest.mark.parametrize("state", ["claimed", "sending"])
def test_three_workers_in_a_row_are_enough(losses: Losses, state: str) -> None:
    found = [losses.lost_with(1, state=state) for _ in range(3)]
    assert [states[0] for states in found] == ["queued", "queued", "dead"]
    assert ledger(losses.shop, "error")[0] == "poison: 3 workers were lost with it"


def test_who_was_lost_beside_it_is_no_other(losses: Losses) -> None:
    losses.lost_with(1, 2)
    losses.lost_with(1)
    assert losses.lost_with(1) == ["dead", "queued", "queued"]


def test_each_worker_lost_without_it_asks_for_one_more(losses: Losses) -> None:
    for rows in ((1,), (2,), (1,), (1,)):
        assert losses.lost_with(*rows) == ["queued"] * 3
    assert losses.lost_with(1) == ["dead", "queued", "queued"]


def test_a_worker_that_had_nothing_in_particular_says_nothing(losses: Losses) -> None:
    losses.lost_with(1)
    losses.lost_with(2, 3, state="claimed")
    losses.lost_with(1)
    assert losses.lost_with(1)[0] == "dead"


def test_it_ends_however_many_are_lost_without_it(losses: Losses) -> None:
    died = 0
    while losses.lost_with(1)[0] != "dead":
        died += 1
        losses.lost_with(2 + died % 2)
    assert died + 1 == MOST_AMONG_OTHERS
