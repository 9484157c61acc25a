"""Conditions on the engine's own rows: stays, messages, receipts, consents, addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
)

from orchestrator import tables, timing
from orchestrator.channels.spec import CHANNELS, WEBHOOK
from orchestrator.columns import exact_text, to_day_number, to_micros
from orchestrator.criteria.facts import SpanRow
from orchestrator.language.durations import Duration
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope

FIRST_YEAR = 1900
"""The earliest year whose anniversaries are looked for."""


# --- stays ----------------------------------------------------------------------------


def in_segment(scope: Scope, segment: str) -> Predicate:
    """Return whether the customer is in a segment now."""
    stays = aliased(scope.facts.segments)
    query = select(stays.c.customer_id).where(
        stays.c.segment == segment, stays.c.ended_at.is_(None)
    )
    return scope.among(query, stays.c.customer_id)


def in_stage(scope: Scope, stage: str, for_at_least: Duration | None) -> Predicate:
    """Return whether the customer is in a stage now, and has been for a while."""
    stays = aliased(scope.facts.stages)
    query = select(stays.c.customer_id).where(stays.c.stage == stage, stays.c.ended_at.is_(None))
    if for_at_least is not None:
        query = query.where(stays.c.began_at <= scope.ago(for_at_least))
    return scope.among(query, stays.c.customer_id)


def moved(scope: Scope, head: str, stage: str, window: Any) -> Predicate:
    """Return whether the latest entry into (or exit from) a stage lies in the window."""
    stays = aliased(scope.facts.stages)
    at, silent = _move(stays, head)
    query = (
        select(stays.c.customer_id)
        .where(stays.c.stage == stage, at.is_not(None), silent == 0)
        .group_by(stays.c.customer_id)
        .having(and_(*scope.in_window(func.max(at), window)))
    )
    return scope.among(query, stays.c.customer_id)


def latest_move(scope: Scope, head: str, stage: str) -> ColumnElement[Any]:
    """Return the customer's latest entry into (or exit from) a stage."""
    stays = aliased(scope.facts.stages)
    at, silent = _move(stays, head)
    query = select(func.max(at)).where(
        stays.c.stage == stage, silent == 0, stays.c.customer_id == scope.subject
    )
    return scope.correlate(query).scalar_subquery()


def present_stage(scope: Scope) -> ColumnElement[Any]:
    """Return the name of the customer's stage."""
    stays = aliased(scope.facts.stages)
    query = select(func.max(stays.c.stage)).where(
        stays.c.ended_at.is_(None), stays.c.customer_id == scope.subject
    )
    return scope.correlate(query).scalar_subquery()


def stay_since(scope: Scope, stays: FromClause, name: str) -> ColumnElement[Any]:
    """Return since when the customer is in a stage or segment; NULL if not in it."""
    rows = aliased(stays)
    named = rows.c.stage if "stage" in rows.c else rows.c.segment
    query = select(func.max(rows.c.began_at)).where(
        named == name, rows.c.ended_at.is_(None), rows.c.customer_id == scope.subject
    )
    return scope.correlate(query).scalar_subquery()


