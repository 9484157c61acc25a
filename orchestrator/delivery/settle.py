"""Waiting until a withdrawal is true at the wire too.

A message is marked ``sending`` in a transaction that looks at consent and suppression, and its
call begins after that commit. A withdrawal that commits between the two has not been seen. So
whoever records one waits here, before saying that it is done, until no message of that
customer is marked: what is marked later has seen it.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Engine, select

from orchestrator import tables

PATIENCE = timedelta(seconds=2)
"""A call that takes longer has begun before, and cannot be taken back."""
_PAUSE_SECONDS = 0.01
_MOST = 500
"""Customers asked about in one statement."""


def settle(engine: Engine, customers: Collection[int], patience: timedelta = PATIENCE) -> bool:
    """Wait until no message of some customers is at the wire; return whether that was reached.

    Args:
        customers: row ids, whose withdrawal is committed.
    """
    waiting, until = set(customers), time.monotonic() + patience.total_seconds()
    while waiting := _at_the_wire(engine, waiting):
        if time.monotonic() >= until:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _at_the_wire(engine: Engine, customers: Collection[int]) -> set[int]:
    row, asked = tables.message.c, sorted(customers)
    found: set[int] = set()
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        for begin in range(0, len(asked), _MOST):
            query = select(row.customer_id).where(
                row.state == "sending", row.customer_id.in_(asked[begin : begin + _MOST])
            )
            found.update(connection.scalars(query))
    return found
