"""One message in a hundred brings down what renders it; the other ninety-nine are sent."""

from __future__ import annotations

from collections import Counter
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
                state="queued", attempt=0, lease=None, lease_until=None, provider_id=None
            )
        )


def poison(shop: Shop) -> dict[str, int]:
    """Poison every hundredth message; return reason → how many."""
    counts: Counter[str] = Counter()
    with shop.engine.begin() as connection:
        for number in range(0, MESSAGES, EVERY):
            kind = KINDS[number // EVERY % len(KINDS)]
            counts[REASONS[kind]] += 1
            connection.execute(
                text("UPDATE customer SET external_id = :new WHERE external_id = :old"),
                {"new": f"{kind}-{number}", "old": f"q{number + 1:07}"},
            )
    return counts


def test_poison_costs_itself_and_nobody_else(shop: Shop) -> None:
    queued(shop, MESSAGES)
    cleans = []
    for _ in range(sized(1, 3)):  # machines have moods, and databases warm up
        cleans.append(drained(shop))
        assert len(cleans[-1].customers) == MESSAGES
        queued_again(shop)
    clean = min(one.seconds for one in cleans)
    expected = poison(shop)
    found = drained(shop)

    states = Counter(ledger(shop, "state"))
    reasons = Counter(one.partition(":")[0] for one in ledger(shop, "error") if one)
    assert states == {"sent": MESSAGES - sum(expected.values()), "dead": sum(expected.values())}
    assert reasons == expected
    assert len(set(found.customers)) == len(found.customers) == states["sent"]
    took = found.seconds - found.pool.lost_seconds
    figures(
        f"poison among {MESSAGES} messages on {shop.engine.dialect.name}",
        poisoned=sum(expected.values()),
        processes_replaced=found.pool.lost,
        clean_seconds=f"{clean:.2f}",
        seconds_without_killed_ones=f"{took:.2f}",
        ratio=f"{took / clean:.2f}",
        killed_seconds=f"{found.pool.lost_seconds:.2f}",
    )
