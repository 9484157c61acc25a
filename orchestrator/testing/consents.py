"""A real customer's consents, as a test says them: what holds at its clock, and what came later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, or_, select

from orchestrator import tables
from orchestrator.columns import to_micros

BY_FLOW = "flow"
"""The source of acts that steps of flows wrote."""
STEPS = ("subscribe_to", "unsubscribe_from")

act = tables.consent.c
_ORDER = (act.at, act.withdrawn, act.id)
"""The latest act holds; of one instant the withdrawal."""


@dataclass(frozen=True)
class Consents:
    """The acts of one customer about the catalog's topics."""

    connection: Connection
    customer: int
    topics: frozenset[str]
    """Those of the catalog: a test cannot name others."""

    def held_at(self, begin: datetime) -> list[str]:
        """Return the topics that the customer is subscribed to at an instant, sorted."""
        query = (
            select(act.topic, act.withdrawn)
            .where(act.customer_id == self.customer, act.at <= to_micros(begin))
            .order_by(*_ORDER)
        )
        latest = {topic: withdrawn for topic, withdrawn in self.connection.execute(query)}
        return sorted(self.topics & {topic for topic, gone in latest.items() if not gone})

    def later(self, begin: datetime, end: datetime, flow: str) -> Iterator[tuple[datetime, str]]:
        """Yield the acts in ``(begin, end]`` as happenings, by time.

        A test counts in minutes: of a topic's acts in one minute the last is told.

        Args:
            flow: the flow under test, whose own acts come of playing it.
        """
        done = tables.effect.c
        by_itself = exists(
            select(done.id).where(
                done.flow == flow,
                done.customer_id == act.customer_id,
                done.kind.in_(STEPS),
                done.at == act.at,
            )
        )
        query = (
            select(act.at, act.topic, act.withdrawn)
            .where(
                act.customer_id == self.customer,
                act.at > to_micros(begin),
                act.at <= to_micros(end),
                act.topic.in_(sorted(self.topics)),
                or_(act.source != BY_FLOW, ~by_itself),
            )
            .order_by(*_ORDER)
        )
        last: dict[tuple[datetime, str], tuple[datetime, str]] = {}
        for at, topic, withdrawn in self.connection.execute(query):
            head = "unsubscribes" if withdrawn else "subscribes"
            last[at.replace(second=0, microsecond=0), topic] = at, f"{head}: {topic}"
        yield from last.values()
