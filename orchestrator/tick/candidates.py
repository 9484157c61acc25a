"""Who may enter a flow at this tick: one select of occurrences per start (semantics 31-35).

Every select has the columns of ``COLUMNS``: one row per occurrence that no tick has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from orchestrator import tables, timing
from orchestrator.columns import exact_text, to_day_number, to_micros
from orchestrator.criteria.base import Criterion
from orchestrator.criteria.events import Events
from orchestrator.criteria.facts import SpanRow
from orchestrator.criteria.scope import population
from orchestrator.criteria.sources import ComputedTime
from orchestrator.flow.base import WEEKDAYS, Start
from orchestrator.flow.entry import single_did
from orchestrator.language.durations import Duration
from orchestrator.tick import workspace
from orchestrator.tick.context import LiveFlow, Tick

COLUMNS = ("customer_id", "occurrence", "occurred_at", "tie", "entry_at", "entry_event_id")
CATCH_UP = Duration(3, "day")
NINE = time(9)


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
        return timing.minus(self.tick.now, self.start.catch_up or CATCH_UP)

    # --- events -----------------------------------------------------------------------

    def of_events(
        self,
        name: str,
        where: Any,
        number: int | None,
        after: Duration | None,
        backfill: Duration | None,
    ) -> Select[Any]:
        """Return each event since the flow went live; the occurrence may come later."""
        self.recorded = True
        customer = tables.customer.alias()
        scope = self.tick.scope(customer, self.live.name, each=True)
        events = scope.events(name, None, where)
        row = events.rows
        events.tests.append(row.c.customer_id.not_in(_unborn(self.tick.now)))
        delay = after.micros if after else 0
        occurred = cast(row.c.occurred_at, BigInteger) + delay
        if number is not None:
            events.tests.append(self._is_nth(events, scope.events(name, None, where), number))
        since = self.live_since
        if backfill is not None and self.live.is_first:
            since = to_micros(timing.minus(self.live.live_since, backfill))
        if self.live.is_first:
            missed = select(func.count()).select_from(row).where(*events.tests, occurred < since)
            self.before_live = missed
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
            occurred <= self.now,
            self._unseen(row.c.customer_id, key),
        )

    def _is_nth(self, events: Events, earlier: Events, number: int) -> ColumnElement[bool]:
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

    # --- transitions ------------------------------------------------------------------

    def of_stage(self, head: str, stage: str, *, backfill: bool | None) -> Select[Any]:
        """Return the customers who entered (or left) a stage since the flow last looked."""
        base = tables.stage_interval.alias()
        if head == "leaves_stage":
            closed = workspace.stage_closed.alias()
            return self._leavers(closed, closed.c.stage == stage, base, base.c.stage == stage)
        opened, stays = workspace.stage_opened.alias(), self.tick.facts.stages.alias()
        if self.live.is_first:
            there = and_(stays.c.stage == stage, stays.c.ended_at.is_(None))
            self._count_those_there(stays, there)
            if backfill:
                return self._backfilled(stays, there)
        return self._entrants(opened, opened.c.stage == stage, base, base.c.stage == stage)

    def of_segment(self, head: str, segment: str, *, backfill: bool | None) -> Select[Any]:
        """Return the customers who entered (or left) a segment since the flow last looked."""
        base = tables.segment_interval.alias()
        if head == "leaves_segment":
            closed = workspace.segment_closed.alias()
            left = closed.c.segment == segment
            return self._leavers(closed, left, base, base.c.segment == segment)
        opened, stays = workspace.segment_opened.alias(), self.tick.facts.segments.alias()
        there = and_(stays.c.segment == segment, stays.c.ended_at.is_(None))
        if self.live.is_first:
            self._count_those_there(stays, there)
        if self.live.is_first and backfill:
            query = self._backfilled(stays, there)
        else:
            entered = opened.c.segment == segment
            query = self._entrants(opened, entered, base, base.c.segment == segment)
        return self._with_matching_event(query, segment)

    def _backfilled(self, stays: FromClause, there: ColumnElement[bool]) -> Select[Any]:
        """Return whoever is there when the flow goes live."""
        self.many, self.before_live = True, None
        return self._now(stays, self._moved_key(literal(self.now))).where(there)

    def _count_those_there(self, stays: FromClause, there: ColumnElement[bool]) -> None:
        earlier = or_(stays.c.silent == 1, stays.c.began_at < self.now)
        self.before_live = select(func.count()).select_from(stays).where(there, earlier)

    def _entrants(
        self,
        opened: FromClause,
        entered: ColumnElement[bool],
        base: FromClause,
        entered_before: ColumnElement[bool],
    ) -> Select[Any]:
        """Return the entries of this tick, and those of ticks that did not evaluate the flow."""
        moves = select(opened.c.customer_id, opened.c.began_at.label("at"), opened.c.first_seen)
        moves = moves.where(entered, opened.c.silent == 0, opened.c.began_at == self.now)
        rows: FromClause = moves.subquery()
        if self._was_set_aside():
            missed = select(base.c.customer_id, base.c.began_at, _first_seen_then(base)).where(
                entered_before, base.c.silent == 0, base.c.began_at > self._seen_at()
            )
            rows = union_all(moves, missed).subquery()
        customer = tables.customer.alias()
        since = func.coalesce(customer.c.created_at, customer.c.first_event_at)
        born_into_flow = exists(
            select(customer.c.id)
            .where(customer.c.id == rows.c.customer_id, since > self.live_since)
            .correlate(rows)
        )
        query = self._now(rows, self._moved_key(rows.c.at), occurred_at=rows.c.at)
        return query.where(or_(rows.c.first_seen == 0, born_into_flow))

    def _leavers(
        self,
        closed: FromClause,
        left: ColumnElement[bool],
        base: FromClause,
        left_before: ColumnElement[bool],
    ) -> Select[Any]:
        """Return the exits of this tick, and those of ticks that did not evaluate the flow."""
        moves = select(closed.c.customer_id, closed.c.ended_at.label("at"))
        moves = moves.where(left, closed.c.ended_silent == 0, closed.c.ended_at == self.now)
        rows: FromClause = moves.subquery()
        if self._was_set_aside():
            missed = select(base.c.customer_id, base.c.ended_at).where(
                left_before, base.c.ended_silent == 0, base.c.ended_at > self._seen_at()
            )
            rows = union_all(moves, missed).subquery()
        return self._now(rows, self._moved_key(rows.c.at), occurred_at=rows.c.at)

    def _moved_key(self, at: ColumnElement[Any]) -> ColumnElement[str]:
        """Return what names a transition: the start, and the tick that saw it."""
        named = literal(f"{self.start.head}:{self.start.operand}:")
        return named + cast(cast(at, BigInteger), exact_text())

    def _was_set_aside(self) -> bool:
        """Return whether live ticks passed that did not evaluate this flow."""
        seen, latest = self.live.seen_at, self.tick.watermark
        return seen is not None and latest is not None and seen < latest

    def _seen_at(self) -> int:
        return to_micros(self.live.seen_at or self.live.live_since)

    def _with_matching_event(self, query: Select[Any], segment: str) -> Select[Any]:
        """Let ``entry`` be the latest event that matches the segment's single ``did`` head."""
        did = single_did(self.tick.playbook.segments[segment].when)
        if did is None:
            return query
        found = query.subquery()
        scope = self.tick.scope(tables.customer.alias(), segment, each=True)
        events = did.matching(scope)
        latest = (
            select(events.id)
            .where(*events.tests, events.rows.c.customer_id == found.c.customer_id)
            .order_by(events.rows.c.occurred_at.desc(), events.rows.c.source_id.desc())
            .limit(1)
            .correlate(found)
            .scalar_subquery()
        )
        plain = [found.c[name] for name in COLUMNS if name != "entry_event_id"]
        return select(*plain, latest.label("entry_event_id"))

    def of_flow(self, flow: str) -> Select[Any]:
        """Return the runs of another flow that ended since the last entries were decided."""
        ended, running = tables.enrollment.alias(), workspace.run.alias()
        now = select(running.c.customer_id, running.c.entry, literal(self.now).label("ended_at"))
        now = now.where(
            running.c.flow == flow, running.c.status == "ended", running.c.ended_late == 0
        )
        before = select(ended.c.customer_id, ended.c.entry, cast(ended.c.ended_at, BigInteger))
        seen = self._seen_at()
        unseen = or_(
            ended.c.ended_at > seen, and_(ended.c.ended_at == seen, ended.c.ended_late == 1)
        )
        before = before.where(ended.c.flow == flow, unseen, ended.c.ended_at >= self.live_since)
        runs = union_all(now, before).subquery()
        key = literal(f"leaves_flow:{flow}:") + cast(runs.c.entry, exact_text())
        return self._now(runs, key, occurred_at=runs.c.ended_at)

    # --- everybody --------------------------------------------------------------------

    def of_matching(self, criterion: Criterion) -> Select[Any]:
        """Return whoever matches now."""
        self.many = True
        customer = tables.customer.alias()
        scope = self.tick.scope(customer, self.live.name)
        number = cast(next_entry(self.live.name, customer.c.id), exact_text())
        rows = self._now(customer, literal("matches:") + number, customer_id=customer.c.id)
        return rows.where(population(customer, self.tick.now), scope.predicate(criterion))

    def of_calendar(
        self, every: str, on_day: int | None, at: time | None, timezone: str | None
    ) -> Select[Any] | None:
        """Return everybody for whom a calendar instant came since the last tick.

        Returns:
            None if it came for nobody.
        """
        self.many = True

        def due(zone: ZoneInfo) -> list[tuple[date, datetime]]:
            found = self._instants(zone, at or NINE, timedelta(0))
            return [
                (day, when)
                for day, when in found
                if falls_on(day, every, on_day) and self._is_new(when)
            ]

        def spans(name: str) -> list[SpanRow]:
            zone = self._zone(name, timezone)
            return [
                SpanRow(name, to_day_number(day), to_day_number(day) + 1, to_micros(when))
                for day, when in due(zone)
            ]

        key = self.tick.add_spans(spans)
        if not any(due(self._zone(name, timezone)) for name in self.tick.zone_names):
            return None
        customer, span = tables.customer.alias(), workspace.span.alias()
        since = func.coalesce(customer.c.created_at, customer.c.first_event_at)
        label = literal(f"every:{self.start.id or ''}:") + cast(span.c.low, exact_text())
        query = self._now(customer, label, occurred_at=span.c.at, customer_id=customer.c.id)
        return query.join(
            span, and_(span.c.key == key, span.c.zone == func.coalesce(customer.c.timezone, ""))
        ).where(or_(since.is_(None), since <= span.c.at))

    # --- days of a date ---------------------------------------------------------------

    def of_date(
        self, head: str, name: str, shift: int, at: time | None, timezone: str | None
    ) -> Select[Any]:
        """Return everybody whose date, or its anniversary, came ``shift`` days ago."""
        self.recorded = True
        customer, span = tables.customer.alias(), workspace.span.alias()
        values, value, type = self._values(name, customer)
        ranges = _anniversary_ranges if head == "anniversary_of" else _date_ranges

        def spans(zone_name: str) -> list[SpanRow]:
            own = self.tick.zone_of(zone_name)
            days = self._instants(
                self._zone(zone_name, timezone), at or NINE, timedelta(days=shift)
            )
            return [
                SpanRow(zone_name, low, high, to_micros(when), day.year)
                for day, when in days
                for low, high in ranges(day, own, type)
            ]

        key = self.tick.add_spans(spans)
        fits = _fits(head, type, value, span)
        named = f"{head}:{name}{shift:+d}:" if shift else f"{head}:{name}:"
        which = span.c.year if head == "anniversary_of" else cast(value, BigInteger)
        label = literal(named) + cast(which, exact_text())
        query = select(
            customer.c.id.label("customer_id"),
            label.label("occurrence"),
            span.c.at.label("occurred_at"),
            literal("").label("tie"),
            literal(self.now).label("entry_at"),
            null().cast(BigInteger).label("entry_event_id"),
        )
        return (
            query.select_from(values.join(customer, values.c.customer_id == customer.c.id))
            .join(
                span, and_(span.c.key == key, span.c.zone == func.coalesce(customer.c.timezone, ""))
            )
            .where(population(customer, self.tick.now), fits, self._unseen(customer.c.id, label))
        )

    def _values(
        self, name: str, customer: FromClause
    ) -> tuple[FromClause, ColumnElement[Any], str]:
        """Return rows (customer_id, value) of a date or datetime attribute, and its type."""
        source = self.tick.scope(customer, self.live.name).attribute(name)
        if isinstance(source, ComputedTime):
            rows = source.by_customer().subquery()
            return rows, rows.c.value, "datetime"
        if source.name == "created_at":
            known = tables.customer.alias()
            rows = select(
                known.c.id.label("customer_id"), cast(known.c.created_at, BigInteger).label("value")
            ).subquery()
            return rows, rows.c.value, "datetime"
        values = self.tick.facts.attributes.alias()
        column = values.c.on_date if source.type == "date" else values.c.instant
        rows = (
            select(values.c.customer_id, cast(column, BigInteger).label("value"))
            .where(values.c.name == name, column.is_not(None))
            .subquery()
        )
        return rows, rows.c.value, source.type

    # --- shared -----------------------------------------------------------------------

    def _now(
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

    def _unseen(
        self, customer_id: ColumnElement[int], key: ColumnElement[str]
    ) -> ColumnElement[bool]:
        """Return whether no tick has seen this occurrence, nor an earlier start of this one."""
        seen, taken = tables.occurrence.alias(), workspace.entry.alias()
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

    def _zone(self, name: str, timezone: str | None) -> ZoneInfo:
        return self.tick.zone_of(name) if timezone in (None, "customer") else ZoneInfo(timezone)

    def _instants(self, zone: ZoneInfo, at: time, shift: timedelta) -> list[tuple[date, datetime]]:
        """Return (day, instant): each local day whose instant X is due and not stale.

        X is the day plus ``shift`` at local ``at``; due is ``live_since <= X <= now``.
        """
        earliest = max(self.live.live_since, self.stale_before())
        day = timing.local_day(earliest, zone) - timedelta(days=1)
        last = timing.local_day(self.tick.now, zone) + timedelta(days=1)
        found = []
        while day <= last:
            when = timing.local_instant(day, at, zone)
            if earliest <= when <= self.tick.now:
                found.append((day - shift, when))
            day += timedelta(days=1)
        return found

    def _is_new(self, when: datetime) -> bool:
        """Return whether an instant lies after the last tick that evaluated the flow."""
        return self.live.seen_at is None or when > self.live.seen_at


def _unborn(now: datetime) -> Select[Any]:
    """Return the customers who do not exist yet; almost always none."""
    later = tables.customer.alias()
    return select(later.c.id).where(later.c.created_at > to_micros(now))


def _first_seen_then(stays: FromClause) -> ColumnElement[int]:
    """Return 1 if the tick that wrote a stay was the first to see its customer."""
    before, latest, customer = tables.tick.alias(), tables.tick.alias(), tables.customer.alias()
    since = func.coalesce(customer.c.created_at, customer.c.first_event_at)
    previous = select(func.max(latest.c.at)).where(latest.c.at < stays.c.began_at)
    new = exists(
        select(customer.c.id)
        .where(customer.c.id == stays.c.customer_id)
        .where(before.c.at == previous.correlate(stays).scalar_subquery())
        .where(or_(customer.c.id > before.c.last_customer_id, since > before.c.at))
        .correlate(stays)
    )
    return case((new, 1), else_=0)


def next_entry(flow: str, customer_id: ColumnElement[int]) -> ColumnElement[int]:
    """Return the number that the customer's next run of a flow has, from 1."""
    runs = tables.enrollment.alias()
    latest = select(func.max(runs.c.entry)).where(
        runs.c.flow == flow, runs.c.customer_id == customer_id
    )
    return func.coalesce(latest.correlate_except(runs).scalar_subquery(), 0) + 1


def falls_on(day: date, every: str, on_day: int | None) -> bool:
    """Return whether an ``every`` start names that local day."""
    if every == "day":
        return True
    if every == "month":
        last = (date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)).day
        return day.day == min(on_day or 1, last)
    return WEEKDAYS[day.weekday()] == every


def _date_ranges(day: date, zone: ZoneInfo, type: str) -> list[tuple[int, int]]:
    if type == "date":
        return [(to_day_number(day), to_day_number(day) + 1)]
    start, end = timing.day_bounds(day, zone)
    return [(to_micros(start), to_micros(end))]


def _anniversary_ranges(day: date, zone: ZoneInfo, type: str) -> list[tuple[int, int]]:
    """Return what an anniversary on this day means: day numbers, or each year's instants."""
    month_days = timing.anniversary_days(day)
    if type == "date":
        return [(day.year * 10_000 + number, 0) for number in month_days]
    found = []
    for year in range(1900, day.year):
        for number in month_days:
            try:
                then = date(year, number // 100, number % 100)
            except ValueError:
                continue
            start, end = timing.day_bounds(then, zone)
            found.append((to_micros(start), to_micros(end)))
    return found


def _fits(head: str, type: str, value: Any, span: FromClause) -> ColumnElement[bool]:
    if head == "anniversary_of" and type == "date":
        return and_(value % 10_000 == span.c.low % 10_000, value / 10_000 < span.c.low / 10_000)
    return and_(span.c.low <= value, value < span.c.high)
