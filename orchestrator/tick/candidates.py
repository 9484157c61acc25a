"""Who may enter a flow at this tick: one select of occurrences per start (semantics 31-35).

Every select has the columns of ``COLUMNS``: one row per occurrence that no tick has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    select,
)

from orchestrator import tables, timing
from orchestrator.columns import exact_text, to_micros
from orchestrator.criteria.base import Criterion
from orchestrator.criteria.modifiers import Where
from orchestrator.criteria.scope import population
from orchestrator.flow.base import Start
from orchestrator.language.durations import Duration
from orchestrator.tables.reading import aliased
from orchestrator.tick import calendar_starts, event_starts, transition_starts, workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.live_flow import LiveFlow

COLUMNS = ("customer_id", "occurrence", "occurred_at", "tie", "entry_at", "entry_event_id")


@dataclass
class Candidates:
    """Builds the select of one start. Kinds of start call exactly one of its methods."""

    tick: Tick
    live: LiveFlow
    start: Start

    many: bool = False
    """Whether everybody may be a candidate, so that conditions are best asked as sets."""
    recorded: bool = False
    """Whether each occurrence is kept as a row whatever comes of it."""
    before_live: Select[Any] | None = None
    """Counts what the first live tick leaves out because it was before, if anything."""

    @property
    def now(self) -> int:
        return to_micros(self.tick.now)

    @property
    def live_since(self) -> int:
        return to_micros(self.live.live_since)

    def stale_before(self) -> datetime:
        """Return the instant before which an occurrence first seen now is stale."""
        return timing.minus(self.tick.now, self.start.patience())

    # --- one method per kind of start -------------------------------------------------

    def of_events(
        self,
        name: str,
        where: Where | None,
        *,
        number: int | None,
        after: Duration | None,
        backfill: Duration | None,
    ) -> Select[Any]:
        """See ``event_starts.of_events``."""
        return event_starts.of_events(
            self, name, where, number=number, after=after, backfill=backfill
        )

    def of_told(self, flows: Sequence[str]) -> Select[Any]:
        """See ``event_starts.of_told``."""
        return event_starts.of_told(self, flows)

    def of_stage(self, head: str, stage: str, *, backfill: bool | None) -> Select[Any]:
        """See ``transition_starts.of_stage``."""
        return transition_starts.of_stage(self, head, stage, backfill=backfill)

    def of_segment(self, head: str, segment: str, *, backfill: bool | None) -> Select[Any]:
        """See ``transition_starts.of_segment``."""
        return transition_starts.of_segment(self, head, segment, backfill=backfill)

    def of_flow(self, flow: str) -> Select[Any]:
        """See ``transition_starts.of_flow``."""
        return transition_starts.of_flow(self, flow)

    def of_calendar(
        self, every: str, on_day: int | None, at: time | None, timezone: str | None
    ) -> Select[Any] | None:
        """See ``calendar_starts.of_calendar``."""
        return calendar_starts.of_calendar(self, every, on_day, at, timezone)

    def of_date(
        self, head: str, name: str, shift: int, *, at: time | None, timezone: str | None
    ) -> Select[Any]:
        """See ``calendar_starts.of_date``."""
        return calendar_starts.of_date(self, head, name, shift, at=at, timezone=timezone)

    def of_matching(self, criterion: Criterion) -> Select[Any]:
        """Return whoever matches now."""
        self.many = True
        customer = aliased(tables.customer)
        scope = self.tick.scope(customer, self.live.name)
        number = cast(next_entry(self.live.name, customer.c.id), exact_text())
        rows = self.at_this_tick(customer, literal("matches:") + number, customer_id=customer.c.id)
        return rows.where(
            population(customer, self.tick.now),
            self.tick.looked_for(self.live, customer.c.id),
            scope.predicate(criterion),
        )

    # --- shared -----------------------------------------------------------------------

    def at_this_tick(
        self,
        rows: FromClause,
        key: str | ColumnElement[str],
        *,
        occurred_at: ColumnElement[Any] | None = None,
        customer_id: ColumnElement[int] | None = None,
    ) -> Select[Any]:
        """Return occurrences of this tick, one per row."""
        named = literal(f"{key}:{self.now}") if isinstance(key, str) else key
        when = literal(self.now) if occurred_at is None else occurred_at
        return select(
            (rows.c.customer_id if customer_id is None else customer_id).label("customer_id"),
            named.label("occurrence"),
            when.label("occurred_at"),
            literal("").label("tie"),
            literal(self.now).label("entry_at"),
            null().cast(BigInteger).label("entry_event_id"),
        )

    def unseen(
        self, customer_id: ColumnElement[int], key: ColumnElement[str]
    ) -> ColumnElement[bool]:
        """Return whether no tick has seen this occurrence, nor an earlier start of this one."""
        seen, taken = aliased(tables.occurrence), aliased(workspace.entry)
        before = select(seen.c.flow).where(
            seen.c.flow == self.live.name,
            seen.c.customer_id == customer_id,
            seen.c.occurrence == key,
        )
        found = ~exists(before.correlate_except(seen))
        if len(self.live.flow.starts_when) == 1:
            return found
        here = select(taken.c.flow).where(
            taken.c.flow == self.live.name,
            taken.c.customer_id == customer_id,
            taken.c.occurrence == key,
        )
        return and_(found, ~exists(here.correlate_except(taken)))


def next_entry(flow: str, customer_id: ColumnElement[int]) -> ColumnElement[int]:
    """Return the number that the customer's next run of a flow has, from 1."""
    runs = aliased(tables.enrollment)
    latest = select(func.max(runs.c.entry)).where(
        runs.c.flow == flow, runs.c.customer_id == customer_id
    )
    return func.coalesce(latest.correlate_except(runs).scalar_subquery(), 0) + 1
