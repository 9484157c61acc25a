"""Refusals: whether a provider lets nobody in, or one message alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection, bindparam, func, select

from orchestrator import tables
from orchestrator.database_clock import database_now
from orchestrator.delivery.breakers import IN_A_ROW, WHOLE, Breaker, Noted, note, read_breakers
from orchestrator.delivery.policy import Attempt

_happened = tables.message_event.c
_TIMES = select(func.count()).where(
    _happened.message_id == bindparam("row"), _happened.kind == "refused"
)


@dataclass(frozen=True)
class Refusals:
    """What a provider's breakers said before and after some outcomes were counted.

    Both are empty where none of the outcomes is a refusal: nobody asks then.
    """

    before: Mapping[str, Breaker]
    shut_for: Mapping[str, timedelta]
    """Domain of receivers, or the provider as a whole → how long it is left alone from now."""

    @classmethod
    def counted(cls, connection: Connection, provider: str, outcomes: Sequence[Noted]) -> Refusals:
        """Count outcomes at the breakers of a provider, in the caller's transaction."""
        if not any(one.outcome.kind == "refused" for one in outcomes):
            if outcomes:
                note(connection, provider, outcomes)
            return cls({}, {})
        before = read_breakers(connection, provider)
        note(connection, provider, outcomes)
        now, after = database_now(connection), read_breakers(connection, provider)
        ends = {name: one.open_until for name, one in after.items()}
        return cls(before, {name: end - now for name, end in ends.items() if end and end > now})

    def told_of(self, connection: Connection, one: Noted, row: int, attempt: Attempt) -> Attempt:
        """Return a refused attempt with what the policy asks about it.

        Args:
            row: of the message in the ledger.
        """
        before = connection.execute(_TIMES, {"row": row}).scalar_one()
        at_domain = one.outcome.fault == "domain"
        breaker = self.before.get(one.domain if at_domain else WHOLE, Breaker())
        opens_at = IN_A_ROW if at_domain else 1
        return replace(
            attempt,
            refusals=before,
            is_refused_alone=breaker.has_let_pass(before, opens_at=opens_at),
            shut_for=max(self.shut_for.get(name, timedelta()) for name in (WHOLE, one.domain)),
        )
