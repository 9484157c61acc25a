"""Who may plan: one holder of one row, a new term at each change.

Judged by the database's clock. Schedulers on several machines must
agree on whether a lease has run out, and their own clocks differ; the database's is the one
they share. No decision depends on it: what a tick decides comes from the instant it was given,
and that two ticks never overlap from the watermark and the ledger's keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import uuid4

from sqlalchemy import Connection, Engine, case, literal_column, or_, select, update

from orchestrator import tables
from orchestrator.columns import MICROSECOND, from_micros
from orchestrator.database import in_one_transaction, insert_into
from orchestrator.database_clock import now_by
from orchestrator.tick.apply import SCHEDULER

LEASE = timedelta(seconds=15)
RENEWED_EVERY = timedelta(seconds=5)
LONGEST = 2 * LEASE
"""A lease that ends later than so far from now was taken before the clock was set back: it is
nobody's, else nobody could plan until the clock has caught up."""


@dataclass(frozen=True)
class Office:
    """The lease as it stands."""

    holder: str
    term: int
    expires_at: datetime
    """On the database's clock; a lease that was given back ended then."""
    is_held: bool
    """Whether it has not run out yet."""


def office(connection: Connection) -> Office | None:
    """Return who plans, None if nobody ever did."""
    row = tables.lease.c
    now = now_by(connection)
    query = select(row.holder, row.term, row.expires_at, now).where(row.role == SCHEDULER)
    found = connection.execute(query).first()
    if found is None:
        return None
    left = found[2] - from_micros(found[3])
    return Office(found[0], found[1], found[2], is_held=timedelta(0) < left <= LONGEST)


@dataclass
class Candidate:
    """One scheduler that stands for election, and holds office or does not."""

    engine: Engine
    holder: str = field(default_factory=lambda: uuid4().hex)
    """Anew for each process: a name of a machine or a pod may come back."""
    elapsed: Callable[[], float] = monotonic
    """Seconds by a clock that nobody sets."""
    term: int | None = None
    """The term of office, None while another one holds it."""
    _trusted_until: float = 0.0

    def stand(self) -> bool:
        """Take the office if it is free, keep it if it is ours; return whether it is ours.

        Any failure of the database means that it is not.
        """
        began = self.elapsed()
        try:
            with self.engine.connect() as connection:
                term = in_one_transaction(connection, lambda: self._claim(connection))
        except BaseException:
            self.term = None
            raise
        self.term = term
        self._trusted_until = began + LEASE.total_seconds()
        return term is not None

    def is_trusted(self) -> bool:
        """Return whether the lease cannot have run out yet, counted from before it was asked."""
        return self.term is not None and self.elapsed() < self._trusted_until

    def step_down(self) -> None:
        """Give the office back, so that the next one need not wait for the lease to run out."""
        term, self.term = self.term, None
        if term is None:
            return
        row = tables.lease.c
        with self.engine.connect() as connection:
            leave = (
                update(tables.lease)
                .where(row.role == SCHEDULER, row.holder == self.holder, row.term == term)
                .values(expires_at=now_by(connection))
            )
            in_one_transaction(connection, lambda: connection.execute(leave))

    def _claim(self, connection: Connection) -> int | None:
        now = now_by(connection)
        until = now + literal_column(str(LEASE // MICROSECOND))
        row = tables.lease.c
        wanted = insert_into(connection.dialect.name, tables.lease).values(
            role=SCHEDULER, holder=self.holder, term=1, expires_at=until
        )
        same = row.holder == self.holder
        in_earnest = row.expires_at <= now + literal_column(str(LONGEST // MICROSECOND))
        taken = wanted.on_conflict_do_update(
            index_elements=["role"],
            set_={
                "holder": self.holder,
                "term": case((same, row.term), else_=row.term + 1),
                "expires_at": until,
            },
            where=or_(same, row.expires_at <= now, ~in_earnest),
        )
        term: int | None = connection.scalar(taken.returning(row.term))
        return term
