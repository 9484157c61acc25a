"""One message in a hundred brings down what renders it; the other ninety-nine are sent."""

from __future__ import annotations

from collections import Counter
from operator import truediv
from statistics import median
from time import monotonic
from typing import NamedTuple

import pytest
from faults.kit import figures, sized
from harness import Shop
from poisoned import KINDS, REASONS
from sending import carried, ledger, outlet, queued, worker
from sqlalchemy import text, update

from orchestrator import tables
from orchestrator.render.apart.pool import Pool

pytestmark = pytest.mark.slow
MESSAGES = sized(400, 10_000)
EVERY = 100


class Drained(NamedTuple):
    """What one worker did with a queue."""

    customers: list[str]
    """Whose messages left."""
    seconds: float
    pool: Pool


def drained(shop: Shop) -> Drained:
    """Send all there is, rendered apart."""
    mail, pool = outlet(), Pool("poisoned:Poisoned")
    begun = monotonic()
    worker(shop, [mail], pool=pool).run()
    return Drained([one.customer for one in carried(mail)], monotonic() - begun, pool)


def queued_again(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(
            update(tables.message).values(
                state="queued",
                attempt=0,
                lease=None,
                lease_until=None,
                provider_id=None,
                error=None,
            )
        )


def poisons() -> dict[str, str]:
    """Return the customer of every hundredth message → who takes the place."""
    return {
        f"q{number + 1:07}": f"{KINDS[number // EVERY % len(KINDS)]}-{number}"
        for number in range(0, MESSAGES, EVERY)
    }


def renamed(shop: Shop, names: dict[str, str]) -> None:
    with shop.engine.begin() as connection:
        connection.execute(
            text("UPDATE customer SET external_id = :new WHERE external_id = :old"),
            [{"old": old, "new": new} for old, new in names.items()],
        )


def poisoned(shop: Shop) -> Drained:
    """Send a queue with poison in it, and look at what became of each message."""
    names = poisons()
    renamed(shop, names)
    found = drained(shop)
    states = Counter(ledger(shop, "state"))
    reasons = Counter(one.partition(":")[0] for one in ledger(shop, "error") if one)
    assert states == {"sent": MESSAGES - len(names), "dead": len(names)}
    assert reasons == Counter(REASONS[new.partition("-")[0]] for new in names.values())
    assert len(set(found.customers)) == len(found.customers) == states["sent"]
    renamed(shop, {new: old for old, new in names.items()})
    return found


def test_poison_costs_itself_and_nobody_else(shop: Shop) -> None:
    queued(shop, MESSAGES)
    cleans, others = [], []
    for _ in range(sized(1, 5)):  # machines have moods, and databases warm up
        clean = drained(shop)
        assert len(clean.customers) == MESSAGES
        queued_again(shop)
        found = poisoned(shop)
        queued_again(shop)
        cleans.append(clean.seconds)
        others.append(found.seconds - found.pool.lost_seconds)
    figures(
        f"poison among {MESSAGES} messages on {shop.engine.dialect.name}, medians of {len(cleans)}",
        poisoned=len(poisons()),
        processes_replaced=found.pool.lost,
        clean_seconds=f"{median(cleans):.2f}",
        seconds_without_killed_ones=f"{median(others):.2f}",
        ratio=f"{median(map(truediv, others, cleans)):.2f}",
        killed_seconds=f"{found.pool.lost_seconds:.2f}",
    )
