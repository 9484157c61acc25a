"""Events that start a flow, each once (semantics 31-34)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
)

from orchestrator import tables, timing
from orchestrator.columns import to_micros
from orchestrator.criteria.events import Events
from orchestrator.criteria.modifiers import Where
from orchestrator.flow.told import told_event, told_source
from orchestrator.language.durations import Duration
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.tick.candidates import Candidates


def of_events(
    found: Candidates,
    name: str,
    where: Where | None,
    *,
    number: int | None,
    after: Duration | None,
    backfill: Duration | None,
) -> Select[Any]:
    """Return each event since the flow went live; the occurrence may come later."""
    found.recorded = True
    customer = aliased(tables.customer)
    scope = found.tick.scope(customer, found.live.name, each=True)
    events = scope.events(name, None, where)
    row = events.rows
    events.tests.append(row.c.customer_id.not_in(_unborn(found.tick.now)))
    delay = after.micros if after else 0
    occurred = cast(row.c.occurred_at, BigInteger) + delay
    if number is not None:
        events.tests.append(_is_nth(found, events, scope.events(name, None, where), number))
    since = found.live_since
    if backfill is not None and found.live.is_first:
        since = to_micros(timing.minus(found.live.live_since, backfill))
    if found.live.is_first:
        missed = select(func.count()).select_from(row).where(*events.tests, occurred < since)
        found.before_live = missed
    key = literal("event:") + row.c.source_id
    if after is not None:
        key = key + literal(f"+{after}")
    return select(
        row.c.customer_id,
        key.label("occurrence"),
        occurred.label("occurred_at"),
        row.c.source_id.label("tie"),
        row.c.occurred_at.label("entry_at"),
        row.c.id.label("entry_event_id"),
    ).where(
        *events.tests,
        occurred >= since,
        occurred <= found.now,
        found.tick.looked_for(found.live, row.c.customer_id),
        found.unseen(row.c.customer_id, key),
    )


def of_told(found: Candidates, flows: Sequence[str]) -> Select[Any]:
    """Return each time one of some flows told this one, since it went live."""
    told = of_events(
        found, told_event(found.live.name), None, number=None, after=None, backfill=None
    ).subquery()
    # a range, not LIKE: the sign after "/" ends it
    tellers = [
        and_(told.c.tie >= told_source(flow), told.c.tie < told_source(flow)[:-1] + "0")
        for flow in flows
    ]
    return select(told).where(or_(*tellers))


def _is_nth(found: Candidates, events: Events, earlier: Events, number: int) -> ColumnElement[bool]:
    """Return whether an event is the customer's n-th by (occurred_at, id)."""
    mine, theirs = events.rows, earlier.rows
    count = (
        select(func.count())
        .select_from(theirs)
        .where(
            *earlier.tests,
            theirs.c.customer_id == mine.c.customer_id,
            or_(
                theirs.c.occurred_at < mine.c.occurred_at,
                and_(
                    theirs.c.occurred_at == mine.c.occurred_at,
                    theirs.c.source_id < mine.c.source_id,
                ),
            ),
        )
        .correlate(mine)
        .scalar_subquery()
    )
    return count == number - 1


def _unborn(now: datetime) -> Select[Any]:
    """Return the customers who do not exist yet; almost always none."""
    later = aliased(tables.customer)
    return select(later.c.id).where(later.c.created_at > to_micros(now))
