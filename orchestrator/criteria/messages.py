"""Conditions on what runs did: messages, their receipts, tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
)

from orchestrator import tables
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import exact_text
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope


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
