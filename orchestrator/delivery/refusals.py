"""Refusals: whether a provider lets nobody in, or one message alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection, bindparam, func, select

from orchestrator import tables
from orchestrator.database_clock import database_now
from orchestrator.delivery.breakers import IN_A_ROW, WHOLE, Breaker, Noted, read_breakers
from orchestrator.delivery.policy import Attempt

_happened = tables.message_event.c
_TIMES = select(func.count()).where(
    _happened.message_id == bindparam("row"), _happened.kind == "refused"
)


@dataclass(frozen=True)
class Refusals:
    """What breakers said before some outcomes were counted, if any of them is a refusal."""

    provider: str
    before: Mapping[str, Breaker]

    @classmethod
    def read(cls, connection: Connection, provider: str, outcomes: Sequence[Noted]) -> Refusals:
        """Look at the breakers; nothing is read where nothing was refused."""
        is_any = any(one.outcome.kind == "refused" for one in outcomes)
        return cls(provider, read_breakers(connection, provider) if is_any else {})

    def told_of(self, connection: Connection, one: Noted, row: int, attempt: Attempt) -> Attempt:
        """Return a refused attempt with what the policy asks about it.

        To be called once the outcomes are counted.

        Args:
            row: of the message in the ledger.
        """
        now, after = database_now(connection), read_breakers(connection, self.provider)
        ends = [after[name].open_until for name in (WHOLE, one.domain) if name in after]
        before = connection.execute(_TIMES, {"row": row}).scalar_one()
        at_domain = one.outcome.fault == "domain"
        breaker = self.before.get(one.domain if at_domain else WHOLE, Breaker())
        opens_at = IN_A_ROW if at_domain else 1
        return replace(
            attempt,
            refusals=before,
            is_refused_alone=breaker.has_let_pass(before, opens_at=opens_at),
            shut_for=max((end - now for end in ends if end and end > now), default=timedelta()),
        )
