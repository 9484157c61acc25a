"""Conditions on the engine's own rows: stays, consents, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    exists,
    false,
    func,
    select,
)

from orchestrator import tables
from orchestrator.channels.spec import CHANNELS
from orchestrator.language.durations import Duration
from orchestrator.tables.reading import aliased

if TYPE_CHECKING:
    from orchestrator.criteria.scope import Predicate, Scope


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