def _move(stays: FromClause, head: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    if head.startswith("entered"):
        return stays.c.began_at, stays.c.silent
    return stays.c.ended_at, stays.c.ended_silent


# --- messages and receipts ------------------------------------------------------------


def message_facts(scope: Scope, kind: str, sentence: Any) -> Predicate:
    """Return whether a message was received, opened … often enough, in the window or run."""
    rows, at, tests = _facts_of(scope, kind, sentence)
    if sentence.since or _of_this_run(scope, sentence):
        scope = scope.probing()
    query = select(rows.c.customer_id).where(*tests, *scope.in_window(at, sentence))
    if sentence.at_least not in (None, 1):
        times = func.count(one_message(rows).distinct()) if kind == "received" else func.count()
        query = query.group_by(rows.c.customer_id).having(times >= sentence.at_least)
    return scope.among(query, rows.c.customer_id)


def one_message(ledger: FromClause) -> ColumnElement[str]:
    """Return what the rows of one message have in common, on whichever channels it was sent."""
    parts = (ledger.c.flow, cast(ledger.c.entry, exact_text()), ledger.c.step, ledger.c.occurrence)
    text: ColumnElement[str] = parts[0]
    for part in parts[1:]:
        text = text + "/" + part
    return text


def latest_fact(scope: Scope, kind: str, sentence: Any) -> ColumnElement[Any]:
    """Return when the customer last received, opened … the message."""
    rows, at, tests = _facts_of(scope, kind, sentence)
    query = select(func.max(at)).where(*tests, at <= scope.now_micros)
    return scope.correlate(query.where(rows.c.customer_id == scope.subject)).scalar_subquery()


def nth_fact(scope: Scope, kind: str, sentence: Any, turn: int) -> ColumnElement[Any]:
    """Return when the customer received, opened … the message, the n-th latest time from 0."""
    rows, at, tests = _facts_of(scope, kind, sentence)
    query = select(at).where(*tests, *scope.in_window(at, sentence))
    mine = query.where(rows.c.customer_id == scope.subject)
    return scope.correlate(mine.order_by(at.desc()).limit(1).offset(turn)).scalar_subquery()


def _of_this_run(scope: Scope, sentence: Any) -> bool:
    return scope.this_run and not (sentence.in_last or sentence.since)


def _facts_of(
    scope: Scope, kind: str, sentence: Any
) -> tuple[FromClause, ColumnElement[Any], list[Predicate]]:
    received = kind == "received"
    rows = aliased(scope.facts.messages if received else tables.receipt)
    at = rows.c.decided_at if received else rows.c.at
    tests: list[Predicate] = (
        [rows.c.channel != WEBHOOK, rows.c.set_aside == 0] if received else [rows.c.kind == kind]
    )
    tests += named(rows, sentence.operand)
    tests += [rows.c.channel == sentence.channel] if sentence.channel else []
    if _of_this_run(scope, sentence):
        tests.append(_in_run(scope, rows) if received else answers_run(scope, rows))
    return rows, at, tests


def named(rows: FromClause, operand: str) -> list[Predicate]:
    """Return the tests that rows are about ``message``, ``flow/message``, ``flow/any`` or any."""
    flow, slash, message = operand.rpartition("/")
    tests = [rows.c.flow == flow] if slash else []
    return tests + ([rows.c.message == message] if message != "any" else [])


def _in_run(scope: Scope, rows: FromClause) -> Predicate:
    run = scope.run
    if run is None:
        raise ValueError("this run's messages are asked about where there is no run")
    return and_(rows.c.flow == run.c.flow, rows.c.entry == run.c.entry)


def answers_run(scope: Scope, receipts: FromClause) -> Predicate:
    """Return whether a receipt answers a message that this run sent."""
    sent = aliased(scope.facts.messages)
    query = select(sent.c.message).where(
        sent.c.customer_id == scope.subject,
        sent.c.channel != WEBHOOK,
        sent.c.message == receipts.c.message,
        sent.c.decided_at <= receipts.c.at,
        or_(receipts.c.flow.is_(None), receipts.c.flow == sent.c.flow),
        or_(receipts.c.channel.is_(None), receipts.c.channel == sent.c.channel),
        _in_run(scope, sent),
    )
    return exists(query.correlate(receipts, *scope.outer))


# --- tasks ----------------------------------------------------------------------------


def task_done(scope: Scope, step: str) -> Predicate:
    """Return whether the run has tasks of a step, and all of them are done."""
    done, open_ = aliased(scope.facts.tasks), aliased(scope.facts.tasks)
    is_done = done.c.done_at <= scope.now_micros
    is_open = or_(open_.c.done_at.is_(None), open_.c.done_at > scope.now_micros)
    return and_(
        exists(scope.correlate(_tasks(scope, done, step).where(is_done))),
        ~exists(scope.correlate(_tasks(scope, open_, step).where(is_open))),
    )


def latest_task(scope: Scope, step: str) -> ColumnElement[Any]:
    """Return when the run's task of a step was last done."""
    tasks = aliased(scope.facts.tasks)
    query = _tasks(scope, tasks, step).with_only_columns(func.max(tasks.c.done_at))
    return scope.correlate(query.where(tasks.c.done_at <= scope.now_micros)).scalar_subquery()


def _tasks(scope: Scope, tasks: FromClause, step: str) -> Select[Any]:
    return select(tasks.c.customer_id).where(
        tasks.c.customer_id == scope.subject, tasks.c.step == step, _in_run(scope, tasks)
    )


# --- consents and addresses -----------------------------------------------------------


def subscribed(scope: Scope, topic: str) -> Predicate:
    """Return whether the customer's latest act about a topic is consent.

    The latest act is the greatest ``2 * at + withdrawn``: at one instant a withdrawal
    counts as the later one.
    """
    acts = aliased(scope.facts.consents)
    latest = func.max(acts.c.at * 2 + acts.c.withdrawn)
    query = (
        select(acts.c.customer_id)
        .where(acts.c.topic == topic, acts.c.at <= scope.now_micros)
        .group_by(acts.c.customer_id)
        .having(latest % 2 == 0)
    )
    return scope.among(query, acts.c.customer_id)


def latest_act(scope: Scope, topic: str) -> ColumnElement[Any]:
    """Return the customer's latest act about a topic, as ``2 * at + withdrawn``."""
    acts = aliased(scope.facts.consents)
    query = select(func.max(acts.c.at * 2 + acts.c.withdrawn)).where(
        acts.c.topic == topic,
        acts.c.at <= scope.now_micros,
        acts.c.customer_id == scope.subject,
    )
    return scope.correlate(query).scalar_subquery()


def address(scope: Scope, channel: str) -> ColumnElement[Any]:
    """Return the customer's address for a channel; the id where none is needed."""
    kind = CHANNELS[channel].address
    column: ColumnElement[Any] = scope.customer.c["external_id" if kind is None else kind]
    return column


def reachable(scope: Scope, channel: str) -> Predicate:
    """Return whether the customer has an address for a channel that is not suppressed."""
    kind = CHANNELS[channel].address
    if kind is None:
        return scope.customer.c.id.is_not(None)
    return and_(has_address(scope, channel), ~suppressed(scope, channel))


def has_address(scope: Scope, channel: str) -> Predicate:
    """Return whether the customer has an address for a channel."""
    kind = CHANNELS[channel].address
    column = scope.customer.c.id if kind is None else scope.customer.c[kind]
    return column.is_not(None)


def suppressed(scope: Scope, channel: str) -> Predicate:
    """Return whether the customer's address for a channel is suppressed by now."""
    kind = CHANNELS[channel].address
    if kind is None:
        return false()
    table = aliased(tables.suppression)
    query = select(table.c.address).where(
        table.c.kind == kind,
        table.c.address == scope.customer.c[kind],
        table.c.at <= scope.now_micros,
    )
    return exists(scope.correlate(query))


# --- anniversaries --------------------------------------------------------------------


def anniversary(scope: Scope, name: str, in_next: Duration | None) -> Predicate:
    """Return whether a local day from today on is an anniversary of a date or datetime."""
    values = scope.probing().attribute(name)
    if values.type == "datetime":
        instant = values.scalar()
        return and_(
            instant.is_not(None),
            scope.in_span(scope.subject, instant, _spans_of(scope, in_next)),
        )
    values = scope.attribute(name)
    rows = values.rows()
    value = rows[1]

    def on(today: date) -> Predicate:
        return or_(*(_falls_in(value.column, *part) for part in _years(today, in_next)))

    return values.found(rows, scope.on_local_day(value.customer_id, on))


def _years(today: date, in_next: Duration | None) -> Sequence[tuple[date, date]]:
    """Return the days asked about, cut at the turns of the years."""
    last = timing.shift_days(today, in_next, +1) if in_next else today
    return [
        (max(today, date(year, 1, 1)), min(last, date(year, 12, 31)))
        for year in range(today.year, last.year + 1)
    ]


def _falls_in(column: ColumnElement[Any], first: date, last: date) -> Predicate:
    """Return whether a day of a later year in ``[first, last]`` repeats the date's own."""
    low = to_day_number(first) % 10_000
    high = max(timing.anniversary_days(last))
    return and_(column // 10_000 < first.year, column % 10_000 >= low, column % 10_000 <= high)


def _spans_of(scope: Scope, in_next: Duration | None) -> Any:
    def spans(zone_name: str) -> list[SpanRow]:
        zone, _ = timing.zone_or(zone_name, scope.zone)
        today = timing.local_day(scope.now, zone)
        found = []
        for first, last in _years(today, in_next):
            for year in range(FIRST_YEAR, first.year):
                low = timing.day_bounds(_in_year(first, year), zone)[0]
                high = timing.day_bounds(_end_in_year(last, year), zone)[1]
                found.append(SpanRow(zone_name, to_micros(low), to_micros(high)))
        return found

    return spans


def _in_year(day: date, year: int) -> date:
    if (day.month, day.day) == (2, 29) and not _leap(year):
        return date(year, 3, 1)
    return day.replace(year=year)


def _end_in_year(day: date, year: int) -> date:
    if day.month == 2 and max(timing.anniversary_days(day)) == 229:
        return date(year, 2, 29 if _leap(year) else 28)
    return day.replace(year=year)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
