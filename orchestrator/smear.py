"""What closed hours held does not leave all at once when they open: it is spread over a while.

Each customer has a place of its own in that while, the same every day and evenly apart from the
others, so that nothing needs to be remembered. The same sum is done here in Python and in SQL.
"""

from __future__ import annotations

from datetime import datetime, timedelta

OVER = timedelta(minutes=30)
"""How long an opening takes; no longer than half of what is left until it closes again, or until
a message expires."""
STEP, PLACES = 6_180_340, 10_000_000
"""Customer n stands at n * STEP modulo PLACES: by the golden ratio, which leaves no gap long."""


def span(opened: datetime, *ends: datetime | None) -> timedelta:
    """Return over how long an opening is spread that ends at the first of some instants."""
    halves = ((end - opened) / 2 for end in ends if end is not None)
    return max(timedelta(), min((OVER, *halves)))


def place(opened: datetime, over: timedelta, customer_id: int) -> datetime:
    """Return when a customer's message leaves after an opening."""
    return opened + over * (customer_id * STEP % PLACES) / PLACES
