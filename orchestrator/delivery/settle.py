"""Waiting until a withdrawal is true at the wire too.

A message is marked ``sending`` in a transaction that looks at consent and suppression, and its
call begins after that commit. A withdrawal that commits between the two has not been seen. So
whoever records one waits here, before saying that it is done, until no message of that
customer is marked, or is just being marked by a transaction that has looked already: what is
marked later has seen it.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, Engine, select

from orchestrator import tables
from orchestrator.delivery.claims import in_state

PATIENCE = timedelta(seconds=2)
"""A call that takes longer has begun before, and cannot be taken back."""
_PAUSE_SECONDS = 0.01
_MOST = 500
"""Customers asked about in one statement."""
_ROW = tables.message.c
_AT_WORK = in_state("claimed", "sending")


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
    asked = sorted(customers)
    found: set[int] = set()
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="DEFERRED")
        for begin in range(0, len(asked), _MOST):
            some = asked[begin : begin + _MOST]
            query = select(_ROW.id, _ROW.customer_id, _ROW.state)
            rows = connection.execute(query.where(_AT_WORK, _ROW.customer_id.in_(some))).all()
            claimed = {row: customer for row, customer, state in rows if state == "claimed"}
            found.update(customer for _, customer, state in rows if state == "sending")
            found.update(claimed[row] for row in _held(connection, claimed))
    return found


def _held(connection: Connection, rows: Collection[int]) -> set[int]:
    """Return which claimed rows a transaction has locked: that which marks them, on PostgreSQL.

    On SQLite nothing can commit between a look and the marks that follow it.
    """
    if not rows:
        return set()
    query = select(_ROW.id).where(_ROW.id.in_(sorted(rows)))
    return set(rows) - set(connection.scalars(query.with_for_update(read=True, skip_locked=True)))
