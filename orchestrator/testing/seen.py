"""What a tick did, as a test tells it: one ``Seen`` per thing that happened to a customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from orchestrator import tables
from orchestrator.channels.spec import WEBHOOK
from orchestrator.columns import to_micros
from orchestrator.telling import decision_lines
from orchestrator.tick import workspace
from orchestrator.tick.context import Tick
from orchestrator.tick.runs import goal_met

DECIDED = {"send": "receives", "hold": "held", "suppress": "suppressed", "expire": "expired"}
EFFECTS = {
    "add_to": "added_to",
    "remove_from": "removed_from",
    "subscribe_to": "subscribed_to",
    "unsubscribe_from": "unsubscribed_from",
    "task": "task",
    "webhook": "webhook",
    "start_flow": "tells",
}
"""Head of a step → the word of a test."""


@dataclass(frozen=True)
class Seen:
    """One thing that happened to one customer in one flow."""

    at: datetime
    customer: str
    flow: str
    head: str
    """A word of ``Expectation``: ``receives``, ``leaves`` …"""
    object: str
    because: str | None = None
    channel: str | None = None
    subject: str | None = None
    text: str | None = None
    error: str | None = None
    """Why the message could not be rendered."""
    code: str | None = None
    """Of an exit with a text of its own: ``step``."""


@dataclass(frozen=True)
class Refusal:
    """An entry that was refused."""

    at: datetime
    customer: str
    flow: str
    reason: str


def seen_in(tick: Tick, goals: set[tuple[str, int, int]]) -> Iterator[Seen]:
    """Yield what a live tick did, after it was written.

    Args:
        goals: the runs (flow, customer row, entry) whose goal was told of before; added to.
    """
    yield from _entries(tick)
    yield from _effects(tick)
    yield from _decisions(tick)
    yield from _exits(tick)
    yield from _goals(tick, goals)


def _entries(tick: Tick) -> Iterator[Seen]:
    run, customer = workspace.run.c, tables.customer
    query = (
        select(customer.c.external_id, run.flow)
        .join_from(workspace.run, customer, customer.c.id == run.customer_id)
        .where(run.is_new == 1)
        .order_by(run.flow, customer.c.external_id, run.entry)
    )
    for who, flow in tick.connection.execute(query).all():
        yield Seen(tick.now, who, flow, "enters", flow)


def _effects(tick: Tick) -> Iterator[Seen]:
    effect, customer = tables.effect.c, tables.customer
    query = (
        select(customer.c.external_id, effect.flow, effect.kind, effect.object, effect.withheld)
        .join_from(tables.effect, customer, customer.c.id == effect.customer_id)
        .where(effect.at == to_micros(tick.now))
        .order_by(effect.id)
    )
    for who, flow, kind, object, withheld in tick.connection.execute(query).all():
        if kind in EFFECTS:
            yield Seen(tick.now, who, flow, EFFECTS[kind], object, because=withheld)


def _decisions(tick: Tick) -> Iterator[Seen]:
    for line in decision_lines(tick, None):
        if line.channel == WEBHOOK:
            continue
        yield Seen(
            line.at,
            line.customer,
            line.flow,
            DECIDED[line.decision],
            line.message,
            because=line.reason,
            channel=line.channel,
            subject=line.subject,
            text=line.text,
            error=line.error.message if line.error else None,
        )


def _exits(tick: Tick) -> Iterator[Seen]:
    run, customer = workspace.run.c, tables.customer
    query = (
        select(customer.c.external_id, run.flow, run.exit_reason, run.exit_detail)
        .join_from(workspace.run, customer, customer.c.id == run.customer_id)
        .where(run.status == "ended", run.exit_reason != "goal")
        .order_by(run.flow, customer.c.external_id, run.entry)
    )
    for who, flow, reason, detail in tick.connection.execute(query).all():
        told = detail if reason == "step" and detail else reason
        yield Seen(tick.now, who, flow, "leaves", told, code=reason)


def _goals(tick: Tick, told: set[tuple[str, int, int]]) -> Iterator[Seen]:
    """Yield the goals that are met now; they are measured after a run has ended, too."""
    for live in tick.flows.values():
        if live.flow.goal is None:
            continue
        runs, customer = tables.enrollment.alias(), tables.customer.alias()
        scope = tick.scope(customer, live.name, run=runs, each=True, this_run=True)
        query = (
            select(customer.c.external_id, runs.c.customer_id, runs.c.entry)
            .join_from(runs, customer, customer.c.id == runs.c.customer_id)
            .where(runs.c.flow == live.name, goal_met(scope, live.flow.goal))
            .order_by(customer.c.external_id, runs.c.entry)
        )
        for who, row, entry in tick.connection.execute(query).all():
            if (live.name, row, entry) not in told:
                told.add((live.name, row, entry))
                yield Seen(tick.now, who, live.name, "reaches", "goal")


def refusals_in(tick: Tick) -> Iterator[Refusal]:
    """Yield the entries that a tick refused."""
    entry, customer = workspace.entry.c, tables.customer
    query = (
        select(customer.c.external_id, entry.flow, entry.reason)
        .join_from(workspace.entry, customer, customer.c.id == entry.customer_id)
        .where(entry.reason.is_not(None))
        .order_by(entry.flow, customer.c.external_id)
    )
    for who, flow, reason in tick.connection.execute(query).all():
        yield Refusal(tick.now, who, flow, reason)
